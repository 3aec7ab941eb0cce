"""DiStreamer as its users run it: the command, a config file, a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count
from pathlib import Path

COMMAND = (sys.executable, "-m", "distreamer")
START_SECONDS = 90
"""A bound, not an expectation."""
END_SECONDS = 60
"""The same."""

FIRST_PORT, PORTS_PER_WORKER = 20_000, 1_500
"""Below those that the system gives to outgoing connections; each process that runs tests has some of its own."""
_ports = count(os.getpid() * 37)
SERVED_SECONDS = 120


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else is given soon."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for _ in range(PORTS_PER_WORKER):
        port = FIRST_PORT + worker * PORTS_PER_WORKER + next(_ports) % PORTS_PER_WORKER
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no free port")


def free_port_pair() -> int:
    """The same for two: the next one is free too. Encoders of the SHOUTcast kind use that."""
    for _ in range(PORTS_PER_WORKER):
        port = free_port()
        if free_port() == port + 1:
            return port
    raise AssertionError("no two free ports side by side")


class RunningDiStreamer:
    """A started process and all that it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._grown = asyncio.Condition()
        self._has_ended = False

    async def read_log(self) -> None:
        """Collects the log until the process ends."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._grown:
                self.lines.append(line.decode().rstrip())
                self._grown.notify_all()
        async with self._grown:
            self._has_ended = True
            self._grown.notify_all()

    async def said(self, text: str, seconds: float = START_SECONDS, times: int = 1) -> str:
        """Waits for so many log lines that hold ``text``; gives the last of them. Fails when the process ends first."""
        try:
            async with asyncio.timeout(seconds), self._grown:
                while True:
                    found = [line for line in self.lines if text in line]
                    if len(found) >= times:
                        return found[times - 1]
                    assert not self._has_ended, f"it ended without “{text}”:\n" + "\n".join(self.lines)
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"no “{text}” within {seconds} s in:\n" + "\n".join(self.lines)) from None

    def cpu_seconds(self) -> float:
        """What the process has used of a core so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """What it holds of its own, and its part of what it shares (PSS)."""
        figures = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(figures.partition("\nPss:")[2].split()[0]) * 1024


@contextlib.asynccontextmanager
async def running_distreamer(
    *configs: Path, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> AsyncIterator[RunningDiStreamer]:
    """``distreamer CONF…`` (behind ``prefix``, such as ``ip netns exec b``), ended by SIGTERM at the end."""
    whole = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
    async with running_command([*prefix, *COMMAND, *map(str, configs)], whole) as running:
        yield running


@contextlib.asynccontextmanager
async def running_command(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> AsyncIterator[RunningDiStreamer]:
    """A command line that ends in a DiStreamer, with nothing but ``environment``, ended by SIGTERM at the end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        cwd=folder,
    )
    running = RunningDiStreamer(process)
    reader = asyncio.create_task(running.read_log(), name="log of distreamer")
    try:
        yield running
    except Exception as error:
        error.add_note("distreamer said:\n" + "\n".join(running.lines))
        raise
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
                await reader
        except TimeoutError as error:
            process.kill()
            await process.wait()
            reader.cancel()
            # From it, so that what had gone wrong before can be seen too.
            raise AssertionError(
                f"distreamer did not end within {END_SECONDS} s of SIGTERM:\n" + "\n".join(running.lines)
            ) from error


async def served(port: int, path: str = "/") -> None:
    """Waits until a stream (or what else is at ``path``) is served to players on that loopback port."""
    for _ in range(SERVED_SECONDS * 10):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"HEAD {path} HTTP/1.0\r\n\r\n".encode())
                if b" 200 " in await reader.readline():
                    return
            finally:
                writer.close()
        await asyncio.sleep(0.1)
    raise AssertionError(f"nothing is served on port {port} within {SERVED_SECONDS} s")
