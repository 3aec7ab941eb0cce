"""Instances with a spool in virtual time: a disk that can hang or refuse, a source with a burst, and kills."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from structlog.testing import CapturingLogger

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import FragmentingInputSettings, InputSettings
from distreamer.core.clock import LoopClock
from distreamer.core.ingest import SourceDescription
from distreamer.core.module import InputContext
from distreamer.core.store import Store
from distreamer.model.audio import Title
from distreamer.model.fragment import Fragment
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.runtime.instance import Instance
from distreamer.runtime.modules import INPUTS, OUTPUTS, InputMode, OutputMode
from tests.support.changing_instance import ChangingInstance as _Changing
from tests.support.changing_instance import Player, Probe, ProbeSettings, Stage, configured, players_server
from tests.support.input_context import WALL, capturing_log
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame

Result = TypeVar("Result")
FRAMES_PER_SECOND = 44100 / 1152
CARRYING_SECONDS, CARRIED_AT_ONCE = 0.1, 2
"""The link brings 20 times the programme, and comes up after a moment."""
BURST_FRAMES = 300
"""7.8 s."""


@dataclass
class Disk:
    """Does all that is asked of it at once, in the loop; or nothing at all; or refuses."""

    hangs: bool = False
    fault: int = 0
    """The errno of what every write raises; 0 for none."""
    _held: list[Callable[[], None]] = field(default_factory=list)

    def worker(self, name: str) -> Worker:
        return Worker(self)

    def wake(self) -> None:
        """What it was asked while it hung is done now."""
        self.hangs = False
        held, self._held = self._held, []
        for one in held:
            one()

    def do(self, job: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        if self.hangs:
            self._held.append(lambda: self.do(job, future))
            return
        try:
            result, error = job(), None
        except Exception as raised:  # noqa: BLE001 - as the thread does it
            result, error = None, raised
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """All spools are on it, and the files in the system's page cache go on working."""
        write = os.write

        def refusing(file: int, data: Any) -> int:
            if self.fault:
                raise OSError(self.fault, os.strerror(self.fault))
            return write(file, data)

        with patch("distreamer.runtime.spooling.DiskThread", self.worker), patch("os.write", refusing):
            yield


@dataclass
class Worker:
    """A thread's stand-in."""

    disk: Disk

    def submit(self, job: Callable[[], Result]) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self.disk.do, job, future)
        return future

    def stop(self) -> None:
        pass


NO_SPACE = errno.ENOSPC
_names = count()


def on_air() -> int:
    """The number of the frame that is on air now."""
    return int((asyncio.get_running_loop().time() + 100) * FRAMES_PER_SECOND)


class BurstySettings(FragmentingInputSettings):
    """An Icecast: it gives BURST_FRAMES at once, then real time."""

    mode: str = "Bursty"


class Bursty:
    def __init__(self, settings: BurstySettings, context: InputContext) -> None:
        self._context = context

    async def run(self) -> None:
        ingest, clock = self._context.ingest, self._context.clock
        self._context.health.running("receives")
        ingest.connected(SourceDescription("audio/mpeg", 128_000, repeats_seconds=math.inf), clock.wall())
        ingest.title(Title("Song"))
        sent = on_air() - BURST_FRAMES
        try:
            while True:
                audio = b"".join(map(mp3_frame, range(sent, on_air())))
                sent = on_air()
                ingest.audio(audio, clock.wall())
                await asyncio.sleep(0.1)
        finally:
            ingest.disconnected(clock.wall())

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None


class CarriedSettings(InputSettings):
    """What a link brings of another store, by number."""

    mode: str = "Carried"


def studio(folder: Path | None, **general: object) -> InstanceConfig:
    """The configuration of an A, whose source is Bursty."""
    return configured(("input", BurstySettings()), ("output", ProbeSettings()), spool=folder, **general)


def transmitter(folder: Path | None, **general: object) -> InstanceConfig:
    """The configuration of a B, to which a Link carries the programme."""
    return configured(("input", CarriedSettings()), ("output", players_server()), spool=folder, **general)


@dataclass
class Link:
    """Between two stores."""

    store: Store | None = None
    """None while nothing comes through."""
    carried: list[tuple[int, int]] = field(default_factory=list)


class Carried:
    def __init__(self, link: Link, settings: CarriedSettings, context: InputContext) -> None:
        self._link, self._context = link, context

    async def run(self) -> None:
        store = self._context.store
        self._context.health.running("receives")
        while True:
            await asyncio.sleep(CARRYING_SECONDS)
            for fragment in self._missing()[:CARRIED_AT_ONCE]:
                store.add(fragment)
                self._link.carried.append((fragment.epoch, fragment.number))

    def _missing(self) -> list[Fragment]:
        """Oldest first."""
        found: list[Fragment] = []
        for epoch in self._link.store.epochs if self._link.store else ():
            self._context.store.open_epoch(epoch.id, epoch.info)
            held = self._context.store.epoch(epoch.id)
            assert held is not None
            found += [epoch.fragments[number] for number in epoch.numbers if number not in held.fragments]
        return found

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None


@dataclass
class Spooled:
    """An instance that can be killed."""

    instance: Instance
    stage: Stage
    task: asyncio.Task[None]
    folder: Path | None

    @property
    def lines(self) -> list[str]:
        return self.stage.lines()

    @property
    def frames(self) -> list[int]:
        """The numbers of the frames in its store."""
        return frames_in(b"".join(fragment.audio for fragment in self.instance.store))

    def player(self) -> Player:
        return _Changing(self.instance, self.stage).player()

    async def become(self, config: InstanceConfig) -> list[str]:
        """What happened, in words."""
        return await self.instance.commit(self.instance.prepare(config))

    def left_behind(self) -> Path:
        """The folder as a kill at this moment leaves it."""
        assert self.folder is not None
        copy = self.folder.with_name(f"{self.folder.name}-{next(_names)}")
        shutil.copytree(self.folder, copy)
        return copy


def frames_in(audio: bytes) -> list[int]:
    """The numbers of the frames."""
    return [int.from_bytes(audio[at + 4 : at + 12], "big") for at in range(0, len(audio), MP3_FRAME_BYTES)]


def assert_unbroken(frames: list[int]) -> None:
    assert frames
    assert frames == list(range(frames[0], frames[0] + len(frames)))


@asynccontextmanager
async def running(config: InstanceConfig, disk: Disk, link: Link | None = None) -> AsyncIterator[Spooled]:
    """Runs it until the block ends."""
    stage = Stage(said=CapturingLogger())
    inputs = {
        "Bursty": InputMode(BurstySettings, Bursty),
        "Carried": InputMode(CarriedSettings, partial(Carried, link or Link())),
    }
    with (
        patch.dict(INPUTS, inputs),
        patch.dict(OUTPUTS, {"Probe": OutputMode(ProbeSettings, partial(Probe, stage))}),
        disk.in_use(),
    ):
        clock = LoopClock(WALL + asyncio.get_running_loop().time())
        instance = Instance(config, capturing_log(stage.said), clock)
        task = asyncio.create_task(instance.run())
        await asyncio.sleep(0.01)
        try:
            yield Spooled(instance, stage, task, config.general.spool)
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.wait({task}, timeout=60)
            assert task.done()
