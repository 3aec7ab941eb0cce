"""What travels over a link of ``distreamer chaos``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A packet that knows what becomes of it."""

    arrived: Callable[[], None]
    lost: Callable[[], None]
