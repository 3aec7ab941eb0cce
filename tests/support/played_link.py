"""PC B with listeners behind a QUIC link that a test spoils, and PC A with a programme of one fragment a second; in
virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from distreamer.core.clock import LoopClock
from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.played import Played
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from tests.support.made_audio import INFO, fragment
from tests.support.quic_network import Link
from tests.support.two_carriers import Caller, TwoCarriers

DELAY_SECONDS = 25.0
KILOBITS = {128: 38, 320: 96}
"""Frames of 417 bytes in a second."""
FIRST = 40
"""Fragments that exist before B dials."""


@dataclass
class PlayedLink:
    """Both ends, and what B's listeners heard."""

    network: TwoCarriers
    caller: Caller
    playout: PlayoutHead
    frames: int
    heard: list[tuple[float, int | None, float]] = field(default_factory=list)
    """When, which fragment (None: filler), and for how long."""
    arrived: dict[int, float] = field(default_factory=dict)
    """When each fragment was here."""
    newest: int = 0
    is_silent: bool = False
    """Whether the source brings nothing."""
    silent_seconds: float = 0.0
    numbers_of: dict[bytes, int] = field(default_factory=dict)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def numbers(self) -> list[int]:
        """Of the programme's fragments, as they were heard."""
        return [number for _, number, _ in self.heard if number is not None]

    def filled_seconds(self, since: float = 0.0) -> float:
        return sum(seconds for at, number, seconds in self.heard if number is None and at >= since)

    def level(self) -> float:
        return self.playout.level(self.now)

    @property
    def behind_live(self) -> float:
        """Seconds from the newest fragment that exists to the one that is heard, at its beginning."""
        return self.newest - self.numbers[-1] + 1

    def make(self) -> None:
        self.newest += 1
        made = fragment(self.newest, 5, frames=self.frames)
        made = replace(made, captured_at=made.captured_at + self.silent_seconds)
        self.numbers_of[made.audio] = self.newest
        self.network.source.add(made)

    async def dark(self, seconds: float) -> None:
        self.network.link.is_dark = True
        await asyncio.sleep(seconds)
        self.network.link.is_dark = False

    def note_played(self, played: Played) -> None:
        self.heard.append((played.starts_at, self.numbers_of.get(played.fragment.audio), played.seconds))

    def note_arrived(self) -> None:
        newest = self.caller.store.newest_epoch
        for number in newest.numbers if newest else ():
            self.arrived.setdefault(number, self.now)


@asynccontextmanager
async def played_link(
    link: Link, on_return: OnReturn, kilobits: int = 128, *, most_delay: float = 120.0
) -> AsyncIterator[PlayedLink]:
    """Listeners hear the programme when this begins."""
    source = Store()
    source.open_epoch(5, INFO)
    async with TwoCarriers(source, link=link) as network:
        caller = Caller(network, without_tcp=True)
        rules = FillerRules(Filler(), on_return, most_delay)
        playout = PlayoutHead(caller.store, LoopClock(), lambda info: DELAY_SECONDS, rules)
        caller.input.playout, caller.input.delay_seconds = playout, DELAY_SECONDS
        ends = PlayedLink(network, caller, playout, KILOBITS[kilobits])
        for _ in range(FIRST):
            ends.make()
        playout.subscribe(ends.note_played)
        caller.store.subscribe(ends.note_arrived)
        tasks = [asyncio.create_task(job) for job in (_programme(ends), playout.run(), caller.run())]
        try:
            await asyncio.sleep(DELAY_SECONDS)
            yield ends
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _programme(ends: PlayedLink) -> None:
    while True:
        await asyncio.sleep(1.0)
        if ends.is_silent:
            ends.silent_seconds += 1.0
        else:
            ends.make()
