"""Commands whose output is read by another program: one that has read enough, or one that knows few letters."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.instances import free_port
from tests.support.made_audio import mp3_stream
from tests.support.programs import ended_process

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""
FULL = Path("/dev/full")


@asynccontextmanager
async def program(
    *arguments: str, encoding: str = "utf-8", stdout: int = asyncio.subprocess.PIPE
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "distreamer", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    async with ended_process(process), asyncio.timeout(PATIENCE_SECONDS):
        yield process


@asynccontextmanager
async def restless_station(name: str) -> AsyncIterator[int]:
    """The port of a server that closes each connection behind some seconds of audio."""
    head = f"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-name: {name}\r\n\r\n".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + mp3_stream(0, 200))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def reads_a_line_and_goes(process: asyncio.subprocess.Process) -> bytes:
    """As ``head -1`` does."""
    assert process.stdout is not None
    line = await process.stdout.readline()
    transport = process.stdout._transport  # type: ignore[attr-defined]
    transport.close()
    while transport._pipe is not None:  # noqa: ASYNC110 - it is closed at a later turn of the event loop
        await asyncio.sleep(0)
    return line


async def said_at_the_end(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    messages = await process.stderr.read()
    await process.wait()
    return messages.decode()


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_listen_ends_quietly_when_nobody_reads_any_more(options: tuple[str, ...]) -> None:
    async with restless_station("a") as port, program("listen", f"http://127.0.0.1:{port}/", *options) as listening:
        assert b"the server closed the connection" in await reads_a_line_and_goes(listening)
        assert "Traceback" not in await said_at_the_end(listening)
        assert listening.returncode == 1


async def test_chaos_ends_quietly_when_nobody_reads_any_more() -> None:
    async with program("chaos", f"127.0.0.1:{free_port()}", "--port", "0") as chaos:
        assert b"TCP and UDP, leads to" in await reads_a_line_and_goes(chaos)
        assert chaos.stdin is not None
        chaos.stdin.write(b"cut\n")
        assert "Traceback" not in await said_at_the_end(chaos)
        assert chaos.returncode == 1


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("command", ["listen", "probe", "config reference"])
async def test_a_disk_that_is_full_is_told_in_a_line(command: str) -> None:
    async with restless_station("a") as port:
        words = [command, f"http://127.0.0.1:{port}/", "--seconds", "1"] if " " not in command else command.split()
        full = os.open(FULL, os.O_WRONLY)
        try:
            async with program(*words, stdout=full) as process:
                *_, last = (await said_at_the_end(process)).splitlines()
                assert last == "distreamer: the output cannot be written: No space left on device"
                assert process.returncode == 1
        finally:
            os.close(full)


async def test_letters_that_the_output_does_not_know_end_nothing() -> None:
    async with restless_station("Näh und 遠い") as port:
        arguments = ("probe", f"http://127.0.0.1:{port}/", "--seconds", "1")
        async with program(*arguments, encoding="latin-1") as probe:
            output, messages = await probe.communicate()
            assert "station    Näh und ??" in output.decode("latin-1").splitlines()
            assert b"Traceback" not in messages
        async with program(*arguments, "--json", encoding="latin-1") as probe:
            output, _ = await probe.communicate()
            assert json.loads(output)[0]["station"] == "Näh und 遠い"
