"""An epoch as a store holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import FIRST_NUMBER, Fragment

SKIPPED_FRAGMENTS = 1_000_000
"""Where so many numbers lie between two fragments, they are nobody's: the sender was started anew, and skipped them."""


@dataclass(slots=True)
class Epoch:
    """A run of fragments that can be joined. Readers must not change it."""

    id: int
    order: int
    """Counts the epochs of this store as they were opened."""
    info: StreamInfo
    fragments: dict[int, Fragment] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    """The numbers held, ascending."""
    floor: int = FIRST_NUMBER
    """Numbers below were evicted: they are not taken again."""
    is_own: bool = False
    """Whether its fragments are numbered here, and not by another DiStreamer."""

    def ranges(self) -> list[tuple[int, int]]:
        """The numbers held as closed ranges ``(first, last)``, ascending."""
        found: list[tuple[int, int]] = []
        for number in self.numbers:
            if found and found[-1][1] == number - 1:
                found[-1] = (found[-1][0], number)
            else:
                found.append((number, number))
        return found

    def seconds(self, ticks: int) -> float:
        """Ticks of this epoch as seconds."""
        return ticks / self.info.format.clock_rate
