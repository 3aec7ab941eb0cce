"""The operator's HTTP API, asked over real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import replace
from itertools import count
from unittest.mock import patch

import pytest

from distreamer.admin import door, event_stream, server
from distreamer.admin.routes import ROUTES
from distreamer.config.instance import ConfiguredAlert
from distreamer.errors import PeerError
from tests.support.admin_client import OWN, PASSWORD, admin_config, operating, playing_config
from tests.support.alerts import RingSettings, rings
from tests.support.listening_modules import until

INSTANCE = "/api/v1/instances/station"
LONG = "after=" + "0" * 20 + "1" * 5000
ADDRESSES = {
    "{instance}": "station",
    "{input}": "input",
    "{output}": "output",
    "{number}": "1",
}


def filled(path: str) -> str:
    for name, value in ADDRESSES.items():
        path = path.replace(name, value)
    return path


async def test_the_status_has_words_numbers_and_everything() -> None:
    async with operating() as operator:
        await until(lambda: operator.instance.store.newest() is not None)
        answer = await operator.ask("/api/v1/status")
        (told,) = answer.json["instances"]
        assert answer.headers["Content-Type"] == "application/json"
        assert (told["name"], told["title"]["sent"], told["listeners"]) == ("station", "Song", 0)
        assert told["status"]["store"]["added"] >= 1
        one = await operator.ask(INSTANCE)
        assert one.json.keys() == told.keys()
        assert (await operator.ask("/health")).json == {"sentence": "DiStreamer runs"}
        links = await operator.ask(f"{INSTANCE}/links")
        assert links.json == {"links": []}


async def test_ready_is_told_with_its_reason() -> None:
    async with operating() as operator:
        answer = await operator.ask("/ready")
        assert answer.status == 503
        assert answer.json["sentence"].startswith("audio does not go out: station: ")
        assert answer.json["instances"]["station"] in {"nothing has arrived yet", "the buffer fills"}


async def test_events_are_listed_from_a_number_on() -> None:
    async with operating() as operator:
        answers = [await operator.ask(f"{INSTANCE}/test-alert", "POST", headers=OWN) for _ in range(2)]
        first, second = (answer.json["event"] for answer in answers)
        assert first["kind"] == "test"
        assert answers[0].json["alerts"] == []
        assert answers[0].json["sentence"] == "there is no [ALERT] section, so nobody is told anything"
        for path in ("/api/v1/events", f"{INSTANCE}/events"):
            told = await operator.ask(path)
            assert [event["number"] for event in told.json["events"]] == [first["number"], second["number"]]
            assert told.json["last"] == second["number"]
            told = await operator.ask(f"{path}?after={first['number']}")
            assert told.json["events"] == [second]
            told = await operator.ask(f"{path}?limit=1")
            assert told.json["events"] == [second]
            told = await operator.ask(f"{path}?after={second['number']}")
            assert told.json == {"events": [], "last": second["number"]}
        for query in (
            "after=x",
            "after=-1",
            "limit=0",
            "after=1&after=2",
            "limit=99999999999999999999",
            "after=",
            LONG,
        ):
            assert "must be a whole number" in (await operator.ask(f"/api/v1/events?{query}")).detail


async def test_the_stream_tells_the_status_each_second_and_events_as_they_come() -> None:
    async with operating() as operator, operator.session.get(f"{operator.url}/api/v1/events/stream") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert await stream.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        kind, data = (await stream.content.readuntil(b"\n\n")).decode().split("\n", 1)
        assert kind == "event: status"
        assert json.loads(data.removeprefix("data: "))["instances"][0]["name"] == "station"
        event = operator.instance.events.test()
        # Where the machine stood still, another status may have been under way.
        while (message := await stream.content.readuntil(b"\n\n")).startswith(b"event: status\n"):
            continue
        number, kind, data, *_ = message.decode().split("\n")
        assert (number, kind) == (f"id: {event.number}", "event: event")
        assert json.loads(data.removeprefix("data: "))["sentence"] == event.sentence


async def test_a_stream_goes_on_where_the_last_one_ended() -> None:
    async with operating() as operator:
        first, second = operator.instance.events.test(), operator.instance.events.test()
        for more in ({"headers": {"Last-Event-ID": str(first.number)}}, {"params": {"after": str(first.number)}}):
            async with operator.session.get(f"{operator.url}/api/v1/events/stream", **more) as stream:  # type: ignore[arg-type]
                await stream.content.readuntil(b"\n\n")
                assert (await stream.content.readuntil(b"\n\n")).startswith(f"id: {second.number}\n".encode())


async def test_streams_are_bounded_and_counted_down() -> None:
    with patch.object(event_stream, "MOST_STREAMS", 1):
        async with operating() as operator:
            url = f"{operator.url}/api/v1/events/stream"
            async with operator.session.get(url) as stream:
                await stream.content.readuntil(b"\n\n")
                answer = await operator.ask("/api/v1/events/stream")
                assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            for _ in range(100):
                async with operator.session.get(url) as stream:
                    if stream.status == 200:
                        break
                await asyncio.sleep(0.1)
            else:
                raise AssertionError("the place of the stream that ended is not free")


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    with (
        patch.object(event_stream, "SLOW_SECONDS", 0.2),
        patch.object(event_stream, "PUSH_SECONDS", 0.001),
        patch.object(
            event_stream.EventStreams, "_status", lambda self: b"event: status\ndata: " + b"x" * 200_000 + b"\n\n"
        ),
    ):
        async with operating() as operator:
            (admin,) = operator.servers.servers
            with socket.create_connection(operator.address) as client:
                client.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await until(lambda: admin.streams.open == 1 or admin.streams.cut_off == 1)
                assert (await operator.ask("/health")).status == 200
                await until(lambda: admin.streams.cut_off == 1)
                await until(lambda: admin.streams.open == 0)


async def test_a_thin_line_brings_how_it_is_and_not_how_it_was() -> None:
    made = count(1)

    def status(_: event_stream.EventStreams) -> bytes:
        return f"event: status\ndata: {next(made)} ".encode().ljust(5000, b"x") + b"\n\n"

    with (
        patch.object(event_stream, "PUSH_SECONDS", 0.001),
        patch.object(event_stream.EventStreams, "_status", status),
        socket.socket() as client,
    ):
        async with operating() as operator:
            (admin,) = operator.servers.servers
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(operator.address)
            client.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: admin.streams.left_out >= 20)
            last = next(made)
            # Else the buffers of the system take megabytes.
            assert last < 40
            client.setblocking(False)
            heard = b""
            async with asyncio.timeout(60):
                while f"data: {last + 1} ".encode() not in heard:
                    heard += await asyncio.get_running_loop().sock_recv(client, 65_536)
            assert admin.streams.cut_off == 0


async def test_what_is_not_there_is_told_in_a_sentence() -> None:
    async with operating() as operator:
        for path, sentence in (
            ("/nothing", "There is nothing at this address; /api/v1/openapi.json says what there is."),
            ("/api/v1/instances/other", "There is no instance of that name."),
            ("/api/v1/instances/%2e%2e%2f", "There is no instance of that name."),
            ("/api/v1/instances/%00", "There is no instance of that name."),
            (f"{INSTANCE}/outputs/other/listeners", "There is no output of that name."),
        ):
            answer = await operator.ask(path)
            assert (answer.status, answer.detail) == (404, sentence)
        answer = await operator.ask(f"{INSTANCE}/inputs/other/restart", "POST", headers=OWN)
        assert (answer.status, answer.detail) == (404, "There is no input of that name.")
        answer = await operator.ask(f"{INSTANCE}/inputs/other/prefer", "POST", headers=OWN)
        assert (answer.status, answer.detail) == (404, "There is no input of that name.")
        answer = await operator.ask(f"{INSTANCE}/inputs/input/prefer", "POST", headers=OWN)
        assert (answer.status, answer.detail) == (409, "All goes on as before: input is the only input.")
        answer = await operator.ask(f"{INSTANCE}/prefer-as-configured", "POST", headers=OWN)
        assert answer.json == {"sentence": "inputs are preferred as it is configured"}
        for number in ("7", "x", "-1", "9" * 30, "%C2%B2"):
            answer = await operator.ask(f"{INSTANCE}/outputs/output/listeners/{number}/kick", "POST", headers=OWN)
            assert (answer.status, answer.detail) == (404, "There is no listener of that number.")


async def test_every_address_knows_its_methods() -> None:
    async with operating() as operator:
        for path in {route.path for route in ROUTES}:
            known = {route.method for route in ROUTES if route.path == path}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - known:
                answer = await operator.ask(filled(path), method)
                assert answer.status == 405, (path, method)
                assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == known
                assert "is not for this address" in answer.detail
        head = await operator.ask("/api/v1/status", "HEAD")
        assert (head.status, head.body) == (200, b"")


async def test_every_answer_is_for_this_page_alone() -> None:
    async with operating(admin_config(PASSWORD)) as operator:
        for path in ("/health", "/api/v1/status", "/nothing"):
            headers = (await operator.ask(path)).headers
            assert headers.items() >= dict(server.HEADERS).items()
            assert headers["Server"] == "DiStreamer"
            assert "Access-Control-Allow-Origin" not in headers


async def test_nothing_is_shown_without_the_password() -> None:
    async with operating(admin_config(PASSWORD)) as operator:
        for path in {filled(route.path) for route in ROUTES if route.path != "/api/v1/session"} | {"/nothing"}:
            method = (
                "POST" if path.endswith(("restart", "title", "test-alert", "kick", "prefer", "configured")) else "GET"
            )
            answer = await operator.ask(path, method, password="")
            if path == "/health":
                assert answer.json == {"sentence": "DiStreamer runs"}
                continue
            assert answer.status == 401, path
            assert b"station" not in answer.body
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert (await operator.ask("/api/v1/status")).status == 200


async def test_wrong_passwords_are_logged_and_slow_down() -> None:
    async with operating(admin_config(PASSWORD)) as operator:
        # All within a moment, on however slow a machine.
        with patch.object(operator.servers._clock, "now", lambda: 1000.0):
            statuses = [(await operator.ask("/ready", password="wrong")).status for _ in range(6)]
            assert statuses == [401, 401, 401, 401, 429, 429]
            answer = await operator.ask("/ready")
            assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
        assert operator.console.getvalue().count("a wrong password was given") == 4
        assert operator.instance.snapshot().refused_admin_passwords == 4


async def test_a_page_logs_in_and_out() -> None:
    async with operating(admin_config(PASSWORD)) as operator:
        answer = await operator.ask("/api/v1/session", "POST", json={"password": "no"}, headers=OWN, password="")
        assert (answer.status, answer.detail) == (401, "The password is wrong.")
        answer = await operator.ask("/api/v1/session", "POST", json={"password": PASSWORD}, headers=OWN, password="")
        cookie = answer.headers["Set-Cookie"]
        assert answer.status == 200
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        own = {"Cookie": cookie.split(";")[0]}
        operator.session.cookie_jar.clear()
        assert (await operator.ask("/api/v1/status", password="", headers=own)).status == 200
        assert (await operator.ask(f"{INSTANCE}/test-alert", "POST", password="", headers=own)).status == 403
        assert (await operator.ask(f"{INSTANCE}/test-alert", "POST", password="", headers={**own, **OWN})).status == 200
        await operator.ask("/api/v1/session", "DELETE", password="", headers={**own, **OWN})
        operator.session.cookie_jar.clear()
        assert (await operator.ask("/api/v1/status", password="", headers=own)).status == 401


async def test_a_title_is_set_before_what_comes_next() -> None:
    async with operating() as operator:
        await until(lambda: operator.instance.store.newest() is not None)
        answer = await operator.ask(f"{INSTANCE}/title", "POST", json={"text": "Grüße"}, headers=OWN)
        assert answer.json == {"sentence": "the title stands before what input brings next"}
        await until(lambda: (title := operator.instance.snapshot().store.title) is not None and title.text == "Grüße")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "sentence"),
    [
        (b"{", "application/json", 400, "The body does not fit: "),
        (b"", "application/json", 400, "The body does not fit: "),
        (b"[]", "application/json", 400, "The body does not fit: "),
        (b"{}", "application/json", 422, "The body does not fit: text: Field required."),
        (b'{"text": 7}', "application/json", 422, "The body does not fit: text: "),
        (b'{"text": "' + b"x" * 501 + b'"}', "application/json", 422, "The body does not fit: text: "),
        (b'{"text": "a\\nb"}', "application/json", 422, "The body does not fit: text: "),
        (b'{"text": "\\ud800"}', "application/json", 4, "The body does not fit: "),
        (b'{"text": "x"}', "text/plain", 415, "The body must be JSON"),
        (b"x" * 20_000, "application/json", 413, "The body is larger than 16384 bytes."),
    ],
)
async def test_bodies_that_do_not_fit(body: bytes, content_type: str, status: int, sentence: str) -> None:
    async with operating() as operator:
        headers = {**OWN, "Content-Type": content_type}
        answer = await operator.ask(f"{INSTANCE}/title", "POST", data=body, headers=headers)
        assert str(answer.status).startswith(str(status))
        assert answer.detail.startswith(sentence)


async def test_an_input_is_begun_anew() -> None:
    async with operating() as operator:
        await until(lambda: operator.instance.store.newest() is not None)
        before = operator.instance.inputs[0].module
        answer = await operator.ask(f"{INSTANCE}/inputs/input/restart", "POST", headers=OWN)
        assert answer.json == {"sentence": "[INPUT] was restarted"}
        assert operator.instance.inputs[0].module is not before
        added = operator.instance.store.added
        await until(lambda: operator.instance.store.added > added)
        assert len(operator.instance.store.epochs) == 1


async def test_a_listener_is_shown_and_disconnected() -> None:
    async with operating(playing_config()) as operator:
        part = operator.instance.outputs[0]
        await until(lambda: getattr(part.module, "address", None) is not None)
        await until(lambda: operator.instance.snapshot().store.seconds > 4)
        host, port = part.module.address  # type: ignore[attr-defined]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\r\nUser-Agent: Radio\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        listed = await operator.ask(f"{INSTANCE}/outputs/output/listeners")
        (listener,) = listed.json["listeners"]
        assert (listener["address"], listener["player"]) == ("127.0.0.1", "Radio")
        path = f"{INSTANCE}/outputs/output/listeners/{listener['number']}/kick"
        answer = await operator.ask(path, "POST", headers=OWN)
        assert answer.json == {"sentence": "the listener was disconnected, and may come again"}
        async with asyncio.timeout(60):
            while await reader.read(100_000):
                pass
        assert (await operator.ask(path, "POST", headers=OWN)).status == 404
        writer.close()


async def test_garbage_gets_an_answer_of_http_and_no_place() -> None:
    async with operating() as operator:
        for garbage in (
            b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET /" + b"x" * 20_000,
        ):
            answer = await operator.send(garbage + b"\r\n\r\n")
            assert re.match(rb"HTTP/1\.[01] 400 ", answer), garbage[:20]
        assert (await operator.ask("/health")).status == 200


async def test_who_only_connects_makes_room_for_who_asks() -> None:
    with patch.object(door.Door.__init__, "__defaults__", (4,)), patch.object(door, "IDLE_SECONDS", 1e6):
        async with operating() as operator:
            idle = [await asyncio.open_connection(*operator.address) for _ in range(8)]
            for _ in range(3):
                assert (await operator.ask("/health")).status == 200
            async with asyncio.timeout(60):
                assert await idle[0][0].read() == b""
            for _, writer in idle:
                writer.close()


async def test_who_says_nothing_is_closed() -> None:
    with patch.object(door, "IDLE_SECONDS", 0.2), patch.object(door, "SWEEP_SECONDS", 0.05):
        async with operating() as operator:
            assert await operator.send(b"GET / HT") == b""


async def test_all_alerts_are_tried_and_seen() -> None:
    with rings() as made:
        config = admin_config()
        config = replace(config, alerts=(ConfiguredAlert("alert", RingSettings()),))
        async with operating(config) as operator:
            answer = await operator.ask(f"{INSTANCE}/test-alert", "POST", headers=OWN)
            assert answer.json["sentence"] == "the alert was told"
            (trial,) = answer.json["alerts"]
            assert (trial["name"], trial["receiver"], trial["is_delivered"]) == ("alert", "ring of alert", True)
            assert trial["sentence"].startswith("rang in ")
            made[0].fault = PeerError("ring", "answered 500")
            answer = await operator.ask(f"{INSTANCE}/test-alert", "POST", headers=OWN)
            assert answer.status == 200
            assert answer.json["sentence"].startswith("not all were told: alert: ring: answered 500 (after ")
            (alert,) = (await operator.ask(INSTANCE)).json["status"]["alerts"]
            assert (alert["name"], alert["state"], alert["delivered"]) == ("alert", "running", 0)
