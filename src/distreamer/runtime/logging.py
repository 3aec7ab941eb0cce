"""Logs: one event is one line, on standard error and, when LOGFILE is set, in a file.

    2026-11-23T12:00:00Z info studio input: connected to the source url=http://radio.example:8000/live

What OUTPUTLEVEL and LOGLEVEL, each by itself, show of the events that modules log:

    0  critical   what ends the instance
    1  error      what needs a person
       info       what the instance does, and the status lines
    2  warning    what the instance gets over by itself: a lost connection, a retry
    3  debug      details: every connection, every request
    4             and what the libraries underneath say
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from distreamer.config.instance import InstanceConfig
from distreamer.config.redact import HIDDEN, redacted_url
from distreamer.config.wording import printable
from distreamer.errors import ConfigError
from distreamer.runtime.event_log import EventLog
from distreamer.runtime.log_sinks import Console, LogFile, Sink, SinkGroup, Stream
from distreamer.runtime.log_thread import Aside, LogThreads

LONGEST_VALUE = 500
"""Characters of one value; what comes from the net may be of any length."""
LONGEST_TRACEBACK = 4000
LIBRARIES = 4
QUIC_LIBRARY = "quic"
"""Under this name aioquic logs what peers do wrong, as warnings."""
SECRET_KEYS = frozenset({"password", "passwords", "secret", "token", "authorization"})


class InstanceLog:
    """The log of one instance. What it shows, where, and under which name may change while it is written."""

    def __init__(
        self,
        config: InstanceConfig,
        stream: Stream | None = None,
        wall: Callable[[], float] = time.time,
        threads: LogThreads | None = None,
    ) -> None:
        """``stream`` is the console (standard error unless told), ``wall`` gives Unix time; without ``threads`` each
        line is written at once. Raises ConfigError when LOGFILE cannot be written."""
        self._name = config.name
        self._line = _event_line(lambda: self._name, wall)
        self._files = Aside(threads.files if threads else None, self._tell_lost)
        console = Console(stream or sys.stderr, config.general.outputlevel)
        self._console = Aside(threads.console if threads else None, self._tell_lost).sink(console)
        self._file: LogFile | None = None
        self._sinks = SinkGroup([self._console])
        self.logger = _logger(self._sinks, self._line)
        """Modules get it with ``bind(module=name)``."""
        self.events = EventLog(self.logger, threads.files if threads else None)
        """Takes the instance's events."""
        self.commit(self.prepare(config))

    def prepare(self, config: InstanceConfig) -> LogChange:
        """Opens what is not open yet; everything is logged as before meanwhile. Raises ConfigError when LOGFILE or
        EVENTLOG cannot be written."""
        change, general = LogChange(config), config.general
        try:
            if general.logfile is not None and (self._file is None or self._file.path != general.logfile):
                on_console = _logger(SinkGroup([self._console]), self._line)
                with _named(config, "LOGFILE", general.logfile):
                    change.file = LogFile(general.logfile, general.loglevel, warn=on_console.error)
            if general.eventlog is not None:
                with _named(config, "EVENTLOG", general.eventlog):
                    change.events = self.events.prepare(general.eventlog)
        except ConfigError:
            change.drop()
            raise
        return change

    def commit(self, change: LogChange) -> None:
        """Logs as its configuration says, from now on."""
        general = change.config.general
        self._name = change.config.name
        before, self._file = self._file, change.file or (self._file if general.logfile else None)
        self._console.level = general.outputlevel
        if self._file is not None:
            self._file.level = general.loglevel
        if before is not self._file:
            self._sinks.sinks = [self._console, self._files.sink(self._file)] if self._file else [self._console]
            if before is not None:
                self._files.close(before)
        self.events.commit(change.events, is_wanted=general.eventlog is not None)

    def _tell_lost(self, sink: Sink, count: int) -> None:
        sentence = "lines are missing here, for they could not be written in time"
        sink.write(str(self._line(None, "error", {"event": sentence, "count": count})))


@dataclass(slots=True)
class LogChange:
    """Made by ``InstanceLog.prepare``, put in force by ``InstanceLog.commit``."""

    config: InstanceConfig
    file: LogFile | None = None
    """That was opened for it."""
    events: LogFile | None = None
    """The same for EVENTLOG."""

    def drop(self) -> None:
        """It will not be put in force."""
        for file in (self.file, self.events):
            if file is not None:
                file.close()


@contextmanager
def _named(config: InstanceConfig, key: str, path: Path) -> Iterator[None]:
    """What goes wrong with the file becomes a ConfigError."""
    try:
        yield
    except OSError as error:
        source = config.path or "the environment"
        problem = f"{source}: [GENERAL] {key} = {path} cannot be written: {error.strerror}"
        raise ConfigError([printable(problem)]) from error


def instance_logger(
    config: InstanceConfig, stream: Stream | None = None, wall: Callable[[], float] = time.time
) -> FilteringBoundLogger:
    """The logger of an instance whose configuration does not change; see ``InstanceLog``."""
    return InstanceLog(config, stream, wall).logger


def route_library_logs(config: InstanceConfig, log: FilteringBoundLogger) -> Callable[[], None]:
    """Sends what libraries log (asyncio, aiohttp) to ``log``; gives what undoes it.

    Their warnings and errors always go there, the rest only when a level of ``config`` is 4. There is one
    such place in a process: with several instances the first one's logger takes it.
    """
    handler = _LibraryHandler(log)
    talkative = LIBRARIES in {config.general.outputlevel, config.general.loglevel}
    root = logging.getLogger()
    level_before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if talkative else logging.WARNING)

    def undo() -> None:
        root.removeHandler(handler)
        root.setLevel(level_before)

    return undo


class _LibraryHandler(logging.Handler):
    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Errors of libraries are errors of ours; their infos are only details here."""
        say = self._log.bind(module=record.name)
        try:
            sentence = record.getMessage()
        except (TypeError, ValueError):  # the library's arguments do not fit its own words
            sentence = str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        details = {"exc_info": error} if error is not None else {}
        if isinstance(error, HttpProcessingError):
            # Whoever knocks with something else than HTTP: on a public port that happens all day long.
            say.debug(sentence, reason=str(error))
        elif record.name == QUIC_LIBRARY:
            # The same over UDP. How a connection of ours ended is said by the one who held it.
            say.debug(sentence, **details)
        elif record.levelno >= logging.ERROR:
            say.error(sentence, **details)
        elif record.levelno >= logging.WARNING:
            say.warning(sentence, **details)
        else:
            say.debug(sentence, **details)


def _logger(sinks: SinkGroup, line: Processor) -> FilteringBoundLogger:
    logger: FilteringBoundLogger = structlog.wrap_logger(
        sinks,
        processors=[_drop_unless_shown, line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    ).bind()
    return logger


def _drop_unless_shown(sinks: SinkGroup, kind: str, event: EventDict) -> EventDict:
    """What no sink shows is not put into words."""
    if not sinks.shows(kind):
        raise structlog.DropEvent
    return event


def _event_line(instance: Callable[[], str], wall: Callable[[], float]) -> Processor:
    """Turns an event into its line."""

    def line(_: WrappedLogger, method: str, event: EventDict) -> str:
        moment = datetime.fromtimestamp(wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        module = event.pop("module", "")
        sentence = _shown(event.pop("event", ""))
        error = event.pop("exc_info", None)
        who = printable(f"{instance()} {module}".rstrip())
        values = [f"{key}={_quoted('' if value is None else value, key)}" for key, value in event.items()]
        exception = error if isinstance(error, BaseException) else sys.exc_info()[1] if error else None
        if exception is not None:
            values.append(f"traceback={_quoted_text(_one_line_traceback(exception))}")
        return " ".join([moment, method, f"{who}:", sentence, *values])

    return line


def _shown(value: object) -> str:
    """``value`` without passwords, cut to LONGEST_VALUE, and printable: it cannot begin a line of its own."""
    text = f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if len(text) > LONGEST_VALUE:
        text = text[: LONGEST_VALUE - 1] + "…"
    return printable(redacted_url(text))


def _quoted(value: object, key: str) -> str:
    return HIDDEN if key.lower() in SECRET_KEYS else _quoted_text(_shown(value))


def _quoted_text(text: str) -> str:
    """In quotes when it could be taken for more than one value."""
    if text and not any(character in ' "=' for character in text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _one_line_traceback(exception: BaseException) -> str:
    """Innermost first: the error, then each place as ``file:line in function``. Of a group it is its first error, for
    the group itself tells nothing."""
    frames = list(traceback.extract_tb(exception.__traceback__))
    while isinstance(exception, BaseExceptionGroup):
        exception = exception.exceptions[0]
        frames += traceback.extract_tb(exception.__traceback__)
    said = "".join(traceback.format_exception_only(exception)).strip()
    places = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames)]
    return printable(redacted_url(" < ".join([said, *places])))[:LONGEST_TRACEBACK]
