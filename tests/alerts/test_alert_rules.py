"""What is told, and when: pure, on a clock that the test turns."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.alerts.message import Message, Stage
from distreamer.alerts.rules import HOUR_SECONDS, AlertRules
from distreamer.config.settings import AlertSettings
from distreamer.model.event import Event, Severity
from distreamer.runtime.event_rows import trial_event
from tests.support.alerts import began, ended

PROBLEM, RESOLVED, FLAPPING = Stage.PROBLEM, Stage.RESOLVED, Stage.FLAPPING


def rules(**keys: object) -> AlertRules:
    return AlertRules(AlertSettings.model_validate(keys))


def stages(messages: list[Message]) -> list[Stage]:
    return [message.stage for message in messages]


def test_a_problem_is_told_at_once_and_so_is_its_end() -> None:
    one, down = rules(), began()
    (told,) = one.note(down, 0)
    assert (told.stage, told.event, told.problem) == (PROBLEM, down, down.number)
    assert one.next_due() is None
    up = ended(down)
    (over,) = one.note(up, 30)
    assert (over.stage, over.event, over.problem) == (RESOLVED, up, down.number)
    assert one.note(up, 31) == []


def test_the_end_is_not_told_when_nobody_wants_it() -> None:
    one, down = rules(resolved=False), began()
    assert stages(one.note(down, 0)) == [PROBLEM]
    assert one.note(ended(down), 30) == []
    assert stages(one.note(began(), 31)) == [PROBLEM]


def test_what_is_over_within_the_hold_is_never_told() -> None:
    one, down = rules(hold=60), began()
    assert one.note(down, 0) == []
    assert one.next_due() == 60
    assert one.due(59.9) == []
    assert one.note(ended(down), 59.9) == []
    assert one.next_due() is None
    assert one.due(1000) == []
    assert one.held_back == 1


def test_what_lasts_longer_than_the_hold_is_told_when_it_is_over() -> None:
    one, down = rules(hold=60), began()
    one.note(down, 0)
    assert stages(one.due(60)) == [PROBLEM]
    assert stages(one.note(ended(down), 61)) == [RESOLVED]
    assert one.held_back == 0


def test_what_lasted_longer_than_the_hold_is_told_though_nobody_asked_meanwhile() -> None:
    one, down = rules(hold=60), began()
    one.note(down, 0)
    assert stages(one.note(ended(down), 61)) == [PROBLEM, RESOLVED]


def test_one_problem_does_not_stand_for_another() -> None:
    one, down = rules(), began()
    other = Event("link_down", down.at, "studio", Severity.WARNING, "…", "output", number=7)
    assert stages(one.note(down, 0) + one.note(other, 1)) == [PROBLEM, PROBLEM]
    (over,) = one.note(ended(other), 2)
    assert over.problem == 7


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, ["link_down", "path_down", "filler_on_air"]),
        ({"events": "problems"}, ["link_down", "path_down", "filler_on_air"]),
        ({"events": " LINK_down , filler_*"}, ["link_down", "filler_on_air"]),
        ({"events": "*_down"}, ["link_down", "path_down"]),
        ({"severity": "error"}, ["filler_on_air"]),
        ({"severity": "error", "events": "*_down"}, []),
    ],
)
def test_only_what_is_chosen_is_told(keys: dict[str, object], told: list[str]) -> None:
    one = rules(**keys)
    events = [began("link_down"), began("path_down"), began("filler_on_air", severity=Severity.ERROR)]
    found = [message.event.kind for event in events for message in one.note(event, 0)]
    assert found == told
    over = [message.event.resolves for event in events for message in one.note(ended(event), 1)]
    assert over == told


def test_a_trial_is_no_event_to_be_told() -> None:
    assert rules(events="*").note(trial_event("studio", 0.0), 0) == []


def flap(one: AlertRules, begin: int, end: int, every: int) -> list[tuple[int, Stage, int]]:
    """Goes down at each full ``every`` seconds and up 10 s later; gives when what was told, and the times."""
    found: list[tuple[int, Stage, int]] = []
    for now in range(begin, end):
        messages = one.due(now)
        if now % every == 0:
            messages += one.note(began(), now)
        if now % every == 10:
            messages += one.note(ended(began()), now)
        found += [(now, message.stage, message.times) for message in messages]
    return found


def test_a_flapping_problem_is_told_so_often_and_then_as_one() -> None:
    one = rules(mostperhour=2)
    found = flap(one, 0, 3600, 100)
    assert found == [
        (0, PROBLEM, 1),
        (10, RESOLVED, 1),
        (100, PROBLEM, 1),
        (110, RESOLVED, 1),
        (200, FLAPPING, 3),
    ]
    assert one.held_back == 33
    # The hour of the first is over, and it is better: how often it came is told with its end.
    assert one.due(3600)[0].times == 36
    assert stages(one.note(began(), 3601)) == [PROBLEM]
    assert stages(one.note(ended(began()), 3602)) == [RESOLVED]
    assert stages(one.note(began(), 3603)) == [FLAPPING]


def test_a_flapping_problem_that_stays_is_not_told_to_be_over() -> None:
    one = rules(mostperhour=1)
    assert len(flap(one, 0, 150, 100)) == 3
    one.note(began(), 200)
    assert one.next_due() is None
    assert one.due(2 * HOUR_SECONDS) == []
    assert stages(one.note(ended(began()), 2 * HOUR_SECONDS)) == [RESOLVED]


def test_the_end_of_flapping_is_due_by_itself() -> None:
    one = rules(mostperhour=1)
    flap(one, 0, 150, 100)
    assert one.next_due() == HOUR_SECONDS
    assert one.due(HOUR_SECONDS - 1) == []
    assert stages(one.due(HOUR_SECONDS)) == [RESOLVED]
    assert one.next_due() is None


def test_the_end_of_what_was_lost_is_not_told() -> None:
    one, down = rules(), began()
    one.note(down, 0)
    one.was_not_told(down.number)
    assert one.note(ended(down), 5) == []
    assert one.next_due() is None
    assert stages(one.note(began(), 6)) == [PROBLEM]


def test_a_flapping_problem_whose_message_was_lost_is_over_silently() -> None:
    one = rules(mostperhour=1)
    flap(one, 0, 105, 100)
    down = began()
    (summary,) = AlertRules(AlertSettings(mostperhour=1)).note(down, 0)
    assert summary.stage is PROBLEM
    one = rules(mostperhour=1)
    first, second = began(), began()
    one.note(first, 0)
    one.note(ended(first), 1)
    (flapping,) = one.note(second, 2)
    assert flapping.stage is FLAPPING
    one.note(ended(second), 3)
    one.was_not_told(flapping.problem)
    assert one.due(2 * HOUR_SECONDS) == []


def test_the_number_of_problems_is_bounded() -> None:
    one = rules(hold=10)
    for number in range(1000):
        one.note(Event("link_down", 0, "studio", Severity.WARNING, "…", str(number), number=number), 0)
    assert len(one.due(10)) == 200


@given(
    st.lists(st.tuples(st.sampled_from(["down", "up", "look"]), st.floats(0.01, 2000)), max_size=60),
    st.integers(1, 3),
    st.sampled_from([0, 30]),
)
def test_whatever_happens_ends_follow_begins_and_no_hour_has_too_many(
    steps: list[tuple[str, float]], most: int, hold: int
) -> None:
    one, now, down = rules(mostperhour=most, hold=hold), 0.0, False
    told: list[tuple[float, Stage]] = []
    for what, seconds in steps:
        now += seconds
        messages = one.due(now)
        if what == "down" and not down:
            messages += one.note(began(), now)
            down = True
        elif what == "up" and down:
            messages += one.note(ended(began()), now)
            down = False
        told += [(now, message.stage) for message in messages]
        due = one.next_due()
        assert due is None or due > now
    begins = [stage for _, stage in told if stage is not RESOLVED]
    for before, after in pairwise(told):
        assert (before[1] is RESOLVED) != (after[1] is RESOLVED)
    assert len(told) - len(begins) in {len(begins), len(begins) - 1}
    problems = [at for at, stage in told if stage is PROBLEM]
    for first, later in zip(problems, problems[most:], strict=False):
        assert later >= first + HOUR_SECONDS
