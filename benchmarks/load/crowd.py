"""The listeners of one process, driven by one loop.

A server that sends each listener many small pieces would keep a program busy that reads each piece when it comes. So
most listeners are read by the clock, and only a sample when something comes; the system gathers the rest meanwhile.
"""

from __future__ import annotations

import errno
import math
import random
import select
import ssl
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress

from benchmarks.load.dialler import Dialler
from benchmarks.load.listener import Listener, RefusedError, Sampled, Step
from benchmarks.load.report import Report
from benchmarks.load.target import Target

READ_SECONDS = 0.5
"""Each listener that is not of the sample is read once in so long, all of them evenly spread over it."""
TURN_SECONDS = 0.005
"""The longest that the loop waits: joining and reading by the clock are not later than this."""
LOOK_SECONDS = 0.001
"""Of each turn, for looking at what the sample got."""
READ_BYTES = 256 * 1024

_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Crowd:
    """Listeners of ``target``; ``run_once`` does what is due."""

    def __init__(self, target: Target, sources: Sequence[str], sample: int, seed: int) -> None:
        """``sources`` are the addresses to connect from, none for any. ``sample`` is how many are looked at closely."""
        self._target = target
        self._rate = target.bytes_per_second
        self._dialler = Dialler(target, sources)
        self._sample_size = sample
        self._chance = random.Random(seed)
        self._poll = select.epoll()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._due: deque[tuple[float, bool]] = deque()
        """When the next listeners come, and whether they are of the sample."""
        self._by_event: dict[int, Listener] = {}
        self._by_clock: list[Listener] = []
        self._next_by_clock = 0
        self._ended_by_clock = 0
        self._read_until = time.monotonic()
        self._to_look_at: deque[Sampled] = deque()
        self._report = Report()
        self._window_began_at = time.monotonic()

    @property
    def counts(self) -> tuple[int, int, Counter[str]]:
        """Who plays, who waits for the first byte or has yet to join, and why others failed."""
        playing = sum(one.received > 0 for one in self._by_event.values())
        waiting = len(self._by_event) - playing + len(self._due)
        return playing + len(self._by_clock), waiting, self._report.failures

    def join(self, count: int, seconds: float, sampled: bool) -> None:
        """``count`` more come within ``seconds`` from now, evenly spread. With ``sampled`` the sample is of all
        listeners alike afterwards; otherwise it stays as it is."""
        chosen: set[int] = set()
        if sampled:
            old = len(self._by_event) + len(self._by_clock)
            size = min(self._sample_size, old + count)
            chosen = set(self._chance.sample(range(count), min(count, round(size * count / (old + count)))))
            self._thin_sample(size - len(chosen))
        now = time.monotonic()
        self._due.extend((now + number * seconds / count, number in chosen) for number in range(count))

    def begin(self) -> None:
        """A window begins."""
        self._look(math.inf)
        for listener in self._playing():
            listener.watch()
        self._window_began_at = time.monotonic()

    def end(self) -> Report:
        """The window ends."""
        now, report = time.monotonic(), self._report
        self._look(math.inf)
        for listener in self._playing():
            listener.add_to(report, self._window_began_at, now, self._rate)
        report.seconds, report.tls = now - self._window_began_at, self._dialler.tls_words
        report.playing, report.waiting, _ = self.counts
        self._report = Report(disconnected=report.disconnected, failures=report.failures.copy())
        return report

    def run_once(self) -> None:
        """Waits for a moment at the most."""
        with suppress(InterruptedError):
            for descriptor, _ in self._poll.poll(self._patience()):
                listener = self._by_event.get(descriptor)
                if listener is not None:
                    self._advance(listener)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            self._start(self._due.popleft()[1])
        self._read_by_clock(now)
        self._look(now + LOOK_SECONDS)

    # -- inside

    def _patience(self) -> float:
        if not self._due:
            return TURN_SECONDS
        return min(max(self._due[0][0] - time.monotonic(), 0.0), TURN_SECONDS)

    def _playing(self) -> list[Listener]:
        return [*(one for one in self._by_event.values() if one.received), *self._by_clock]

    def _look(self, end: float) -> None:
        """At what the sample got, until ``end`` at the most."""
        while self._to_look_at and time.monotonic() < end:
            if not self._to_look_at[0].look_at_next(self._rate):
                self._to_look_at.popleft()

    def _thin_sample(self, size: int) -> None:
        sampled = [one for one in self._by_event.values() if one.sampled and one.received]
        for listener in self._chance.sample(sampled, max(len(sampled) - size, 0)):
            listener.sampled = None
            self._read_by_clock_from_now(listener)

    def _start(self, is_sampled: bool) -> None:
        try:
            listener = self._dialler.dial(Sampled() if is_sampled else None, time.monotonic())
        except OSError as error:
            self._report.failures[_words(error)] += 1
            return
        self._by_event[listener.sock.fileno()] = listener
        self._poll.register(listener.sock.fileno(), select.EPOLLOUT)

    def _advance(self, listener: Listener) -> None:
        """Something can be done for it."""
        if listener.step is Step.PLAYING:
            self._read(listener)
            return
        try:
            body = self._dialler.advance(listener)
        except _LATER as error:
            wanted = select.EPOLLOUT if isinstance(error, ssl.SSLWantWriteError) else select.EPOLLIN
            self._poll.modify(listener.sock.fileno(), wanted)
            return
        except RefusedError as error:
            self._fail(listener, str(error))
            return
        except OSError as error:
            self._fail(listener, _words(error))
            return
        self._poll.modify(listener.sock.fileno(), select.EPOLLIN)
        if body:
            self._take(listener, memoryview(body))
        if body is not None:
            self._read(listener)

    def _read(self, listener: Listener) -> None:
        """Until nothing more has come: the rest of a TLS record is not announced again."""
        try:
            while size := listener.sock.recv_into(self._buffer):
                self._take(listener, self._buffer[:size])
                if size < READ_BYTES and not self._target.tls:
                    return
        except _LATER:
            return
        except OSError:
            pass
        self._lose(listener)

    def _take(self, listener: Listener, data: memoryview) -> None:
        now, is_first = time.monotonic(), not listener.received
        listener.hear(data, now, self._rate)
        if listener.sampled is not None:
            self._to_look_at.append(listener.sampled)
        if is_first:
            self._report.first_bytes.append(now - listener.began_at)
            if listener.sampled is None:
                self._read_by_clock_from_now(listener)

    def _read_by_clock_from_now(self, listener: Listener) -> None:
        self._poll.unregister(listener.sock.fileno())
        self._by_event.pop(listener.sock.fileno())
        self._by_clock.append(listener)

    def _read_by_clock(self, now: float) -> None:
        total = len(self._by_clock)
        if not total:
            self._read_until = now
            return
        due = min(int((now - self._read_until) * total / READ_SECONDS), total)
        self._read_until = max(self._read_until + due * READ_SECONDS / total, now - READ_SECONDS)
        for _ in range(due):
            self._next_by_clock = (self._next_by_clock + 1) % total
            listener = self._by_clock[self._next_by_clock]
            if listener.step is not Step.ENDED:
                self._read(listener)
        if self._ended_by_clock:
            self._ended_by_clock = 0
            self._by_clock = [one for one in self._by_clock if one.step is not Step.ENDED]

    def _lose(self, listener: Listener) -> None:
        """The server ended it."""
        if not listener.received:
            self._fail(listener, "closed before the first byte")
            return
        self._report.disconnected += 1
        self._close(listener)
        listener.add_to(self._report, self._window_began_at, time.monotonic(), self._rate)

    def _fail(self, listener: Listener, why: str) -> None:
        """It never got audio."""
        self._report.failures[why] += 1
        self._close(listener)

    def _close(self, listener: Listener) -> None:
        listener.step = Step.ENDED
        if self._by_event.pop(listener.sock.fileno(), None) is None:
            self._ended_by_clock += 1
        listener.sock.close()  # By which the system forgets to tell of it.


def _words(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
