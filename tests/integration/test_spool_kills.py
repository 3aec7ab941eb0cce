"""ffmpeg → Icecast → PC A → PC B → players, and ``kill -9`` of A, of B, and of both: with SPOOL no packet is missing,
and a player hears again no more than what the burst repeats when it connects anew."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import Recording, assert_same_run, listening, media_seconds, packets

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "opus": ffmpeg.OPUS}
CONTAINERS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg"}
BURST_BYTES = 480_000
"""30 s and more: A may be away for as long."""
DELAY_SECONDS = 20
"""B may be away for as long."""
BURST_SECONDS = 10
"""What players get at once; behind a restart they get more if they need it."""
AWAY_SECONDS = 1.0
"""Beside the time of the start itself."""
SOME_SECONDS = 4.0
GRAIN_SECONDS = 6.0
"""Fragments of a second, which are given out within a second by a machine that stands still at times, and pages of Ogg:
so exactly is known from outside how late somebody hears."""
UNHEARD = "nothing is lost or comes twice"


@dataclass
class End:
    """One of the two processes."""

    configs: list[Path]
    running: RunningDiStreamer | None = None
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def start(self) -> RunningDiStreamer:
        self.running = await self.stack.enter_async_context(running_distreamer(*self.configs))
        return self.running

    async def kill(self) -> None:
        assert self.running is not None
        self.running.process.kill()
        await self.running.process.wait()


@dataclass
class Heard:
    """What a player of B got, each time that it connected, beside what one of Icecast got."""

    form: str
    port: int
    sent: Recording
    recordings: list[Recording] = field(default_factory=list)

    def assert_nothing_is_missing(self) -> None:
        container = CONTAINERS[self.form]
        sent = packets(bytes(self.sent.audio), container)
        bytes_a_packet, seconds = len(self.sent.audio) / len(sent), media_seconds(bytes(self.sent.audio), container)
        begins, ends, late = [], [], []
        for recording in self.recordings:
            audio = bytes(recording.audio)
            found = packets(audio, container)
            assert_same_run(found, sent)
            assert complaints_of_a_listener(audio, container) == "", self.form
            begins.append(sent.index(found[0]))
            ends.append(begins[-1] + len(found))
            # A machine that holds somebody up makes single arrivals look late, or early.
            late.append(
                median(
                    self.sent.size_at(at) / bytes_a_packet - begins[-1] - len(found) * size / len(audio)
                    for at, size in recording.arrivals
                )
                * seconds
                / len(sent)
            )
        for end, begin in zip(ends, begins[1:], strict=False):
            assert begin <= end, f"{self.form}: {begin - end} packets are missing"
        assert max(late) - min(late) < GRAIN_SECONDS, f"{self.form}: {late}"

    async def has_more(self, seconds: float) -> None:
        # Not every encoder keeps to the bitrate that it was given.
        (begin, before), (end, size) = self.sent.arrivals[0], self.sent.arrivals[-1]
        await self.recordings[-1].has_more(round(seconds * (size - before) / (end - begin)))


@contextlib.asynccontextmanager
async def connected(heard: list[Heard]) -> AsyncIterator[None]:
    """All players listen until the end of the block."""
    async with contextlib.AsyncExitStack() as stack:
        for one in heard:
            await served(one.port)
            one.recordings.append(await stack.enter_async_context(listening(one.port)))
        yield


async def hear_more(heard: list[Heard], seconds: float = SOME_SECONDS) -> None:
    await asyncio.gather(*(one.has_more(seconds) for one in heard))


def configs(folder: Path, icecast: Icecast, form: str, link: int, port: int) -> tuple[Path, Path]:
    """The files of A and B for one programme."""
    studio, transmitter = folder / f"a-{form}.conf", folder / f"b-{form}.conf"
    studio.write_text(
        f"[GENERAL]\nSPOOL = {folder / 'a' / form}\n"
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url(f'/{form}')}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {link}\n"
    )
    transmitter.write_text(
        f"[GENERAL]\nSPOOL = {folder / 'b' / form}\nDELAY = {DELAY_SECONDS}\n"
        f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{link}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nBURSTSECONDS = {BURST_SECONDS}\n"
    )
    return studio, transmitter


async def test_nothing_is_missing_whoever_is_killed(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        icecast = await stack.enter_async_context(running_icecast(tmp_path, BURST_BYTES))
        heard, a, b = [], End([]), End([])
        for form, encoding in ENCODINGS.items():
            await stack.enter_async_context(ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding))
            await icecast.wait_for_mount(f"/{form}")
            sent = await stack.enter_async_context(listening(icecast.port, f"/{form}"))
            heard.append(Heard(form, free_port(), sent))
            studio, transmitter = configs(tmp_path, icecast, form, free_port(), heard[-1].port)
            a.configs.append(studio)
            b.configs.append(transmitter)
        for end in (b, a):
            await stack.enter_async_context(end.stack)
            await end.start()

        async with connected(heard):
            await hear_more(heard, BURST_SECONDS + SOME_SECONDS)
            await a.kill()
            await asyncio.sleep(AWAY_SECONDS)
            await (await a.start()).said(UNHEARD, times=len(ENCODINGS))
            await hear_more(heard)
            await b.kill()
        await asyncio.sleep(AWAY_SECONDS)
        await b.start()
        async with connected(heard):
            await hear_more(heard, BURST_SECONDS + SOME_SECONDS)
            await asyncio.gather(a.kill(), b.kill())
        await asyncio.sleep(AWAY_SECONDS)
        restarted, _ = await asyncio.gather(a.start(), b.start())
        async with connected(heard):
            await hear_more(heard)
            await restarted.said(UNHEARD, times=len(ENCODINGS))
            # The burst is there, and what is on air now is to be heard.
            await hear_more(heard, DELAY_SECONDS + GRAIN_SECONDS)
        for one in heard:
            one.assert_nothing_is_missing()
