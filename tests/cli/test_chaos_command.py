"""``distreamer chaos`` as people use it: a process of its own, with commands that are typed."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner

from distreamer.cli.application import Application
from distreamer.cli.main import commands
from tests.support.instances import free_port
from tests.support.programs import ended_process
from tests.support.small_registry import REGISTRY

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


class Session:
    """A running ``distreamer chaos``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")

    async def says(self, pattern: str) -> re.Match[str]:
        """Waits for a line with ``pattern`` in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self.process.stdout:
                if (found := re.search(pattern, line.decode())) is not None:
                    return found
        raise AssertionError(f"it ended without a line with {pattern!r}")


@asynccontextmanager
async def chaos(*arguments: str, stdin: int = asyncio.subprocess.PIPE) -> AsyncIterator[Session]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "distreamer", "chaos", *arguments), stdin=stdin, stdout=asyncio.subprocess.PIPE
    )
    async with ended_process(process):
        yield Session(process)


@asynccontextmanager
async def greeter() -> AsyncIterator[int]:
    """The port of a server that says hello to everyone."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def hear(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.readline()
    finally:
        writer.close()


async def test_it_carries_is_cut_and_restored_by_hand_and_sums_up() -> None:
    async with greeter() as target, chaos(f"127.0.0.1:{target}", "--port", "0", "--delay", "5") as session:
        port = int((await session.says(rf"^127\.0\.0\.1:(\d+), TCP and UDP, leads to 127\.0\.0\.1:{target}\."))[1])
        await session.says(r"^The link: 5 ms of delay each way\.$")
        await session.says("Type cut, cut SECONDS, restore or quit, and Enter")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await hear(port) == b"hello\n"
        session.type("cut")
        await session.says("the link is cut")
        hearing = asyncio.create_task(hear(port))
        await session.says("TCP connection 2 begins")
        await session.says(r"there 0 bytes \(\d+ of \d+ packets lost\)")
        session.type("restore")
        await session.says("the link is back")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await hearing == b"hello\n"
        session.type("quit")
        await session.says(r"^In all: there \d+ bytes .* TCP sent \d+ again\.$")
        assert await session.process.wait() == 0


async def test_a_planned_outage_comes_by_itself_and_it_ends_after_its_time_without_a_terminal() -> None:
    plan = ("--port", "0", "--outage", "600@0", "--seconds", "1")
    async with chaos(f"127.0.0.1:{free_port()}", *plan, stdin=asyncio.subprocess.DEVNULL) as session:
        await session.says("the link is cut")
        await session.says(r"^In all: nothing was sent\.$")
        assert await session.process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pc-a"], "'pc-a' is not HOST:PORT"),
        (["pc-a:0"], "'pc-a:0' is not HOST:PORT"),
        (["pc-a:70000"], "is not HOST:PORT"),
        ([":7080"], "is not HOST:PORT"),
        (["http://pc-a:7080"], "'http://pc-a:7080' is not HOST:PORT"),
        (["pc-a:7080", "--loss", "101"], "'--loss'"),
        (["pc-a:7080", "--outage", "10"], "'10' is not an outage; 10@30 is one"),
        ([], "Missing argument 'HOST:PORT'"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], said: str) -> None:
    application = Application(registry=lambda: REGISTRY, run=lambda configs, heartbeat: 0, environ={})
    result = CliRunner().invoke(commands, ["chaos", *arguments], obj=application)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
def test_a_name_that_no_host_can_have(host: str) -> None:
    application = Application(registry=lambda: REGISTRY, run=lambda configs, heartbeat: 0, environ={})
    result = CliRunner().invoke(commands, ["chaos", f"{host}:7080", "--port", "0"], obj=application)
    assert result.exit_code == 1
    assert result.stderr == f"distreamer: {host}:7080: this is no host name\n"
