"""What is numbered here is seen by others when it is kept, in its order, and never twice."""

from __future__ import annotations

from collections.abc import Callable

from distreamer.core.kept_first import KeptFirst
from distreamer.core.store import Store
from distreamer.model.fragment import Fragment
from tests.support.native_programme import INFO, fragment


class Keeper:
    def __init__(self) -> None:
        self.store = Store()
        self.writer = KeptFirst(self.store)
        self.writer.open_epoch(1, INFO, is_own=True)
        self.writer.keep = self._keep
        self.works = True
        self.kept: list[Callable[[], None]] = []

    def _keep(self, fragment: Fragment, kept: Callable[[], None]) -> bool:
        if self.works:
            self.kept.append(kept)
        return self.works

    @property
    def seen(self) -> list[int]:
        return [one.number for one in self.store]


def test_fragments_are_seen_when_they_are_kept() -> None:
    keeper = Keeper()
    keeper.writer.add(fragment(1, 1))
    keeper.writer.add(fragment(1, 2))
    assert keeper.seen == []
    keeper.kept[0]()
    assert keeper.seen == [1]
    keeper.kept[1]()
    assert keeper.seen == [1, 2]


def test_without_anything_that_keeps_all_is_seen_at_once() -> None:
    keeper = Keeper()
    keeper.writer.keep = None
    keeper.writer.add(fragment(1, 1))
    assert keeper.seen == [1]


def test_what_cannot_be_kept_does_not_overtake() -> None:
    keeper = Keeper()
    keeper.writer.add(fragment(1, 1))
    keeper.works = False
    keeper.writer.add(fragment(1, 2))
    assert keeper.seen == [1, 2]
    keeper.kept[0]()
    assert (keeper.seen, keeper.store.duplicates) == ([1, 2], 0)


def test_who_hurries_sees_all() -> None:
    keeper = Keeper()
    keeper.writer.add(fragment(1, 1))
    keeper.writer.hurry()
    keeper.kept[0]()
    assert (keeper.seen, keeper.store.duplicates) == ([1], 0)
