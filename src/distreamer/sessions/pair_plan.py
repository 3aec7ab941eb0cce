"""What each of two connections to the same peer is asked for: all of the one, unless both work. Pure; time is an
argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from distreamer.core.store import Store
from distreamer.protocol.native.messages import Share
from distreamer.sessions.path_choice import NOTHING, Multipath, PlannedPath
from distreamer.sessions.path_plan import Asked, PathPlan

FIRST, SECOND = 0, 1
"""The ranks: the first is there with every kind of carrier."""
PATIENCE_SECONDS: Final = 4.0
"""A connection that stands still is silent and is not waited for. One that is heard is only slow, and on a thin link
both are: what is on its way there is not to be sent twice."""
MOST_UNASKED: Final = 32
"""A sender that divides nothing sends all on both: so many more came that were asked of the other one, and count twice,
than came that were asked for. It may take a few seconds until a sender has heard what it is asked for now."""


class PairPlan(PathPlan):
    """As ``PathPlan`` for ``share``, but a lone connection is asked for everything, as if there never were two."""

    def __init__(
        self, store: Store, back_seconds: Callable[[], float], may_divide: Callable[[], bool], now: float
    ) -> None:
        """``may_divide``: False while less is wanted than all that was missed."""
        super().__init__(Multipath.SHARE, store, back_seconds, now)
        self._may_divide = may_divide
        self._is_divided = False
        self._unasked = 0
        self._owner: PlannedPath | None = None
        """Who owes all that is found missing now."""

    @property
    def is_doubled(self) -> bool:
        """Whether the sender does not know how to divide."""
        return self._unasked >= MOST_UNASKED

    def came(self, path: PlannedPath, now: float) -> None:
        super().came(path, now)
        self._unasked = 0

    def arrived(self, path: PlannedPath, epoch: int, number: int, now: float, *, is_new: bool) -> None:
        is_asked = path.told is None or path.told.wants(epoch, number)
        self._unasked = max(0, self._unasked + (-1 if is_asked else 2))
        super().arrived(path, epoch, number, now, is_new=is_new)

    def look(self, now: float) -> None:
        self._choice.choose(now)
        was_divided = self._is_divided
        self._is_divided = len(self.paths) > 1 and all(map(self._choice.is_usable, self.paths)) and self._may_divide()
        if not self._is_divided:
            self._forget()
            return
        if not was_divided:
            # What is missing may be on its way from the one that had to bring everything.
            self._owner = next((path for path in self.paths if path.told != NOTHING), None)
            for path in self.paths:
                # Each is asked anew, whatever it was told while it was alone.
                path.told = NOTHING
        super().look(now)
        self._owner = None

    def _forget(self) -> None:
        self._asked.clear()
        self._complete.clear()
        self._first = {epoch: number for epoch, number in self._first.items() if self._store.epoch(epoch)}

    def _new(self, number: int, now: float) -> Asked | None:
        return Asked(self._owner, now) if self._owner else super()._new(number, now)

    def differs(self, path: PlannedPath, now: float) -> bool:
        """Never: both lead to the same peer."""
        return False

    def carries(self, path: PlannedPath) -> bool:
        return super().carries(path) if self._is_divided else path is self._lone

    def share(self, path: PlannedPath) -> Share | None:
        if self._is_divided:
            return super().share(path)
        return None if path is self._lone else NOTHING

    def to_ask(self, now: float) -> list[PlannedPath]:
        if self._is_divided:
            return super().to_ask(now)
        return [path for path in self.paths if path.is_up and path.told != self.share(path)]

    @property
    def _lone(self) -> PlannedPath | None:
        return min((path for path in self.paths if path.is_up), key=lambda path: path.rank, default=None)

    def _patience(self, asked: Asked) -> float:
        return max(super()._patience(asked), PATIENCE_SECONDS)
