"""Every row of the table of events: when it is told that something began, when that it ended, and when nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from distreamer.model.event import Severity
from distreamer.model.status import InstanceStatus, LinkStatus, ListenersStatus, ModuleState, PlayoutState, SpoolStatus
from distreamer.runtime.event_rows import ROWS
from distreamer.runtime.link_book import REPLACED_SECONDS
from tests.support.watching import INPUT, LEVELS, LINK, PLAYERS, PLAYOUT, STORE, TRANSMITTER, WALL, Watching

DOWN = replace(INPUT, links=(replace(LINK, connected=False),))
LIVE = replace(INPUT, mode="ShoutcastClient", links=())
BACKUP = replace(LIVE, name="input backup", mode="File")
FAILED = replace(LIVE, state=ModuleState.RETRYING, last_error="http://me:secret@radio.example/live: refused")


WORKS, FULL = SpoolStatus("/spool", True), SpoolStatus("/spool", False, "it is full")
DECLARED = replace(STORE, declared_bitrate=128_000, constant_bitrate=128_000)
SILENT = {"store": replace(STORE, newest_age_seconds=4.0)}
DRY = {"playout": replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0, dry_times=1)}
LONE = replace(TRANSMITTER, inputs=(LIVE,))
WIRED = replace(LINK, path="via eth0 to studio.example:7080")
MOBILE = replace(LINK, path="via wwan0 to studio.example:7080", carries=False)
PATHS = replace(TRANSMITTER, inputs=(replace(INPUT, links=(WIRED, MOBILE)),))
PAIR = replace(TRANSMITTER, inputs=(LIVE, replace(BACKUP, on_air=False)))


@pytest.mark.parametrize(
    ("kind", "ends", "fine", "bad", "seconds_until_told", "seconds_until_over"),
    [
        ("source_lost", "source_back", LONE, SILENT, 4, 2),
        ("link_down", "link_up", TRANSMITTER, {"inputs": (DOWN,)}, 3, 2),
        (
            "path_down",
            "path_up",
            PATHS,
            {"inputs": (replace(INPUT, links=(WIRED, replace(MOBILE, connected=False))),)},
            10,
            5,
        ),
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
        (
            "silence_on_air",
            "silence_over",
            replace(LONE, levels=LEVELS),
            {"levels": replace(LEVELS, silent_seconds=20.0)},
            0,
            5,
        ),
        (
            "bitrate_wrong",
            "bitrate_right",
            replace(LONE, store=DECLARED),
            {"store": replace(DECLARED, constant_bitrate=64_000)},
            10,
            10,
        ),
        ("disk_failing", "disk_works", replace(LONE, spool=WORKS), {"spool": FULL}, 2, 2),
        (
            "passwords_refused",
            "passwords_quiet",
            LONE,
            {"inputs": (replace(LIVE, wrong_passwords=5),)},
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
        *("source_lost", "link_down", "path_down", "budget_low", "playout_dry", "filler_on_air", "input_replaced"),
        *("input_failing", "output_failing", "disk_failing", "passwords_refused", "bitrate_wrong", "silence_on_air"),
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
        (LONE, {"inputs": (replace(LIVE, wrong_passwords=4),)}, 70),
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


def sends(bits_per_second: int | None, declared: int = 128_000) -> dict[str, Any]:
    return {"store": replace(STORE, declared_bitrate=declared, constant_bitrate=bits_per_second)}


def test_a_bitrate_that_is_not_the_declared_one_is_told() -> None:
    watching = Watching(LONE)
    assert watching.show(60, **sends(128_000)) == []
    assert watching.show(10, **sends(96_000)) == []
    assert watching.show(10) == ["bitrate_wrong"]
    assert watching.last.sentence == "the source says 128 kbit/s and sends 96"
    assert watching.last.facts == {"declared_bits_per_second": 128_000, "measured_bits_per_second": 96_000}
    # Neither right enough, nor known.
    assert watching.show(60, **sends(113_000)) == []
    assert watching.show(60, **sends(None)) == []
    assert watching.show(20, **sends(120_000)) == ["bitrate_right"]
    assert watching.last.sentence.startswith("the source sends 120 kbit/s, as it says (after ")


@pytest.mark.parametrize("found", [sends(110_000), sends(147_000), sends(None), sends(64_000, declared=0)])
def test_a_bitrate_that_differs_little_or_varies_or_is_not_declared_is_not_told(found: dict[str, Any]) -> None:
    assert Watching(LONE).show(300, **found) == []


def silent_for(seconds: float) -> dict[str, Any]:
    return {"levels": replace(LEVELS, silent_seconds=seconds)}


def test_silence_is_told_with_when_it_began() -> None:
    watching = Watching(LONE)
    watching.show(30, levels=LEVELS)
    assert watching.show(1, **silent_for(19.9)) == []
    assert watching.show(1, **silent_for(21)) == ["silence_on_air"]
    assert watching.last.sentence == "what is played has been silent for 21 s"
    assert watching.last.facts["silent_seconds"] == 21
    (problem,) = watching.complete().problems
    assert problem.since == watching.last.at - 21
    assert watching.show(20, **silent_for(41)) == []
    # A click is no programme.
    assert watching.show(3, levels=LEVELS) == []
    assert watching.show(10, **silent_for(5)) == []
    assert watching.show(6, levels=LEVELS) == ["silence_over"]
    assert watching.last.lasted_seconds == pytest.approx(21 + 34, abs=1)


def test_what_is_not_known_ends_no_silence_and_filler_does() -> None:
    watching = Watching(LONE)
    assert watching.show(1, **silent_for(20)) == ["silence_on_air"]
    assert watching.show(60, levels=None) == []
    filling = replace(PLAYOUT, is_filling=True)
    assert watching.show(60, playout=filling) == ["filler_on_air", "silence_over"]
    assert watching.show(60, playout=filling, **silent_for(60)) == []


def test_silence_of_what_comes_in_where_nothing_is_played() -> None:
    watching = Watching(replace(LONE, playout=None))
    assert watching.show(1, **silent_for(20)) == ["silence_on_air"]
    assert watching.last.sentence == "what comes in has been silent for 20 s"


def test_no_silence_can_be_asked_for() -> None:
    assert Watching(LONE, silence_seconds=0).show(60, **silent_for(600)) == []


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


def dialled(*links: LinkStatus) -> dict[str, object]:
    return {"inputs": (replace(INPUT, links=links),)}


def test_a_link_of_several_paths_is_down_when_none_works() -> None:
    lost = replace(WIRED, connected=False)
    away = replace(MOBILE, connected=False, trouble="wwan0 has no address")
    watching = Watching(PATHS)
    watching.show(5)
    assert watching.show(60, **dialled(lost, MOBILE)) == ["path_down"]
    assert watching.last.sentence == "the path via eth0 to studio.example:7080 is down; another one stands in for it"
    assert watching.last.subject == "input via eth0 to studio.example:7080"
    assert watching.show(60, **dialled(lost, away)) == ["link_down"]
    assert watching.last.sentence == "the link to studio.example:7080 is down: no path works"
    assert (watching.last.subject, watching.last.facts["paths"]) == ("input", 2)
    assert watching.show(60, **dialled(WIRED, away)) == ["link_up", "path_up", "path_down"]
    assert watching.last.sentence == (
        "the path via wwan0 to studio.example:7080 is down (wwan0 has no address); another one stands in for it"
    )
    assert watching.show(60, **dialled(WIRED, MOBILE)) == ["path_up"]


def test_a_path_that_is_down_is_not_to_blame_for_a_source_that_is_silent() -> None:
    watching = Watching(PATHS)
    watching.show(5)
    assert watching.show(60, **dialled(WIRED, replace(MOBILE, connected=False)), **SILENT) == [
        "source_lost",
        "path_down",
    ]


def test_a_path_that_is_configured_no_more_is_no_problem() -> None:
    watching = Watching(PATHS)
    watching.show(5)
    assert watching.show(600, **dialled(WIRED)) == []
    assert watching.show(600, **dialled(LINK)) == []


def test_receivers_with_several_paths_each_are_told_apart() -> None:
    paths = [
        replace(LINK, peer=f"192.0.2.{party}", path=f"to studio:{line}", party=f"party {party}")
        for party in (7, 8)
        for line in (1, 2)
    ]
    output = replace(PLAYERS, name="output studio", mode="DiStreamerServer", listeners=None, links=tuple(paths))
    watching = Watching(replace(LONE, outputs=(output,)))
    watching.show(5)
    down = [replace(link, connected=False) for link in paths]
    assert watching.show(60, outputs=(replace(output, links=(down[0], *paths[1:])),)) == ["path_down"]
    assert watching.last.subject == "output studio 192.0.2.7 (to studio:1)"
    assert watching.show(60, outputs=(replace(output, links=(*down[:2], *paths[2:])),)) == ["link_down"]
    assert watching.last.sentence == "the link to 192.0.2.7 is down: no path works"
    # It was started anew, and only one of its paths is back.
    anew = [replace(link, party="another") for link in paths[:2]]
    back = (*down[:2], anew[0], *paths[2:])
    assert watching.show(30, outputs=(replace(output, links=back),)) == ["link_up", "path_up", "path_down"]
    assert watching.last.subject == "output studio 192.0.2.7 (to studio:2)"
    assert watching.show(30, outputs=(replace(output, links=(*down[:2], *anew, *paths[2:])),)) == ["path_up"]
    assert watching.complete().problems == ()


def test_a_path_that_returns_with_another_address_is_the_same() -> None:
    mobile = replace(LINK, peer="192.0.2.7", path="via wwan0 to studio:7080", party="a")
    wired = replace(LINK, peer="198.51.100.1", path="via eth0 to studio:7080", party="a")
    output = replace(PLAYERS, name="output", mode="DiStreamerServer", listeners=None, links=(mobile, wired))
    watching = Watching(replace(LONE, outputs=(output,)))
    watching.show(5)
    watching.show(20, outputs=(replace(output, links=(replace(mobile, connected=False), wired)),))
    assert watching.show(30, outputs=(replace(output, links=(replace(mobile, peer="192.0.2.99"), wired)),)) == [
        "path_up"
    ]
    assert watching.last.subject == "output 192.0.2.7 (via wwan0 to studio:7080)"
    assert watching.last.sentence == "the path 192.0.2.99 (via wwan0 to studio:7080) is up (after 20 s)"
    history = watching.complete().outputs[0].links[0].history
    assert history is not None
    assert (history.cuts_day, history.is_up) == (1, True)
    down = [replace(mobile, peer="192.0.2.99", connected=False), replace(wired, connected=False)]
    assert watching.show(30, outputs=(replace(output, links=tuple(down)),)) == ["link_down"]
    assert watching.show(3, outputs=(replace(output, links=(mobile, down[1])),)) == ["link_up"]
    assert watching.last.sentence == "the link to 192.0.2.7, 198.51.100.1 is up (after 30 s)"


def test_a_far_end_that_an_input_has_no_more_is_no_problem() -> None:
    watching = Watching()
    watching.show(5)
    assert watching.show(600, **dialled(replace(LINK, peer="standby.example:7080"))) == []
    assert watching.show(60, **dialled(WIRED, MOBILE)) == []
    # What was down already is not down for ever.
    watching = Watching()
    watching.show(5)
    assert watching.show(60, inputs=(DOWN,)) == ["link_down"]
    assert watching.show(int(REPLACED_SECONDS) - 1, **dialled(WIRED, MOBILE)) == []
    assert watching.show(3) == ["link_up"]
    assert watching.last.sentence.startswith("input studio.example:7080 is not watched any more")
