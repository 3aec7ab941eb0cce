"""The source server as a module, in memory and in virtual time: who is on air, for how long, and what is stored."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext, module_status
from distreamer.inputs.shoutcast_source_server import (
    ShoutcastSourceServer,
    ShoutcastSourceServerSettings,
    with_time_key,
)
from distreamer.model.audio import Station, Title
from distreamer.model.status import ModuleState
from distreamer.sessions.encoder_session import GATHERING_SECONDS, LINGER_SECONDS, LOGIN_SECONDS, EncoderSession
from distreamer.transport.memory import MemoryPipe
from tests.support.input_context import WALL, capturing_log, input_context, stored_audio, stored_titles
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame, mp3_stream
from tests.support.virtual_time import virtual_time

FIRST, SECOND = mp3_stream(0, 100), mp3_stream(500, 100)
LOGIN = b"distreamer\r\nicy-name:Caf\xe9\r\nicy-pub:1\r\nicy-br:128\r\n\r\n"


class Encoder:
    """One connection to a server, by hand."""

    def __init__(self, server: ShoutcastSourceServer, name: str) -> None:
        self._pipe = MemoryPipe(near_name=name)
        self._server = server
        self.began = asyncio.get_running_loop().time()
        self.task = asyncio.create_task(self._serve(), name=name)

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            await self._pipe.near.write(part)
        await asyncio.sleep(0.001)

    async def hear(self) -> bytes:
        return await self._pipe.near.read()

    async def leave(self) -> None:
        await self._pipe.near.close()
        await self.gone()

    async def gone(self) -> float:
        """Waits until the server has ended the connection; gives the seconds since it began."""
        await asyncio.wait([self.task])
        return asyncio.get_running_loop().time() - self.began

    def break_off(self) -> None:
        self._pipe.break_with("the other side broke the connection")

    async def _serve(self) -> None:
        try:
            await self._server.serve(self._pipe.far)
        finally:
            await self._pipe.far.close()


class Studio:
    """A server in memory, with what it is given and what it says."""

    def __init__(self, **keys: object) -> None:
        self.log = CapturingLogger()
        self.context: InputContext = dataclasses.replace(input_context(), log=capturing_log(self.log))
        self.server = ShoutcastSourceServer(ShoutcastSourceServerSettings.model_validate(keys), self.context)
        self.encoders: list[Encoder] = []

    def connect(self) -> Encoder:
        self.encoders.append(Encoder(self.server, f"studio:{len(self.encoders) + 1}"))
        return self.encoders[-1]

    async def source(self, login: bytes = LOGIN) -> Encoder:
        """An encoder that is on air."""
        encoder = self.connect()
        await encoder.say(login)
        return encoder

    def said(self, event: str) -> list[dict[str, object]]:
        """The values of all log lines with that text."""
        return [call.kwargs for call in self.log.calls if call.kwargs.get("event", call.args[:1]) in (event, (event,))]


@asynccontextmanager
async def studio(**keys: object) -> AsyncIterator[Studio]:
    made = Studio(**keys)
    try:
        yield made
    finally:
        for encoder in made.encoders:
            encoder.task.cancel()
            with suppress(asyncio.CancelledError):
                await encoder.task


def put(user: str = "source") -> bytes:
    credentials = base64.b64encode(f"{user}:distreamer".encode()).decode()
    return f"PUT /live HTTP/1.1\r\nAuthorization: Basic {credentials}\r\n\r\n".encode()


def metadata(song: str) -> bytes:
    return f"GET /admin.cgi?mode=updinfo&pass=distreamer&song={song} HTTP/1.0\r\n\r\n".encode()


async def announce(place: Studio, song: str) -> None:
    caller = place.connect()
    await caller.say(metadata(song))
    assert b" 200 OK" in await caller.hear()
    await caller.gone()


@virtual_time(600)
async def test_an_encoder_is_stored_with_its_titles_at_their_place() -> None:
    async with studio() as place:
        encoder = await place.source()
        assert await encoder.hear() == b"OK2\r\nicy-caps:11\r\n\r\n"
        assert place.context.health.detail == "studio:1 is connected, its audio is awaited"
        await encoder.say(FIRST[: 40 * MP3_FRAME_BYTES + 10])
        assert place.context.health.detail == "receiving 128 kbit/s MP3 from studio:1"
        assert place.context.health.state is ModuleState.RUNNING
        assert place.server.is_connected
        await announce(place, "A%20-%20B")
        await announce(place, "A+-+B")
        await encoder.say(FIRST[40 * MP3_FRAME_BYTES + 10 :])
        await encoder.leave()
        assert stored_audio(place.context.store) == FIRST
        assert stored_titles(place.context.store) == [(41 * MP3_FRAME_BYTES, "A - B")]
        assert place.context.ingest.info is not None
        assert place.context.ingest.info.station == Station(name="Café", public=True)
        assert not place.server.is_connected
        assert place.context.health.detail == "no encoder is connected; one is awaited"
        assert place.said("the source is gone")[0]["reason"] == "it ended the stream"


@pytest.mark.parametrize(
    ("login", "content_type"),
    [
        (LOGIN, "audio/mpeg"),
        (b"SOURCE distreamer /live\n\n", "audio/mpeg"),
        (b"distreamer\ncontent-type:audio/aacp\n\n", "audio/aacp"),
        (put(), ""),
        (put().replace(b"\r\n\r\n", b"\r\nContent-Type: audio/flac\r\n\r\n"), "audio/flac"),
    ],
)
def test_a_content_type_may_lack_or_be_wrong(login: bytes, content_type: str) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with studio() as place:
            encoder = await place.source(login)
            await encoder.say(FIRST)
            await encoder.leave()
            assert place.said("a source connected")[0]["content_type"] == content_type
            assert stored_audio(place.context.store) == FIRST
            assert place.context.ingest.info is not None
            assert place.context.ingest.info.format.content_type == "audio/mpeg"

    scenario()


@virtual_time(600)
async def test_frames_that_come_one_by_one_are_taken_several_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    audio = ShoutcastSourceServer.audio

    def noted(self: ShoutcastSourceServer, session: EncoderSession, data: bytes) -> None:
        taken.append(data)
        audio(self, session, data)

    monkeypatch.setattr(ShoutcastSourceServer, "audio", noted)
    async with studio() as place:
        encoder = await place.source()
        for number in range(100):
            await encoder.say(mp3_frame(number))
            await asyncio.sleep(0.026)
        await encoder.leave()
        assert len(taken) <= 100 * 0.027 / GATHERING_SECONDS + 2
        assert stored_audio(place.context.store) == FIRST


@virtual_time(600)
async def test_what_comes_at_once_is_read_at_once() -> None:
    """A burst of minutes of audio, as an encoder sends it that was away."""
    async with studio() as place:
        encoder = await place.source()
        await encoder.say(mp3_stream(0, 9_000))
        await encoder.leave()
        assert asyncio.get_running_loop().time() - encoder.began < 10
        assert len(stored_audio(place.context.store)) >= 6_000 * MP3_FRAME_BYTES


@virtual_time(600)
async def test_an_encoder_that_sends_its_last_seconds_again_is_not_heard_twice() -> None:
    async with studio() as place:
        encoder = await place.source()
        await encoder.say(mp3_stream(0, 200), mp3_frame(200)[:99])
        encoder.break_off()
        await encoder.gone()
        again = await place.source()
        await again.say(mp3_stream(120, 100))
        await again.leave()
        assert stored_audio(place.context.store) == mp3_stream(0, 220)
        assert not any(one.discontinuity for one in place.context.store)
        assert place.said("the source repeated 2.1 s that were known: nothing is lost or comes twice")


@virtual_time(600)
async def test_an_encoder_that_comes_back_goes_on_with_the_same_stream() -> None:
    async with studio() as place:
        encoder = await place.source()
        await encoder.say(FIRST, mp3_frame(100)[:200])
        await encoder.leave()
        encoder = await place.source(put())
        await encoder.say(SECOND)
        await encoder.leave()
        assert len(place.context.store.epochs) == 1
        assert stored_audio(place.context.store) == FIRST + SECOND
        assert sum(fragment.discontinuity for fragment in place.context.store) == 1


@pytest.mark.parametrize("login", [LOGIN, put(), b"SOURCE distreamer /live\n\n"])
def test_an_encoder_takes_over_from_its_own_ghost(login: bytes) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with studio() as place:
            ghost = await place.source(login)
            await ghost.say(FIRST)
            back = await place.source(login)
            await ghost.gone()
            with suppress(Exception):  # nobody reads the ghost any more
                await ghost.say(mp3_stream(900, 50))
            await back.say(SECOND)
            await back.leave()
            assert stored_audio(place.context.store) == FIRST + SECOND
            assert len(place.context.store.epochs) == 1
            (said,) = place.said("a source takes over")
            assert (said["peer"], said["before"]) == ("studio:2", "studio:1")
            assert [one["peer"] for one in place.said("the source is gone")] == ["studio:2"]

    scenario()


@pytest.mark.parametrize(
    ("takeover", "user", "answer"),
    [("never", "source", b" 403 Mountpoint in use"), ("same-credential", "other", b" 403 Mountpoint in use")],
)
def test_a_second_source_is_refused_while_the_first_is_on_air(takeover: str, user: str, answer: bytes) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with studio(takeover=takeover) as place:
            first = await place.source(put())
            await first.say(FIRST)
            second = await place.source(put(user))
            assert answer in await second.hear()
            await second.leave()
            await first.say(SECOND)
            await first.leave()
            assert stored_audio(place.context.store) == FIRST + SECOND
            assert not any(fragment.discontinuity for fragment in place.context.store)
            assert place.said("a source was refused: another one is on air")[0]["peer"] == "studio:2"
            third = await place.source(put(user))
            await third.say(FIRST)
            assert place.server.is_connected

    scenario()


@virtual_time(600)
async def test_of_two_that_log_in_at_once_the_first_with_headers_is_on_air() -> None:
    async with studio(takeover="never") as place:
        first, second = place.connect(), place.connect()
        await first.say(b"distreamer\n")
        await second.say(b"distreamer\n")
        await second.say(b"icy-name:2\n\n", SECOND)
        await first.say(b"icy-name:1\n\n", FIRST)
        await first.gone()
        await second.leave()
        assert stored_audio(place.context.store) == SECOND


@pytest.mark.parametrize("login", [LOGIN, put(), put().replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")])
def test_a_silent_source_is_dropped_after_timeout(login: bytes) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with studio(timeout=7) as place:
            encoder = await place.source(login)
            await asyncio.sleep(6)
            await encoder.say(b"%x\r\n%s\r\n" % (len(FIRST), FIRST) if b"chunked" in login else FIRST)
            for _ in range(100):
                # What is no audio keeps nobody on air: the digits of a chunk's size.
                if encoder.task.done():
                    break
                if b"chunked" in login:
                    await encoder.say(b"0")
                await asyncio.sleep(0.5)
            assert await encoder.gone() == pytest.approx(13, abs=0.1)
            assert place.said("the source is gone")[0]["reason"] == "sent no audio for 7 s"
            assert stored_audio(place.context.store) == FIRST
            again = await place.source()
            await again.say(SECOND)
            assert place.server.is_connected

    scenario()


@pytest.mark.parametrize("beginning", [b"", b"distr", b"distreamer\r\nicy-name:", b"GET / HTTP/1.1\r\nX: "])
def test_who_does_not_say_what_it_wants_is_dropped(beginning: bytes) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with studio() as place:
            encoder = place.connect()
            await encoder.say(beginning)
            while not encoder.task.done():
                await asyncio.sleep(0.9)
                if not encoder.task.done() and beginning:
                    await encoder.say(b"x")
            # A password that is right is a step forward, and begins a new term.
            assert await encoder.gone() <= LOGIN_SECONDS + 1
            assert not place.server.is_connected

    scenario()


@virtual_time(600)
async def test_a_wrong_password_is_one_line_that_names_the_peer_and_not_the_password() -> None:
    async with studio() as place:
        for data in (b"hunter2\r\n", b"SOURCE hunter2 /a\n", metadata("x").replace(b"distreamer", b"hunter2")):
            stranger = place.connect()
            await stranger.say(data)
            await stranger.hear()
            await stranger.leave()
        said = place.said("a wrong password was given")
        assert [one["peer"] for one in said] == ["studio:1", "studio:2", "studio:3"]
        assert "hunter2" not in str(place.log.calls)
        status = module_status("input", "ShoutcastSourceServer", place.server, place.context.health)
        assert status.wrong_passwords == 3


@virtual_time(600)
async def test_a_refused_encoder_is_heard_out_so_that_it_learns_why() -> None:
    async with studio() as place:
        encoder = place.connect()
        await encoder.say(b"wrong\r\n", b"icy-name:x\r\n\r\n", FIRST)
        assert await encoder.hear() == b"invalid password\r\n"
        assert await encoder.gone() == pytest.approx(LINGER_SECONDS, abs=0.1)
        assert stored_audio(place.context.store) == b""


@virtual_time(600)
async def test_a_connection_that_breaks_is_the_end_of_its_source_only() -> None:
    async with studio() as place:
        encoder = await place.source()
        await encoder.say(FIRST)
        encoder.break_off()
        await encoder.gone()
        assert place.said("the source is gone")[0]["reason"] == "the other side broke the connection"
        assert stored_audio(place.context.store) == FIRST


@virtual_time(600)
async def test_broken_chunks_end_the_source_and_keep_what_came() -> None:
    async with studio() as place:
        encoder = await place.source(put().replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"))
        await encoder.say(b"%x\r\n%s\r\nnonsense\r\n" % (len(FIRST), FIRST))
        await encoder.gone()
        assert "its chunks are broken" in str(place.said("the source is gone")[0]["reason"])
        assert stored_audio(place.context.store) == FIRST


@virtual_time(600)
async def test_a_defect_in_one_connection_is_reported_and_ends_no_other() -> None:
    async with studio() as place:

        def fail(title: Title) -> None:
            raise ZeroDivisionError

        encoder = await place.source()
        place.server.title = fail  # type: ignore[method-assign]  # a defect, made for the test
        caller = place.connect()
        await caller.say(metadata("x"))
        await caller.gone()
        await encoder.say(FIRST)
        await encoder.leave()
        assert stored_audio(place.context.store) == FIRST
        assert len(place.said("a defect in DiStreamer; please report it")) == 1


@virtual_time(600)
async def test_a_title_that_came_before_the_source_begins_with_it() -> None:
    async with studio() as place:
        await announce(place, "early")
        encoder = await place.source()
        await encoder.say(FIRST)
        await encoder.leave()
        assert stored_titles(place.context.store) == [(0, "early")]


@virtual_time(600)
async def test_the_time_goes_along_with_each_new_title() -> None:
    async with studio(timekeyinterval=0) as place:
        encoder = await place.source()
        for song in ("A", "A", "B"):
            await announce(place, song)
            await encoder.say(FIRST)
            await asyncio.sleep(1)
        texts = [text for _, text in stored_titles(place.context.store)]
        assert [text.partition(" {")[0] for text in texts] == ["A", "B"]
        assert all(text.endswith("}") for text in texts)


def test_the_time_key_is_that_of_distreamer_2() -> None:
    assert with_time_key(Title("A - B", "http://a/"), 1609131027.8431) == Title("A - B {1609131027.843}", "http://a/")


async def run_with_time(place: Studio, encoder: Encoder, seconds: int) -> None:
    task = asyncio.create_task(place.server.keep_time())
    for _ in range(seconds):
        await asyncio.sleep(1)
        await encoder.say(mp3_stream(0, 38))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@virtual_time(600)
async def test_the_time_goes_along_again_every_so_many_seconds() -> None:
    async with studio(timekeyinterval=5) as place:
        encoder = await place.source()
        await run_with_time(place, encoder, 6)
        assert stored_titles(place.context.store) == []
        await announce(place, "A")
        await run_with_time(place, encoder, 17)
        texts = [text for _, text in stored_titles(place.context.store)]
        times = [float(text.removeprefix("A {").removesuffix("}")) - WALL for text in texts]
        assert [round(time) for time in times] == [6, 11, 16, 21]


@virtual_time(600)
async def test_it_serves_nobody_and_has_no_links() -> None:
    async with studio() as place:
        assert place.server.links() == ()
        assert place.server.listeners() is None
        assert place.server.address is None


def test_the_defaults_are_those_of_distreamer_2() -> None:
    values = ShoutcastSourceServerSettings()
    assert (values.hostname, values.port, values.password) == ("0.0.0.0", 8080, "distreamer")
    assert (values.fragmentsnumber, values.fragmentsize, values.icyint) == (5, 81920, 8192)
    assert (values.timeout, values.timekeyinterval) == (5, -1)
    assert (values.takeover, values.certfile, values.keyfile, values.charset) == (
        "same-credential",
        None,
        None,
        "cp1252",
    )
    assert "distreamer" not in repr(ShoutcastSourceServerSettings(password="distreamer"))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"port": 65535}, "less than or equal to 65534"),
        ({"takeover": "always"}, "'same-credential' or 'never'"),
        ({"certfile": "/a"}, "CERTFILE and KEYFILE must both be given"),
        ({"keyfile": "/a"}, "CERTFILE and KEYFILE must both be given"),
        ({"charset": "klingon"}, "must be the name of a charset"),
        ({"timeout": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_are_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ShoutcastSourceServerSettings.model_validate(keys)
