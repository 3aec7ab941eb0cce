"""The dashboard as it is served: to everybody, telling nothing, letting nothing in from elsewhere."""

from __future__ import annotations

import re
import socket

import pytest

from distreamer.admin.page import PAGE
from distreamer.admin.server import HEADERS
from tests.support.admin_client import OWN, PASSWORD, Operator, admin_config, operating
from tests.support.changing_instance import LiveSettings, configured, players_server
from tests.support.instances import free_port
from tests.support.listening_modules import until

INSTANCE = "/api/v1/instances/station"


def policy_of(headers: dict[str, str]) -> dict[str, list[str]]:
    rules = [rule.split() for rule in headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in rules}


async def listening_port(operator: Operator) -> int:
    module = operator.instance.outputs[0].module
    await until(lambda: getattr(module, "address", None) is not None)
    port: int = module.address[1]  # type: ignore[attr-defined]
    return port


@pytest.mark.parametrize("password", ["", PASSWORD])
async def test_everybody_gets_the_page_which_tells_nothing(password: str) -> None:
    async with operating(admin_config(password)) as operator:
        port = await listening_port(operator)
        for route in PAGE:
            answer = await operator.ask(route.path, password="")
            assert answer.status == 200, route.path
            assert b"station" not in answer.body
            assert str(port).encode() not in answer.body
            head = await operator.ask(route.path, "HEAD", password="")
            assert (head.status, head.body) == (200, b"")
            refused = await operator.ask(route.path, "POST", password="", headers=OWN)
            assert refused.status in {401, 405}


async def test_all_that_the_page_is_made_of_is_there() -> None:
    async with operating() as operator:
        kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
        wanted, seen = {"/"}, set[str]()
        while wanted - seen:
            path = (wanted - seen).pop()
            seen.add(path)
            answer = await operator.ask(path)
            assert answer.status == 200, path
            kind = kinds.get(path.rpartition(".")[2], "text/html")
            assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
            text = answer.body.decode()
            wanted |= {f"/{name}" for name in re.findall(r'(?:href|src)="(dashboard/[^"]+)"', text)}
            wanted |= {f"/dashboard/{name}" for name in re.findall(r'from "\./([^"]+)"', text)}
            assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), "something from elsewhere"
            assert not re.search(r"<[^>]+\son\w+=|<[^>]+\sstyle=|<style|<script(?! type=\"module\" src)", text)
        assert seen == {route.path for route in PAGE}


async def test_nothing_from_elsewhere_is_let_in_but_the_sound() -> None:
    async with operating() as operator:
        port = await listening_port(operator)
        headers = (await operator.ask("/")).headers
        assert policy_of(headers) == {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": ["'self'"],
            "connect-src": ["'self'"],
            "media-src": [f"http://127.0.0.1:{port}"],
            "base-uri": ["'none'"],
            "form-action": ["'none'"],
            "frame-ancestors": ["'none'"],
            "require-trusted-types-for": ["'script'"],
        }
        for name, value in HEADERS.items():
            assert name == "Content-Security-Policy" or headers[name] == value
        foreign = await operator.ask("/", headers={"Host": "evil.example"})
        assert foreign.status == 421


async def test_where_the_sound_is_is_told_to_who_has_logged_in() -> None:
    async with operating(admin_config(PASSWORD)) as operator:
        port = await listening_port(operator)
        assert policy_of((await operator.ask("/", password="")).headers)["media-src"] == ["'none'"]
        login = await operator.ask("/api/v1/session", "POST", json={"password": PASSWORD}, headers=OWN, password="")
        cookie = {"Cookie": login.headers["Set-Cookie"].split(";")[0]}
        operator.session.cookie_jar.clear()
        answer = await operator.ask("/", password="", headers=cookie)
        assert policy_of(answer.headers)["media-src"] == [f"http://127.0.0.1:{port}"]


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("radio.example:8090", "http://radio.example:{port}"),
        ("[2001:db8::7]:8090", "http:"),
        ("x; script-src *", "http://x:{port}"),
        ("'unsafe-inline'", "http://localhost:{port}"),
    ],
)
async def test_a_stream_on_all_addresses_is_where_the_page_is(host: str, origin: str) -> None:
    output = ("output", players_server(hostname="0.0.0.0"))
    config = configured(("input", LiveSettings()), output, admin="127.0.0.1:0", adminpassword=PASSWORD)
    async with operating(config) as operator:
        port = await listening_port(operator)
        login = await operator.ask("/api/v1/session", "POST", json={"password": PASSWORD}, headers=OWN, password="")
        cookie = {"Cookie": login.headers["Set-Cookie"].split(";")[0]}
        operator.session.cookie_jar.clear()
        headers = (await operator.ask("/", password="", headers={**cookie, "Host": host})).headers
        assert policy_of(headers)["media-src"] == [origin.format(port=port)]
        assert policy_of(headers)["script-src"] == ["'self'"]


async def test_the_status_says_where_the_sound_is() -> None:
    output = ("output studio", players_server(requireurl="live now.mp3?key=x"))
    config = configured(("input", LiveSettings()), output, admin="127.0.0.1:0")
    async with operating(config) as operator:
        port = await listening_port(operator)
        (stream,) = (await operator.ask(INSTANCE)).json["streams"]
        assert stream == {
            "output": "output studio",
            "host": "127.0.0.1",
            "port": port,
            "path": "/live%20now.mp3?key=x",
            "is_encrypted": False,
        }
        (told,) = (await operator.ask("/api/v1/status")).json["instances"]
        assert told["streams"] == [stream]


async def test_a_stream_that_does_not_listen_yet_can_be_played_later() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        config = configured(("input", LiveSettings()), ("output", players_server(port=port)), admin="127.0.0.1:0")
        async with operating(config) as operator:
            assert operator.instance.outputs[0].module.address is None  # type: ignore[attr-defined]
            assert policy_of((await operator.ask("/")).headers)["media-src"] == [f"http://127.0.0.1:{port}"]
