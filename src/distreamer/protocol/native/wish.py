"""What a receiver says it holds."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.protocol.native import limits
from distreamer.protocol.native.catalogue import Catalogue
from distreamer.protocol.native.messages import Holding, Share, Want


def want_of(catalogue: Catalogue, back_seconds: float, resume_seconds: float, share: Share | None = None) -> Want:
    """The wish of a receiver that holds ``catalogue``; of very many epochs and ranges it names the newest. ``share`` is
    the part that is wanted from this sender; None for everything."""
    left = limits.HELD_RANGES
    holdings: list[Holding] = []
    for epoch in reversed(catalogue.epochs):
        ranges = closed_ranges(epoch.numbers)[-left:] if left else []
        if ranges and len(holdings) < limits.HELD_EPOCHS:
            holdings.append(Holding(epoch=epoch.id, ranges=tuple(ranges)))
            left -= len(ranges)
    return Want(
        holdings=tuple(holdings),
        back_seconds=min(back_seconds, limits.WANTED_SECONDS),
        resume_seconds=min(resume_seconds, limits.WANTED_SECONDS),
        share=share,
    )


def closed_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Closed ranges of ascending numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
