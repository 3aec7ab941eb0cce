"""``distreamer init`` answered at a terminal, and then the two commands that it prints, with a real source."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.support.ffmpeg import running_source
from tests.support.icecast import running_icecast
from tests.support.instances import COMMAND, free_port, running_command
from tests.support.programs import run
from tests.support.pseudo_terminal import PseudoTerminal, in_terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MOUNT = "/live.mp3"
AHEAD_SECONDS, BURST_BYTES = 15, 240_000
"""So that the buffer is full at once."""
HEARD_BYTES = 100_000
"""More than the burst of a listener, at 128 kbit/s."""


async def answer(folder: Path, *answers: str) -> tuple[PseudoTerminal, list[list[str]]]:
    """Types the answers, and one that cannot be before each; gives the two commands that are printed."""
    prompts = ("or encoder", "address of PC A", "Port of PC A", "Seconds", "port/mount")
    wrong = ("ftp://x", "a b", "99999", "soon", "everywhere")
    async with in_terminal(*COMMAND, "init", environment={"PS1": ""}, folder=folder) as terminal:
        for prompt, nonsense, said in zip(prompts, wrong, answers, strict=True):
            await terminal.shows(rf"{prompt} \[.*\]: ")
            terminal.type(f"{nonsense}\n")
            await terminal.shows(r"Error: .* must ")
            await terminal.shows(rf"{prompt} \[.*\]: ")
            terminal.type(f"{said}\n")
        commands = [shlex.split((await terminal.shows(rf"on PC {pc}:  (.*)\n"))[1]) for pc in "AB"]
        assert await terminal.ends() == 0
    return terminal, commands


async def test_the_five_answers_make_a_pair_that_plays(tmp_path: Path) -> None:
    link, players = free_port(), free_port()
    async with AsyncExitStack() as stack:
        icecast = await stack.enter_async_context(running_icecast(tmp_path, BURST_BYTES))
        await stack.enter_async_context(running_source(icecast.source_url(MOUNT), title="Wind", ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount(MOUNT)
        terminal, commands = await answer(
            tmp_path, icecast.listen_url(MOUNT), "127.0.0.1", str(link), "10", f"{players}/live"
        )
        password = re.search(r"PASSWORD = (\S+)", (tmp_path / "studio.conf").read_text())
        assert password is not None
        assert password[1] not in terminal.text
        for file in ("studio.conf", "transmitter.conf"):
            assert (tmp_path / file).stat().st_mode & 0o777 == 0o600
            code, _, output = await run(*COMMAND, "check", str(tmp_path / file))
            assert (code, b"is in order" in output) == (0, True)
            # The tests of others use these ports too.
            text = (tmp_path / file).read_text()
            (tmp_path / file).write_text(re.sub(r"(?m)^(ADMIN = 127\.0\.0\.1:)80\d\d$", rf"\g<1>{free_port()}", text))
        environment = {**os.environ, "DISTREAMER_RUNTIME": str(tmp_path / "run")}
        studio, transmitter = [
            await stack.enter_async_context(running_command(command, environment, tmp_path)) for command in commands
        ]
        await transmitter.said("listeners can hear the programme")
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            async with session.get(f"http://127.0.0.1:{players}/live") as response:
                assert response.status == 200
                assert response.headers["Content-Type"] == "audio/mpeg"
                heard = await response.content.readexactly(HEARD_BYTES)
            async with session.get(f"http://127.0.0.1:{players}/", headers={"Accept": "text/html"}) as response:
                assert (response.status, response.content_type) == (200, "text/html")
            async with session.get(f"http://127.0.0.1:{players}/elsewhere.mp3") as response:
                assert response.status == 403
        assert any(heard)
        assert not [line for line in studio.lines + transmitter.lines if " error " in line]
        asked = ["env", f"DISTREAMER_RUNTIME={tmp_path / 'run'}", *COMMAND, "status"]
        for _ in range(60):
            code, said, output = await run(*asked)
            if code != 1:
                break
            # A machine that stands still is the matter with the link now and then.
            await asyncio.sleep(1)
        assert (code, said) == (0, ""), output.decode()
        assert {"studio", "transmitter"} == set(re.findall(r"(?m)^(\w+), up ", output.decode()))


async def test_an_encoder_may_connect_instead(tmp_path: Path) -> None:
    link, players = free_port(), free_port()
    command = [*COMMAND, "init", str(tmp_path), "--yes", "--address", "127.0.0.1", "--port", str(link)]
    code, said, output = await run(*command, "--buffer", "4", "--listen", str(players))
    assert (code, said) == (0, ""), output.decode()
    studio_file, encoder = tmp_path / "studio.conf", free_port()
    text = re.sub(r"(?m)^ADMIN = .*\n", "", studio_file.read_text()).replace("PORT = 8000\n", f"PORT = {encoder}\n")
    studio_file.write_text(text)
    password = re.findall(r"PASSWORD = (\S+)", text)[0]
    transmitter_file = tmp_path / "transmitter.conf"
    transmitter_file.write_text(re.sub(r"(?m)^ADMIN = .*\n", "", transmitter_file.read_text()))
    async with (
        running_command([*COMMAND, str(studio_file)], os.environ) as studio,
        running_command([*COMMAND, str(transmitter_file)], os.environ) as transmitter,
    ):
        await studio.said("listening")
        async with running_source(f"icecast://source:{password}@127.0.0.1:{encoder}/any"):
            await transmitter.said("listeners can hear the programme")
            async with (
                asyncio.timeout(60),
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{players}/") as response,
            ):
                assert any(await response.content.readexactly(HEARD_BYTES))
