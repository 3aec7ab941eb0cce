"""What the Tab key completes, in a real bash."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from distreamer.cli.main import commands
from tests.support.programs import find_program
from tests.support.pseudo_terminal import in_terminal


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With some files."""
    monkeypatch.chdir(tmp_path)
    for name in ("studio.conf", "news.conf", "notes.txt", "strange[.conf"):
        (tmp_path / name).touch()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/night.conf").touch()
    return tmp_path


def completed(*typed: str) -> list[str]:
    """What might stand in the place of the last word; ``(files)`` where the shell completes files by itself."""
    asked = ShellComplete(commands, {}, "distreamer", "_DISTREAMER_COMPLETE")
    found = asked.get_completions([*typed[:-1]], typed[-1])
    return [item.value if item.type == "plain" else f"({item.type}s)" for item in found]


def test_the_first_word_is_a_command_or_a_file() -> None:
    names = ["news.conf", "strange[.conf", "studio.conf"]
    assert completed("") == [*sorted(commands.commands), *names]
    assert completed("st") == ["status", "strange[.conf", "studio.conf"]
    assert completed("strange[") == ["strange[.conf"]
    assert completed("conf/") == ["conf/night.conf"]
    assert completed("note") == ["(files)"]
    assert completed("--v") == ["--version"]


def test_behind_it_files_or_what_the_command_takes() -> None:
    assert completed("check", "st") == ["(files)"]
    assert completed("studio.conf", "n") == ["(files)"]
    assert completed("chek", "n") == ["(files)"]  # misspelt, and refused when it is run
    assert completed("status", "st") == ["(files)"]
    assert completed("top", "--sec") == ["--seconds"]
    assert completed("init", "") == ["(dirs)"]
    assert completed("config", "s") == ["sample", "schema"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    script = CliRunner().invoke(commands, ["completion", shell]).stdout
    assert f"_DISTREAMER_COMPLETE={shell}_complete" in script
    assert "distreamer" in script


def test_other_shells_are_not_known() -> None:
    result = CliRunner().invoke(commands, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.stderr


@pytest.mark.integration
async def test_the_tab_key_in_bash(tmp_path: Path) -> None:
    program = tmp_path / "distreamer"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m distreamer "$@"\n')
    program.chmod(0o755)
    environment = {"PS1": "ready> ", "TERM": "dumb", "INPUTRC": "/dev/null"}
    arguments = ("--norc", "--noprofile", "-i")
    async with in_terminal(find_program("bash"), *arguments, environment=environment, folder=tmp_path) as bash:
        await bash.shows("ready> ")
        bash.type(f"PATH={tmp_path}:$PATH\n")
        await bash.shows("ready> ")
        bash.type('eval "$(distreamer completion bash)"\n')
        await bash.shows("\nready> ")
        for typed, whole in (
            ("stat", "status "),
            ("che", "check "),
            ("check stu", "studio.conf "),
            ("ne", "news.conf "),
        ):
            bash.type(f"distreamer {typed}\t")
            await bash.shows(f"distreamer .*{whole}")
            bash.type("\x15")  # Ctrl-U takes the line away
        bash.type("exit\n")
        await bash.ends()


def help_of(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    """The paths of a command and of those below it."""
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(one for name, other in below for one in help_of(other, *path, name))]


@pytest.mark.parametrize("path", help_of(commands), ids=" ".join)
def test_every_help_has_examples_and_fits_80_columns(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(commands, [*path, "--help"]).stdout
    assert "Examples:\n" in text
    assert max(map(len, text.splitlines())) <= 80
