"""Several inputs, the switch between them and a playout, in virtual time; the inputs do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from types import TracebackType
from typing import Any, Self

from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.core.cue import StandbyCue
from distreamer.core.input_switch import InputSwitch
from distreamer.core.input_switcher import InputSwitcher
from distreamer.core.live_standby import PAUSE_SECONDS, LiveStandby
from distreamer.core.made_standby import MadeStandby
from distreamer.core.played import Played
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.standby import Standby
from distreamer.core.store import Store
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment
from tests.support.input_context import capturing_log
from tests.support.made_audio import INFO, MP3_FRAME_BYTES, mp3_stream

FRAGMENT_FRAMES = 38
"""Of a second, as relays bring it."""
STATION_BEGINS = 10_000


@dataclass
class Source:
    """An input: brings a fragment of a second each second while ``works``; its titles tell which one it was."""

    name: str
    priority: int = 1
    info: StreamInfo = INFO
    on_demand: bool = False
    return_seconds: float = 10.0
    works: bool = True
    period: float = 1.0
    """Seconds from one fragment to the next: above 1, the link is too thin."""
    at_once: int = 0
    """Fragments with which it begins, as a server's burst or a sender's history."""
    ends_after: int | None = None
    """How many fragments there are, for an input that is made on demand."""
    starts_after: float = 0.0
    hangs: bool = False
    """Takes what is wanted of it, and gives nothing."""
    fails: bool = False
    """Offers itself, ends when it is wanted, and comes again after 5 s, as the supervisor does it."""
    has_titles: bool = True
    store: Store = field(default_factory=Store)
    cue: StandbyCue = field(default_factory=StandbyCue)
    numbers: count[int] = field(default_factory=lambda: count(1))
    epoch: int = 0

    def bring(self, number: int | None = None) -> None:
        """The next fragment, or that one."""
        number = next(self.numbers) if number is None else number
        ticks = self.info.format.clock_rate
        title = Title(f"{self.name} {number}") if self.has_titles else None
        audio = f"{self.name} {number}".encode()
        self.store.add(Fragment(self.epoch, number, (number - 1) * ticks, ticks, audio, 0.0, title))

    async def run(self) -> None:
        self.epoch = self.epoch or sum(self.name.encode())
        self.store.open_epoch(self.epoch, self.info)
        await asyncio.sleep(self.starts_after)
        while self.on_demand and self.fails:
            self.cue.offer()
            await self.cue.wanted()
            self.cue.withdraw()
            await asyncio.sleep(5)
        if self.on_demand:
            await self._play()
        for _ in range(self.at_once):
            self.bring()
        while True:
            await asyncio.sleep(self.period)
            if self.works:
                self.bring()
            else:
                self.miss()

    def miss(self) -> None:
        """A moment at which it would have brought something."""

    async def _play(self) -> None:
        left = self.ends_after
        self.cue.offer()
        while True:
            wanted = await self.cue.wanted()
            if self.hangs:
                await asyncio.Event().wait()
            if wanted == 0:
                left = self.ends_after
            while wanted > 0 and left != 0:
                self.bring()
                self.cue.gave(1.0)
                wanted -= 1
                left = None if left is None else left - 1
            if left == 0:
                self.cue.withdraw()
                await self.cue.relieved()
                self.cue.offer()


@dataclass
class Relay(Source):
    """An input that relays a station of which others are relays too: the same frames, cut elsewhere."""

    ahead: int = 0
    """Frames by which it is ahead of a relay with 0."""
    place: int = 0
    """The next frame of the station that it would bring, at 0."""
    is_interrupted: bool = False
    """Whether it missed some before the next one."""

    def bring(self, number: int | None = None) -> None:
        """The next fragment; a relay knows no other."""
        assert number is None, "a relay brings what the station sends now"
        number, ticks = next(self.numbers), self.info.format.clock_rate
        audio = mp3_stream(STATION_BEGINS + self.place + self.ahead, FRAGMENT_FRAMES)
        title = Title(self.name) if self.has_titles else None
        cut, self.is_interrupted = self.is_interrupted, False
        self.place += FRAGMENT_FRAMES
        self.store.add(Fragment(self.epoch, number, (number - 1) * ticks, ticks, audio, 0.0, title, discontinuity=cut))

    def miss(self) -> None:
        """What the station sends meanwhile."""
        self.place += FRAGMENT_FRAMES
        self.is_interrupted = True


@dataclass
class SwitchedInputs:
    """A context manager that runs everything; ``playing`` adds a playout ``delay`` seconds behind."""

    sources: list[Source]
    playing: bool = False
    delay: float = 25.0
    after: float | None = None
    said: CapturingLogger = field(default_factory=CapturingLogger)

    async def __aenter__(self) -> Self:
        self.clock = LoopClock(wall=1_000_000.0)
        self.store = Store()
        self.head = PlayoutHead(self.store, self.clock, lambda info: self.delay)
        self.heard: list[tuple[float, str]] = []
        self.head.subscribe(self._hear)
        self.carried: list[str] = []
        """All that ever went on air."""
        self.carried_seconds = 0.0
        self.store.subscribe(self._note)
        standbys = [self._standby(source) for source in sorted(self.sources, key=lambda source: source.priority)]
        epochs = count(1)
        self.switch = InputSwitch(
            standbys,
            self.store,
            lambda: next(epochs),
            self.clock.now(),
            self.after,
            self.head if self.playing else None,
        )
        self.switcher = InputSwitcher(self.switch, standbys, self.clock, capturing_log(self.said))
        jobs = [self.switcher.run(), *(source.run() for source in self.sources)]
        if self.playing:
            jobs.append(self.head.run())
        self._tasks = [self._start(job) for job in jobs]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        faults = [one for one in ended if isinstance(one, Exception)]
        if faults:
            raise faults[0]

    @property
    def on_air(self) -> str:
        return self.switch.on_air.name

    def sent(self) -> list[str]:
        """The fragments in the instance's store, each as ``name number``."""
        return [fragment.audio.decode("latin-1") for fragment in self.store]

    def frames(self) -> list[int]:
        """The frames of the station in the instance's store, where all inputs are relays of it."""
        audio = b"".join(fragment.audio for fragment in self.store)
        return [
            int.from_bytes(audio[at + 4 : at + 12], "big") - STATION_BEGINS
            for at in range(0, len(audio), MP3_FRAME_BYTES)
        ]

    def balance(self) -> float:
        """Seconds of programme less the seconds that went by."""
        return self.store.seconds - self.clock.now()

    def balance_of_all(self) -> float:
        """The same, of all that ever went on air."""
        return self.carried_seconds - self.clock.now()

    def cuts(self) -> list[str]:
        """What stands behind each discontinuity."""
        return [fragment.audio.decode("latin-1") for fragment in self.store if fragment.discontinuity]

    def _note(self) -> None:
        newest = self.store.newest()
        if newest is not None and (not self.carried or self.store.added > len(self.carried)):
            self.carried.append(newest.audio.decode("latin-1"))
            self.carried_seconds += newest.duration / 44100

    def _standby(self, source: Source) -> Standby:
        now = self.clock.now()
        if source.on_demand:
            return MadeStandby(source.name, source.store, source.cue, now)
        pause = self.after or PAUSE_SECONDS
        return LiveStandby(source.name, source.store, source.cue, now, source.return_seconds, pause)

    def _hear(self, played: Played) -> None:
        self.heard.append((self.clock.now(), played.fragment.audio.decode("latin-1")))

    @staticmethod
    def _start(job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(job)


def other_rate(info: StreamInfo = INFO) -> StreamInfo:
    """A stream that cannot be joined to ``info``."""
    return replace(info, format=replace(info.format, clock_rate=48_000, sample_rate=48_000))


def runs(sent: list[str]) -> list[str]:
    """The names in ``sent``, one for each row of fragments of the same input."""
    names = [one.rpartition(" ")[0] for one in sent]
    return [name for before, name in pairwise(["", *names]) if name != before]


def numbers(sent: list[str], name: str) -> list[int]:
    return [int(one.rpartition(" ")[2]) for one in sent if one.startswith(name + " ")]


def assert_ascending(found: list[int]) -> None:
    assert found == list(range(found[0], found[0] + len(found)))
