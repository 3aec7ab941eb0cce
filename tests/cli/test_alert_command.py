"""``distreamer alert test``, with real receivers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from distreamer.cli.application import Application
from distreamer.cli.main import commands
from distreamer.runtime.modules import REGISTRY
from tests.support.instances import free_port

REST = "[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n"


def typed(*arguments: str | Path) -> Result:
    application = Application(registry=lambda: REGISTRY, run=lambda load, heartbeat: 0, environ={})
    return CliRunner().invoke(commands, ["alert", "test", *map(str, arguments)], obj=application)


def written(folder: Path, name: str, *alerts: str) -> Path:
    file = folder / f"{name}.conf"
    file.write_text(REST + "\n".join(alerts) + "\n")
    return file


def test_what_happened_is_said_for_each(tmp_path: Path) -> None:
    note = f"[ALERT]\nMODE = Command\nCOMMAND = tee {tmp_path}/event.json"
    hook = f"[ALERT hook]\nMODE = Webhook\nURL = http://127.0.0.1:{free_port()}/geheim"
    result = typed(written(tmp_path, "studio", note, hook))
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert re.fullmatch(r"alert: command tee: ended with exit code 0 in (less than )?[\d.]+ s", first)
    assert re.fullmatch(
        r"alert hook: webhook of (127\.0\.0\.1:\d+): FAILED: \1: cannot be reached: Connection refused "
        r"\(after (less than )?[\d.]+ s\)",
        second,
    )
    assert '"state": "test"' in (tmp_path / "event.json").read_text()


def test_one_alone_may_be_tried(tmp_path: Path) -> None:
    good = "[ALERT Night]\nMODE = Command\nCOMMAND = true"
    bad = "[ALERT]\nMODE = Command\nCOMMAND = false"
    file = written(tmp_path, "studio", good, bad)
    for name in ("night", "alert night", "Night"):
        result = typed(file, "--name", name)
        assert (result.exit_code, len(result.output.splitlines())) == (0, 1)
    assert typed(file, "--name", "alert").output.startswith(
        "alert: command false: FAILED: false ended with exit code 1"
    )
    result = typed(file, "--name", "nihgt")
    assert result.exit_code == 2
    assert "there is no [ALERT] of the name nihgt; did you mean night?" in result.output


def test_of_several_files_the_instance_is_named(tmp_path: Path) -> None:
    alert = "[ALERT]\nMODE = Command\nCOMMAND = true"
    result = typed(written(tmp_path, "east", alert), written(tmp_path, "west", alert))
    assert [line.split(": ")[0] for line in result.output.splitlines()] == ["east", "west"]
    assert result.exit_code == 0


def test_without_any_there_is_nothing_to_try(tmp_path: Path) -> None:
    file = written(tmp_path, "studio")
    result = typed(file)
    assert result.exit_code == 1
    assert result.output == f"distreamer: {file}: there is no [ALERT] section, so nobody is told anything\n"


def test_a_file_with_faults_is_not_tried(tmp_path: Path) -> None:
    result = typed(written(tmp_path, "studio", "[ALERT]\nMODE = Mail"))
    assert result.exit_code == 2
    assert "[ALERT] SERVER is missing" in result.output


@pytest.mark.parametrize("arguments", [["check"], ["modules"]])
def test_the_other_commands_know_alerts(tmp_path: Path, arguments: list[str]) -> None:
    file = written(tmp_path, "studio", "[ALERT]\nMODE = Webhook\nURL = https://hooks.example/geheim")
    application = Application(registry=lambda: REGISTRY, run=lambda load, heartbeat: 0, environ={})
    more = [str(file)] if arguments == ["check"] else []
    result = CliRunner().invoke(commands, [*arguments, *more], obj=application)
    assert result.exit_code == 0
    assert "Webhook" in result.output
    assert "geheim" not in result.output
