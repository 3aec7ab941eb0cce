"""An encoder is set otherwise while people listen: 44.1 kHz and 128 kbit/s become 48 kHz and 192 kbit/s, then AAC."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from distreamer.media.auto import AutoFramer
from distreamer.media.id3 import tag_size
from distreamer.model.audio import Frame
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener, ffmpeg_says, mpg123_says
from tests.support.icecast import PASSWORD, Icecast
from tests.support.instances import free_port, free_port_pair, running_distreamer, served
from tests.support.listening import Recording, listening
from tests.support.listening_modules import until
from tests.support.programs import ended_process, find_program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TITLES = ("Before", "After")
SOME_AUDIO = 64_000
"""Bytes: 3 to 5 s."""
LARGEST_FRAME_BYTES = 600
SLACK_SECONDS = 5.0
"""Of the newest audio, that a player has not written yet, or never got."""
AHEAD_SECONDS = 15
"""What the first encoder sends at once, so that the buffer is full at once."""
LATER_BYTES_PER_SECOND = 24_000
LATER = replace(ffmpeg.MP3, bitrate="192k", options=(*ffmpeg.MP3.options, "-ar", "48000"))


def station(folder: Path, source: int, keep: int, close: int) -> Path:
    """The file of an instance that an encoder sends to; its two servers of players differ by their rule alone."""
    path = folder / "station.conf"
    servers = [
        f"[OUTPUT {rule}]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nONFORMATCHANGE = {rule}\n"
        for rule, port in (("keep", keep), ("close", close))
    ]
    path.write_text(
        "[GENERAL]\nDELAY = 9\n"
        f"[INPUT]\nMODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = {source}\nPASSWORD = {PASSWORD}\n"
        + "".join(servers)
    )
    return path


class Player:
    """A real player that listens over HTTP, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.words = ""

    async def says(self, text: str) -> None:
        """Waits until it has said so."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            while text not in self.words:
                more = await self.process.stderr.read(4096)
                assert more, f"it ended, having said: {self.words}"
                self.words += more.decode(errors="replace")


@contextlib.asynccontextmanager
async def playing(*command: str) -> AsyncIterator[Player]:
    """Plays to nowhere until the block ends."""
    process = await asyncio.create_subprocess_exec(
        find_program(command[0]),
        *command[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with ended_process(process):
        yield Player(process)


async def all_have_more(*recordings: Recording) -> None:
    await asyncio.gather(*(recording.has_more(SOME_AUDIO) for recording in recordings))


def frames_of(recording: Recording) -> list[Frame]:
    """Whole frames and nothing else, behind the tag that may stand at its beginning; the last one may be cut off while
    it goes on."""
    audio = bytes(recording.audio)
    audio = audio[tag_size(audio) or 0 :]
    framer = AutoFramer()
    frames = [*framer.feed(audio), *framer.close()]
    rest = len(audio) - sum(len(frame.data) for frame in frames)
    assert rest == 0 if recording.ended else rest < LARGEST_FRAME_BYTES
    return frames


def rates_of(frames: list[Frame]) -> list[int]:
    """The sample rates, one after the other."""
    found = [frame.format.sample_rate for frame in frames]
    return [rate for index, rate in enumerate(found) if index == 0 or rate != found[index - 1]]


def decoded(audio: bytes) -> dict[int, int]:
    """Samples by their rate, as libavcodec gives them."""
    found: dict[int, int] = {}
    with av.open(io.BytesIO(audio), "r", format="mp3") as source:
        for block in source.decode(audio=0):
            found[block.sample_rate] = found.get(block.sample_rate, 0) + block.samples
    return found


async def test_listeners_stay_or_come_again_as_onformatchange_says(tmp_path: Path) -> None:
    source, keep, close = free_port_pair(), free_port(), free_port()
    server = Icecast(source)  # to encoders it is one
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        running = await enter(running_distreamer(station(tmp_path, source, keep, close)))
        await running.said("listening for encoders")
        first = await enter(contextlib.AsyncExitStack())
        await server.set_title("/live", TITLES[0])
        await first.enter_async_context(
            ffmpeg.running_source(server.source_url("/live"), ffmpeg.MP3, ahead=AHEAD_SECONDS)
        )
        await served(keep)
        heard = tmp_path / "heard.wav"
        player = await enter(
            playing("ffmpeg", "-nostdin", "-v", "error", "-i", f"http://127.0.0.1:{keep}/", "-y", str(heard))
        )
        await until(lambda: heard.exists() and heard.stat().st_size > 0)
        kept = [await enter(listening(keep, icy=icy)) for icy in (False, True)]
        closed = [await enter(listening(close, icy=icy)) for icy in (False, True)]
        mpg123 = await enter(playing("mpg123", "-t", f"http://127.0.0.1:{keep}/"))
        await mpg123.says("44100")
        await all_have_more(*kept, *closed)

        await first.aclose()
        second = await enter(contextlib.AsyncExitStack())
        began = time.monotonic()
        await second.enter_async_context(ffmpeg.running_source(server.source_url("/live"), LATER))
        await running.said("a source connected", times=2)
        await server.set_title("/live", TITLES[1])
        title_seconds = time.monotonic() - began
        for recording in closed:
            await recording.has_ended()
        again = [await enter(listening(close, icy=icy)) for icy in (False, True)]
        late = await enter(listening(keep))
        await mpg123.says("48000")
        await all_have_more(*kept, *again, late)
        await all_have_more(*kept, *again, late)
        assert not any(recording.ended for recording in (*kept, *again, late))
        assert player.process.returncode is None

        for recording in kept:
            assert rates_of(frames_of(recording)) == [44_100, 48_000]
        for recording in closed:
            assert rates_of(frames_of(recording)) == [44_100]
        for recording in (*again, late):
            assert rates_of(frames_of(recording)) == [48_000]
            assert complaints_of_a_listener(bytes(recording.audio), "mp3") == ""
        assert_same_end(kept[0], closed)
        assert_it_can_be_played(bytes(kept[0].audio))
        assert_titles(kept[1], title_seconds)

        await second.aclose()
        await enter(ffmpeg.running_source(server.source_url("/live"), ffmpeg.AAC))
        for recording in (*kept, *again, late):
            await recording.has_ended()
            assert rates_of(frames_of(recording))[-1] == 48_000
        assert await asyncio.wait_for(player.process.wait(), 60) == 0
        assert seconds_in(heard) > seconds_of(frames_of(kept[0])) - SLACK_SECONDS
        for port in (keep, close):
            new = await enter(listening(port, icy=True))
            assert new.headers["content-type"] == "audio/aac"
            await new.has(SOME_AUDIO)
            assert complaints_of_a_listener(bytes(new.audio), "aac") == ""


def seconds_of(frames: list[Frame]) -> float:
    return sum(frame.duration / frame.format.clock_rate for frame in frames)


def seconds_in(wav: Path) -> float:
    """ffmpeg goes on in the format with which it began."""
    return (wav.stat().st_size - 44) / (2 * 2 * 44_100)


def assert_same_end(kept: Recording, closed: list[Recording]) -> None:
    """Who was closed has heard all of the old format that who stayed has heard, to its last byte."""
    old = b"".join(frame.data for frame in frames_of(kept) if frame.format.sample_rate == 44_100)
    for recording in closed:
        assert old.endswith(bytes(recording.audio[-SOME_AUDIO:]))


def assert_titles(recording: Recording, seconds: float) -> None:
    """The metadata blocks stand where players look for them, on both sides of the change; the second title was set at
    the most so long after it."""
    old = sum(len(frame.data) for frame in frames_of(recording) if frame.format.sample_rate == 44_100)
    assert dict.fromkeys(title for _, title in recording.titles) == dict.fromkeys(TITLES)
    first = next(place for place, title in recording.titles if title == TITLES[1])
    assert -SOME_AUDIO < first - old < SOME_AUDIO + seconds * LATER_BYTES_PER_SECOND


def assert_it_can_be_played(audio: bytes) -> None:
    """Over the change, by three decoders."""
    # Its null muxer counts in samples, whatever their rate.
    complaints = ffmpeg_says(audio, "mp3").splitlines()
    assert [line for line in complaints if "non monotonically increasing dts" not in line] == []
    complaints = mpg123_says(audio).splitlines()
    assert [line for line in complaints if "Frankenstein" not in line] == []
    samples = decoded(audio)
    assert set(samples) == {44_100, 48_000}
    assert min(samples.values()) > 2 * 44_100
