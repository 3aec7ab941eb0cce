"""EVENTLOG: every event of an instance as one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.model.event import Event, event_document
from distreamer.runtime.log_sinks import LogFile, Sink
from distreamer.runtime.log_thread import Aside, LogThread


class EventLog:
    """Writes into a file, if there is one. A disk that is full stops nothing; the log says so once."""

    def __init__(self, log: FilteringBoundLogger, thread: LogThread | None = None) -> None:
        """Without a ``thread`` it writes at once."""
        self._log = log
        self._aside = Aside(thread, self._tell_lost)
        self._file: LogFile | None = None
        self._sink: Sink | None = None

    def prepare(self, path: Path) -> LogFile | None:
        """Opens ``path``; None when it is the one that is open. Raises OSError."""
        if self._file is not None and self._file.path == path:
            return None
        return LogFile(path, 0, self._log.error, kind="event log")

    def commit(self, file: LogFile | None, *, is_wanted: bool) -> None:
        """Writes into ``file`` from now on, into the one that is open when it is None, or into none."""
        before, self._file = self._file, (file or self._file) if is_wanted else None
        if before is self._file:
            return
        self._sink = self._aside.sink(self._file) if self._file else None
        if before is not None:
            self._aside.close(before)

    def write(self, event: Event) -> None:
        """Adds its line; never raises OSError."""
        if self._sink is not None:
            self._sink.write(event_line(event))

    def _tell_lost(self, sink: Sink, count: int) -> None:
        self._log.error("the event log could not be written in time: events are missing in it", count=count)


def event_line(event: Event) -> str:
    """One line of JSON without its end, with the time in both forms that programs and people read."""
    return json.dumps(event_document(event), ensure_ascii=False, allow_nan=False)
