"""Every row of the table of events: when it is told that something began, when that it ended, and when nothing is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from distreamer.model.event import Severity
from distreamer.model.status import InstanceStatus, ListenersStatus, ModuleState, PlayoutState
from distreamer.runtime.event_rows import ROWS
from tests.support.watching import INPUT, LINK, PLAYERS, PLAYOUT, STORE, TRANSMITTER, WALL, Watching

DOWN = replace(INPUT, links=(replace(LINK, connected=False),))
LIVE = replace(INPUT, mode="ShoutcastClient", links=())
BACKUP = replace(LIVE, name="input backup", mode="File")
FAILED = replace(LIVE, state=ModuleState.RETRYING, last_error="http://me:secret@radio.example/live: refused")


@dataclass(frozen=True, slots=True)
class SpooledStatus(InstanceStatus):
    """With what a disk says."""

    spool: Any = None


@dataclass(frozen=True)
class Disk:
    works: bool
    trouble: str = ""
    folder: str = "/spool"


def spooled(disk: Disk | None) -> SpooledStatus:
    return SpooledStatus("transmitter", WALL, 0.0, (LIVE,), (PLAYERS,), STORE, PLAYOUT, spool=disk)


SILENT = {"store": replace(STORE, newest_age_seconds=4.0)}
DRY = {"playout": replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0, dry_times=1)}
LONE = replace(TRANSMITTER, inputs=(LIVE,))
PAIR = replace(TRANSMITTER, inputs=(LIVE, replace(BACKUP, on_air=False)))


@pytest.mark.parametrize(
    ("kind", "ends", "fine", "bad", "seconds_until_told", "seconds_until_over"),
    [
        ("source_lost", "source_back", LONE, SILENT, 4, 2),
        ("link_down", "link_up", TRANSMITTER, {"inputs": (DOWN,)}, 3, 2),
        ("budget_low", "budget_fine", LONE, {"playout": replace(PLAYOUT, budget_seconds=9.9)}, 2, 5),
        ("playout_dry", "playout_plays", LONE, DRY, 0, 0),
        ("filler_on_air", "filler_ended", LONE, {"playout": replace(PLAYOUT, is_filling=True)}, 0, 0),
        (
            "input_replaced",
            "input_back",
            PAIR,
            {"inputs": (replace(LIVE, on_air=False), BACKUP)},
            0,
            0,
        ),
        ("input_failing", "input_works", LONE, {"inputs": (FAILED,)}, 10, 5),
        (
            "output_failing",
            "output_works",
            LONE,
            {"outputs": (replace(PLAYERS, state=ModuleState.RETRYING, last_error="the port is taken"),)},
            10,
            5,
        ),
        ("disk_failing", "disk_works", spooled(Disk(True)), {"spool": Disk(False, "it is full")}, 2, 2),
        (
            "passwords_refused",
            "passwords_quiet",
            LONE,
            {"inputs": (replace(LIVE, refused_passwords=5),)},
            0,
            # The five are no more within the last minute, and then it must be quiet for five.
            61 + 300,
        ),
    ],
)
def test_what_begins_is_told_once_and_so_is_its_end(
    kind: str,
    ends: str,
    fine: InstanceStatus,
    bad: dict[str, Any],
    seconds_until_told: int,
    seconds_until_over: int,
) -> None:
    watching = Watching(fine)
    assert watching.show(30) == []

    assert watching.show(seconds_until_told, **bad) == []
    told = watching.show(50)
    assert kind in told
    assert told.count(kind) == 1
    begin = next(event for _, event in watching.told if event.kind == kind)
    assert begin.severity is not Severity.INFO
    assert begin.at == WALL + 30 + seconds_until_told
    assert begin.sentence
    assert [problem.kind for problem in watching.complete().problems].count(kind) == 1

    healthy = {name: getattr(fine, name) for name in bad}
    if kind == "passwords_refused":
        healthy = {}
        seconds_until_over -= 51
    over = watching.show(seconds_until_over, **healthy)
    assert ends not in over
    over = watching.show(10)
    assert over.count(ends) == 1
    end = next(event for _, event in watching.told if event.kind == ends)
    assert (end.resolves, end.severity, end.subject) == (kind, Severity.INFO, begin.subject)
    assert end.lasted_seconds is not None
    assert kind not in [problem.kind for problem in watching.complete().problems]
    assert watching.show(1200) == []


def test_every_row_has_its_test() -> None:
    assert {row.begins for row in ROWS} == {
        *("source_lost", "link_down", "budget_low", "playout_dry", "filler_on_air", "input_replaced"),
        *("input_failing", "output_failing", "disk_failing", "passwords_refused", "bitrate_wrong"),
    }
    kinds = [kind for row in ROWS for kind in (row.begins, row.ends)]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("fine", "bad", "seconds"),
    [
        (LONE, SILENT, 4),
        (TRANSMITTER, {"inputs": (DOWN,)}, 3),
        (LONE, {"playout": replace(PLAYOUT, budget_seconds=9.0)}, 2),
        (LONE, {"inputs": (FAILED,)}, 10),
        (LONE, {"inputs": (replace(LIVE, refused_passwords=4),)}, 70),
    ],
)
def test_what_is_over_soon_is_not_told(fine: InstanceStatus, bad: dict[str, Any], seconds: int) -> None:
    watching = Watching(fine)
    watching.show(5)
    watching.show(seconds, **bad)
    watching.show(600, **{name: getattr(fine, name) for name in bad})
    assert watching.told == []


def test_a_return_that_does_not_last_ends_nothing() -> None:
    watching = Watching()
    watching.show(5)
    watching.show(10, inputs=(DOWN,))
    watching.show(2, inputs=(INPUT,))
    watching.show(10, inputs=(DOWN,))
    watching.show(10, inputs=(INPUT,))
    assert [event.kind for _, event in watching.told] == ["link_down", "link_up"]
    assert watching.last.sentence == "the link to studio.example:7080 is up (after 22 s)"
    assert watching.last.lasted_seconds == 22.0


def test_a_budget_near_the_limit_does_not_flap() -> None:
    watching = Watching(LONE)
    watching.show(5)
    assert watching.show(5, playout=replace(PLAYOUT, budget_seconds=9.0)) == ["budget_low"]
    for budget in (10.5, 9.5, 12.0, 9.9, 12.4) * 5:
        assert watching.show(3, playout=replace(PLAYOUT, budget_seconds=budget)) == []
    assert watching.show(6, playout=replace(PLAYOUT, budget_seconds=12.5)) == ["budget_fine"]


def test_a_short_delay_has_a_limit_of_its_own_and_none_can_be_asked_for() -> None:
    short = replace(PLAYOUT, delay_seconds=6.0, budget_seconds=5.0)
    watching = Watching(replace(LONE, playout=short))
    assert watching.show(60) == []
    assert watching.show(10, playout=replace(short, budget_seconds=2.9)) == ["budget_low"]
    assert watching.last.facts == {"budget_seconds": 2.9, "limit_seconds": 3.0}
    watching = Watching(LONE, budget_warn_seconds=0)
    assert watching.show(60, playout=replace(PLAYOUT, budget_seconds=0.1)) == []


def test_nothing_is_low_before_anything_was_played_or_while_another_input_stands_in() -> None:
    waiting = replace(PLAYOUT, state=PlayoutState.WAITING, budget_seconds=0.0)
    assert Watching(replace(LONE, playout=waiting)).show(60) == []
    watching = Watching(replace(PAIR, inputs=(replace(LIVE, on_air=False), BACKUP)))
    assert watching.show(60, playout=replace(PLAYOUT, budget_seconds=5.0)) == ["input_replaced"]


def test_the_link_is_blamed_and_not_the_source_behind_it() -> None:
    watching = Watching()
    watching.show(5)
    assert watching.show(60, inputs=(DOWN,), **SILENT) == ["link_down"]
    # When it is back and still nothing comes, it is the source.
    assert watching.show(20, inputs=(INPUT,)) == ["link_up", "source_lost"]


def test_a_source_that_never_came_is_told_after_a_while() -> None:
    watching = Watching(replace(LONE, store=replace(STORE, info=None, newest_age_seconds=None)))
    assert watching.show(14) == []
    assert watching.show(5) == ["source_lost"]
    assert watching.last.sentence == "nothing has arrived yet from input"


def test_a_buffer_that_ran_out_between_two_looks_is_told() -> None:
    watching = Watching(LONE)
    watching.show(5)
    assert watching.show(5, playout=replace(PLAYOUT, dry_times=1, dry_seconds=0.3)) == ["playout_dry", "playout_plays"]


def test_between_two_attempts_nothing_is_known() -> None:
    watching = Watching(LONE)
    starting = replace(FAILED, state=ModuleState.STARTING)
    for _ in range(3):
        watching.show(3, inputs=(FAILED,))
        watching.show(1, inputs=(starting,))
    assert [event.kind for _, event in watching.told] == ["input_failing"]
    assert watching.show(60, inputs=(starting,)) == []
    assert watching.show(10, inputs=(LIVE,)) == ["input_works"]


def test_no_password_is_told() -> None:
    watching = Watching(LONE)
    watching.show(20, inputs=(FAILED,))
    assert "radio.example" in watching.last.sentence
    assert "secret" not in repr(watching.last)
    assert "secret" not in repr(watching.complete().problems)


def test_what_is_not_there_any_more_is_over() -> None:
    watching = Watching(PAIR)
    watching.show(20, inputs=(LIVE, replace(FAILED, name="input backup", on_air=False)))
    assert watching.last.kind == "input_failing"
    assert watching.show(5, inputs=(LIVE,)) == ["input_works"]
    assert watching.last.sentence.startswith("input backup is not watched any more")


def brings(bits_per_second: float) -> Any:
    def second(status: InstanceStatus) -> InstanceStatus:
        store = status.store
        grown = replace(
            store,
            added_seconds=store.added_seconds + 1,
            added_size=store.added_size + round(bits_per_second / 8),
        )
        return replace(status, store=grown)

    return second


def test_a_bitrate_that_is_not_the_declared_one_is_told_after_a_minute() -> None:
    watching = Watching(LONE, each_second=brings(128_000))
    assert watching.show(300) == []
    watching.each_second = brings(64_000)
    assert watching.show(40) == []  # of a minute's audio, no more than two thirds are wrong
    assert watching.show(60) == ["bitrate_wrong"]
    assert watching.last.sentence == "the source says 128 kbit/s and sends 71"
    assert watching.last.facts["declared_bits_per_second"] == 128_000
    watching.each_second = brings(130_000)
    assert watching.show(120) == ["bitrate_right"]


def test_what_declares_nothing_is_not_measured() -> None:
    assert STORE.info is not None
    silent = replace(STORE.info, format=replace(STORE.info.format, bitrate=0))
    watching = Watching(replace(LONE, store=replace(STORE, info=silent)), each_second=brings(64_000))
    assert watching.show(300) == []


def test_wrong_passwords_of_operators_count_too() -> None:
    watching = Watching(LONE)
    watching.show(5)
    assert watching.show(5, refused_admin_passwords=5) == ["passwords_refused"]
    assert watching.last.sentence == "admin was given a wrong password 5 times within a minute"


def test_wrong_passwords_of_players_count_too() -> None:
    watching = Watching(LONE)
    watching.show(5)
    refused = replace(PLAYERS, listeners=ListenersStatus(refused_password=7))
    assert watching.show(5, outputs=(refused,)) == ["passwords_refused"]
    assert (watching.last.subject, watching.last.facts) == ("output", {"count": 7})
