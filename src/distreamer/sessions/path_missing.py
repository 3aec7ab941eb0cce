"""Which numbers of an epoch may be missing: none that a sender has skipped when it was started anew. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Final

from distreamer.core.epoch import SKIPPED_FRAGMENTS

OVERTAKEN: Final = 8
"""Behind numbers that were skipped, so many that lie before the first that came may have been overtaken by it …"""
YOUNG_FRAGMENTS: Final = 64
"""… as long as not more came than these."""


def spans_to_look_at(numbers: Sequence[int], first: int, newest: int, most: int) -> list[range]:
    """Where fragments may be missing, the oldest first: from ``first`` to ``newest``, but no more than ``most`` in a
    row. ``numbers`` are those that are held, ascending; at least one of the last ``most`` is."""
    spans: list[range] = []
    while newest >= first:
        place = bisect_left(numbers, newest - most)
        if place == 0 or numbers[place] - numbers[place - 1] < SKIPPED_FRAGMENTS:
            spans.append(range(max(first, newest - most), newest + 1))
            break
        begins = numbers[place]
        early = OVERTAKEN if newest - begins < YOUNG_FRAGMENTS else 0
        spans.append(range(max(first, begins - early), newest + 1))
        newest = numbers[place - 1]
    return spans[::-1]


def first_missing(spans: Sequence[range], held: Collection[int]) -> int:
    """The first number of ``spans`` that is not ``held``, or the one behind them. There is at least one span."""
    for span in spans:
        for number in span:
            if number not in held:
                return number
    return spans[-1].stop
