"""One server under one case: the crowd grows, and at each size it is measured."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listeners.cases import HERD_SECONDS, Case
from benchmarks.listeners.certificate import make_certificate
from benchmarks.listeners.processes import on_cores, other_cores
from benchmarks.listeners.servers import Server, playing
from benchmarks.load.crowds import Crowds
from benchmarks.load.report import Report, summary
from benchmarks.load.target import target_of
from benchmarks.numbered import KBITS
from benchmarks.usage import Usage, usage, whole_machine_cpu_seconds

JOIN_SECONDS = 30.0
"""Beyond the time that joining should take: then it is measured with those who are there."""
AFTER_HERD_SECONDS = 10.0
SAMPLE = 200

Figures = dict[str, object]


@dataclass(frozen=True)
class Pace:
    """How much time is taken, in seconds."""

    window: float
    warm_up: float
    """With the programme on air and no listeners: until what the server keeps of it is full."""
    settle: float
    """Behind joining."""


def measure(server: str, case: Case, pace: Pace) -> Iterator[tuple[int, Figures]]:
    """The figures at each of the case's sizes. Raises ServerError when the server fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Icecast reads what is in it when it is nobody.
        certificate = make_certificate(folder) if case.tls else None
        with playing(server, case, folder, certificate) as played:
            target = target_of(played.url, titles=case.titles, kbits=KBITS)
            # DiStreamer's workers have all cores, and so has who listens to them.
            cores = os.sched_getaffinity(0) if case.workers else other_cores()
            with on_cores(cores), Crowds(target, most=max(case.sizes) + case.herd, sample=SAMPLE) as crowds:
                time.sleep(pace.warm_up / 2)
                idle = usage(played.process.pid)
                time.sleep(pace.warm_up / 2)
                yield from _Ladder(played, case, pace, crowds, idle).climb()


@dataclass(frozen=True)
class _Moment:
    """What was used when a window began or ended."""

    at: float
    server: Usage
    load: Usage
    machine_cpu_seconds: float


class _Ladder:
    def __init__(self, server: Server, case: Case, pace: Pace, crowds: Crowds, idle: Usage) -> None:
        """``idle`` was half of the warm-up ago."""
        self._server = server
        self._case = case
        self._pace = pace
        self._crowds = crowds
        self._before = usage(server.process.pid)
        self._idle_share = (self._before.cpu_seconds - idle.cpu_seconds) / (pace.warm_up / 2)

    def climb(self) -> Iterator[tuple[int, Figures]]:
        joined = 0
        for size in self._case.sizes:
            seconds = (size - joined) / self._case.joins_per_second
            self._crowds.join(size - joined, seconds)
            self._crowds.wait_until_joined(seconds + JOIN_SECONDS)
            joined = size
            time.sleep(self._pace.settle)
            figures = self._window(self._pace.window)
            if self._case.herd:
                figures |= {f"herd_{name}": value for name, value in self._herd().items()}
            yield size, figures

    def _window(self, seconds: float) -> Figures:
        begun = self._begin()
        time.sleep(seconds)
        return self._end(begun)

    def _herd(self) -> Figures:
        begun = self._begin()
        self._crowds.join(self._case.herd, HERD_SECONDS, sampled=False)
        time.sleep(HERD_SECONDS + AFTER_HERD_SECONDS)
        return self._end(begun)

    def _begin(self) -> _Moment:
        self._server.process.check()
        self._crowds.begin()
        return self._now()

    def _now(self) -> _Moment:
        server, load = usage(self._server.process.pid), usage(*self._crowds.pids)
        return _Moment(time.monotonic(), server, load, whole_machine_cpu_seconds())

    def _end(self, begun: _Moment) -> Figures:
        ended = self._now()
        report = self._crowds.end()
        self._server.process.check()
        seconds = ended.at - begun.at
        cpu = ended.server.cpu_seconds - begun.server.cpu_seconds
        load = ended.load.cpu_seconds - begun.load.cpu_seconds
        return {
            "core_share": round(cpu / seconds, 4),
            "cpu_microseconds": round(cpu / seconds / report.watched * 1e6, 2) if report.watched else None,
            "core_share_before": round(self._idle_share, 4),
            "memory_bytes": ended.server.memory_bytes,
            "memory_bytes_before": self._before.memory_bytes,
            "memory_bytes_each": _each(ended.server.memory_bytes - self._before.memory_bytes, report),
            "load_core_share": round(load / seconds, 4),
            "other_core_share": round(
                (ended.machine_cpu_seconds - begun.machine_cpu_seconds - cpu - load) / seconds, 4
            ),
            **summary(report, KBITS * 125),
        }


def _each(size: int, report: Report) -> float | None:
    return round(size / report.playing, 1) if report.playing else None
