"""How an input that can give audio at any moment (a file, silence) learns when it is wanted, and how much of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from distreamer.core.ports import Clock
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment

STEP_SECONDS = 0.5
"""How much a lone input is asked for at a time."""
MOST_AT_ONCE_SECONDS = 10.0
"""No more is wanted in one go: making it must not hold up everything else."""
MOST_BEHIND_SECONDS = 5.0
"""What a lone input could not give in time (its disk was away) is not made up for beyond this."""


@dataclass(frozen=True, slots=True)
class OnAir:
    """What the instance sent last, of any input."""

    info: StreamInfo
    fragment: Fragment


class Cue(Protocol):
    """What such an input is given. It offers itself when it could play, waits until it is wanted, and gives."""

    def offer(self) -> None:
        """The input could play now."""
        ...

    def withdraw(self) -> None:
        """The input has nothing to play, until it offers itself again."""
        ...

    async def wanted(self) -> float:
        """Waits until audio is wanted; how many seconds of it, at least, are to be given now. 0 when the input has gone
        off air: what it gives next time is to begin at a beginning."""
        ...

    def gave(self, seconds: float) -> None:
        """So much was given."""
        ...

    async def relieved(self) -> None:
        """Waits until an input that is preferred to this one is on air; for ever when there is none."""
        ...

    def on_air(self) -> OnAir | None:
        """What the instance sent last; None before anything was sent."""
        ...


class SteadyCue:
    """For an instance's only input: it is wanted all the time, in real time."""

    def __init__(self, clock: Clock, lead_seconds: float = 0.0) -> None:
        """``lead_seconds`` are wanted at once at the beginning: nobody need wait for a buffer to fill."""
        self._clock = clock
        self._given = -lead_seconds
        self._began: float | None = None

    def offer(self) -> None: ...

    def withdraw(self) -> None: ...

    async def wanted(self) -> float:
        await asyncio.sleep(max(STEP_SECONDS - self._due(), 0.0))
        return min(max(self._due(), STEP_SECONDS), MOST_AT_ONCE_SECONDS)

    def gave(self, seconds: float) -> None:
        self._given += seconds

    async def relieved(self) -> None:
        await asyncio.Event().wait()

    def on_air(self) -> OnAir | None:
        return None

    def _due(self) -> float:
        now = self._clock.now()
        if self._began is None:
            self._began = now
        behind = now - self._began - self._given
        if self._given > 0:
            self._began += max(behind - MOST_BEHIND_SECONDS, 0.0)
        return now - self._began - self._given


class StandbyCue:
    """For one of several inputs; the switch between them says when."""

    def __init__(self) -> None:
        self.is_offered = False
        self.offers = 0
        """How often the input has offered itself."""
        self.latest: OnAir | None = None
        """What ``on_air`` says; written by the switch."""
        self._seconds = 0.0
        self._has_ended = False
        self._changed = asyncio.Event()
        self._relieved = asyncio.Event()

    def offer(self) -> None:
        self.is_offered = True
        self.offers += 1

    def withdraw(self) -> None:
        self.is_offered = False

    async def wanted(self) -> float:
        await asyncio.sleep(0)  # Everything else has its turn, however much is wanted.
        while self._seconds <= 0 and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
        if self._has_ended:
            self._has_ended = False
            return 0.0
        return min(self._seconds, MOST_AT_ONCE_SECONDS)

    def gave(self, seconds: float) -> None:
        self._seconds -= seconds

    async def relieved(self) -> None:
        await self._relieved.wait()

    def on_air(self) -> OnAir | None:
        return self.latest

    # -- what the switch tells

    def begin(self) -> None:
        """The input goes on air."""
        self._relieved.clear()

    def end(self) -> None:
        """The input is not on air any more."""
        self._seconds = 0.0
        self._has_ended = True
        self._changed.set()

    def relieve(self) -> None:
        """An input that is preferred to this one is on air."""
        self._relieved.set()

    def want(self, seconds: float) -> None:
        """So much is to be given now by the input on air; 0 or less: nothing."""
        self._seconds = seconds
        if seconds > 0:
            self._changed.set()
