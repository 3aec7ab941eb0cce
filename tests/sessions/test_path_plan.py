"""What several paths are asked for, where each is to bring everything."""

from __future__ import annotations

from distreamer.core.store import Store
from distreamer.sessions.path_choice import Multipath
from distreamer.sessions.path_plan import BEHIND_FRAGMENTS, PathPlan
from tests.support.made_audio import INFO, fragment


def test_a_path_that_is_behind_is_told_what_others_brought() -> None:
    store = Store()
    store.open_epoch(1, INFO)
    plan = PathPlan(Multipath.DUPLICATE, store, lambda: 30.0, 0.0)
    first, second = plan.add(0), plan.add(1)
    for path in (first, second):
        plan.came(path, 0.0)
        path.newest = 1, 1
    plan.look(0.0)
    assert plan.to_ask(0.0) == [first, second]
    for path in (first, second):
        plan.asked(path, plan.share(path), 0.0)
    assert plan.to_ask(0.0) == []

    def brings(number: int) -> None:
        store.add(fragment(number))
        plan.arrived(first, 1, number, float(number), is_new=True)

    for number in range(1, 2 * BEHIND_FRAGMENTS):
        brings(number)
        # The second is a little later with half of them, which is what both are for.
        if number % 2:
            plan.arrived(second, 1, number, number + 0.5, is_new=False)
        assert plan.to_ask(number + 0.5) == []
    brings(2 * BEHIND_FRAGMENTS)
    assert plan.to_ask(2.0 * BEHIND_FRAGMENTS) == [second]
    plan.asked(second, plan.share(second), 2.0 * BEHIND_FRAGMENTS)
    assert plan.to_ask(2.0 * BEHIND_FRAGMENTS) == []
