"""The command ``health`` and the option ``--heartbeat``, as people and containers type them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distreamer.cli.application import Application
from distreamer.cli.main import commands
from distreamer.config.instance import Load
from distreamer.runtime.heartbeat import Heartbeat, write_heartbeat
from tests.support.small_registry import REGISTRY

NOW = 1_790_000_000.0
GOOD = "[INPUT]\nMODE = Tone\nHERTZ = 50\n[OUTPUT]\nMODE = Serve\n"


class Machine:
    """Where commands are typed: it has a clock, environment variables and a daemon that notes its heartbeat file."""

    def __init__(self) -> None:
        self.now = NOW
        self.environ: dict[str, str | None] = {"DISTREAMER_HEARTBEAT": None}
        self.heartbeats: list[Path | None] = []

    def type(self, *arguments: str) -> Result:
        """What the program answers."""
        application = Application(lambda: REGISTRY, self._run, {}, wall=lambda: self.now)
        return CliRunner().invoke(commands, arguments, obj=application, env=self.environ)

    def _run(self, load: Load, heartbeat: Path | None) -> int:
        self.heartbeats.append(heartbeat)
        return 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """In a folder with a heartbeat file of now."""
    monkeypatch.chdir(tmp_path)
    write_heartbeat(Path("beat"), Heartbeat(at=NOW, instances={"east": "“Radio” arrives", "west": "line\nbreak"}))
    return Machine()


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_fresh_file_is_good_news(machine: Machine, by_environment: bool) -> None:
    machine.environ["DISTREAMER_HEARTBEAT"] = "beat" if by_environment else "elsewhere"
    result = machine.type("health", *([] if by_environment else ["beat"]))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "east: “Radio” arrives\nwest: line\\nbreak\n"


def test_an_old_file_is_bad_news(machine: Machine) -> None:
    machine.now += 95
    result = machine.type("health", "beat")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "distreamer: the heartbeat file beat was written 95 s ago: DiStreamer hangs or has ended\n"
    )


def test_no_file_is_bad_news(machine: Machine) -> None:
    result = machine.type("health", "elsewhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "distreamer: there is no heartbeat file elsewhere: DiStreamer does not run, or not with --heartbeat elsewhere\n"
    )


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_name_it_says_how_to_give_one(machine: Machine, value: str | None) -> None:
    machine.environ["DISTREAMER_HEARTBEAT"] = value
    result = machine.type("health")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "distreamer: which file? Name it, or set DISTREAMER_HEARTBEAT\n"


def test_the_daemon_gets_the_file_from_the_option_or_the_environment(machine: Machine) -> None:
    Path("east.conf").write_text(GOOD)
    assert machine.type("east.conf").exit_code == 0
    assert machine.type("east.conf", "--heartbeat", "one").exit_code == 0
    assert machine.type("--heartbeat", "two", "east.conf").exit_code == 0
    machine.environ["DISTREAMER_HEARTBEAT"] = "three"
    assert machine.type("east.conf").exit_code == 0
    assert machine.type("run", "--heartbeat", "four", "east.conf").exit_code == 0
    assert machine.heartbeats == [None, Path("one"), Path("two"), Path("three"), Path("four")]
