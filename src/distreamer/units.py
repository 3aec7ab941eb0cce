"""Conversions between the units of the field, and words for quantities that people read."""

from __future__ import annotations

from datetime import UTC, datetime

BITS_PER_BYTE = 8
BITS_PER_KILOBIT = 1000


def seconds_of_bytes(size: int, bitrate: int) -> float:
    """Seconds that ``size`` bytes last at ``bitrate`` bits per second (which must be above 0)."""
    return size * BITS_PER_BYTE / bitrate


def spoken_seconds(seconds: float) -> str:
    """A duration as people say it: ``0.4 s``, ``24 s``, ``3 min 5 s``, ``4 h 12 min``, ``3 d 4 h``."""
    if seconds < 0:
        return "-" + spoken_seconds(-seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def utc_text(at: float) -> str:
    """A Unix time as programs and people read it: ``2026-11-23T12:00:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken_bytes(size: int) -> str:
    """A size as people say it: ``512 bytes``, ``80 kB``, ``4.8 MB`` (decimal units)."""
    if size < 1000:
        return f"{size} bytes"
    if size < 1_000_000:
        return f"{size / 1000:.0f} kB"
    if size < 1_000_000_000:
        return f"{size / 1_000_000:.1f} MB"
    return f"{size / 1_000_000_000:.1f} GB"
