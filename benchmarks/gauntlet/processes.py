"""The programs of a run: started inside a network namespace, killed, and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from benchmarks.gauntlet.wire import Message

END_SECONDS = 10.0
RESTART_SECONDS = 1.0
"""A program that ends by itself is started again so soon, as systemd does it."""
ANSWER_SECONDS = 180.0
"""For one of our own processes to say what it is asked for, its start included; a bound, not an expectation."""
LONGEST_LINE = 2**24
LISTENING = "0A"
"""TCP_LISTEN, as the kernel writes it."""
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: nothing is left over, however the gauntlet ends."""


def cpu_seconds(pid: int) -> float:
    """What a process has used of a core so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listens(pid: int, port: int) -> bool:
    """Whether somebody in the network namespace of that process takes TCP connections at ``port``."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, address, _, state = line.split()[:4]
                if state == LISTENING and int(address.rpartition(":")[2], 16) == port:
                    return True
    return False


async def end(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> None:
    """Ends a process by a signal, and by force when that does not help."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class Talker:
    """A process of the gauntlet's own, which says JSON lines and takes them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: dict[str, Message] = {}
        """The newest line for each key that nobody has asked for yet."""
        self._has_said = asyncio.Event()
        self._has_ended = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def read(self) -> None:
        """Takes what it says, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message: Message = json.loads(line)
            self._said.update(dict.fromkeys(message, message))
            self._has_said.set()
        self._has_ended = True
        self._has_said.set()

    def tell(self, command: Message) -> None:
        """One line to it; nothing happens when it is gone."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def says(self, key: str) -> Message:
        """The newest line with ``key`` that was not given yet, or the next one.

        Raises RuntimeError when the process ended, or says nothing.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._says(key)
        except TimeoutError as error:
            raise RuntimeError(f"a process of the gauntlet did not say {key!r} in {ANSWER_SECONDS:g} s") from error

    async def _says(self, key: str) -> Message:
        while (message := self._said.pop(key, None)) is None:
            if self._has_ended:
                code = await self._process.wait()
                raise RuntimeError(f"a process of the gauntlet ended with exit code {code}")
            self._has_said.clear()
            await self._has_said.wait()
        return message


@contextlib.asynccontextmanager
async def talker(command: Sequence[str], log: Path) -> AsyncIterator[Talker]:
    """Starts one of the gauntlet's own processes; what it complains about goes to ``log``."""
    with log.open("ab") as complaints:
        process = await asyncio.create_subprocess_exec(
            *DIES_WITH_US,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            limit=LONGEST_LINE,
        )
    talking = Talker(process)
    reading = asyncio.create_task(talking.read(), name=f"reads {log.stem}")
    try:
        yield talking
    finally:
        await end(process)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class Keeper:
    """Keeps a program running; it is killed and started again on demand."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.ended_by_itself = 0
        self._command = (*DIES_WITH_US, *command)
        self._log = log
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._spent_seconds = 0.0
        """CPU of processes that have ended."""

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await self._may_run.wait()
                with self._log.open("ab") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._command,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        env=self._environment,
                    )
                await self._process.wait()
                if self._may_run.is_set():
                    self.ended_by_itself += 1
                    await asyncio.sleep(RESTART_SECONDS)
        finally:
            if self._process is not None:
                await end(self._process)

    async def kill(self) -> None:
        """``kill -9``; it stays dead until ``start``. One that waits for a disk lives on for as long, and its port is
        open."""
        self._may_run.clear()
        if self._process is not None and self._process.returncode is None:
            self._spent_seconds += cpu_seconds(self._process.pid)
            self._process.kill()
            await self._process.wait()

    def start(self) -> None:
        """It may run again."""
        self._may_run.set()

    @property
    def cpu_seconds(self) -> float:
        """Of all its processes; what those used that ended by themselves is not known."""
        running = self._process is not None and self._process.returncode is None
        return self._spent_seconds + (cpu_seconds(self._process.pid) if running and self._process else 0.0)
