"""How numbers are dealt out by weight. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def deal(weights: Sequence[float], parts: int) -> list[tuple[int, ...]]:
    """The remainders, below ``parts``, that each of ``weights`` gets: mixed well, in proportion, and each gets one at
    least."""
    dealt: list[list[int]] = [[] for _ in weights]
    owed = [0.0] * len(weights)
    whole = sum(weights)
    for part in range(parts if weights else 0):
        owed = [before + weight / whole for before, weight in zip(owed, weights, strict=True)]
        idle = [place for place, mine in enumerate(dealt) if not mine]
        is_last_chance = idle and parts - part <= len(idle)
        chosen = idle[-1] if is_last_chance else max(range(len(weights)), key=owed.__getitem__)
        owed[chosen] -= 1
        dealt[chosen].append(part)
    return [tuple(mine) for mine in dealt]
