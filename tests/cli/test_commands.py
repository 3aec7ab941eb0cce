"""The commands as people type them, with a small registry and a daemon that only notes what it is given."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from distreamer import __version__
from distreamer.__main__ import main
from distreamer.cli.application import Application
from distreamer.cli.main import commands
from distreamer.config.instance import Load
from distreamer.config.reference import reference, sample
from distreamer.errors import BindError
from tests.support.small_registry import REGISTRY

GOOD = "[INPUT]\nMODE = Pull\nSTREAMURL = http://me:secret@radio.example/\nPASSWORD = sesame\n[OUTPUT]\nMODE = Serve\n"


@dataclass
class Terminal:
    """Types commands, and notes the instances that would have run."""

    environ: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    exit_code: int = 0
    error: Exception | None = None

    def type(self, *arguments: str | Path) -> Result:
        """What the program answers."""
        application = Application(registry=lambda: REGISTRY, run=self._run, environ=self.environ)
        return CliRunner().invoke(commands, [str(argument) for argument in arguments], obj=application)

    def _run(self, load: Load, heartbeat: Path | None) -> int:
        if self.error is not None:
            raise self.error
        self.ran = [config.name for config in load()]
        return self.exit_code


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Terminal()


def test_files_are_run_side_by_side(terminal: Terminal) -> None:
    Path("east.conf").write_text(GOOD)
    Path("west.conf").write_text(GOOD)
    assert terminal.type("east.conf", "west.conf").exit_code == 0
    assert terminal.ran == ["east", "west"]


def test_the_word_run_says_the_same(terminal: Terminal) -> None:
    Path("east.conf").write_text(GOOD)
    terminal.exit_code = 3
    assert terminal.type("run", "east.conf").exit_code == 3
    assert terminal.ran == ["east"]


def test_a_file_that_is_called_like_a_command(terminal: Terminal) -> None:
    Path("check").write_text(GOOD)
    assert terminal.type("./check").exit_code == 0
    assert terminal.ran == ["check"]


def test_without_a_file_it_is_the_one_in_the_folder(terminal: Terminal) -> None:
    terminal.environ = {"DS_GENERAL_NAME": "east"}
    Path("distreamer.conf").write_text(GOOD)
    assert terminal.type().exit_code == 0
    assert terminal.ran == ["east"]


def test_without_any_file_the_environment_is_enough(terminal: Terminal) -> None:
    terminal.environ = {"DS_INPUT_MODE": "Tone", "DS_INPUT_HERTZ": "50", "DS_OUTPUT_MODE": "Serve"}
    assert terminal.type().exit_code == 0
    assert terminal.ran == ["distreamer"]


def test_without_anything_it_says_what_it_looked_for(terminal: Terminal) -> None:
    result = terminal.type()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "there is no distreamer.conf here: name a file, or begin one with "
        "distreamer config sample > distreamer.conf\n"
        "distreamer: 1 fault; nothing was started\n"
    )


def test_a_misspelt_command_is_not_taken_for_a_file(terminal: Terminal) -> None:
    result = terminal.type("chek", "east.conf")
    assert result.exit_code == 2
    assert "there is no file and no command chek; did you mean check?" in result.stderr
    Path("chek").write_text(GOOD)
    assert terminal.type("chek").exit_code == 0
    assert terminal.ran == ["chek"]


def test_one_broken_file_keeps_all_from_starting(terminal: Terminal) -> None:
    Path("east.conf").write_text(GOOD)
    Path("west.conf").write_text(GOOD + "PRT = 1\nTIMEOUT = 0")
    result = terminal.type("east.conf", "west.conf")
    assert (result.exit_code, terminal.ran) == (2, [])
    assert result.stderr == (
        "west.conf:7: [OUTPUT] has no key PRT for MODE = Serve; did you mean PORT?\n"
        "west.conf:8: [OUTPUT] TIMEOUT = 0 must be one of never or a number of seconds from 1 to 60\n"
        "distreamer: 2 faults; nothing was started\n"
    )


def test_documented_errors_have_no_traceback(terminal: Terminal) -> None:
    Path("east.conf").write_text(GOOD)
    terminal.error = BindError("port 80: permission denied\x1b[2J")
    result = terminal.type("east.conf")
    assert (result.exit_code, result.stderr) == (1, "distreamer: port 80: permission denied\\x1b[2J\n")


def test_an_interrupt_while_the_program_is_loaded_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "distreamer.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "distreamer.cli.main")
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == "Aborted!"


def test_check_says_what_a_file_would_do(terminal: Terminal) -> None:
    Path("east.conf").write_text(
        GOOD + "PORT = 80\n[GENERAL]\nLOGFILE = east.log\nHISTORY = 600\nEVENTLOG = e.jsonl\nADMIN = [::1]:80"
    )
    result = terminal.type("check", "east.conf")
    assert (result.exit_code, terminal.ran) == (0, [])
    assert result.stdout.splitlines() == [
        "east.conf is in order. The instance east would run with",
        "  input: Pull",
        "    STREAMURL = http://me:***@radio.example/",
        "    PASSWORD = ***",
        "  output: Serve",
        "    PORT = 80",
        "  10 min of audio kept",
        "  the log on the console, at level 2",
        "  the log in east.log, at level 2",
        "  events in e.jsonl",
        "  the operator's API on http://[::1]:80/, for this machine, without a password",
    ]


def test_check_says_which_input_comes_before_which(terminal: Terminal) -> None:
    more = "[INPUT night]\nMODE = Tone\nHERTZ = 50\nPRIORITY = 2\n[INPUT studio]\nMODE = Tone\nHERTZ = 70\n"
    Path("east.conf").write_text(GOOD + more)
    said = terminal.type("check", "east.conf").stdout.splitlines()
    assert "  on air the first of these that works: input, input studio, input night" in said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "  listeners 25 s behind live"),
        ("MINFRAGMENTS = 3", "  listeners MINFRAGMENTS = 3 fragments behind live"),
        ("MINFRAGMENTS = 3\n[GENERAL]\nDELAY = 90", "  listeners 90 s behind live"),
    ],
)
def test_check_says_how_far_behind_live_listeners_are(terminal: Terminal, lines: str, said: str) -> None:
    Path("east.conf").write_text(f"[INPUT]\nMODE = Tone\nHERTZ = 50\n[OUTPUT]\nMODE = Play\n{lines}")
    assert said in terminal.type("check", "east.conf").stdout.splitlines()


def test_check_ends_with_2_for_what_is_wrong(terminal: Terminal) -> None:
    Path("east.conf").write_text(GOOD + "PRT = 1")
    result = terminal.type("check", "east.conf")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("east.conf:7: [OUTPUT] has no key PRT")


def test_modules_are_listed_with_a_line_each(terminal: Terminal) -> None:
    lines = [line.rstrip() for line in terminal.type("modules").stdout.splitlines()]
    assert lines == [
        "section   MODE   what it does",
        "[INPUT]   Pull   Listens to a server, like a player does.",
        "[INPUT]   Tone   Makes a tone.",
        "[OUTPUT]  Serve  Serves players.",
        "[OUTPUT]  Play   Plays the programme.",
        "[OUTPUT]  Push   Sends to another server.",
        "[ALERT]   Bell   Rings.",
    ]


def test_samples(terminal: Terminal) -> None:
    assert terminal.type("config", "sample").stdout == sample(REGISTRY)
    chosen = terminal.type("config", "sample", "--input", "tone", "--output", "push").stdout
    assert chosen == sample(REGISTRY, "Tone", "Push")
    result = terminal.type("config", "sample", "--input", "Tune")
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: there is no input Tune; did you mean Tone?\n")


def test_the_reference_is_printed_or_written(terminal: Terminal) -> None:
    pages = reference(REGISTRY)
    printed = terminal.type("config", "reference").stdout
    assert all(page in printed for page in pages.values())
    folder = Path("docs/reference")
    assert terminal.type("config", "reference", "--write", folder).stdout == "8 pages written to docs/reference\n"
    (folder / "input-gone.md").write_text("# [INPUT] MODE = Gone\n\nA MODE that is no more.\n")
    assert terminal.type("config", "reference", "--write", folder).exit_code == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == pages


def test_the_reference_replaces_nothing_but_itself(terminal: Terminal) -> None:
    Path("README.md").write_text("# My station\n")
    Path("notes.md").write_text("precious\n")
    Path("empty.md").touch()
    result = terminal.type("config", "reference", "--write", ".")
    assert result.exit_code == 1
    assert result.stderr.startswith("distreamer: README.md is not of the reference, and stays as it is;")
    assert sorted(path.name for path in Path().iterdir()) == ["README.md", "empty.md", "notes.md"]
    Path("README.md").unlink()
    assert terminal.type("config", "reference", "--write", ".").exit_code == 0
    assert Path("notes.md").read_text() == "precious\n"
    assert {path.name for path in Path().iterdir()} == {"empty.md", "notes.md", *reference(REGISTRY)}


def test_a_reference_that_cannot_be_written(terminal: Terminal) -> None:
    Path("file").touch()
    result = terminal.type("config", "reference", "--write", "file")
    assert result.exit_code == 1
    assert result.stderr.startswith("distreamer: the reference cannot be written: ")


def test_the_schema_is_json(terminal: Terminal) -> None:
    assert json.loads(terminal.type("config", "schema").stdout)["title"] == "DiStreamer configuration"


def test_version_and_help(terminal: Terminal) -> None:
    assert __version__ in terminal.type("--version").stdout
    for option in ("--help", "-h"):
        text = terminal.type(option).stdout
        assert "distreamer check studio.conf" in text
        assert [name for name in commands.commands if name not in text] == []


@pytest.mark.parametrize("name", commands.commands)
def test_every_command_explains_itself(terminal: Terminal, name: str) -> None:
    command = commands.commands[name]
    assert isinstance(command, click.Command)
    assert terminal.type(name, "--help").exit_code == 0
    assert command.get_short_help_str(200).endswith(".")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], (None, None, 8000, None, True)),
        (
            ["--seconds", "30", "--source", "http://x/", "--port", "0", "--cut", "20", "--no-browser"],
            (30, "http://x/", 0, 20, False),
        ),
    ],
)
def test_the_demo_gets_its_options(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, arguments: list[str], given: tuple[object, ...]
) -> None:
    calls: list[dict[str, object]] = []

    def run_demo(**options: object) -> int:
        calls.append(options)
        return 1

    demo_app = ModuleType("distreamer.demo.app")
    monkeypatch.setattr(demo_app, "run_demo", run_demo, raising=False)
    monkeypatch.setitem(sys.modules, "distreamer.demo.app", demo_app)
    assert terminal.type("demo", *arguments).exit_code == 1
    assert calls == [dict(zip(("seconds", "source", "port", "cut_seconds", "open_browser"), given, strict=True))]


def test_an_option_that_is_not_there(terminal: Terminal) -> None:
    result = terminal.type("--colour", "east.conf")
    assert result.exit_code == 2
    assert "No such option" in result.stderr


def test_check_says_why_a_spool_cannot_be_used(terminal: Terminal) -> None:
    Path("east.conf").write_text(f"[GENERAL]\nSPOOL = kept/east\n{GOOD}")
    said = terminal.type("check", "east.conf")
    assert said.exit_code == 0
    assert "  5 min of audio kept, also in kept/east\n" in said.output
    assert not Path("kept").exists()
    Path("kept").write_text("")
    said = terminal.type("check", "east.conf")
    assert said.exit_code == 2
    assert f"east.conf: [GENERAL] SPOOL: {Path('kept').absolute()} is not a folder" in said.output
