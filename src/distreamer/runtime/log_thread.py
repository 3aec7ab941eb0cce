"""Log lines written by a thread of their own. A terminal at which somebody pressed Ctrl-S or whose connection hangs, a
pipe that nobody reads, a disk that takes its time: whoever writes there waits, and the audio must not."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from distreamer.runtime.log_sinks import LogFile, Sink

MOST_WAITING_LINES = 1_000
LAST_SECONDS = 2.0
"""So long the end of the program waits for lines that are not written yet."""
TellLost = Callable[[Sink, int], None]


class LogThread:
    """Begun with the first line. What it holds is bounded; whoever has more to write is told so."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None

    def put(self, job: Callable[[], None]) -> bool:
        """Whether it will be done; it must not raise."""
        with self._changed:
            if len(self._jobs) >= MOST_WAITING_LINES:
                return False
            self._jobs.append(job)
            self._changed.notify_all()
            if self._thread is None:
                # What blocks for ever must not keep the program from its end.
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
        return True

    def end(self, seconds: float = LAST_SECONDS) -> None:
        """Waits until all is done, for so long at the most."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._ends)
                if not self._jobs:
                    return
                job = self._jobs.popleft()
            job()


class AsideSink:
    """Takes the lines of another sink, which a thread then writes there, in their order. Those for which there is no
    room are lost; their number is told when there is room again."""

    def __init__(self, sink: Sink, thread: LogThread, tell_lost: TellLost) -> None:
        self._sink = sink
        self._thread = thread
        self._tell_lost = tell_lost
        self._untold = 0
        self.lost_lines = 0

    @property
    def level(self) -> int:
        return self._sink.level

    @level.setter
    def level(self, level: int) -> None:
        self._sink.level = level

    def write(self, line: str) -> None:
        """Without waiting."""
        if self._untold and self._thread.put(partial(self._tell_lost, self._sink, self._untold)):
            self._untold = 0
        if not self._thread.put(partial(self._sink.write, line)):
            self.lost_lines += 1
            self._untold += 1


class Aside:
    """Puts sinks aside; without a thread they are written to at once."""

    def __init__(self, thread: LogThread | None, tell_lost: TellLost) -> None:
        """``tell_lost`` is called in the thread with the sink and the number of lines that are missing there."""
        self._thread = thread
        self._tell_lost = tell_lost

    def sink(self, sink: Sink) -> Sink:
        """What to write to in the place of ``sink``."""
        return sink if self._thread is None else AsideSink(sink, self._thread, self._tell_lost)

    def close(self, file: LogFile) -> None:
        """When all is written that it was given."""
        if self._thread is None or not self._thread.put(file.close):
            file.close()


class LogThreads:
    """One for standard error, one for files: the one goes on while the other waits."""

    def __init__(self) -> None:
        self.console = LogThread("console")
        self.files = LogThread("log files")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A file's last complaint goes to standard error.
        self.files.end()
        self.console.end()
