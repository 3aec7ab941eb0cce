"""The player without sound, at servers with faults, in memory and virtual time."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.clock import LoopClock
from distreamer.errors import PeerError
from distreamer.measure.finding import Finding, Kind, Verdict
from distreamer.measure.stream_listener import StreamListener
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.stream_url import StreamUrl
from distreamer.transport.memory import MemoryStream
from tests.support.made_audio import mp3_frame, mp3_stream
from tests.support.memory_network import Handler, MemoryNetwork, answering
from tests.support.scripted_stream import ScriptedServer, drip, number_at
from tests.support.virtual_time import virtual_time

URL = "http://a.example:8000/live"


async def listened(
    handler: Handler, seconds: float | None = 60.0, *, is_strict: bool = False, ends_at: float | None = None
) -> tuple[Verdict, list[Finding]]:
    async with MemoryNetwork(latency_seconds=0.02) as network:
        network.serve("a.example:8000", handler)
        found: list[Finding] = []
        ended = asyncio.Event()
        if ends_at is not None:
            asyncio.get_running_loop().call_at(ends_at, ended.set)
        listener = StreamListener(
            StreamUrl.parse(URL), LoopClock(), found.append, is_strict=is_strict, connector=network.connect
        )
        verdict = await listener.run(seconds, ended)
        assert tuple(found) == listener.findings
        return verdict, found


def only(found: list[Finding], kind: Kind) -> Finding:
    [finding] = [finding for finding in found if finding.kind is kind]
    return finding


@virtual_time()
async def test_a_good_server() -> None:
    verdict, found = await listened(ScriptedServer(metaint=8192, titles=((0, "First"), (30, "Second"))).serve)
    assert verdict.is_fine
    assert [finding.text for finding in found] == ["title: First", "title: Second"]
    assert verdict.heard_seconds == pytest.approx(59, abs=1)
    assert only(found[1:], Kind.TITLE).at_seconds == pytest.approx(30, abs=2)


@virtual_time()
async def test_until_it_is_told_to_end() -> None:
    verdict, _ = await listened(ScriptedServer().serve, None, ends_at=25.0)
    assert verdict.is_fine
    assert verdict.seconds == pytest.approx(25, abs=0.2)


@virtual_time()
async def test_it_may_end_before_anything_answers() -> None:
    async def silent(stream: MemoryStream, request: RequestHead) -> None:
        await asyncio.sleep(3600)

    verdict, found = await listened(silent, None, ends_at=3.0)
    assert asyncio.get_running_loop().time() == pytest.approx(3, abs=0.2)
    assert found == []
    assert not verdict.is_fine
    assert verdict.sentence == "there was not enough to begin to play"


@virtual_time()
async def test_a_stall_is_reported_with_its_time() -> None:
    verdict, found = await listened(ScriptedServer(stalls=((20.0, 8.0),)).serve)
    underrun = only(found, Kind.UNDERRUN)
    assert underrun.at_seconds == pytest.approx(23, abs=0.5)
    assert underrun.seconds == pytest.approx(5, abs=0.5)
    assert not verdict.is_fine
    assert verdict.sentence == "1 underrun"


@virtual_time()
async def test_a_second_that_is_left_out() -> None:
    at = number_at(20)
    server = ScriptedServer(edit=lambda number: b"" if at <= number < at + 38 else mp3_frame(number))
    verdict, found = await listened(server.serve)
    gap = only(found, Kind.GAP)
    assert gap.at_seconds == pytest.approx(20, abs=1.5)
    assert gap.seconds == pytest.approx(1, abs=0.15)
    assert gap.text == "1 s less audio came than time went by"
    assert verdict.sentence == "1 gap"


@virtual_time()
async def test_a_repeated_second() -> None:
    at = number_at(20)

    def twice(number: int) -> bytes:
        return mp3_stream(number - 37, 38) if number == at else mp3_frame(number)

    verdict, found = await listened(ScriptedServer(edit=twice).serve)
    assert only(found, Kind.REPEAT).seconds == pytest.approx(0.97, abs=0.05)
    assert verdict.sentence == "1 repeat"


@virtual_time()
async def test_damaged_bytes() -> None:
    at = number_at(20)
    server = ScriptedServer(edit=lambda number: bytes(200) if number == at else mp3_frame(number))
    verdict, found = await listened(server.serve)
    assert only(found, Kind.DAMAGE).at_seconds == pytest.approx(20, abs=0.5)
    assert verdict.sentence == "1 damaged place"


@virtual_time()
async def test_a_disconnect_that_the_burst_bridges() -> None:
    server = ScriptedServer(closes=(20.0,))
    verdict, found = await listened(server.serve)
    assert len(server.served) == 2
    assert server.served[1] == pytest.approx(20.5, abs=0.3)
    assert [finding.kind for finding in found] == [Kind.DISCONNECTED, Kind.CONNECTED, Kind.CONNECTED]
    assert "nothing is missing" in found[-1].text
    assert verdict.sentence == "1 disconnect"


@virtual_time()
async def test_a_server_that_is_away_for_long() -> None:
    server = ScriptedServer(burst_seconds=5.0, closes=(20.0,))

    async def away(stream: MemoryStream, request: RequestHead) -> None:
        if 20 < asyncio.get_running_loop().time() < 40:
            await stream.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
            return
        await server.serve(stream, request)

    verdict, found = await listened(away)
    assert only(found, Kind.GAP).seconds == pytest.approx(22, abs=3)
    first, second = (finding for finding in found if finding.kind is Kind.DISCONNECTED)
    assert (first.text, first.is_wrong) == ("the server closed the connection", True)
    assert second.text.startswith("cannot connect again: has no such stream")
    assert not second.is_wrong
    assert verdict.silent_seconds > 15
    assert (verdict.disconnects, verdict.gaps, verdict.underruns) == (1, 1, 1)


@virtual_time()
async def test_a_server_that_falls_silent_is_left() -> None:
    verdict, found = await listened(ScriptedServer(stalls=((20.0, 3600.0),)).serve, 100)
    assert only(found[:3], Kind.DISCONNECTED).text == "sent nothing for 10 s"
    assert verdict.silent_seconds > 50
    assert verdict.disconnects >= 2


@virtual_time()
async def test_a_slow_drip_is_silence() -> None:
    verdict, _ = await listened(drip, 120)
    assert not verdict.is_fine
    assert verdict.underruns > 3


@virtual_time()
async def test_no_audio_at_all() -> None:
    async def garbage(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        while True:
            await stream.write(b"\0" * 500)
            await asyncio.sleep(1)

    verdict, _ = await listened(garbage, 30)
    assert not verdict.is_fine
    assert verdict.heard_seconds == 0


@virtual_time()
async def test_a_wrong_type_is_wrong_for_the_strict() -> None:
    lenient, _ = await listened(ScriptedServer(content_type="audio/aac").serve, 20)
    strict, _ = await listened(ScriptedServer(content_type="audio/aac").serve, 20, is_strict=True)
    assert (lenient.is_fine, strict.is_fine) == (True, False)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>Welcome to the station</body>",
        b"HTTP/1.0 302 Found\r\nLocation: /live\r\n\r\n",
    ],
)
def test_what_is_no_stream_is_said_at_once(answer: bytes) -> None:
    @virtual_time()
    async def run() -> None:
        with pytest.raises(PeerError):
            await listened(answering(answer))

    run()


@virtual_time()
async def test_a_metaint_of_nonsense_is_a_fault_of_the_server() -> None:
    head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: 999999999\r\n\r\n"
    verdict, found = await listened(answering(head), 10)
    assert "icy-metaint" in found[0].text
    assert not verdict.is_fine
