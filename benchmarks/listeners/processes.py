"""Programs under measurement: started on cores of their own, and ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

END_SECONDS = 15.0
START_SECONDS = 30.0
FIRST_LOOK_SECONDS = 1.0
"""Icecast crashes now and then when someone connects in its first moments."""
POLL_SECONDS = 0.1
SPOKEN_LINES = 5
"""Of its last words, when a program ended by itself."""
FIRST_PORT, PORTS = 18_000, 2_000
"""Below those that the system gives to outgoing connections."""

_ports = count(os.getpid() * 37)


class ServerError(Exception):
    """A server did not do what it was started for; that is a result."""


def free_port() -> int:
    """A loopback port that nobody listens on, nor on the next one."""
    for _ in range(PORTS):
        port = FIRST_PORT + 2 * next(_ports) % PORTS
        try:
            with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
                return port
        except OSError:
            continue
    raise ServerError("no free port")


def server_cores() -> set[int]:
    """One core, for the server."""
    return {min(os.sched_getaffinity(0))}


def other_cores() -> set[int]:
    """All others, for the listeners and the source; the same one where there is no other."""
    return os.sched_getaffinity(0) - server_cores() or server_cores()


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """What is started within runs there and nowhere else."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Running:
    """A program that was started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raises ServerError when it has ended."""
        code = self._process.poll()
        if code is not None:
            log = self._log.read_text(errors="replace").replace(f"{self._log.parent}/", "")
            words = log.splitlines()[-SPOKEN_LINES:]
            raise ServerError(f"ended with code {code}: {' / '.join(words)}")

    def wait_for_answer(self, port: int, request: bytes = b"", wanted: bytes = b"") -> None:
        """Until the port takes connections, or answers ``request`` with a head that holds ``wanted``."""
        end = time.monotonic() + START_SECONDS
        time.sleep(FIRST_LOOK_SECONDS)
        while time.monotonic() < end:
            self.check()
            if _answers(port, request, wanted):
                return
            time.sleep(POLL_SECONDS)
        raise ServerError(f"does not answer on port {port} within {START_SECONDS:g} s")


@contextmanager
def running(
    command: Sequence[str | Path], cores: set[int], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """``command`` on ``cores``, what it says in ``log``; ended at the end, gently if it lets."""
    with on_cores(cores), log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield Running(process, log)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, request: bytes, wanted: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            if not request:
                return True
            connection.sendall(request)
            return wanted in connection.recv(4096)
    except OSError:
        return False
