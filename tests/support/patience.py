"""Limits for what is to fail in time, on machines of any speed."""

from __future__ import annotations

from collections.abc import Iterator

LIMITS_SECONDS = (1.0, 4.0, 20.0)


def growing_limits() -> Iterator[float]:
    """Seconds, each time more: for a limit within which something has to have begun, and which is waited out. The first
    is long enough for all but a machine that is overloaded, or stands still just then."""
    yield from LIMITS_SECONDS
