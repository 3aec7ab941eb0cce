"""``make gauntlet`` as it is called, with runs that are only pretended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.gauntlet import __main__ as command
from benchmarks.gauntlet import gauntlet
from benchmarks.gauntlet.results import Result, Results, Run, faults_of
from benchmarks.gauntlet.scenarios import SCENARIOS
from benchmarks.gauntlet.systems.system import System

Typed = Sequence[str]


class PretendedRuns:
    """Stands in for the runs: some find something, one cannot be carried out."""

    def __init__(self) -> None:
        self.carried_out: list[Run] = []
        self.impossible: str | None = None

    async def carry_out(self, run: Run, system: System, number: int, folder: Path) -> Result:
        assert system.name == run.system
        if run.scenario == self.impossible:
            raise RuntimeError("the bridge is closed")
        self.carried_out.append(run)
        result = Result(run, missing=3 if run.scenario == "loss50" else 0, version="3.1", megabytes=1.0, seconds=50.0)
        return replace(result, faults=faults_of(result))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PretendedRuns:
    """In an empty folder, on a machine on which everything is allowed."""
    pretended = PretendedRuns()

    async def nothing() -> None:
        pass

    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    monkeypatch.setattr(gauntlet, "carry_out", pretended.carry_out)
    monkeypatch.setattr(gauntlet, "remove_leftovers", nothing)
    monkeypatch.setattr(command, "why_not", lambda: "")
    return pretended


def typed(*more: str) -> Typed:
    return ["--systems", "DiStreamer", "--seeds", "1", "--bitrates", "128", *more]


def test_it_runs_all_writes_the_page_and_does_not_run_again_what_it_has(
    runs: PretendedRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(typed("--only", "loss1,loss50")) == 0
    said = capsys.readouterr().out
    assert "[1/2] DiStreamer: loss1, seed 1, 128 kbit/s: nothing was heard of it" in said
    assert "[2/2] DiStreamer: loss50, seed 1, 128 kbit/s: 3 frames missing where 0 may be" in said
    assert "## DiStreamer 3.1" in Path("docs/gauntlet.md").read_text()
    assert command.main(typed("--only", "loss1,loss50,out2")) == 0
    assert [run.scenario for run in runs.carried_out] == ["loss1", "loss50", "out2"]
    assert "`loss1`" in Path("docs/gauntlet.md").read_text()
    assert command.main(typed("--only", "loss1,out5", "--page")) == 0
    assert len(runs.carried_out) == 3
    assert "`out2`" not in Path("docs/gauntlet.md").read_text()
    assert command.main(typed("--only", "loss1", "--fresh", "--no-write")) == 0
    assert [run.scenario for run in runs.carried_out] == ["loss1", "loss50", "out2", "loss1"]


def test_a_run_that_cannot_be_carried_out_does_not_end_the_others_and_is_tried_again(
    runs: PretendedRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.impossible = "loss1"
    assert command.main(typed("--only", "loss1,out2", "--parallel", "1")) == 1
    assert "loss1, seed 1, 128 kbit/s: could not be carried out: the bridge is closed" in capsys.readouterr().out
    assert [run.scenario for run in runs.carried_out] == ["out2"]
    runs.impossible = None
    assert command.main(typed("--only", "loss1,out2")) == 0
    assert [run.scenario for run in runs.carried_out] == ["out2", "loss1"]
    assert len(Results(command.BUILD_FOLDER / "results.jsonl").all) == 2


def test_peers_that_are_not_installed_are_left_out_and_that_is_said(
    runs: PretendedRuns, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    peers = ["--systems", "RIST,plain player", "--seeds", "1", "--bitrates", "128", "--only", "loss1"]
    assert command.main(peers) == 0
    reason = "not installed: ffmpeg, icecast2, rist-tools"
    assert f"RIST is left out: {reason}" in capsys.readouterr().out
    assert [run.system for run in runs.carried_out] == ["plain player"]
    assert f"- **RIST** was left out: {reason}." in Path("docs/gauntlet.md").read_text()


def test_without_root_it_says_why_and_what_to_do_instead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(typed()) == 2
    said = capsys.readouterr().err
    assert said.startswith("The gauntlet cannot be run here: network namespaces and TUN devices need root; ")
    assert "distreamer chaos" in said


def test_the_scenarios_are_listed_for_anybody(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(SCENARIOS)


@pytest.mark.parametrize("wrong", [["--only", "rain"], ["--systems", "pigeons"], ["--seeds", "a"]])
def test_what_does_not_exist_is_refused(wrong: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(wrong)
    assert ended.value.code == 2
    assert wrong[1] in capsys.readouterr().err
