"""One listener: what it has got, and how it was served in the present window. Its socket is driven by the crowd."""

from __future__ import annotations

import math
import socket
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from benchmarks.load.programme_check import ProgrammeCheck
from benchmarks.load.report import Report
from benchmarks.load.schedule import HELD_SECONDS, judge

LARGEST_HEAD_BYTES = 16 * 1024
PIECE_BYTES = 16 * 1024


class Step(Enum):
    """Where a listener is."""

    CONNECTING = auto()
    AGREEING = auto()
    """On TLS."""
    ASKING = auto()
    ASKED = auto()
    """Until the answer's head is complete."""
    PLAYING = auto()
    ENDED = auto()


class RefusedError(Exception):
    """The answer was not the stream; the text says what it was."""


@dataclass
class Sampled:
    """What is kept of a listener whose every byte is looked at."""

    check: ProgrammeCheck = field(default_factory=lambda: ProgrammeCheck(0))
    """By the answer's head."""
    arrivals: list[tuple[float, float]] = field(default_factory=list)
    """In the window: when, and how many seconds of audio it had before."""
    _unchecked: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, now: float, data: bytes) -> None:
        """What came is looked at later, when nothing else is to be done: a burst takes milliseconds."""
        for place in range(0, len(data), PIECE_BYTES):
            self._unchecked.append((now, data[place : place + PIECE_BYTES]))

    def look_at_next(self, bytes_per_second: float) -> bool:
        """At one piece; says whether there was one."""
        if not self._unchecked:
            return False
        now, data = self._unchecked.popleft()
        if not self.arrivals or self.arrivals[-1][0] != now:
            self.arrivals.append((now, self.check.audio_bytes / bytes_per_second))
        self.check.feed(data)
        return True

    def add_to(self, report: Report, began_at: float, now: float, bytes_per_second: float) -> None:
        """How it was in the window that ``began_at`` and ends ``now``."""
        judgement = judge(self.arrivals, began_at, now, self.check.audio_bytes / bytes_per_second)
        report.sample += 1
        report.stalls += judgement.stalls
        report.stalled_seconds += judgement.stalled_seconds
        report.lateness += judgement.lateness
        report.frames += self.check.frames
        report.missing += self.check.missing
        report.repeated += self.check.repeated
        report.damaged_bytes += self.check.damaged_bytes
        report.titles += self.check.titles


class Listener:
    """Made when it begins to connect."""

    __slots__ = (
        "_head",
        "_highest_lag",
        "_lowest_lag",
        "began_at",
        "received",
        "sampled",
        "sock",
        "step",
        "watched_from",
    )

    def __init__(self, sock: socket.socket, now: float, sampled: Sampled | None) -> None:
        self.sock = sock
        self.step = Step.CONNECTING
        self.began_at = now
        self.sampled = sampled
        self.received = 0
        """Bytes of the body, titles included."""
        self.watched_from: int | None = None
        """What it had received when the window began; None when it did not play then."""
        self._lowest_lag = math.inf
        self._highest_lag = -math.inf
        self._head = b""

    def read_head(self, data: bytes) -> bytes | None:
        """What is behind the head, with which it plays; None while the head is not complete. Raises RefusedError."""
        self._head += data
        head, end, body = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > LARGEST_HEAD_BYTES:
                raise RefusedError("an answer without end")
            return None
        self._head = b""
        lines = head.decode("latin-1").split("\r\n")
        status = lines[0].split(" ", 2)[1:2]
        if status != ["200"]:
            raise RefusedError(f"status {''.join(status) or 'unreadable'}")
        if self.sampled is not None:
            fields = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
            self.sampled.check = ProgrammeCheck(int(fields.get("icy-metaint", "0")))
        self.step = Step.PLAYING
        return body

    def watch(self) -> None:
        """The window begins."""
        self.watched_from = self.received
        self._lowest_lag, self._highest_lag = math.inf, -math.inf
        if self.sampled is not None:
            self.sampled.arrivals.clear()

    def hear(self, data: memoryview, now: float, bytes_per_second: float) -> None:
        """Some of the body was read at ``now``."""
        if self.watched_from is not None:
            lag = now - self.received / bytes_per_second
            self._lowest_lag = min(self._lowest_lag, lag)
            self._highest_lag = max(self._highest_lag, lag)
        self.received += len(data)
        if self.sampled is not None:
            self.sampled.take(now, bytes(data))

    def add_to(self, report: Report, began_at: float, now: float, bytes_per_second: float) -> None:
        """How it was in the window that ends; nothing when it did not play at its begin."""
        if self.watched_from is None:
            return
        report.watched += 1
        report.received_bytes += self.received - self.watched_from
        report.stalled_listeners += self.step is Step.ENDED or self._stalled(now, bytes_per_second)
        if self.sampled is not None:
            self.sampled.add_to(report, began_at, now, bytes_per_second)
        self.watched_from = None

    def _stalled(self, now: float, bytes_per_second: float) -> bool:
        """To about the time between two reads."""
        latest = max(self._highest_lag, now - self.received / bytes_per_second)
        return self._lowest_lag == math.inf or latest - self._lowest_lag > HELD_SECONDS
