"""One HTTP response survives whatever happens to the link, to the source and to PC A, and holds exactly the frames that
the config promises. Two PC B differ in ONRETURN alone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener, heard
from tests.support.encoders import started
from tests.support.frame_log import SILENCE, Run, frame_log, frames_of
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import Recording, assert_same_run, listening
from tests.support.programs import ended_process, find_program
from tests.support.two_ends import PASSWORD, encoder_port, studio_config, transmitter_config

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

DELAY_SECONDS = 25
LONG_OUTAGE_SECONDS, SHORT_OUTAGE_SECONDS, BETWEEN_SECONDS = 60, 20, 60
FRAME_SECONDS = 1152 / 48_000
FIVE_SECONDS = 80_000
"""Bytes at 128 kbit/s."""
GRAIN_SECONDS = 7.0
"""Fragments of a second, which are given out within a second, by a machine that stands still at times: so exactly is
known from outside when things happen."""
RETURN_SECONDS = 30.0
"""A bound, not an expectation: for the link to be noticed as back, and for all that was missed to come."""
MOST_MUTED = 5
"""Frames behind a seam that may lean on what was before it."""
LIMIT_SECONDS = 180
FIRST, SECOND, THIRD = "first", "second", "third"


@dataclass
class Chain:
    """PC A with the encoder before it, and the link behind it."""

    stack: contextlib.AsyncExitStack
    folder: Path
    link_port: int
    relay: Relay
    copies: dict[str, Path] = field(default_factory=dict)
    """What each encoder has sent, by its name."""

    async def studio(self) -> RunningDiStreamer:
        """Starts PC A."""
        config = studio_config(self.folder, "studio", self.link_port)
        return await self.stack.enter_async_context(running_distreamer(config))

    async def encoder(self, studio: RunningDiStreamer, name: str, ahead: float = 0) -> asyncio.subprocess.Process:
        """Starts one that sends a programme of its own, the first ``ahead`` seconds at once, and keeps a copy; there
        first, so that it lacks nothing."""
        copy = self.copies[name] = self.folder / f"{name}.mp3"
        port = await encoder_port(studio, "studio")
        url = f"icecast\\://source\\:{PASSWORD}@127.0.0.1\\:{port}/live"
        command = ffmpeg.tee(ffmpeg.MP3, (str(copy), ()), (url, ("content_type=audio/mpeg",)), speed=1, ahead=ahead)
        return await self.stack.enter_async_context(started(*command))

    async def outage(self, seconds: float) -> Outage:
        """Cuts the link for so long."""
        loop = asyncio.get_running_loop()
        cut_at = loop.time()
        self.relay.cut()
        await asyncio.sleep(seconds)
        self.relay.restore()
        return Outage(cut_at, loop.time() - cut_at)


@dataclass(frozen=True)
class Outage:
    """Of the link."""

    cut_at: float
    """Loop time."""
    seconds: float


@dataclass(frozen=True)
class Reader:
    """ffmpeg, which stores its response as it is, and decodes it."""

    process: asyncio.subprocess.Process
    stored: Path
    words: Path


async def test_one_response_survives_it_all(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        link_port = free_port()
        relay = await enter(Relay("127.0.0.1", link_port))
        chain = Chain(stack, tmp_path, link_port, relay)
        studio = await chain.studio()
        first = await chain.encoder(studio, FIRST, ahead=DELAY_SECONDS + 5)
        ports = {policy: free_port() for policy in ("live", "continue")}
        transmitter = await enter(
            running_distreamer(
                *(
                    transmitter_config(tmp_path, policy, relay.port, port, delay=DELAY_SECONDS, onreturn=policy)
                    for policy, port in ports.items()
                )
            )
        )
        for port in ports.values():
            await served(port)
        recordings = {policy: await enter(listening(port)) for policy, port in ports.items()}
        readers = {policy: await enter(reading(port, tmp_path)) for policy, port in ports.items()}
        await all_have_more(recordings)

        long = await chain.outage(LONG_OUTAGE_SECONDS)
        for policy in ports:
            await transmitter.said(f"{policy} playout: listeners hear the programme again")
        await asyncio.sleep(BETWEEN_SECONDS)
        await chain.outage(SHORT_OUTAGE_SECONDS)
        await all_have_more(recordings)

        for policy, port in ports.items():
            # The same address, in another way: the input is another one, and nothing else.
            keys = {"delay": DELAY_SECONDS, "onreturn": policy}
            transmitter_config(tmp_path, policy, relay.port, port, link_host="localhost", **keys)
        transmitter.process.send_signal(signal.SIGHUP)
        for policy in ports:
            await transmitter.said(f"{policy}: the configuration was read again: [INPUT] was restarted (SERVERURL)")
        await all_have_more(recordings)

        first.kill()
        await studio.said("the source is gone")
        second = await chain.encoder(studio, SECOND)
        await all_have_more(recordings, 3 * FIVE_SECONDS)

        passed_on = len(frames_of(chain.copies[SECOND].read_bytes())) - round(GRAIN_SECONDS / FRAME_SECONDS)
        studio.process.kill()
        second.kill()
        await chain.encoder(await chain.studio(), THIRD)

        await all_heard_of(recordings, chain.copies[THIRD])
        await all_have_more(recordings)
        for reader in readers.values():
            assert reader.process.returncode is None
            reader.process.terminate()
            await reader.process.wait()
        await all_have_more(recordings)
        programmes = {name: copy.read_bytes() for name, copy in chain.copies.items()}
        for policy, recording in recordings.items():
            assert not recording.ended
            log = frame_log(bytes(recording.audio), programmes)
            assert_as_promised(policy, log, recording, long)
            assert_nothing_is_lost_with_the_sources(log, programmes, passed_on)
            assert complaints_of_a_listener(bytes(recording.audio), "mp3") == ""
            assert len(heard(bytes(recording.audio), "mp3")) == len(frames_of(bytes(recording.audio))) * 1152
            assert readers[policy].words.read_text() == ""
            assert_same_run(frames_of(readers[policy].stored.read_bytes()), frames_of(bytes(recording.audio)))


def assert_as_promised(policy: str, log: list[Run], recording: Recording, long: Outage) -> None:
    """The programme out of the buffer, silence for the rest of the long outage, and then what ONRETURN says; of the
    short outage, of the reload, and of the sources that died, nothing at all."""
    assert [run.source for run in log] == [FIRST, SILENCE, FIRST, SECOND, THIRD], log
    before, silence, after = log[:3]
    assert [run.muted for run in (before, silence, *log[3:])] == [0, 0, 0, 0]
    assert after.muted <= MOST_MUTED
    # What the player had when the link was cut is no part of the buffer.
    had = len(frames_of(bytes(recording.audio[: recording.size_at(long.cut_at)])))
    buffered = (before.frames - had) * FRAME_SECONDS
    assert buffered == pytest.approx(DELAY_SECONDS, abs=GRAIN_SECONDS)
    silent = silence.frames * FRAME_SECONDS
    assert -GRAIN_SECONDS < silent - (long.seconds - buffered) < RETURN_SECONDS
    missing = (after.first - before.last - 1) * FRAME_SECONDS
    if policy == "live":
        # The programme is as late as it was before.
        assert missing == pytest.approx(silent, abs=GRAIN_SECONDS)
    else:
        assert missing == 0


def assert_nothing_is_lost_with_the_sources(log: list[Run], programmes: Mapping[str, bytes], passed_on: int) -> None:
    """An encoder that dies costs no frame that it had sent; PC A costs what it had not yet passed on."""
    first, second, third = log[2:]
    assert first.last >= len(frames_of(programmes[FIRST])) - 2
    assert (second.first, third.first) == (0, 0)
    assert second.last >= passed_on


@contextlib.asynccontextmanager
async def reading(port: int, folder: Path) -> AsyncIterator[Reader]:
    """ffmpeg listens until the end of the block."""
    stored, words = folder / f"{port}.mp3", folder / f"{port}.words"
    as_it_is = ("-c", "copy", "-write_xing", "0", "-id3v2_version", "0", str(stored))
    with words.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(find_program("ffmpeg"), "-nostdin", "-hide_banner", "-v", "warning"),
            *("-i", f"http://127.0.0.1:{port}/live", "-map", "0:a", *as_it_is, "-map", "0:a", "-f", "null", "-"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )
    async with ended_process(process):
        yield Reader(process, stored, words)


async def all_have_more(recordings: Mapping[str, Recording], size: int = FIVE_SECONDS) -> None:
    """Waits until each has got so many bytes more."""
    await asyncio.gather(*(recording.has_more(size) for recording in recordings.values()))


async def all_heard_of(recordings: Mapping[str, Recording], sent: Path) -> None:
    """Waits until each has got the beginning of what is ``sent``."""
    begins = [max(len(recording.audio) - FIVE_SECONDS, 0) for recording in recordings.values()]
    for begin, recording in zip(begins, recordings.values(), strict=True):
        async with asyncio.timeout(LIMIT_SECONDS), recording.grown:
            while not has_begun(sent, bytes(recording.audio[begin:])):
                await recording.grown.wait()


def has_begun(sent: Path, audio: bytes) -> bool:
    begin = sent.read_bytes()[:1000] if sent.exists() else b""
    return len(begin) == 1000 and begin in audio
