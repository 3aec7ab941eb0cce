"""The programs of one fault: encoders, bad links and stations, each a process of its own, in a folder of their own."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.receiver import Receiver
from benchmarks.gauntlet.processes import DIES_WITH_US, end

START_SECONDS = 60.0
"""A bound, not an expectation."""
FIRST_PORT, PORTS = 24_000, 6_000
PASSWORD = "faults"
NOISE = "anoisesrc=amplitude=0.3:sample_rate=44100"
"""Another one at each start, so that nothing is taken for a repetition."""
AS_ICECAST = ("-method", "PUT", "-auth_type", "basic", "-chunked_post", "0", "-send_expect_100", "1")
"""Has ffmpeg's ``http`` ask as its ``icecast`` does, which takes no headers and never says a bitrate."""
_ports = itertools.count(os.getpid() * 54, 2)


def free_port() -> int:
    """That nobody listens on; the next is not given either, for ShoutcastSourceServer takes two."""
    for _ in range(PORTS):
        port = FIRST_PORT + next(_ports) % PORTS
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("there is no free port")


@dataclass
class Station:
    """A running DiStreamer, and all that it says."""

    process: Process
    lines: list[str] = field(default_factory=list)
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Until it ends."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            async with self._grown:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._grown.notify_all()

    async def said(self, text: str) -> None:
        """Waits for a line with ``text``; raises TimeoutError, which has the last line instead."""
        try:
            async with asyncio.timeout(START_SECONDS), self._grown:
                while not any(text in line for line in self.lines):
                    await self._grown.wait()
        except TimeoutError:
            raise TimeoutError(f"no “{text}”, but {self.lines[-1:]}") from None


@dataclass
class Link:
    """A ``distreamer chaos``, which can be cut."""

    process: Process
    port: int

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@dataclass
class Stage:
    """Of one fault."""

    folder: Path
    receiver: Receiver
    name: str
    """Of the fault; stations are called after it, so that their alerts are told apart."""
    processes: list[Process] = field(default_factory=list)
    readers: list[asyncio.Task[None]] = field(default_factory=list)
    when_ended: list[ExitStack] = field(default_factory=list)
    """Closed behind all programs."""

    async def station(self, name: str, *sections: str, general: str = "") -> Station:
        """Runs a DiStreamer with these sections and an [ALERT]; its log is in the folder too."""
        alert = f"[ALERT]\nMODE = Webhook\nURL = {self.receiver.url(self.full_name(name))}\nMOSTPERHOUR = 100"
        file = self.folder / f"{name}.conf"
        text = "\n".join([f"[GENERAL]\nDELAY = 10\nOUTPUTLEVEL = 3\n{general}", *sections, alert])
        file.write_text(text + "\n")
        process = await self.program(sys.executable, "-m", "distreamer", str(file), stderr=PIPE)
        station = Station(process)
        self.readers.append(asyncio.create_task(station.read()))
        return station

    def full_name(self, station: str) -> str:
        """As the receiver knows it."""
        return f"{self.name}-{station}"

    async def encoder(self, port: int, *options: str, declared_kilobits: int = 0) -> Process:
        """An ffmpeg that sends noise to a ShoutcastSourceServer at ``port``, and says ``declared_kilobits``, if any,
        whether it sends them or not."""
        coding = options or ("-b:a", "128k")
        headers = (*AS_ICECAST, "-headers", f"Ice-Bitrate: {declared_kilobits}\r\n") if declared_kilobits else ()
        source = f"{'http' if declared_kilobits else 'icecast'}://source:{PASSWORD}@127.0.0.1:{port}/live"
        return await self.program(
            *("ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", NOISE),
            *("-c:a", "libmp3lame", *coding, "-write_xing", "0", "-content_type", "audio/mpeg"),
            *(*headers, "-f", "mp3", source),
        )

    async def link(self, port: int) -> Link:
        """A link to ``port``, good until it is cut."""
        own = free_port()
        command = (
            sys.executable,
            "-m",
            "distreamer",
            "chaos",
            f"127.0.0.1:{port}",
            "--port",
            str(own),
            "--delay",
            "20",
        )
        return Link(await self.program(*command, stdin=PIPE), own)

    async def program(self, *command: str, stdin: int = DEVNULL, stderr: int = DEVNULL) -> Process:
        """Starts one, which ends with the stage."""
        process = await asyncio.create_subprocess_exec(
            *DIES_WITH_US, *command, stdin=stdin, stdout=DEVNULL, stderr=stderr, cwd=self.folder
        )
        self.processes.append(process)
        return process

    async def kill(self, process: Process) -> None:
        """By force, as a crash or a power cut does."""
        await end(process, signal.SIGKILL)

    async def end(self) -> None:
        """All."""
        await asyncio.gather(*(end(process) for process in self.processes))
        await asyncio.gather(*self.readers)
        for stack in self.when_ended:
            stack.close()


@asynccontextmanager
async def stage(folder: Path, receiver: Receiver, name: str) -> AsyncIterator[Stage]:
    """Until the block ends."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    made = Stage(folder, receiver, name)
    try:
        yield made
    finally:
        await made.end()


def encoders_door(port: int) -> str:
    """An input for ``Stage.encoder``."""
    return f"[INPUT]\nMODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nPASSWORD = {PASSWORD}"


def players_door(port: int) -> str:
    """An output that plays."""
    return f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}"


def link_door(port: int, name: str = "link") -> str:
    """An output for receivers."""
    return f"[OUTPUT {name}]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nPASSWORD = {PASSWORD}"


def dialler(ports: Sequence[int], more: str = "") -> str:
    """An input that takes the programme over links."""
    urls = ", ".join(f"http://127.0.0.1:{port}" for port in ports)
    return f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = {urls}\nPASSWORD = {PASSWORD}\n{more}"
