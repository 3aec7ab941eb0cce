"""ADMIN of a real process: what a fuzzer does to it, and what is told while a link breaks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.admin_client import basic_auth
from tests.support.instances import free_port, running_distreamer
from tests.support.programs import find_program, run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

FUZZING_SECONDS = 200
LIMIT_SECONDS = 90
"""For anything that is awaited."""
POLL_SECONDS = 0.2


def config(folder: Path, name: str, general: str, source: str, *outputs: str) -> Path:
    file = folder / f"{name}.conf"
    sections = [f"[OUTPUT {number}]\n{keys}" for number, keys in enumerate(outputs)]
    file.write_text("\n".join([f"[GENERAL]\n{general}\n[INPUT]\n{source}", *sections]) + "\n")
    return file


@pytest.mark.parametrize("password", ["", "geheim"])
async def test_a_fuzzer_gets_nothing_but_what_is_described(tmp_path: Path, password: str) -> None:
    fuzzer = find_program(str(Path(sys.executable).with_name("schemathesis")))
    admin = f"127.0.0.1:{free_port()}"
    general = f"ADMIN = {admin}\nDELAY = 2\nADMINPASSWORD = {password}"
    players = f"MODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}"
    names = {"path.instance": "station", "path.input": "input", "path.output": "output 0"}
    (tmp_path / "names.toml").write_text(
        "[parameters]\n" + "".join(f'"{key}" = "{name}"\n' for key, name in names.items())
    )
    command = [fuzzer, "--config-file", str(tmp_path / "names.toml"), "run", f"http://{admin}/api/v1/openapi.json"]
    command += [
        "--exclude-path",
        "/api/v1/events/stream",
        "--max-examples",
        "15",
        "--no-color",
        "--generation-database",
        "none",
    ]
    command += ["--auth", f"me:{password}"] if password else []
    async with running_distreamer(config(tmp_path, "station", general, "MODE = Silence", players)) as station:
        await station.said("listeners can hear the programme")
        code, said, output = await run(*command, timeout=FUZZING_SECONDS)
        assert code == 0, output.decode() + said
        assert not [line for line in station.lines if "defect" in line]
        # From another address: the fuzzer's own is slowed down, for it guesses passwords.
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere, headers=basic_auth(password)) as session:
            # The last that it did may have been to start a part anew.
            await told_at_last(session, f"http://{admin}/ready", lambda told: told["sentence"] == "audio goes out")


async def test_a_broken_link_is_told_everywhere_and_so_is_its_return(tmp_path: Path) -> None:
    link, admin, events = free_port(), f"127.0.0.1:{free_port()}", tmp_path / "events.jsonl"
    studio = config(
        tmp_path,
        "studio",
        "DELAY = 5",
        "MODE = Silence",
        f"MODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {link}\nPASSWORD = one",
    )
    transmitter = config(
        tmp_path,
        "transmitter",
        f"ADMIN = {admin}\nDELAY = 5\nEVENTLOG = {events}",
        f"MODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{link}\nPASSWORD = one",
        f"MODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}",
    )
    async with running_distreamer(transmitter) as far, aiohttp.ClientSession() as session:
        await far.said("listening for the operator")
        async with running_distreamer(studio):
            await far.said("listeners can hear the programme")
            before = await told(session, f"http://{admin}/api/v1/events")
        async with stream_of_events(session, f"http://{admin}/api/v1/events/stream?after={before['last']}") as stream:
            kinds: set[str] = set()
            while not {"link_down", "budget_low", "playout_dry", "filler_on_air"} <= kinds:
                kinds.add((await anext(stream))["kind"])
            async with session.get(f"http://{admin}/ready") as answer:
                assert answer.status == 503
                assert "the buffer ran out" in (await answer.json())["sentence"]
            async with running_distreamer(studio):
                ended: set[str] = set()
                while not {"link_down", "budget_low", "playout_dry", "filler_on_air"} <= ended:
                    ended.add((await anext(stream))["resolves"])
                view = await told_at_last(
                    session, f"http://{admin}/api/v1/status", lambda told: is_well(told["instances"][0])
                )
                (status,) = view["instances"]
                (seen,) = status["links"]
                assert seen["link"]["history"]["heard_day_seconds"] > 0
                links = await told(session, f"http://{admin}/api/v1/instances/transmitter/links")
                assert sum(slot["cuts"] for slot in links["links"][0]["link"]["history"]["slots"]) >= 1
        listed = await told(session, f"http://{admin}/api/v1/events")
    written = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    assert [{**event, "time": None} for event in written][: len(listed["events"])] == [
        {"time": None, **event} for event in listed["events"]
    ]


async def test_a_changed_file_moves_admin_while_all_goes_on(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    players = f"MODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}"
    file = config(tmp_path, "station", f"ADMIN = 127.0.0.1:{first}\nDELAY = 2", "MODE = Silence", players)
    async with running_distreamer(file) as station, aiohttp.ClientSession() as session:
        await station.said("listening for the operator")
        config(tmp_path, "station", f"ADMIN = 127.0.0.1:{second}\nDELAY = 2", "MODE = Silence", players)
        os.kill(station.process.pid, signal.SIGHUP)
        await station.said("listening for the operator", times=2)
        (status,) = (await told(session, f"http://127.0.0.1:{second}/api/v1/status"))["instances"]
        assert status["name"] == "station"
        with pytest.raises(aiohttp.ClientConnectorError):
            await told(session, f"http://127.0.0.1:{first}/api/v1/status")


def is_well(status: dict[str, Any]) -> bool:
    """Whether audio goes out, the link is up, and nothing is heard to be wrong."""
    errors = [problem for problem in status["problems"] if problem["severity"] == "error"]
    return status["is_ready"] and not errors and status["links"][0]["sentence"].startswith("up ")


async def told_at_last(session: aiohttp.ClientSession, url: str, is_meant: Callable[[Any], bool]) -> Any:
    """The first answer that is meant, within LIMIT_SECONDS."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            async with session.get(url) as answer:
                if answer.status == 200 and is_meant(found := await answer.json()):
                    return found
            await asyncio.sleep(POLL_SECONDS)


async def told(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


@asynccontextmanager
async def stream_of_events(session: aiohttp.ClientSession, url: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The events of a stream, each within LIMIT_SECONDS."""
    async with session.get(url, timeout=aiohttp.ClientTimeout(None)) as answer:

        async def events() -> AsyncIterator[dict[str, Any]]:
            while True:
                async with asyncio.timeout(LIMIT_SECONDS):
                    while not (message := await answer.content.readuntil(b"\n\n")).startswith(b"id: "):
                        pass
                yield json.loads(message.partition(b"data: ")[2])

        yield events()
