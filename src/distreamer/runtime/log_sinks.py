"""Where log lines go: the console and a file, each with its own level. Neither may ever stop the audio; see also
``log_thread``."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class Sink(Protocol):
    """A place that takes whole lines."""

    level: int
    """DiStreamer 2's scale, 0 to 4."""

    def write(self, line: str) -> None:
        """Takes a line without its end; never raises OSError."""
        ...


class Stream(Protocol):
    """What Console writes to."""

    @property
    def encoding(self) -> str: ...
    def write(self, text: str, /) -> object: ...
    def flush(self) -> None: ...


class RawStream:
    """A file descriptor without a buffer of Python's: a program could not end while a thread waits inside of one."""

    def __init__(self, descriptor: int, encoding: str) -> None:
        self._descriptor = descriptor
        self._encoding = encoding

    @property
    def encoding(self) -> str:
        return self._encoding

    def write(self, text: str, /) -> None:
        """Writes all of it; raises OSError."""
        data = memoryview(text.encode(self._encoding))
        while data:
            data = data[os.write(self._descriptor, data) :]

    def flush(self) -> None:
        """There is nothing to do."""


class Console:
    """A stream such as standard error. A stream that is broken or closed is given up silently: there is no other
    place to say so."""

    def __init__(self, stream: Stream, level: int) -> None:
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

    def __init__(self, path: Path, level: int, warn: Callable[[str], None], kind: str = "log file") -> None:
        """``kind`` is what it is called when it fails."""
        self.level = level
        self.lost_lines = 0
        self._path = path
        self._warn = warn
        self._kind = kind
        self._failing = False
        self._handler = _RaisingFileHandler(path, encoding="utf-8", errors="backslashreplace")

    @property
    def path(self) -> Path:
        return self._path

    def close(self) -> None:
        """Gives the file up; nothing may be written any more. Never raises OSError."""
        with contextlib.suppress(OSError):
            self._handler.close()

    def write(self, line: str) -> None:
        """Writes at once."""
        try:
            self._handler.emit(logging.makeLogRecord({"msg": line}))
        except OSError as error:
            self.lost_lines += 1
            if not self._failing:
                self._failing = True
                self._warn(f"cannot write the {self._kind} {self._path}: {error.strerror}")
        else:
            self._failing = False


class _RaisingFileHandler(logging.handlers.WatchedFileHandler):
    """WatchedFileHandler prints tracebacks to standard error; ours are to be caught."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Raises anew what ``emit``, which calls this in its except block, has caught."""
        raise


SHOWN_FROM = {"critical": 0, "error": 1, "info": 1, "warning": 2, "debug": 3}
"""The level from which on each kind of event is shown: what ends the instance is always shown, then what needs a person
and what the instance does, what it gets over by itself, and details, such as every connection."""


class SinkGroup:
    """What structlog writes to: a method for each kind of event."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = sinks
        """May be changed at any time."""

    def shows(self, kind: str) -> bool:
        """Whether anybody sees events of that kind."""
        return any(sink.level >= SHOWN_FROM[kind] for sink in self.sinks)

    def critical(self, line: str) -> None:
        self._write(line, "critical")

    def error(self, line: str) -> None:
        self._write(line, "error")

    def info(self, line: str) -> None:
        self._write(line, "info")

    def warning(self, line: str) -> None:
        self._write(line, "warning")

    def debug(self, line: str) -> None:
        self._write(line, "debug")

    def _write(self, line: str, kind: str) -> None:
        for sink in self.sinks:
            if sink.level >= SHOWN_FROM[kind]:
                sink.write(line)
