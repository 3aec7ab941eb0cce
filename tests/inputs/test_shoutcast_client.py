"""The input against servers of every kind, in memory and in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.inputs.shoutcast_client import ShoutcastClient, ShoutcastClientSettings, spoken_format
from distreamer.model.audio import AudioFormat, Codec, Station, Title
from distreamer.model.status import ModuleState
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.icy import encode_metadata
from distreamer.transport.memory import MemoryStream
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame, mp3_stream
from tests.support.memory_network import Handler, MemoryNetwork, answering
from tests.support.ogg_samples import BEGINS, page
from tests.support.virtual_time import virtual_time

FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
URL = "http://a.example:8000/live"


def settings(**values: object) -> ShoutcastClientSettings:
    return ShoutcastClientSettings.model_validate({"streamurl": URL, **values})


async def run_against(
    handler: Handler, context: InputContext | None = None, seconds: float = 3600, **values: object
) -> tuple[InputContext, DiStreamerError | None]:
    """Runs the input once, for at most ``seconds``; gives its context and what it raised."""
    context = context or input_context()
    async with MemoryNetwork() as network:
        network.serve("a.example:8000", handler)
        client = ShoutcastClient(settings(**values), context, network.connect)
        error: DiStreamerError | None = None
        try:
            async with asyncio.timeout(seconds):
                await client.run()
        except DiStreamerError as raised:
            error = raised
        except TimeoutError:
            pass
        assert all(pipe.near.closed for pipe in network.pipes)
    return context, error


AUDIO = mp3_stream(0, 200)
METAINT = 1000


def interleaved(audio: bytes, titles: dict[int, bytes]) -> bytes:
    """``audio`` with metadata blocks: ``titles`` by the block's number, empty ones elsewhere."""
    pieces = [audio[start : start + METAINT] for start in range(0, len(audio), METAINT)]
    return b"".join(
        piece + (titles.get(index, b"\0") if len(piece) == METAINT else b"") for index, piece in enumerate(pieces)
    )


ICY = interleaved(
    AUDIO,
    {0: encode_metadata(Title("first")), 5: encode_metadata(Title("first")), 30: encode_metadata(Title("second"))},
)
ICECAST = (
    b"HTTP/1.0 200 OK\r\nServer: Icecast 2.4.4\r\nContent-Type: audio/mpeg\r\nicy-br:128\r\nicy-name:Caf\xe9\r\n"
    b"icy-pub:1\r\nicy-metaint:1000\r\n\r\n"
)
CHUNKED = b"".join(b"%x\r\n%s\r\n" % (len(ICY[at : at + 700]), ICY[at : at + 700]) for at in range(0, len(ICY), 700))
ANSWERS = {
    "icecast": ICECAST + ICY,
    "dnas": b"ICY 200 OK\r\nicy-notice1:<BR>x<BR>\r\ncontent-type:audio/mpeg\r\nicy-metaint:1000\r\nicy-br:128\r\n\r\n"
    + ICY,
    "bare line feeds": b"ICY 200 OK\ncontent-type: audio/mpeg\nIcy-MetaInt : 1000\n\n" + ICY,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nicy-metaint: 1000\r\n\r\n" + CHUNKED + b"0\r\n\r\n",
    "content-length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nicy-metaint: 1000\r\n\r\n%s" % (len(ICY), ICY),
    "no type": b"HTTP/1.0 200 OK\r\nicy-metaint: 1000\r\n\r\n" + ICY,
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """The first 4 kB (head, titles, frames) in pieces of ``size`` bytes, the rest in thousands."""
    places = [*range(0, 4000, size), *range(4000, len(data), 1000), len(data)]
    return (data[start:end] for start, end in pairwise(places))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("kind", list(ANSWERS))
def test_every_kind_of_server(kind: str, size: int) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        context, error = await run_against(answering(*cut(ANSWERS[kind], size)))
        assert isinstance(error, LinkError)
        assert stored_audio(context.store) == AUDIO
        first, second = stored_titles(context.store)
        # A title begins at the first frame behind its block.
        assert first == (-(-1000 // MP3_FRAME_BYTES) * MP3_FRAME_BYTES, "first")
        assert second == (-(-31_000 // MP3_FRAME_BYTES) * MP3_FRAME_BYTES, "second")

    scenario()


@virtual_time(600)
async def test_what_the_source_says_about_itself() -> None:
    context, _ = await run_against(answering(ICECAST + ICY))
    assert context.ingest.info is not None
    assert context.ingest.info.station == Station(name="Café", public=True)


@virtual_time(600)
async def test_titles_in_the_configured_charset() -> None:
    block = "StreamTitle='Привет';".encode("cp1251")
    stream = interleaved(AUDIO, {0: bytes([2]) + block.ljust(32, b"\0")})
    context, _ = await run_against(answering(ICECAST, stream), charset="cp1251")
    assert [text for _, text in stored_titles(context.store)] == ["Привет"]


@virtual_time(600)
async def test_without_metadata_everything_is_audio() -> None:
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: none\r\n\r\n"
    context, _ = await run_against(answering(answer, AUDIO), getmetadata=False)
    assert stored_audio(context.store) == AUDIO


@virtual_time(600)
async def test_the_source_ends() -> None:
    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(ICECAST + ICY)
        await asyncio.sleep(3)

    _, error = await run_against(server)
    assert str(error) == f"{URL}: the source closed the connection after 3 s"


@virtual_time(600)
async def test_a_body_that_is_cut_off_says_so_and_loses_nothing() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\nContent-Type: audio/mpeg\r\n\r\n" + AUDIO
    context, error = await run_against(answering(answer))
    assert "it ended before its announced length" in str(error)
    assert stored_audio(context.store) == AUDIO


@virtual_time(600)
async def test_silence_is_noticed_and_what_came_is_kept() -> None:
    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(ICECAST + ICY)
        await asyncio.sleep(3600)

    context, error = await run_against(server, httptimeout=7)
    assert isinstance(error, LinkError)
    assert str(error) == f"{URL}: sent nothing for 7 s"
    assert asyncio.get_running_loop().time() == 7
    assert stored_audio(context.store) == AUDIO


@virtual_time(600)
async def test_a_connection_that_breaks_keeps_what_came() -> None:
    context = input_context()
    async with MemoryNetwork() as network:

        async def server(stream: MemoryStream, request: RequestHead) -> None:
            await stream.write(ICECAST + ICY)
            await asyncio.sleep(2)
            network.pipes[0].break_with("the other side broke the connection")

        network.serve("a.example:8000", server)
        with pytest.raises(LinkError, match="broke the connection"):
            await ShoutcastClient(settings(), context, network.connect).run()
    assert stored_audio(context.store) == AUDIO


def paced(rate: float, seconds: float, burst_seconds: float = 8.0) -> Handler:
    """An Icecast that sends a burst, then ``rate`` times real time."""

    async def server(stream: MemoryStream, request: RequestHead) -> None:
        sent = int(burst_seconds / FRAME_SECONDS)
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + mp3_stream(0, sent))
        for tenth in range(1, int(seconds * 10)):
            await asyncio.sleep(0.1)
            due = int((burst_seconds + tenth * 0.1 * rate) / FRAME_SECONDS)
            await stream.write(mp3_stream(sent, due - sent))
            sent = due
        await asyncio.sleep(3600)

    return server


@virtual_time(3600)
async def test_a_source_that_is_too_slow_is_given_up() -> None:
    context, error = await run_against(paced(0.5, 600))
    assert isinstance(error, LinkError)
    assert "only 50% of the audio came in the last 20 s" in str(error)
    # Not before the burst of 8 s was used up.
    assert 28 <= asyncio.get_running_loop().time() <= 30
    assert context.ingest.audio_seconds > 0


@virtual_time(3600)
async def test_a_source_in_real_time_is_kept() -> None:
    context, error = await run_against(paced(1.0, 300), seconds=290)
    assert error is None
    assert context.store.seconds == pytest.approx(298, abs=1.5)


@virtual_time(3600)
async def test_a_pause_that_httptimeout_allows_is_not_too_slow() -> None:
    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        for second in range(300):
            await stream.write(mp3_stream(second * 39, 39))
            await asyncio.sleep(16 if second == 100 else 1)

    _, error = await run_against(server, seconds=300, httptimeout=20)
    assert error is None


@virtual_time(3600)
async def test_data_without_audio_is_given_up() -> None:
    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        for _ in range(1000):
            await stream.write(bytes(20))
            await asyncio.sleep(1)

    _, error = await run_against(server)
    assert isinstance(error, PeerError)
    assert str(error) == f"{URL}: sends data, but no audio for 60 s"


@virtual_time(600)
async def test_health_and_log_say_what_is_received() -> None:
    logger = CapturingLogger()
    context = input_context(log=logger)

    async def server(stream: MemoryStream, request: RequestHead) -> None:
        assert (context.health.state, context.health.detail) == (ModuleState.STARTING, f"connecting to {URL}")
        await stream.write(ICECAST + ICY)
        await asyncio.sleep(1)
        assert context.health.state is ModuleState.RUNNING
        assert context.health.detail == f"receiving 128 kbit/s MP3 from {URL}"

    await run_against(server, context, streamurl="http://user:secret@a.example:8000/live")
    said = [(call.kwargs["event"], call.kwargs) for call in logger.calls]
    assert [event for event, _ in said] == [
        "the source answered",
        "connected to the source",
        "new title",
        "new title",
    ]
    assert "secret" not in repr(said)
    assert "secret" not in context.health.detail


@virtual_time(600)
async def test_two_connections_make_one_epoch() -> None:
    context = input_context()
    first, second = mp3_stream(0, 100), mp3_stream(500, 100)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"
    await run_against(answering(head, first, mp3_frame(100)[:200]), context)
    await asyncio.sleep(5)
    await run_against(answering(head, second), context)
    assert len(context.store.epochs) == 1
    assert stored_audio(context.store) == first + second
    assert sum(fragment.discontinuity for fragment in context.store) == 1


@virtual_time(600)
async def test_a_defect_in_the_ingest_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(at: float) -> None:
        raise ZeroDivisionError

    context = input_context()
    async with MemoryNetwork() as network:
        network.serve("a.example:8000", answering(ICECAST + ICY))
        monkeypatch.setattr(context.ingest, "disconnected", broken)
        with pytest.raises(ZeroDivisionError):
            await ShoutcastClient(settings(), context, network.connect).run()
        assert all(pipe.near.closed for pipe in network.pipes)


@virtual_time(3600)
async def test_ogg_of_an_unknown_codec_is_not_measured_by_the_clock() -> None:
    """What it lasts is guessed from a bitrate: 128 kbit/s here, and 16 in truth."""

    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: application/ogg\r\n\r\n")
        await stream.write(page([b"\x80unheard of"], flags=BEGINS))
        for number in range(1, 100):
            await stream.write(page([bytes(2000)], sequence=number, granule=number))
            await asyncio.sleep(1)
        await asyncio.sleep(3600)

    context, error = await run_against(server, seconds=90)
    assert error is None
    assert context.health.state is ModuleState.RUNNING


@virtual_time(600)
async def test_a_source_that_gives_nothing_again_and_again_is_no_news() -> None:
    logger = CapturingLogger()
    context = input_context(log=logger)
    head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"
    for _ in range(3):
        await run_against(answering(head, bytes(100)), context)
    assert {call.method_name for call in logger.calls} == {"debug"}


@virtual_time(600)
async def test_a_title_that_a_new_connection_repeats_is_no_news() -> None:
    logger = CapturingLogger()
    context = input_context(log=logger)
    async with MemoryNetwork() as network:
        network.serve("a.example:8000", answering(ICECAST + interleaved(AUDIO, {0: encode_metadata(Title("first"))})))
        client = ShoutcastClient(settings(), context, network.connect)
        for _ in range(3):
            with pytest.raises(LinkError):
                await client.run()
    said = [call.kwargs["event"] for call in logger.calls if call.method_name == "info"]
    assert said.count("new title") == 1


@virtual_time(600)
async def test_a_metaint_that_cannot_be() -> None:
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: 99999999999\r\n\r\n"
    _, error = await run_against(answering(answer, AUDIO))
    assert isinstance(error, PeerError)
    assert "icy-metaint is 99999999999" in str(error)


@virtual_time(600)
async def test_it_serves_nobody_and_has_no_links() -> None:
    client = ShoutcastClient(settings(), input_context())
    assert client.links() == ()
    assert client.listeners() is None


def test_the_defaults_are_those_of_distreamer_2() -> None:
    values = settings()
    assert (values.fragmentsnumber, values.fragmentsize) == (5, 81920)
    assert (values.getmetadata, values.httptimeout) == (True, 5)
    assert (values.fragmentseconds, values.charset, values.tlsverify) == (1, "cp1252", True)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("streamurl", "ftp://a/", "must begin with http:// or https://"),
        ("streamurl", "http://" + "ü" * 70 + "/", "host or port is broken"),
        ("charset", "klingon", "must be the name of a charset"),
        ("httptimeout", 0, "greater than or equal to 1"),
        ("fragmentseconds", 11, "less than or equal to 10"),
        ("fragmentsize", 10, "greater than or equal to 1024"),
        ("streamurls", "x", "not permitted"),
    ],
)
def test_settings_that_are_refused(key: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**{key: value})


@pytest.mark.parametrize("url", ["https://[2001:db8::1]:8443/;", "http://u:p@a.example/", "http://a.example/;?sid=1"])
def test_addresses_that_are_taken(url: str) -> None:
    assert settings(streamurl=url).streamurl == url


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (AudioFormat(Codec.MPEG, 44100, 44100, 2, "MPEG-1 layer III", 128_000), "128 kbit/s MP3"),
        (AudioFormat(Codec.MPEG, 48000, 48000, 2, "MPEG-1 layer II", 192_000), "192 kbit/s MP2"),
        (AudioFormat(Codec.AAC, 44100, 44100, 2, "AAC LC"), "AAC LC"),
        (AudioFormat(Codec.AAC, 44100, 44100, 2), "AAC"),
        (AudioFormat(Codec.OPUS, 48000, 48000, 2), "Ogg Opus"),
        (AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0, "", 64_000, "video/mp2t"), "64 kbit/s video/mp2t"),
    ],
)
def test_formats_in_words(form: AudioFormat, words: str) -> None:
    assert spoken_format(form) == words
