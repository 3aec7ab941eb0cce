"""What ``probe`` finds out of a stream, in memory and virtual time."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.clock import LoopClock
from distreamer.errors import LinkError, PeerError
from distreamer.measure.stream_probe import StreamProbe
from distreamer.measure.stream_report import StreamReport
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.stream_url import StreamUrl
from distreamer.transport.memory import MemoryStream
from tests.support.made_audio import mp3_frame, mp3_stream
from tests.support.memory_network import Handler, MemoryNetwork, answering
from tests.support.scripted_stream import ScriptedServer, drip, number_at
from tests.support.virtual_time import virtual_time

URL = "http://a.example:8000/live"
MOST_LINES = 25


async def probed(handler: Handler, seconds: float = 60.0, **servers: Handler) -> StreamReport:
    """What is found of ``handler``; ``servers`` are at other names."""
    report = await probed_until(asyncio.Event(), handler, seconds, **servers)
    assert report is not None
    return report


async def probed_until(
    ended: asyncio.Event, handler: Handler, seconds: float = 60.0, **servers: Handler
) -> StreamReport | None:
    async with MemoryNetwork(latency_seconds=0.02) as network:
        network.serve("a.example:8000", handler)
        for name, other in servers.items():
            network.serve(f"{name}.example:8000", other)
        clock = LoopClock(1_700_000_000.0)
        probe = StreamProbe(StreamUrl.parse(URL), clock, lambda text: None, connector=network.connect)
        return await probe.run(seconds, ended)


@virtual_time()
async def test_a_usual_server() -> None:
    server = ScriptedServer(
        metaint=8192,
        titles=((0, "First"), (30, "Second")),
        fields="Server: Icecast 2.4.4\r\nicy-br: 128\r\nicy-name: Radio Näh\r\n",
    )
    report = await probed(server.serve)
    assert report.server == "Icecast 2.4.4"
    assert report.station == "Radio Näh"
    assert report.format == "128 kbit/s MP3, 44100 Hz, stereo"
    assert report.declared_bits_per_second == 128_000
    assert report.measured_bits_per_second == pytest.approx(128_000, rel=0.01)
    assert report.varies is False
    assert (report.metaint_bytes, report.titles) == (8192, ("First", "Second"))
    assert report.burst_seconds == pytest.approx(10, abs=0.3)
    assert report.speed == pytest.approx(1, abs=0.01)
    assert report.answered_seconds == pytest.approx(0.04, abs=0.05)
    assert (report.damaged_bytes, report.ended, report.type_fault, report.steps) == (0, "", "", ())
    assert report.splice is not None
    assert report.splice.works
    assert report.splice.bridges_seconds == pytest.approx(10, abs=0.5)
    assert len(server.served) == 2
    lines = list(report.lines())
    assert len(lines) < MOST_LINES
    assert any("interruption of up to" in line and "loses nothing" in line for line in lines)
    assert any("every 8192 bytes: “First”, “Second”" in line for line in lines)


@virtual_time()
async def test_what_was_heard_is_told_though_the_server_breaks_the_rules_later() -> None:
    async def breaks(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n")
        audio = mp3_stream(0, 1000)
        await stream.write(b"%x\r\n%s\r\n" % (len(audio), audio))
        await asyncio.sleep(5)
        await stream.write(b"no size\r\n")
        await asyncio.sleep(3600)

    report = await probed(breaks)
    assert report.seconds == pytest.approx(5, abs=1)
    assert report.format == "128 kbit/s MP3, 44100 Hz, stereo"
    assert "chunk" in report.ended
    assert report.splice is not None
    assert report.splice.works


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"icy-metaint: 999999999\r\n\r\n", "icy-metaint"),
        (b"\r\n", "the server closed the connection"),
    ],
)
def test_a_second_connection_that_brings_nothing_proves_nothing(answer: bytes, words: str) -> None:
    @virtual_time()
    async def run() -> None:
        usual = ScriptedServer()

        async def other_the_second_time(stream: MemoryStream, request: RequestHead) -> None:
            if usual.served:
                await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n" + answer)
                return
            await usual.serve(stream, request)

        report = await probed(other_the_second_time, 20)
        assert report.format == "128 kbit/s MP3, 44100 Hz, stereo"
        assert report.splice is not None
        assert report.splice.sentence.startswith(f"cannot be tried: the second time {URL}: ")
        assert words in report.splice.sentence

    run()


@virtual_time()
async def test_a_server_without_burst_cannot_be_spliced() -> None:
    report = await probed(ScriptedServer(burst_seconds=0.0).serve, 30)
    assert report.burst_seconds < 0.5
    assert report.splice is not None
    assert not report.splice.works
    assert "does not work" in "\n".join(report.lines())


@virtual_time()
async def test_a_server_that_makes_each_listener_its_own_programme() -> None:
    class Unlike(ScriptedServer):
        async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
            begin = 100_000 * len(self.served)
            own = ScriptedServer(edit=lambda number: mp3_frame(number + begin))
            self.served.append(begin)
            await own.serve(stream, request)

    report = await probed(Unlike().serve, 30)
    assert report.splice is not None
    assert not report.splice.works


@virtual_time()
async def test_silence_is_spliced_by_the_clock() -> None:
    report = await probed(ScriptedServer(edit=lambda number: mp3_frame(7)).serve, 30)
    assert report.splice is not None
    assert "prove nothing" in report.splice.sentence


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_clock_that_differs(ppm: int) -> None:
    @virtual_time()
    async def run() -> None:
        report = await probed(ScriptedServer(speed=1 + ppm / 1e6).serve, 300)
        assert report.drift is not None
        assert report.drift.ppm == pytest.approx(ppm, abs=max(report.drift.uncertainty_ppm, 50))
        assert report.drift.is_seen
        assert f"{'faster' if ppm > 0 else 'slower'} than ours" in "\n".join(report.lines())

    run()


@virtual_time()
async def test_stalls_and_damage_are_told() -> None:
    at = number_at(20)
    server = ScriptedServer(
        stalls=((30.0, 4.0),), edit=lambda number: bytes(300) if number == at else mp3_frame(number)
    )
    report = await probed(server.serve)
    assert report.longest_pause_seconds == pytest.approx(4, abs=0.3)
    assert report.damaged_bytes == 300
    assert "300 bytes between frames are no audio" in "\n".join(report.lines())


@virtual_time()
async def test_a_server_that_closes_early() -> None:
    report = await probed(ScriptedServer(closes=(15.0,)).serve)
    assert report.ended == "the server closed the connection"
    assert report.seconds == pytest.approx(15, abs=0.5)
    assert report.splice is not None


@virtual_time()
async def test_a_slow_drip() -> None:
    report = await probed(drip)
    assert report.speed == pytest.approx(0.26, abs=0.05)
    assert "of real time: listeners run dry" in "\n".join(report.lines())


@virtual_time()
async def test_a_wrong_type() -> None:
    report = await probed(ScriptedServer(content_type="audio/aac").serve, 20)
    assert "audio/aac" in report.type_fault
    assert "wrong: the server says it is audio/aac" in "\n".join(report.lines())


@virtual_time()
async def test_a_server_that_sends_no_audio() -> None:
    async def garbage(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        while True:
            await stream.write(bytes(100))
            await asyncio.sleep(1)

    report = await probed(garbage, 20)
    assert report.format == ""
    assert report.splice is None
    assert "no audio was recognised in 20 s" in "\n".join(report.lines())


@virtual_time()
async def test_a_redirect_is_told() -> None:
    moved = answering(b"HTTP/1.0 302 Found\r\nLocation: http://b.example:8000/real\r\n\r\n")
    report = await probed(moved, 20, b=ScriptedServer().serve)
    assert report.steps == ("http://b.example:8000/real",)
    assert any("leads to http://b.example:8000/real" in line for line in report.lines())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", "no such stream"),
        (
            b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>Welcome to the station</body>",
            "sends a page",
        ),
        (b"HTTP/1.0 302 Found\r\nLocation: /live\r\n\r\n", "redirects more than"),
        (b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: 999999999\r\n\r\n", "icy-metaint"),
        (b"220 mail.example ESMTP\r\n", "no HTTP answer"),
    ],
)
def test_what_is_no_stream_is_said_plainly(answer: bytes, words: str) -> None:
    @virtual_time()
    async def run() -> None:
        with pytest.raises(PeerError, match=words):
            await probed(answering(answer), 20)

    run()


@virtual_time()
async def test_a_server_that_never_answers() -> None:
    async def mute(stream: MemoryStream, request: RequestHead) -> None:
        await asyncio.sleep(3600)

    with pytest.raises(LinkError, match="no answer within"):
        await probed(mute)


@virtual_time()
async def test_the_second_connection_may_be_refused() -> None:
    server, served = ScriptedServer(), 0

    async def once(stream: MemoryStream, request: RequestHead) -> None:
        nonlocal served
        served += 1
        if served > 1:
            await stream.write(b"HTTP/1.0 503 Full\r\n\r\n")
            return
        await server.serve(stream, request)

    report = await probed(once, 20)
    assert report.splice is not None
    assert "cannot be tried: the second time" in report.splice.sentence


@virtual_time()
async def test_a_short_file_ends_by_itself() -> None:
    body = mp3_stream(0, 400)
    head = f"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    report = await probed(answering(head + body), 30)
    assert report.ended == "the server closed the connection"
    assert report.audio_seconds == pytest.approx(10, abs=0.5)


@virtual_time()
async def test_what_was_seen_until_somebody_had_enough_is_told() -> None:
    server, ended = ScriptedServer(), asyncio.Event()
    asyncio.get_running_loop().call_later(20, ended.set)
    report = await probed_until(ended, server.serve, 3600)
    assert report is not None
    assert report.seconds == pytest.approx(20, abs=0.1)
    assert report.measured_bits_per_second == pytest.approx(128_000, rel=0.01)
    assert report.ended == ""
    assert report.splice is None
    assert len(server.served) == 1, "it does not connect again"


async def silent(stream: MemoryStream, request: RequestHead) -> None:
    """Answers nothing."""
    await asyncio.sleep(10_000)


@virtual_time()
async def test_the_second_connection_can_be_ended_too() -> None:
    server, ended = ScriptedServer(), asyncio.Event()

    async def once(stream: MemoryStream, request: RequestHead) -> None:
        await (silent if server.served else server.serve)(stream, request)

    began = asyncio.get_running_loop().time()
    asyncio.get_running_loop().call_later(32, ended.set)
    report = await probed_until(ended, once, 30)
    assert report is not None
    assert report.seconds == pytest.approx(30, abs=0.1)
    assert report.splice is None
    assert asyncio.get_running_loop().time() - began == pytest.approx(32, abs=0.1)


@virtual_time()
async def test_who_has_enough_before_anything_came_is_told_nothing() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().call_later(1, ended.set)
    assert await probed_until(ended, silent) is None
