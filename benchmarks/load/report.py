"""What a crowd of listeners went through, as one process saw it and as all together did. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """Of one window, over all listeners of a process."""

    seconds: float = 0.0
    """How long the window was."""
    playing: int = 0
    """Listeners that got audio and are still connected, at the end."""
    waiting: int = 0
    """Those that have not got a byte of audio yet."""
    disconnected: int = 0
    """Those that the server ended, since the start."""
    failures: Counter[str] = field(default_factory=Counter)
    """Why others never got audio, since the start: a status other than 200, or a fault of the connection."""
    first_bytes: list[float] = field(default_factory=list)
    """Seconds from the begin of connecting to the first byte of audio, of those that got it since the last report."""
    watched: int = 0
    """Listeners that played at the begin of the window."""
    received_bytes: int = 0
    """What these got during the window."""
    stalled_listeners: int = 0
    """Those of the watched that once got nothing for so long that a player stalls, or were disconnected."""
    sample: int = 0
    """Watched listeners whose every byte is looked at when it comes."""
    stalls: int = 0
    stalled_seconds: float = 0.0
    lateness: list[float] = field(default_factory=list)
    """Seconds, of each arrival at one of the sample."""
    frames: int = 0
    """What the sample got since it joined."""
    missing: int = 0
    repeated: int = 0
    damaged_bytes: int = 0
    titles: int = 0
    tls: str = ""
    """Version and cipher."""


def merged(reports: Iterable[Report]) -> Report:
    """Of all processes together; they were measured at the same time."""
    whole = Report()
    for one in reports:
        whole.seconds = max(whole.seconds, one.seconds)
        whole.tls = whole.tls or one.tls
        whole.failures.update(one.failures)
        whole.first_bytes += one.first_bytes
        whole.lateness += one.lateness
        whole.stalled_seconds += one.stalled_seconds
        for name in _COUNTS:
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return whole


def summary(report: Report, bytes_per_second: float) -> dict[str, object]:
    """The figures of a report, for JSON; seconds, bytes and counts. ``bytes_per_second`` is the stream's rate."""
    wanted = report.watched * report.seconds * bytes_per_second
    return {
        "window_seconds": round(report.seconds, 3),
        **{name: getattr(report, name) for name in _COUNTS},
        "failures": dict(report.failures),
        "stalled_seconds": round(report.stalled_seconds, 3),
        "delivered_share": round(report.received_bytes / wanted, 4) if wanted else None,
        **_percentiles("first_byte", report.first_bytes),
        **_percentiles("lateness", report.lateness),
        "tls": report.tls,
    }


_COUNTS = (
    *("playing", "waiting", "disconnected", "watched", "received_bytes", "stalled_listeners", "sample", "stalls"),
    *("frames", "missing", "repeated", "damaged_bytes", "titles"),
)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest of ``values`` that at least ``share`` of them do not exceed; None when there are none."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def _percentiles(name: str, values: Sequence[float]) -> dict[str, float | None]:
    found = {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99), "max": percentile(values, 1.0)}
    return {f"{name}_{key}": None if value is None else round(value, 4) for key, value in found.items()}
