"""``distreamer status`` and ``top`` in terminals, with real processes that begin, die and have passwords."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

import pytest

from tests.support.instances import COMMAND, RunningDiStreamer, free_port, running_distreamer
from tests.support.programs import run
from tests.support.pseudo_terminal import in_terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PASSWORD = "geheim"


def station(folder: Path, name: str, admin: int, password: str = "") -> Path:
    """The file of an instance that plays silence, and to which that is all right."""
    file = folder / f"{name}.conf"
    file.write_text(
        f"[GENERAL]\nADMIN = 127.0.0.1:{admin}\nADMINPASSWORD = {password}\nDELAY = 5\nSILENCESECONDS = 0\n"
        f"[INPUT]\nMODE = Silence\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}\n"
    )
    return file


async def plays(running: RunningDiStreamer) -> None:
    await running.said("listening for the operator")
    await running.said("listeners can hear the programme")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine of its own."""
    return {"DISTREAMER_RUNTIME": str(tmp_path / "run"), "DISTREAMER_ADMINPASSWORD": PASSWORD}


async def test_all_of_this_machine_are_seen_at_80_by_24_and_after_a_change_of_size(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    guarded = station(tmp_path, "guarded", free_port(), PASSWORD)
    async with (
        running_distreamer(station(tmp_path, "open", free_port()), environment=environment) as one,
        running_distreamer(guarded, environment=environment) as other,
    ):
        await plays(one)
        await plays(other)
        async with in_terminal(*COMMAND, "top", environment=environment) as terminal:
            before = terminal.modes
            frame = await terminal.draws(r"2 instances, all is well.*\n\n(open|guarded)  up")
            assert (len(frame), len(frame[0])) == (24, 80)
            assert frame[0].endswith("q ends")
            assert {"open", "guarded"} == {line.split()[0] for line in frame if "  up " in line}
            assert any(line.startswith("budget     the link may be down for") for line in frame)
            assert max(map(len, frame)) <= 80
            assert terminal.modes != before
            terminal.resize(40, 20)
            frame = await terminal.draws(r"^\S{8} 2 instances, all is well +q ends\n")
            assert (len(frame), len(frame[0])) == (20, 40)
            assert max(map(len, frame)) <= 40
            os.kill(other.process.pid, signal.SIGKILL)  # leaves its note behind
            frame = await terminal.draws(r"guarded \(http:\S+\s+went\s+away")
            assert any(line.startswith("open ") for line in frame)
            async with running_distreamer(guarded, environment=environment) as again:
                await plays(again)
                await terminal.draws("2 instances, all is well")
            terminal.type("q")
            assert await terminal.ends() == 0
            assert terminal.modes == before
            assert terminal.text.rfind("\x1b[?1049l") > terminal.text.rfind("\x1b[?1049h")  # the usual screen again
            assert terminal.text.rfind("\x1b[?25h") > terminal.text.rfind("\x1b[?25l")  # with its cursor


@pytest.mark.parametrize("end", ["\x03", signal.SIGTERM, signal.SIGINT])
async def test_it_is_left_in_order_however_it_ends(environment: dict[str, str], end: str | signal.Signals) -> None:
    async with in_terminal(*COMMAND, "top", columns=40, rows=20, environment=environment) as terminal:
        before = terminal.modes
        frame = await terminal.draws("No running instance with ADMIN was found")
        assert max(map(len, frame)) <= 40
        terminal.type("x")  # is no key that ends it
        if isinstance(end, str):
            terminal.type(end)
        else:
            terminal.process.send_signal(end)
        assert await terminal.ends() == 0
        assert terminal.modes == before
        assert "\x1b[?1049l" in terminal.text


async def test_it_has_no_colour_where_none_is_wanted(tmp_path: Path, environment: dict[str, str]) -> None:
    async with running_distreamer(station(tmp_path, "open", free_port()), environment=environment) as one:
        await plays(one)
        async with in_terminal(*COMMAND, "top", environment={**environment, "NO_COLOR": "1"}) as terminal:
            await terminal.draws("all is well")
            await terminal.draws(r"\[#+")
            terminal.type("q")
            assert await terminal.ends() == 0
            assert "\x1b[32m" not in terminal.text
        async with in_terminal(*COMMAND, "top", environment={**environment, "TERM": "dumb"}) as terminal:
            await terminal.shows(r"(?m)^  open, up .*\n    state      all is well\n")
            await terminal.shows(r"(?m)^  open, up ")
            terminal.type("\x03")
            assert await terminal.ends() == 0
            assert "\x1b" not in terminal.text


async def test_a_wrong_password_is_not_tried_again_and_again(tmp_path: Path, environment: dict[str, str]) -> None:
    async with running_distreamer(station(tmp_path, "guarded", free_port(), PASSWORD), environment=environment) as one:
        await plays(one)
        wrong = {**environment, "DISTREAMER_ADMINPASSWORD": "wrong"}
        async with in_terminal(*COMMAND, "top", "--seconds", "0.5", environment=wrong) as terminal:
            await terminal.draws("cannot be asked for 5 s: the password is wrong")
            terminal.type("q")
            assert await terminal.ends() == 0
        assert len([line for line in one.lines if "a wrong password was given" in line]) == 1


async def test_a_pipe_gets_plain_paragraphs_until_nobody_reads(tmp_path: Path, environment: dict[str, str]) -> None:
    async with running_distreamer(station(tmp_path, "open", free_port()), environment=environment) as one:
        await plays(one)
        line = f"{shlex.join([*COMMAND, 'top', '--seconds', '0.5'])} | head -n 20; echo code ${{PIPESTATUS[0]}}"
        _, said, output = await run("env", *variables(environment), "bash", "-c", line, timeout=60)
    assert said == ""
    assert output.decode().count("    state      all is well\n") >= 2
    assert output.endswith(b"code 1\n")


def variables(environment: dict[str, str]) -> list[str]:
    """For ``env``."""
    return [f"{key}={text}" for key, text in environment.items()]


async def test_status_of_what_runs_of_what_died_and_of_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    file = station(tmp_path, "guarded", free_port(), PASSWORD)

    async def status(*arguments: str) -> tuple[int, str, str]:
        code, said, output = await run("env", *variables(environment), *COMMAND, "status", *arguments)
        return code, output.decode(), said

    assert (await status())[0] == 3
    async with running_distreamer(file, environment=environment) as running:
        await plays(running)
        for arguments in ((), (str(file),)):
            code, output, said = await status(*arguments)
            assert (code, said) == (0, "")
            assert "  state      all is well\n" in output
    code, output, said = await status(str(file))
    assert (code, output) == (3, "")
    assert said.endswith(": refused the connection: nothing listens on that port\n")
    code, output, said = await status()
    assert (code, output) == (3, "")
    assert "no running instance with ADMIN was found on this machine" in said
    assert list((tmp_path / "run").iterdir()) == []


async def test_a_terminal_that_does_not_know_its_size_is_taken_for_a_usual_one(environment: dict[str, str]) -> None:
    async with in_terminal(*COMMAND, "top", columns=0, rows=0, environment=environment) as terminal:
        frame = await terminal.draws("No running instance with ADMIN was found")
        assert (len(frame), len(frame[0])) == (24, 80)
        terminal.type("q")
        assert await terminal.ends() == 0
