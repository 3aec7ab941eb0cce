"""As many processes of listeners as are needed, told what to do all at once."""

from __future__ import annotations

import ipaddress
import multiprocessing
import resource
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Any, Self

from benchmarks.load.process import SPARE_FILES, Begin, Command, Count, End, Join, hold
from benchmarks.load.report import Report, merged
from benchmarks.load.target import Target

MOST_PER_PROCESS = 25_000
MOST_PER_ADDRESS = 5_000
"""Connections: of its 28,000 ports for each address to connect from the system takes the even ones first, and looks for
the last of them for a long time."""
ANSWER_SECONDS = 60.0
END_SECONDS = 5.0
LOOK_SECONDS = 0.2
GIVE_UP_SECONDS = 8.0
"""When no listener more got its first byte for so long, those that wait are not waited for."""


@dataclass
class Counts:
    """Of all processes."""

    playing: int = 0
    waiting: int = 0
    failures: Counter[str] = field(default_factory=Counter)


class Crowds:
    """Up to ``most`` listeners; a context, at whose end they are gone."""

    def __init__(self, target: Target, *, most: int, sample: int, processes: int = 0, seed: int = 1) -> None:
        """``sample`` of them are looked at closely. ``processes`` is 0 for as few as the system allows."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = MOST_PER_PROCESS if limit == resource.RLIM_INFINITY else limit - SPARE_FILES
        self.processes = max(processes, -(-most // min(files, MOST_PER_PROCESS)))
        self._target, self._most, self._sample, self._seed = target, most, sample, seed
        self._started: list[tuple[SpawnProcess, Connection]] = []

    @property
    def pids(self) -> list[int]:
        """Of the processes."""
        return [process.pid for process, _ in self._started if process.pid is not None]

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        shares = zip(_shares(self._most, self.processes), _shares(self._sample, self.processes), strict=True)
        for number, (most, sample) in enumerate(shares):
            ours, theirs = context.Pipe()
            addresses = range(1, 2 + most // MOST_PER_ADDRESS) if _is_loopback(self._target.host) else ()
            sources = [f"127.0.{number + 1}.{address}" for address in addresses]
            arguments = (theirs, self._target, sources, most, sample, self._seed + number)
            process = context.Process(target=hold, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._started.append((process, ours))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, connection in self._started:
            connection.close()
        for process, _ in self._started:
            process.join(END_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def join(self, count: int, seconds: float, *, sampled: bool = True) -> None:
        """``count`` more come within ``seconds`` from now; see ``Crowd.join``."""
        for share, (_, connection) in zip(_shares(count, self.processes), self._started, strict=True):
            if share:
                connection.send(Join(share, seconds, sampled))

    def wait_until_joined(self, seconds: float) -> Counts:
        """Until nobody waits for a first byte, no more than ``seconds``; gives how it is then."""
        end, progressed_at, most = time.monotonic() + seconds, time.monotonic(), 0
        while True:
            counts = self.counts()
            now = time.monotonic()
            if counts.playing > most:
                most, progressed_at = counts.playing, now
            if not counts.waiting or now >= end or now - progressed_at >= GIVE_UP_SECONDS:
                return counts
            time.sleep(LOOK_SECONDS)

    def counts(self) -> Counts:
        """How it is now."""
        whole = Counts()
        for playing, waiting, failures in self._ask(Count()):
            whole.playing += playing
            whole.waiting += waiting
            whole.failures.update(failures)
        return whole

    def begin(self) -> None:
        """A window begins."""
        self._ask(Begin())

    def end(self) -> Report:
        """The window ends."""
        return merged(self._ask(End()))

    def _ask(self, command: Command) -> list[Any]:
        for _, connection in self._started:
            connection.send(command)
        return [self._answer(connection) for _, connection in self._started]

    def _answer(self, connection: Connection) -> object:
        if not connection.poll(ANSWER_SECONDS):
            raise TimeoutError(f"a process of listeners did not answer within {ANSWER_SECONDS:g} s")
        return connection.recv()


def _shares(whole: int, parts: int) -> list[int]:
    return [whole // parts + (number < whole % parts) for number in range(parts)]


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.IPv4Address(host).is_loopback
    return False
