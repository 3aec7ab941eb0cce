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
        seconds = self._due()
        if seconds < STEP_SECONDS:
            await asyncio.sleep(STEP_SECONDS - seconds)
            seconds = max(self._due(), STEP_SECONDS)
        return seconds

    def gave(self, seconds: float) -> None:
        self._given += seconds

    async def relieved(self) -> None:
        await asyncio.Event().wait()

    def on_air(self) -> OnAir | None:
        return None

    def _due(self) -> float:
        if self._began is None:
            self._began = self._clock.now()
        return self._clock.now() - self._began - self._given


class StandbyCue:
    """For one of several inputs; the switch between them says when."""

    def __init__(self) -> None:
        self.is_on_demand = False
        """Whether the input ever offered itself: it needs no audio in reserve to be ready."""
        self.is_offered = False
        self.latest: OnAir | None = None
        """What ``on_air`` says; written by the switch."""
        self._seconds = 0.0
        self._has_ended = False
        self._changed = asyncio.Event()
        self._relieved = asyncio.Event()

    def offer(self) -> None:
        self.is_on_demand = self.is_offered = True

    def withdraw(self) -> None:
        self.is_offered = False

    async def wanted(self) -> float:
        while self._seconds <= 0 and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
        if self._has_ended:
            self._has_ended = False
            return 0.0
        return self._seconds

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
