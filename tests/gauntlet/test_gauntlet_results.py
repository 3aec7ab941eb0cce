"""What the gauntlet makes of what it measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.gauntlet.gauntlet import Plan
from benchmarks.gauntlet.measures import bytes_sent, first_after, latest_fragment, most, worst
from benchmarks.gauntlet.programme import FRAME_SECONDS
from benchmarks.gauntlet.report import report
from benchmarks.gauntlet.results import Result, Results, Run, faults_of
from benchmarks.gauntlet.scenarios import BUFFER_SECONDS, SCENARIOS, Dark, Killed, named
from benchmarks.gauntlet.systems import OURS, PEERS, SYSTEMS

OUT10 = Run(OURS.name, "out10", 1, 128, False)
GOOD = Result(
    OUT10,
    megabytes=2.4,
    seconds=100.0,
    title_late_seconds=0.0,
    latency_seconds=28.0,
    version="3.1",
    first_fragment_seconds=0.5,
)


def test_of_several_players_the_worst_counts_for_each_fault() -> None:
    player = {
        "silent_seconds": 0.0, "stops": 0, "missing": 7, "repeated": 0, "damaged": 0, "disconnects": 0,
        "wrong_titles": 0, "longest_wrong_title_seconds": 1.23456, "latency_seconds": None,
    }  # fmt: skip
    other = {**player, "missing": 0, "silent_seconds": 2.0, "latency_seconds": 25.0}
    found = worst([player, other])
    assert (found["missing"], found["silent_seconds"], found["latency_seconds"]) == (7, 2.0, 25.0)
    assert found["title_late_seconds"] == 1.235
    assert worst([player])["latency_seconds"] is None
    Result(OUT10, **found)


def test_the_slowest_fragment_is_looked_for_behind_the_beginning_of_the_trouble() -> None:
    on_air = [100 + (place + 1) * FRAME_SECONDS for place in (0, 38, 76)]
    arrivals = [[on_air[0] + 50, 0], [on_air[1] + 0.2, 38], [on_air[2] + 3.0, 76]]
    assert latest_fragment(arrivals, 100, begin=0) == pytest.approx(50)
    assert latest_fragment(arrivals[1:], 100, begin=0) == pytest.approx(3.0)
    assert latest_fragment(arrivals, 100, begin=1000) is None


def test_the_first_fragment_after_each_return_and_the_longest_wait_of_all() -> None:
    arrivals = [[10.0, 1], [20.4, 2], [21.0, 3], [41.2, 4]]
    assert first_after(arrivals, [20.0], 50.0) == 0.4
    assert first_after(arrivals, [20.0, 40.0], 50.0) == 1.2
    assert first_after(arrivals, [45.0], 50.0) == 5.0
    assert first_after(arrivals, [], 50.0) is None
    assert first_after([], [20.0], 50.0) is None


def test_all_bytes_that_were_sent_are_counted() -> None:
    way = {"offered_bytes": 10, "delivered_bytes": 3}
    assert bytes_sent([{"to_a": way, "to_b": way}, {"to_a": way, "to_b": way}]) == 40


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"silent_seconds": 0.09}, None),
        ({"silent_seconds": 0.5}, "0.5 s of silence where 0.1 may be"),
        ({"missing": 1}, "1 frames missing where 0 may be"),
        ({"repeated": 1}, "1 frames repeated where 0 may be"),
        ({"damaged": 1}, "1 frames damaged where 0 may be"),
        ({"disconnects": 1}, "1 disconnects where 0 may be"),
        ({"wrong_titles": 1}, "1 wrong titles where 0 may be"),
        ({"latency_seconds": 1000.0}, None),
        ({"came_through": False}, "players did not hear what was on air at the end of the trouble"),
        ({"first_fragment_seconds": 1.6}, "the first fragment came 1.6 s after the link's return"),
        ({"away_seconds": 3.0}, None),
        ({"download_share": 0.3}, None),
        ({"download_share": 0.2}, "the download got 20% of the link"),
        ({"trouble": "it did not begin"}, "it did not begin"),
    ],
)
def test_what_is_a_fault(change: dict[str, object], fault: str | None) -> None:
    assert faults_of(replace(GOOD, **change)) == ([fault] if fault else [])  # type: ignore[arg-type]


def test_a_long_outage_may_be_heard_for_what_the_buffer_did_not_bridge() -> None:
    result = replace(GOOD, run=replace(OUT10, scenario="out60_live"), silent_seconds=36.9, stops=1, missing=1400)
    assert faults_of(result) == []
    assert faults_of(replace(result, silent_seconds=37.1)) == ["37.1 s of silence where 37 may be"]
    assert faults_of(replace(result, stops=2)) == ["2 stops where 1 may be"]
    assert faults_of(replace(result, latency_seconds=66.0)) == ["66 s behind the studio at the end where 33 may be"]
    goes_on = replace(result, run=replace(OUT10, scenario="out60_continue"))
    assert faults_of(goes_on) == ["1400 frames missing where 0 may be"]


def test_while_b_was_away_nothing_can_be_heard() -> None:
    result = replace(
        GOOD, run=replace(OUT10, scenario="b_killed2"), disconnects=1, silent_seconds=2.9, away_seconds=3.1
    )
    assert faults_of(result) == []
    assert faults_of(replace(result, silent_seconds=3.2)) == ["3.2 s of silence where B was away for 3.1 s"]


def test_results_are_kept_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.jsonl"
    results = Results(file)
    assert OUT10 not in results
    results.add(replace(GOOD, missing=3))
    results.add(replace(GOOD, missing=2))
    again = Results(file)
    assert OUT10 in again
    assert again.of([OUT10, replace(OUT10, seed=2)]) == [replace(GOOD, missing=2)]


def test_what_the_machine_held_up_can_be_run_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(replace(GOOD, held_up_seconds=0.2))
    results.add(replace(GOOD, run=replace(OUT10, seed=2), held_up_seconds=0.5))
    assert results.forget_held_up(0.3) == 1
    assert OUT10 in results
    assert replace(OUT10, seed=2) not in results


def test_the_most_of_what_is_known() -> None:
    assert most([None, 1.0, 3.0]) == 3.0
    assert most([None]) is None


def test_scenarios_have_names_of_their_own_and_end() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(0 < scenario.seconds(quick) <= 70 for scenario in SCENARIOS for quick in (True, False))
    assert named("out60_live").seconds(True) == 65
    assert named("loss20").seconds(True) < named("loss20").seconds(False)


def test_scenarios_that_depend_on_the_bitrate() -> None:
    assert named("room1.25_loss10").link_at(320).rate == 400_000
    assert named("room1.25_loss10").link_at(320).loss == 0.1
    assert named("loss20").link_at(320).rate == 2_000_000


def test_no_outage_that_may_not_be_heard_is_longer_than_the_buffer() -> None:
    for scenario in SCENARIOS:
        if scenario.allowed.silent_seconds == 0.1:
            assert all(event.seconds < BUFFER_SECONDS for event in scenario.events if isinstance(event, Dark | Killed))


def plan_of(*names: str, **change: object) -> Plan:
    plan = Plan(SYSTEMS, [named(name) for name in names], [1, 2], [128, 320], False, 1, Path("unused"))
    return replace(plan, **change)  # type: ignore[arg-type]


def test_peers_are_run_with_the_first_seed_and_bitrate_only() -> None:
    runs = plan_of("out10", "out60_continue").runs()
    assert len([run for run in runs if run.system == OURS.name]) == 8
    theirs = [run for run in runs if run.system != OURS.name]
    assert len(theirs) == len(PEERS)
    assert {(run.scenario, run.seed, run.kilobits) for run in theirs} == {("out10", 1, 128)}


def test_nobody_is_run_without_what_is_killed() -> None:
    killed_a = {run.system for run in plan_of("a_killed2").runs()}
    killed_b = {run.system for run in plan_of("b_killed2").runs()}
    assert killed_a == {"DiStreamer", "ffmpeg over SRT", "RIST"}
    assert killed_b == {"DiStreamer", "ffmpeg over SRT", "RIST", "Icecast relay"}
    assert {run.system for run in plan_of("both_killed2").runs()} == killed_b


def test_the_page_has_the_worst_of_each_row_and_says_what_was_left_out(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(GOOD)
    bad = replace(GOOD, run=replace(OUT10, seed=2), silent_seconds=3.25, missing=12, first_fragment_seconds=2.0)
    results.add(replace(bad, faults=faults_of(bad)))
    results.add(replace(GOOD, run=replace(OUT10, scenario="loss1"), first_fragment_seconds=None, held_up_seconds=0.123))
    results.add(replace(GOOD, run=replace(OUT10, kilobits=320), megabytes=5.0, download_share=0.5))
    results.add(replace(GOOD, run=replace(OUT10, scenario="loss50"), trouble="nothing played", faults=["nothing"]))
    peer = replace(GOOD, run=replace(OUT10, system="plain player"), missing=380, disconnects=1, came_through=False)
    results.add(peer)
    page = report(
        plan_of("loss1", "loss50", "out10", "out20"),
        results,
        {"RIST": "not installed: rist-tools"},
        "two tins and a string",
    )
    assert "## DiStreamer 3.1\n\nSeeds 1, 2; 128, 320 kbit/s;" in page
    assert "machine for longer than 0.12 s." in page
    assert "This page is what it wrote,\non two tins and a string.\n" in page
    assert "Of 5 runs 3 had no fault." in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert "| `loss1` 1 % of all packets lost | 1 | 0.0 s | 0 | 0 | 0 | 0.0 s |  |  | 1.50 |" in rows
    assert "| **`out10` dark for 10 s** | 2 | 3.2 s | 12 | 0 | 0 | 0.0 s |  | 2.0 s | 1.50 |" in rows
    assert "| **`loss50` 50 % lost** | 1 | nothing played |  |  |  |  |  |  |  |" in rows
    assert "- **RIST** was left out: not installed: rist-tools." in page
    assert "| scenario | DiStreamer | plain player |" in rows
    assert "| `out10` dark for 10 s | · | 0.0 / 380 / 0 / 1, does not recover |" in rows
    assert "\n### 128 kbit/s\n\n| scenario" in page
    at_320 = page.partition("### 320 kbit/s\n\n")[2]
    assert "| `out10` dark for 10 s (it got 50% of the link or more) | 1 | 0.0 s | 0 | 0 | 0 |" in at_320
    assert "loss1" not in at_320.partition("## Beside")[0]
    assert [row.count("|") for row in rows] == [11] * 8 + [4] * 3
