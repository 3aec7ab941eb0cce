"""Drives the playout by the event loop and hands what is played to the outputs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from distreamer.core.comeback import Oldest
from distreamer.core.filler import FillerRules
from distreamer.core.played import RECENT_BYTES, RECENT_SECONDS, Place, Played
from distreamer.core.playout import Playout
from distreamer.core.ports import Clock, Unsubscribe
from distreamer.core.store import Store
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.status import PlayoutState, PlayoutStatus


class PlayoutHead:
    """The one place that decides what all listeners of an instance hear, and when."""

    def __init__(
        self, store: Store, clock: Clock, delay: Callable[[StreamInfo], float], filler: FillerRules | None = None
    ) -> None:
        """``delay`` gives the seconds to keep between the newest fragment and the head, for a stream; ``filler`` goes
        on when nothing is held (None: silence on the wire)."""
        self._playout = Playout(store, delay, filler=filler)
        self._store = store
        self._clock = clock
        self._changed = asyncio.Event()
        self._subscribers: dict[int, Callable[[Played], None]] = {}
        self._next_subscriber = 0
        self._recent: deque[Played] = deque()
        self._recent_seconds = 0.0
        self._recent_bytes = 0

    async def run(self) -> None:
        """Plays until it is cancelled. The instance runs it once."""
        unsubscribe = self._store.subscribe(self._changed.set)
        try:
            while True:
                self._changed.clear()
                for played in self._playout.advance(self._clock.now()):
                    self._distribute(played)
                await self._wait(self._playout.next_time())
        finally:
            unsubscribe()

    def subscribe(self, callback: Callable[[Played], None]) -> Unsubscribe:
        """Calls ``callback`` with each fragment at the moment it is due, until the returned function is called.
        A callback must be quick and must not raise."""
        key = self._next_subscriber
        self._next_subscriber += 1
        self._subscribers[key] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(key, None)

        return unsubscribe

    def recent(self) -> Sequence[Played]:
        """What was played last, oldest first: at the most RECENT_SECONDS and RECENT_BYTES."""
        return tuple(self._recent)

    @property
    def place(self) -> Place | None:
        """Where it is, its time being Unix time; None when it has played nothing yet."""
        place = self._playout.place
        return None if place is None else replace(place, next_due=place.next_due + self._wall_offset())

    def resume(self, place: Place) -> None:
        """See ``Playout.resume``; to be called before it runs."""
        now = self._clock.now()
        for played in self._playout.resume(replace(place, next_due=place.next_due - self._wall_offset()), now):
            self._distribute(played)

    def _wall_offset(self) -> float:
        return self._clock.wall() - self._clock.now()

    @property
    def state(self) -> PlayoutState:
        """What it is doing; costs nothing, unlike the whole status."""
        return self._playout.state

    @property
    def is_heard(self) -> bool:
        """Whether something is played, be it filler."""
        return self._playout.state is PlayoutState.PLAYING or self._playout.is_filling

    def level(self, now: float) -> float:
        """See ``Playout.level``."""
        return self._playout.level(now)

    def shortage(self, now: float, cushion: float | None = None) -> float:
        """See ``Playout.shortage``."""
        return self._playout.shortage(now, cushion)

    def oldest_wanted(self) -> Oldest | None:
        """See ``Playout.oldest_wanted``."""
        return self._playout.oldest_wanted(self._clock.now())

    def hasten(self, cushion: float | None) -> None:
        """See ``Playout.hasten``."""
        self._playout.hasten(cushion)

    def title(self) -> tuple[Title | None, float | None]:
        """What is heard now, and since when (Unix time); costs nothing, unlike the whole status."""
        return self._playout.title(self._clock.now(), self._clock.wall())

    def fill_by(self, filler: FillerRules | None) -> None:
        """See ``Playout.fill_by``. What it waits for may be another moment now."""
        self._playout.fill_by(filler)
        self._changed.set()

    def status(self) -> PlayoutStatus:
        """The head as it stands now."""
        return self._playout.status(self._clock.now(), self._clock.wall())

    async def _wait(self, due: float | None) -> None:
        """Until ``due`` on the clock, or until the store changed."""
        if due is None:
            await self._changed.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - self._clock.now())):
                await self._changed.wait()

    def _distribute(self, played: Played) -> None:
        self._recent.append(played)
        self._recent_seconds += played.seconds
        self._recent_bytes += len(played.fragment.audio)
        while len(self._recent) > 1 and (self._recent_seconds > RECENT_SECONDS or self._recent_bytes > RECENT_BYTES):
            oldest = self._recent.popleft()
            self._recent_seconds -= oldest.seconds
            self._recent_bytes -= len(oldest.fragment.audio)
        for callback in tuple(self._subscribers.values()):
            callback(played)
