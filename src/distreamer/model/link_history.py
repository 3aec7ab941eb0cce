"""The last 24 hours of a link, in slots of five minutes."""

from __future__ import annotations

from dataclasses import dataclass

SLOT_SECONDS = 300.0
MOST_SLOTS = 288
"""24 hours."""


@dataclass(frozen=True, slots=True)
class LinkSlot:
    """Five minutes of a link."""

    at: float
    """Unix time at which they began."""
    watched_seconds: float = 0.0
    """How much of them was watched: less in the first and the last slot."""
    down_seconds: float = 0.0
    cuts: int = 0
    longest_seconds: float = 0.0
    """How long the longest outage had lasted by its end, or by the slot's; it may have begun in an earlier slot."""
    heard_seconds: float = 0.0
    """How long listeners were without programme because of it, as far as is known."""


@dataclass(frozen=True, slots=True)
class LinkHistory:
    """What became of a link in the last 24 hours, or since it is known."""

    is_up: bool = False
    is_reached: bool = False
    """Whether it is up, or another path that stands in for it."""
    up_seconds: float = 0.0
    """Since it is up; 0 when it is down."""
    down_seconds: float = 0.0
    """Since it is down; 0 when it is up."""
    watched_day_seconds: float = 0.0
    """How much of the last 24 hours is known."""
    down_day_seconds: float = 0.0
    """All outages of that time together."""
    cuts_day: int = 0
    longest_day_seconds: float = 0.0
    """The longest outage."""
    heard_day_seconds: float | None = None
    """How long listeners were without programme because of the link; None where nobody can tell, since nothing is
    played here and the far end does not say what it holds."""
    slots: tuple[LinkSlot, ...] = ()
    """The oldest first, at most MOST_SLOTS; times when nothing was watched are left out."""
