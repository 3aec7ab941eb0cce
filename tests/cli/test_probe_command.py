"""The commands ``probe`` and ``listen``: what they are told, and what they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from distreamer.cli import steps
from distreamer.cli.application import Application
from distreamer.cli.main import commands
from distreamer.cli.steps import Steps
from distreamer.cli.targets import as_url
from distreamer.errors import ConfigError
from distreamer.measure.http_listening import OPTIONS
from distreamer.measure.link_probe import LinkTarget
from distreamer.measure.probing import StreamTarget, UnknownTarget, targets_of_config, targets_of_url
from distreamer.runtime.modules import REGISTRY
from tests.support.instances import free_port
from tests.support.virtual_time import virtual_time

APPLICATION = Application(registry=lambda: REGISTRY, run=lambda load, heartbeat: 0, environ={})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments, obj=APPLICATION)


@contextmanager
def web_server(answer: bytes) -> Iterator[int]:
    """Gives ``answer`` to everyone, in a thread of its own, for the command has an event loop too."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def config(folder: Path, *sections: str) -> Path:
    path = folder / "one.conf"
    path.write_text("\n".join(sections))
    return path


OUTPUT = "[OUTPUT]\nMODE = ShoutcastServer\nPORT = 8080"


def test_an_address_may_be_either() -> None:
    [target] = targets_of_url("https://user:s%20ecret@pc-a.example:7080/path/")
    assert isinstance(target, UnknownTarget)
    assert target.link == LinkTarget("pc-a.example:7080", "https://pc-a.example:7080/path", password="s ecret")
    assert target.stream.url.credentials == b"user:s ecret"
    assert "ecret" not in target.name


def test_who_leaves_http_out_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_url("radio.example:8000") == "http://radio.example:8000/"
    assert as_url("radio.example:8000/live/one.mp3?key=a") == "http://radio.example:8000/live/one.mp3?key=a"
    assert as_url("transmitter.conf") is None
    assert as_url("etc/transmitter.conf") is None
    folder = tmp_path / "radio.example:8000"
    folder.mkdir()
    (folder / "live").touch()
    assert as_url("radio.example:8000/live") is None


def test_what_a_file_dials(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        "[GENERAL]\nDELAY = 40",
        "[INPUT main]\nMODE = DiStreamerClient\nSERVERURL = http://a:7080, http://b:7080",
        "PASSWORD = pw\nTRANSPORT = tcp",
        "[INPUT spare]\nMODE = ShoutcastClient\nSTREAMURL = http://user:pw@c:8000/live\nPRIORITY = 2\nTLSVERIFY = no",
        OUTPUT,
    )
    first, second, stream = targets_of_config(APPLICATION.load([path]))
    assert isinstance(first, LinkTarget)
    assert isinstance(second, LinkTarget)
    assert isinstance(stream, StreamTarget)
    assert (first.name, first.password, first.transport.value, first.delay_seconds) == ("a:7080", "pw", "tcp", 40)
    assert second.url == "http://b:7080"
    assert stream.options.verify_tls is False
    assert OPTIONS.verify_tls is True
    assert "pw" not in stream.name


@pytest.mark.parametrize(
    ("general", "output", "delay"),
    [
        ("", OUTPUT, 25),
        ("[GENERAL]\nDELAY = 5", OUTPUT, 5),
        ("", OUTPUT + "\nMINFRAGMENTS = 3", None),
        ("[GENERAL]\nDELAY = 5", "[OUTPUT]\nMODE = DiStreamerServer\nPORT = 7080", None),
    ],
)
def test_which_delay_is_configured(tmp_path: Path, general: str, output: str, delay: float | None) -> None:
    path = config(tmp_path, general, "[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://a:7080", output)
    [target] = targets_of_config(APPLICATION.load([path]))
    assert isinstance(target, LinkTarget)
    assert target.delay_seconds == delay


def test_a_file_that_dials_nothing_is_told_so(tmp_path: Path) -> None:
    path = config(tmp_path, "[INPUT]\nMODE = Silence", OUTPUT)
    with pytest.raises(ConfigError, match="nothing in it to probe"):
        targets_of_config(APPLICATION.load([path]))
    result = run("probe", str(path))
    assert result.exit_code == 2
    assert "nothing in it to probe" in result.output


def test_a_server_without_that_stream() -> None:
    with web_server(b"HTTP/1.0 404 Not Found\r\n\r\n") as port:
        result = run("probe", f"http://127.0.0.1:{port}/live", "--seconds", "1")
        assert result.exit_code == 1
        assert "has no such stream" in result.stderr
        assert result.stdout == ""
        as_json = run("probe", f"http://127.0.0.1:{port}/live", "--seconds", "1", "--json")
        assert as_json.exit_code == 1
        [found] = json.loads(as_json.stdout)
        assert found["kind"] == "fault"
        assert "has no such stream" in found["fault"]
        listened = run("listen", f"http://127.0.0.1:{port}/live", "--seconds", "1", "--json")
        assert listened.exit_code == 1
        assert "has no such stream" in json.loads(listened.stdout)["fault"]
        assert "has no such stream" in listened.stderr


def test_a_stream_that_ends_before_it_has_begun_is_none() -> None:
    with web_server(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nnothing to hear") as port:
        result = run("probe", f"http://127.0.0.1:{port}/live", "--seconds", "1")
    assert result.exit_code == 1
    assert "no audio was recognised" in result.stdout


@pytest.mark.parametrize("command", ["probe", "listen"])
def test_nobody_there(command: str) -> None:
    for beginning in ("http://", ""):
        result = run(command, f"{beginning}127.0.0.1:{free_port()}", "--seconds", "1")
        assert result.exit_code == 1
        assert "refused the connection" in result.stderr


@pytest.mark.parametrize("command", ["probe", "listen"])
def test_what_is_no_address(command: str) -> None:
    result = run(command, "gopher://radio.example")
    assert result.exit_code == 2
    assert "only http and https can be fetched" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["probe", "listen"])
def test_the_help_has_examples(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"distreamer {command} http://" in result.output


@virtual_time()
async def test_progress_is_told_once_for_each_thing_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with Steps("radio", is_terminal=False) as progress:
        progress.say("connects")
        await asyncio.sleep(1)
        progress.say("listens")
        await asyncio.sleep(10)
        progress.say("connects again")
        await asyncio.sleep(2)
    assert capsys.readouterr().err == "radio: listens\nradio: connects again\n"


@virtual_time()
async def test_a_quick_command_tells_none(capsys: pytest.CaptureFixture[str]) -> None:
    async with Steps("radio", is_terminal=True) as progress:
        progress.say("connects")
        await asyncio.sleep(1.5)
    assert capsys.readouterr().err == ""


@virtual_time()
@pytest.mark.parametrize(("columns", "room"), [(40, 39), (12, 11), (0, 79)])
async def test_a_line_is_never_wider_than_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, room: int
) -> None:
    monkeypatch.setattr(steps, "_columns", lambda: columns or steps.USUAL_COLUMNS)
    async with Steps("http://radio.example:8000/遠い/" + "a" * 100, is_terminal=True) as progress:
        progress.say("listens for 60 s")
        await asyncio.sleep(5)
    lines = [line for line in capsys.readouterr().err.split("\r") if line.strip()]
    assert len(lines) >= 3
    assert {cell_len(line) for line in lines} == {room}
    assert columns == 12 or all("…: listens for 60 s (" in line for line in lines)


@virtual_time()
async def test_a_terminal_is_left_clean(capsys: pytest.CaptureFixture[str]) -> None:
    async with Steps("radio", is_terminal=True) as progress:
        progress.say("listens")
        await asyncio.sleep(5)
    told = capsys.readouterr().err
    assert "radio: listens" in told
    assert told.endswith("\r")
    assert told.rsplit("\r", 2)[1].strip() == ""
