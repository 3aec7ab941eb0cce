"""EVENTLOG: every event of an instance as one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.model.event import Event, event_document
from distreamer.runtime.log_sinks import LogFile


class EventLog:
    """Writes into a file, if there is one. A disk that is full stops nothing; the log says so once."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._file: LogFile | None = None

    def prepare(self, path: Path) -> LogFile | None:
        """Opens ``path``; None when it is the one that is open. Raises OSError."""
        if self._file is not None and self._file.path == path:
            return None
        return LogFile(path, 0, self._log.error, kind="event log")

    def commit(self, file: LogFile | None, *, is_wanted: bool) -> None:
        """Writes into ``file`` from now on, into the one that is open when it is None, or into none."""
        before, self._file = self._file, (file or self._file) if is_wanted else None
        if before is not None and before is not self._file:
            before.close()

    def write(self, event: Event) -> None:
        """Adds its line at once; never raises OSError."""
        if self._file is not None:
            self._file.write(event_line(event))


def event_line(event: Event) -> str:
    """One line of JSON without its end, with the time in both forms that programs and people read."""
    return json.dumps(event_document(event), ensure_ascii=False, allow_nan=False)
