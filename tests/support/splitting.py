"""The same bytes whole, in halves at every place, and one by one: what a parser gives must not depend on it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

MAXIMUM_HALVES = 60


class Split(list[bytes]):
    """Pieces with a short name for test identifiers."""

    def __init__(self, name: str, parts: list[bytes]) -> None:
        super().__init__(parts)
        self.name = name

    def __str__(self) -> str:
        return self.name


def every_split(data: bytes) -> list[Split]:
    """Whole, one by one, and in halves at up to 60 places spread over ``data``."""
    step = max(len(data) // MAXIMUM_HALVES, 1)
    return [
        Split("whole", [data]),
        Split("one-by-one", [data[place : place + 1] for place in range(len(data))]),
        *(Split(f"at-{place}", [data[:place], data[place:]]) for place in range(1, len(data), step)),
    ]


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data`` cut at a few places of hypothesis's choice."""
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    edges = [0, *places, len(data)]
    return [data[start:end] for start, end in pairwise(edges)]
