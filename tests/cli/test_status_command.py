"""``distreamer status``, before real ADMINs and before servers that are none."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from distreamer.admin.whereabouts import Note
from distreamer.cli.admin_client import ask_all
from distreamer.cli.application import Application
from distreamer.cli.main import commands
from distreamer.cli.targets import Target
from tests.support.admin_client import PASSWORD, Operator, admin_config, operating, playing_config
from tests.support.instances import free_port
from tests.support.listening_modules import until
from tests.support.small_registry import REGISTRY

FILE = "[INPUT]\nMODE = Tone\nHERTZ = 50\n[OUTPUT]\nMODE = Play\n[GENERAL]\n"


async def status(*arguments: str, folder: Path | None = None, **environ: str) -> Result:
    """What the command answers; ``folder`` has the notes."""
    known = {"DISTREAMER_RUNTIME": str(folder or "/nowhere"), **environ}
    application = Application(registry=lambda: REGISTRY, run=lambda load, heartbeat: 0, environ=known)

    def invoke() -> Result:
        return CliRunner(env=environ).invoke(commands, ["status", *arguments], obj=application)

    return await asyncio.to_thread(invoke)


async def playing(operator: Operator) -> None:
    await until(lambda: operator.instance.snapshot().playout is not None and "PLAYING" in _state(operator))


def _state(operator: Operator) -> str:
    playout = operator.instance.snapshot().playout
    return playout.state.name if playout else ""


@asynccontextmanager
async def answering(body: bytes, status_line: str = "200 OK", **headers: str) -> AsyncIterator[str]:
    """A server that answers this to everything; gives its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status_line}", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
        writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def told(**instance: Any) -> bytes:
    """The answer of an ADMIN with one instance, of some other version."""
    return json.dumps(
        {"at": 1000.0, "version": "9.0", "news": True, "instances": [{"name": "north", "is_ready": True, **instance}]}
    ).encode()


async def test_what_runs_on_this_machine_is_found_and_told_in_words(tmp_path: Path) -> None:
    async with operating(playing_config(), folder=tmp_path) as operator:
        await playing(operator)
        url = operator.url
        result = await status(folder=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("station, up ")
    assert lines[0].endswith(f" ({url}/)")
    assert lines[1] == "  state      all is well"
    labels = [line[2:13].strip() for line in lines[1:]]
    assert labels == ["state", "budget", "delay", "input", "listeners", "title"]
    assert lines[2].endswith("before anyone hears it")
    assert lines[-2:] == ["  listeners  0 listeners", "  title      “Song” is on air"]


async def test_programs_get_json(tmp_path: Path) -> None:
    async with operating(playing_config(), folder=tmp_path) as operator:
        await playing(operator)
        url = operator.url
        result = await status("--json", folder=tmp_path)
        nobody = f"http://127.0.0.1:{free_port()}/"
        mixed = await status("--json", url, nobody)
    whole = json.loads(result.stdout)
    assert (result.exit_code, whole["unasked"]) == (0, [])
    (one,) = whole["instances"]
    assert (one["name"], one["admin"], one["status"]["store"]["info"] is not None) == (
        "station",
        url + "/",
        True,
    )
    assert mixed.exit_code == 3
    told = json.loads(mixed.stdout)
    assert [one["name"] for one in told["instances"]] == ["station"]
    assert told["unasked"] == [
        {"admin": nobody, "reason": "refused the connection: nothing listens on that port"},
    ]


def killed(folder: Path, port: int, names: tuple[str, ...], seconds_ago: float) -> None:
    """What a process leaves behind in ``folder``."""
    note = Note(pid=2**22 + 1, started=1, host="127.0.0.1", port=port, names=names)  # Linux has no such number.
    file = folder / f"{note.pid}-127.0.0.1:{port}.json"
    file.write_text(note.model_dump_json())
    os.utime(file, (time.time() - seconds_ago,) * 2)


async def test_what_was_killed_is_told_by_name_and_how_long_ago(tmp_path: Path) -> None:
    port = free_port()
    killed(tmp_path, port, ("studio", "ne\nws"), 12 * 60 + 0.2)
    words = rf"http://127.0.0.1:{port}/: studio, ne\\nws: not running; process 4194305 was killed or crashed, "
    words += r"and its last word is 12 min( \d+ s)? old\n"
    result = await status(folder=tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert re.fullmatch(f"distreamer: {words}", result.stderr)
    assert re.fullmatch(f"distreamer: {words}", (await status(f"http://127.0.0.1:{port}/", folder=tmp_path)).stderr)
    async with operating(playing_config()) as operator:  # It has a folder of its own.
        await playing(operator)
        told = json.loads((await status("--json", operator.url, f"127.0.0.1:{port}", folder=tmp_path)).stdout)
    assert [one["name"] for one in told["instances"]] == ["station"]
    assert re.fullmatch(words, f"{told['unasked'][0]['admin']}: {told['unasked'][0]['reason']}\n")


async def test_what_answers_at_the_address_of_what_was_killed_is_told_as_it_is(tmp_path: Path) -> None:
    async with answering(told()) as url:
        killed(tmp_path, int(url.rpartition(":")[2].strip("/")), ("studio",), 100)
        result = await status(folder=tmp_path)
    assert result.stderr == ""
    assert result.stdout.startswith(f"north ({url})\n")


async def test_a_stranger_at_that_address_is_told_no_password(tmp_path: Path) -> None:
    async with operating(admin_config(password=PASSWORD)) as operator:
        killed(tmp_path, operator.address[1], ("studio",), 100)
        result = await status(folder=tmp_path, DISTREAMER_ADMINPASSWORD=PASSWORD)
    assert "it needs a password" in result.stderr


async def test_audio_that_does_not_go_out_is_code_1() -> None:
    async with operating() as operator:  # 10 s of buffer to fill
        result = await status(operator.url)
    assert result.exit_code == 1
    assert "  state      audio does not go out: " in result.stdout


async def test_problems_are_told_with_their_age_and_are_code_1() -> None:
    problem = {"sentence": "the link is down\x1b[2J", "severity": "error", "since": 400.0, "kind": "x", "more": 1}
    async with answering(told(problems=[problem], budget_sentence="7 s are left", status={})) as url:
        result = await status(url)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"north, up 0 s ({url})",
        "  state      audio goes out, with a problem",
        "  error      the link is down\\x1b[2J (for 10 min)",
        "  budget     7 s are left",
        "  delay      ",
        "  listeners  ",
        "  title      ",
    ]


async def test_several_inputs_and_links() -> None:
    module = {"name": "input", "mode": "ShoutcastClient", "state": "retrying", "last_error": "no answer"}
    refused = {**module, "name": "input a", "detail": "refused", "last_error": "refused"}
    other = {"name": "input b", "mode": "File", "state": "running", "detail": "plays b.mp3"}
    links = [
        {"sentence": "up 3 s", "link": {"peer": "192.0.2.1:7080", "path": "via wwan0 to 192.0.2.1:7080"}},
        {"sentence": "down", "link": {"peer": "192.0.2.2", "path": ""}},
    ]
    words = {"input_sentence": "input b is on air instead of input", "links": links}
    async with answering(told(status={"inputs": [module, refused, other]}, **words)) as url:
        lines = (await status(url)).stdout.splitlines()
    assert lines[4:10] == [
        "  link       via wwan0 to 192.0.2.1:7080: up 3 s",
        "  link       192.0.2.2: down",
        "  on air     input b is on air instead of input",
        "  input      input (ShoutcastClient): retrying; no answer",
        "  input      input a (ShoutcastClient): refused",
        "  input      input b (File): plays b.mp3",
    ]


async def test_the_password_comes_from_the_file_the_variables_the_option_or_the_url(tmp_path: Path) -> None:
    async with operating(playing_config(PASSWORD), folder=tmp_path) as operator:
        await playing(operator)
        host, port = operator.address
        file = tmp_path / "north.conf"
        file.write_text(f"{FILE}ADMIN = {host}:{port}\nADMINPASSWORD = {PASSWORD}\n")
        for arguments in ([str(file)], ["--password", PASSWORD], [f"http://me:{PASSWORD}@{host}:{port}"]):
            assert (await status(*arguments, folder=tmp_path)).exit_code == 0, arguments
        result = await status(f"{host}:{port}", DISTREAMER_ADMINPASSWORD=PASSWORD)
        assert result.exit_code == 0
        result = await status(folder=tmp_path, DS_GENERAL_ADMINPASSWORD=PASSWORD)
        assert result.exit_code == 0, "as in a container"
        assert operator.servers.servers[0].bound is not None


async def test_a_missing_and_a_wrong_password_are_told_and_not_shown(tmp_path: Path) -> None:
    async with operating(admin_config(PASSWORD), folder=tmp_path) as operator:
        url = operator.url
        missing = await status(folder=tmp_path)
        wrong = await status(url.replace("://", "://me:wr%6Fng@"))
        for _ in range(8):
            last = await status(url, "--password", "wrong")
    assert (missing.exit_code, wrong.exit_code, last.exit_code) == (3, 3, 3)
    assert (
        "it needs a password: name its file instead of the address, or set DISTREAMER_ADMINPASSWORD" in missing.stderr
    )
    assert wrong.stderr == f"distreamer: {url}/: the password is wrong\n"
    assert "Too many wrong passwords came from your address; try again in" in last.stderr


async def test_a_file_without_admin_says_how_to_switch_it_on(tmp_path: Path) -> None:
    for keys, words in (
        ("", 'it has no ADMIN, so it cannot be asked: put "ADMIN = 127.0.0.1:8090" into its [GENERAL]'),
        ("ADMIN = 127.0.0.1:0", "its ADMIN has a port that changes: leave the file out"),
    ):
        file = tmp_path / "north.conf"
        file.write_text(FILE + keys)
        result = await status(str(file))
        assert (result.exit_code, result.stdout) == (3, "")
        assert f"distreamer: {file}: {words}" in result.stderr


async def test_all_addresses_of_a_machine_are_asked_at_its_own(tmp_path: Path) -> None:
    config = playing_config(PASSWORD, admin="0.0.0.0:0")
    async with operating(config, folder=tmp_path) as operator:
        await playing(operator)
        port = operator.address[1]
        result = await status("--password", PASSWORD, folder=tmp_path)
    assert result.exit_code == 0
    assert f"(http://127.0.0.1:{port}/)" in result.stdout


async def test_nothing_there_says_what_to_do(tmp_path: Path) -> None:
    result = await status(folder=tmp_path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no running instance with ADMIN was found on this machine: put" in result.stderr


async def test_a_file_with_faults_is_code_2(tmp_path: Path) -> None:
    result = await status(str(tmp_path / "nowhere.conf"))
    assert result.exit_code == 2
    result = await status("http://:80/")
    assert result.exit_code == 2
    assert "must name a host" in result.stderr


@pytest.mark.parametrize(
    ("body", "line", "headers"),
    [
        (b"<html>", "200 OK", {"Content_Type": "text/html"}),
        (b"[]", "200 OK", {}),
        (b"{}", "200 OK", {}),
        (b'{"at": 1, "version": "3", "instances": [{"name": 5}]}', "200 OK", {}),
        (b'{"at": 1e999, "version": "3", "instances": []}', "200 OK", {}),
        (told(problems=[{"sentence": "hot", "since": float("nan")}]), "200 OK", {}),
        (b"[" * 100_000, "200 OK", {}),
        (b"", "301 Moved", {"Location": "http://elsewhere.example/"}),
        (b"nothing", "404 Not Found", {}),
        (b"[]", "503 No", {"Content_Type": "application/problem+json"}),
        (b"x", "999999 Odd\x00", {}),
    ],
)
async def test_what_is_no_admin_is_told_so(body: bytes, line: str, headers: dict[str, str]) -> None:
    async with answering(body, line, **headers) as url:
        result = await status(url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"distreamer: {url}: what answers there is not the ADMIN of a DiStreamer 3\n"


async def test_a_problem_that_the_server_tells_is_passed_on() -> None:
    body = b'{"status": 421, "detail": "Answers to localhost only."}'
    async with answering(body, "421 Misdirected", Content_Type="application/problem+json") as url:
        assert (await status(url)).stderr == f"distreamer: {url}: Answers to localhost only\n"


async def test_who_never_answers_is_not_waited_for_for_ever() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        (answer,) = await ask_all([Target(url)], seconds=0.3)
    assert answer.trouble == "no answer within 0.3 s"
