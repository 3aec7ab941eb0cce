"""What a fault is, and how it is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.receiver import Receiver
from benchmarks.faults.stage import Stage, stage

MOST_ATTEMPTS = 2
"""To prepare it: on a machine that has much else to do an encoder may starve."""
WELL_SECONDS = 120.0
"""For what went wrong while all began to be over."""

Act = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything runs and is well."""

    provoke: Act
    mend: Act
    station: str = "station"
    """Whose alerts are looked at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is done to running programs, and the events that must be told of it."""

    name: str
    how: str
    mended: str
    kinds: tuple[str, ...]
    prepare: Callable[[Stage], Awaitable[Prepared]]
    begin_seconds: float = 60.0
    """Within which all must be told; a bound, not an expectation."""
    end_seconds: float = 120.0
    why_not: Callable[[], str] = field(default=lambda: "")
    """Why it cannot be provoked on this machine; empty when it can."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one kind of event."""

    kind: str
    fault: Fault
    told_seconds: float | None = None
    """From the fault to the alert; None when none came."""
    resolved_seconds: float | None = None
    """From its end to the alert that it is over."""
    reason: str = ""
    """Why it could not be tried."""

    @property
    def is_complete(self) -> bool:
        return self.told_seconds is not None and self.resolved_seconds is not None


async def measured(fault: Fault, folder: Path, receiver: Receiver) -> list[Outcome]:
    """Provokes it, waits until all is told, mends it, and waits until all is told to be over."""
    reason = fault.why_not()
    for attempt in range(0 if reason else MOST_ATTEMPTS):
        try:
            return await _tried(fault, folder / str(attempt), receiver)
        except (TimeoutError, OSError) as error:
            reason = f"it could not be prepared: {error!r}"
    return [Outcome(kind, fault, reason=reason) for kind in fault.kinds]


async def _tried(fault: Fault, folder: Path, receiver: Receiver) -> list[Outcome]:
    async with stage(folder, receiver, fault.name) as made:
        prepared = await fault.prepare(made)
        station = made.full_name(prepared.station)
        await receiver.well(station, fault.kinds, WELL_SECONDS)
        begun = time.monotonic()
        await prepared.provoke()
        told = await asyncio.gather(
            *(receiver.told(station, kind, "problem", begun, fault.begin_seconds) for kind in fault.kinds)
        )
        mended = time.monotonic()
        await prepared.mend()
        over = await asyncio.gather(
            *(receiver.told(station, kind, "resolved", mended, fault.end_seconds) for kind in fault.kinds)
        )
    return [
        Outcome(kind, fault, since(begun, began), since(mended, ended))
        for kind, began, ended in zip(fault.kinds, told, over, strict=True)
    ]


def since(begin: float, at: float | None) -> float | None:
    return None if at is None else at - begin
