"""Where log lines go: the console and a file, each with its own level. Neither may ever stop the audio."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TextIO


class Sink(Protocol):
    """A place that takes whole lines."""

    level: int
    """DiStreamer 2's scale, 0 to 4."""

    def write(self, line: str) -> None:
        """Takes a line without its end; never raises OSError."""
        ...


class Console:
    """A stream such as standard error. A stream that is broken or closed is given up silently: there is no other
    place to say so."""

    def __init__(self, stream: TextIO, level: int) -> None:
        self.level = level
        self._stream = stream

    def write(self, line: str) -> None:
        """Writes at once, with escapes for what the stream's encoding lacks."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: closed
            self.level = -1


class LogFile:
    """A file that is appended to, and opened anew when it was moved away or deleted (logrotate).

    Raises OSError when it cannot be opened at the start. When it cannot be written later, ``warn`` is told
    once, and again only after it worked in between; the lines of that time are lost to the file and counted.
    """

    def __init__(self, path: Path, level: int, warn: Callable[[str], None]) -> None:
        self.level = level
        self.lost_lines = 0
        self._path = path
        self._warn = warn
        self._failing = False
        self._handler = _RaisingFileHandler(path, encoding="utf-8", errors="backslashreplace")

    def write(self, line: str) -> None:
        """Writes at once."""
        try:
            self._handler.emit(logging.makeLogRecord({"msg": line}))
        except OSError as error:
            self.lost_lines += 1
            if not self._failing:
                self._failing = True
                self._warn(f"cannot write the log file {self._path}: {error.strerror}")
        else:
            self._failing = False


class _RaisingFileHandler(logging.handlers.WatchedFileHandler):
    """WatchedFileHandler prints tracebacks to standard error; ours are to be caught."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Raises anew what ``emit``, which calls this in its except block, has caught."""
        raise


class SinkGroup:
    """What structlog writes to: a method for each kind of event, which knows from which level on it is shown."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def critical(self, line: str) -> None:
        """What ends the instance: always shown."""
        self._write(line, 0)

    def error(self, line: str) -> None:
        """What needs a person."""
        self._write(line, 1)

    def info(self, line: str) -> None:
        """What the instance does."""
        self._write(line, 1)

    def warning(self, line: str) -> None:
        """What the instance gets over by itself."""
        self._write(line, 2)

    def debug(self, line: str) -> None:
        """Details, such as every connection."""
        self._write(line, 3)

    def _write(self, line: str, shown_from: int) -> None:
        for sink in self._sinks:
            if sink.level >= shown_from:
                sink.write(line)
