"""A set of fragment numbers as closed ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class NumberRanges:
    """Ascending ranges with holes between them; small however many numbers they hold."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> None:
        """Adds one number, or all from ``first`` to ``last``."""
        last = first if last is None else last
        # All ranges that touch the new one melt into it.
        begin = bisect_right(self._ranges, first - 1, key=lambda held: held[1] + 1)
        if begin and self._ranges[begin - 1][1] + 1 >= first:
            begin -= 1
        end = begin
        while end < len(self._ranges) and self._ranges[end][0] <= last + 1:
            first, last = min(first, self._ranges[end][0]), max(last, self._ranges[end][1])
            end += 1
        self._ranges[begin:end] = [(first, last)]

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._ranges, number, key=lambda held: held[0]) - 1
        return index >= 0 and number <= self._ranges[index][1]

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def keep_highest(self, count: int) -> None:
        """Drops the lowest ranges above ``count``."""
        del self._ranges[: max(0, len(self._ranges) - count)]

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """All of them, ascending."""
        return tuple(self._ranges)
