"""``distreamer init``: the questions, the answers that are refused, and what is written."""

from __future__ import annotations

import os
import resource
import signal
import textwrap
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.cli import init_questions
from distreamer.cli.application import Application
from distreamer.cli.init_files import (
    PASSWORD_LENGTH,
    STUDIO,
    TRANSMITTER,
    Answers,
    configuration,
    fault,
    new_password,
    texts,
    write,
)
from distreamer.cli.main import commands
from distreamer.config.instance import InstanceConfig
from distreamer.config.loader import load
from distreamer.inputs.distreamer_client import DiStreamerClientSettings
from distreamer.inputs.shoutcast_client import ShoutcastClientSettings
from distreamer.inputs.shoutcast_source_server import ShoutcastSourceServerSettings
from distreamer.outputs.distreamer_server import DiStreamerServerSettings
from distreamer.outputs.shoutcast_server import ShoutcastServerSettings
from distreamer.runtime.modules import REGISTRY

OWN_ADDRESS = "192.0.2.55"
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, on a machine whose address is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(init_questions, "own_address", lambda: OWN_ADDRESS)
    return tmp_path


def init(*arguments: str, typed: str | None = None) -> Result:
    # The environment must not matter: the other file is for another machine.
    environ = {"DS_INPUT_MODE": "Silence"}
    application = Application(registry=lambda: REGISTRY, run=lambda load, heartbeat: 0, environ=environ)
    return CliRunner().invoke(commands, ["init", *arguments], obj=application, input=typed)


def written(folder: Path = Path()) -> tuple[InstanceConfig, InstanceConfig]:
    """What the two files say; they pass what ``distreamer check`` looks at."""
    return load(folder / STUDIO, REGISTRY, {}), load(folder / TRANSMITTER, REGISTRY, {})


def test_the_defaults_are_a_pair_for_an_encoder() -> None:
    result = init(typed="\n\n\n\n\n")
    assert result.exit_code == 0, result.output
    studio, transmitter = written()
    source, server = studio.inputs[0].settings, studio.outputs[0].settings
    client, players = transmitter.inputs[0].settings, transmitter.outputs[0].settings
    assert isinstance(source, ShoutcastSourceServerSettings)
    assert isinstance(server, DiStreamerServerSettings)
    assert isinstance(client, DiStreamerClientSettings)
    assert isinstance(players, ShoutcastServerSettings)
    assert (source.port, server.port, players.port, players.requireurl) == (8000, 7080, 8080, "live")
    assert client.serverurl == f"http://{OWN_ADDRESS}:7080"
    assert server.password == client.password != source.password
    assert {len(server.password), len(source.password)} == {PASSWORD_LENGTH}
    assert (server.legacy, client.legacy) == (False, False)
    assert (studio.general.admin, transmitter.general.admin) == ("127.0.0.1:8090", "127.0.0.1:8091")
    assert (transmitter.general.delay, transmitter.general.history) == (25, 300)
    assert {os.stat(name).st_mode & 0o777 for name in (STUDIO, TRANSMITTER)} == {0o600}
    assert server.password not in result.output
    assert f"  on PC B:  {init_program()} transmitter.conf\n" in result.output
    assert "Let the encoder send to port 8000 of PC A" in result.output
    assert max(map(len, result.output.splitlines())) <= 110


def init_program() -> str:
    """As the output names it."""
    from distreamer.cli.init import _program

    return _program()


def test_answers_that_cannot_be_are_told_at_once_and_asked_again() -> None:
    typed = [
        *("radio.example", "http://radio.example:99999/", "http://me:geheim@radio.example:8000/live"),
        *("http://pc-a.example.org", "pc-a.example.org:7080", "pc a", "2001:db8::1"),
        *("many", "0", "65536", "8090", "7099"),
        *("long", "-1", "4000", "400"),
        *("live", "0", "99999/live", "8091", "8070"),
    ]
    result = init(typed="\n".join(typed) + "\n")
    assert result.exit_code == 0, result.output
    errors = [line.partition("Error: ")[2] for line in result.output.splitlines() if "Error: " in line]
    assert errors == [
        "[INPUT] STREAMURL = radio.example must begin with http:// or https://",
        "[INPUT] STREAMURL = http://radio.example:99999/ must have a port from 1 to 65535 after the colon",
        "http://pc-a.example.org must be a name or an address alone, such as pc-a.example.org or 192.0.2.7",
        "pc-a.example.org:7080 must be a name or an address alone, such as pc-a.example.org or 192.0.2.7",
        "pc a must be a name or an address alone, such as pc-a.example.org or 192.0.2.7",
        "many must be a port from 1 to 65535",
        "0 must be a port from 1 to 65535",
        "65536 must be a port from 1 to 65535",
        "8090 is for ADMIN here; take another",
        "long must be a number of seconds",
        "[GENERAL] DELAY = -1 must be a number of seconds from 1 to 3600",
        "[GENERAL] DELAY = 4000 must be a number of seconds from 1 to 3600",
        "live must be a port from 1 to 65535, or one with a mount, such as 8080/live",
        "0 must be a port from 1 to 65535, or one with a mount, such as 8080/live",
        "99999/live must be a port from 1 to 65535, or one with a mount, such as 8080/live",
        "8091 is for ADMIN here; take another",
    ]
    studio, transmitter = written()
    source, client = studio.inputs[0].settings, transmitter.inputs[0].settings
    players = transmitter.outputs[0].settings
    assert isinstance(source, ShoutcastClientSettings)
    assert source.streamurl == "http://me:geheim@radio.example:8000/live"
    assert isinstance(client, DiStreamerClientSettings)
    assert client.serverurl == "http://[2001:db8::1]:7099"
    assert isinstance(players, ShoutcastServerSettings)
    assert (players.port, players.requireurl) == (8070, "")
    assert (studio.general.history, transmitter.general.history, transmitter.general.delay) == (800, 800, 400)
    assert "the encoder" not in result.output.partition("Written")[2]
    assert "Players play http://PC-B:8070/ from 6 min 40 s after" in result.output


def test_options_answer_beforehand_and_nothing_is_asked_with_yes() -> None:
    options = ("--source", "http://radio.example/;", "--port", "7081", "--buffer", "60", "--listen", ":80/a/b.mp3")
    result = init("station", "--yes", *options)
    assert result.exit_code == 0, result.output
    assert "?" not in result.output
    _, transmitter = written(Path("station"))
    players = transmitter.outputs[0].settings
    assert isinstance(players, ShoutcastServerSettings)
    assert (players.port, players.requireurl, transmitter.general.delay) == (80, "a/b.mp3", 60)
    assert f"  on PC A:  {init_program()} station/studio.conf\n" in result.output
    result = init("other", *options[:6], typed="\n\n")
    assert result.exit_code == 0, result.output
    assert [line[:2] for line in result.output.splitlines() if line[1:2] == "."] == ["2.", "5."]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "x"), "Invalid value for --port: x must be a port"),
        (("--source", "x"), "Invalid value for --source: [INPUT] STREAMURL = x must begin with http"),
        (("--source", "http://x/\n[OUTPUT b]"), "Invalid value for --source: it has a character that is not text"),
        (("--listen", "80/\x1b[2J"), "Invalid value for --listen: it has a character that is not text"),
        (("--port", "8001"), "Invalid value for --port: [OUTPUT] PORT = 8001 is taken by [INPUT]"),
    ],
)
def test_options_that_cannot_be_are_refused(place: Path, arguments: tuple[str, ...], words: str) -> None:
    result = init("--yes", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(place.iterdir()) == []


def test_without_a_network_the_address_must_be_said(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(init_questions, "own_address", lambda: "")
    result = init("--yes")
    assert result.exit_code == 2
    assert "give --address" in result.stderr
    assert list(place.iterdir()) == []
    result = init(typed="\n\n\npc-a\n\n\n\n")  # asked until something is said
    assert result.exit_code == 0, result.output
    assert "SERVERURL = http://pc-a:7080\n" in Path(TRANSMITTER).read_text()


def test_nothing_is_replaced_unasked() -> None:
    Path(TRANSMITTER).write_text("precious")
    result = init("--yes")
    assert result.exit_code == 1
    assert result.stderr == "distreamer: transmitter.conf is there already; --overwrite replaces what is there\n"
    for typed in ("\n", "n\n"):
        result = init(typed=typed)
        assert result.exit_code == 1
        assert "transmitter.conf is there already. Replace? [y/N]:" in result.output
    assert not Path(STUDIO).exists()
    assert Path(TRANSMITTER).read_text() == "precious"
    Path(TRANSMITTER).chmod(0o644)
    assert init(typed="y\n\n\n\n\n\n").exit_code == 0
    written()
    assert os.stat(TRANSMITTER).st_mode & 0o777 == 0o600
    before = Path(STUDIO).read_text()
    assert init("--yes", "--overwrite").exit_code == 0
    assert Path(STUDIO).read_text() != before, "another password"
    assert sorted(os.listdir()) == [STUDIO, TRANSMITTER]


def test_what_appears_meanwhile_is_not_replaced_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def appears() -> str:
        Path(STUDIO).write_text("precious")
        return OWN_ADDRESS

    monkeypatch.setattr(init_questions, "own_address", appears)
    result = init("--yes")
    assert result.exit_code == 1
    assert result.stderr == "distreamer: studio.conf is there already, and stays as it is\n"
    assert Path(STUDIO).read_text() == "precious"


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_full_disk_leaves_nothing_half_written(place: Path, options: tuple[str, ...]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        result = init("--yes", *options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.exit_code == 1
    assert result.stderr == "distreamer: studio.conf cannot be written: File too large\n"
    assert list(place.iterdir()) == []


def test_a_folder_in_the_way_of_a_file(place: Path) -> None:
    Path(STUDIO).mkdir()
    result = init("--yes", "--overwrite")
    assert result.exit_code == 1
    assert result.stderr.startswith("distreamer: studio.conf cannot be written: ")
    assert os.listdir() == [STUDIO]


def test_of_two_files_that_belong_together_none_is_made_alone(place: Path) -> None:
    assert init("--yes").exit_code == 0
    studio = Path(STUDIO).read_text()
    Path(TRANSMITTER).unlink()
    Path(TRANSMITTER).mkdir()
    result = init("--yes", "--overwrite")
    assert result.exit_code == 1
    assert result.stderr == "distreamer: transmitter.conf cannot be written: Is a directory\n"
    assert Path(STUDIO).read_text() == studio, "with the password that the other end has"
    assert sorted(os.listdir()) == [STUDIO, TRANSMITTER]


@pytest.mark.parametrize("may_replace", [False, True])
def test_an_interrupt_amid_the_writing_waits_for_both_files(
    may_replace: bool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.open

    def interrupted(*arguments: Any) -> int:
        signal.raise_signal(signal.SIGINT)
        return usual(*arguments)

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write({place / STUDIO: "studio", place / TRANSMITTER: "transmitter"}, may_replace=may_replace)
    assert sorted(os.listdir()) == [STUDIO, TRANSMITTER]
    assert (Path(STUDIO).read_text(), Path(TRANSMITTER).read_text()) == ("studio", "transmitter")


def test_an_end_of_the_answers_writes_nothing(place: Path) -> None:
    result = init(typed="\n\n")
    assert result.exit_code == 1
    assert result.stderr.endswith("Aborted!\n")
    assert list(place.iterdir()) == []


def test_a_folder_that_cannot_be_made() -> None:
    Path("file").touch()
    result = init("file/there", "--yes")
    assert result.exit_code == 1
    assert result.stderr.startswith("distreamer: the folder file/there cannot be made: ")


def test_passwords_differ() -> None:
    assert len({new_password() for _ in range(100)}) == 100


def test_readme_shows_what_is_written() -> None:
    readme = README.read_text(encoding="utf-8")
    answers = Answers(source="http://localhost:8000/live.mp3", address="pc-a.example.org")
    for text in texts(answers, "kx5rezeuiisdc5ebsfm9", "").values():
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert textwrap.indent("\n".join(lines).strip(), "    ") in readme


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Answers,
        source=st.one_of(st.just("encoder"), st.text(max_size=30), st.text(max_size=20).map("http://a/{}".format)),
        address=st.one_of(st.just("pc-a"), st.text(max_size=30)),
        port=st.integers(-1, 70_000),
        delay=st.floats(-1, 4000),
        listen=st.one_of(st.integers(0, 70_000).map(str), st.text(max_size=20).map("8080/{}".format), st.text()),
    )
)
def test_what_is_not_refused_passes_check(answers: Answers) -> None:
    if not answers.address or fault(answers, REGISTRY) is not None:
        return
    made = texts(answers, new_password(), new_password())
    studio, transmitter = (configuration(name, made[name], REGISTRY) for name in (STUDIO, TRANSMITTER))
    players = transmitter.outputs[0].settings
    assert isinstance(players, ShoutcastServerSettings)
    assert (len(studio.inputs), len(studio.outputs), len(transmitter.inputs)) == (1, 1, 1)
    assert (players.port, players.requireurl) == (int(answers.listen_port), answers.mount)
