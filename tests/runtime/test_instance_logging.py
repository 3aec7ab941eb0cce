"""Log lines: their form, who sees them, and what happens when a sink fails."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path

import pytest
from aiohttp.http_exceptions import BadStatusLine
from structlog.typing import FilteringBoundLogger

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError, PeerError
from distreamer.runtime.logging import LONGEST_VALUE, instance_logger, route_library_logs

NOON = 1_795_435_200.9
"""2026-11-23T12:00:00.9Z."""
LEVELS = ["critical", "error", "info", "warning", "debug"]


class BrokenStream(io.StringIO):
    """A terminal that went away."""

    def write(self, text: str) -> int:
        """Fails."""
        raise BrokenPipeError


class Log:
    """A logger with all that it writes."""

    def __init__(self, stream: io.StringIO | None = None, **general: object) -> None:
        self.stream = stream or io.StringIO()
        self.config = InstanceConfig("studio", None, GeneralSettings.model_validate(general), (), ())
        self.logger: FilteringBoundLogger = instance_logger(self.config, self.stream, wall=lambda: NOON)

    @property
    def lines(self) -> list[str]:
        """The console's lines, without time and instance."""
        return [line.removeprefix("2026-11-23T12:00:00Z ") for line in self.stream.getvalue().splitlines()]

    def say_everything(self) -> None:
        """An event of each level, named so."""
        for level in LEVELS:
            getattr(self.logger, level)(f"at {level}")


def levels_in(text: str) -> set[str]:
    """The levels whose events are in a log."""
    return {level for level in LEVELS if f"at {level}" in text}


def test_an_event_is_one_line() -> None:
    log = Log()
    log.logger.bind(module="input backup").info("connected to the source", url="http://x/", codec="mpeg", seconds=2.5)
    log.logger.warning("title changed", title='He said "a=b"', nothing=None, count=3)
    assert log.stream.getvalue() == (
        "2026-11-23T12:00:00Z info studio input backup: connected to the source url=http://x/ codec=mpeg seconds=2.5\n"
        '2026-11-23T12:00:00Z warning studio: title changed title="He said \\"a=b\\"" nothing="" count=3\n'
    )


@pytest.mark.parametrize("nasty", ["a\nb", "a\rb", "a\x1b[2Jb", "a\u2028b", "a\x85b", "a\u202eb", "a\x00b", "a\ud800b"])
def test_what_comes_from_the_net_cannot_begin_a_line_of_its_own(nasty: str) -> None:
    log = Log()
    log.logger.bind(module=nasty).info(nasty, title=nasty)
    assert len(log.lines) == 1
    assert log.lines[0].isprintable()
    assert log.lines[0].count("\\") == 3


def test_numbers_are_short_and_values_bounded() -> None:
    log = Log()
    log.logger.info("measured", delay=1 / 3, whole=24.0, title="x" * 10_000)
    assert log.lines[0] == f"info studio: measured delay=0.333 whole=24 title={'x' * (LONGEST_VALUE - 1)}…"


def test_passwords_are_not_shown() -> None:
    log = Log()
    log.logger.info("asking http://me:secret@x/ again", url="http://me:sec@ret@x/a?b=c@d", password="secret")
    assert log.lines == ['info studio: asking http://me:***@x/ again url="http://me:***@x/a?b=c@d" password=***']


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (0, {"critical"}),
        (1, {"critical", "error", "info"}),
        (2, {"critical", "error", "info", "warning"}),
        (3, set(LEVELS)),
        (4, set(LEVELS)),
    ],
)
def test_levels_of_console_and_file_are_each_their_own(level: int, shown: set[str], tmp_path: Path) -> None:
    path = tmp_path / "radio.log"
    log = Log(outputlevel=level, logfile=path, loglevel=1)
    log.say_everything()
    assert levels_in(log.stream.getvalue()) == shown
    assert levels_in(path.read_text()) == {"critical", "error", "info"}
    other = tmp_path / "other.log"
    log = Log(outputlevel=0, logfile=other, loglevel=level)
    log.say_everything()
    assert levels_in(log.stream.getvalue()) == {"critical"}
    assert levels_in(other.read_text()) == shown


def test_a_file_is_appended_to_and_opened_anew_when_it_was_moved(tmp_path: Path) -> None:
    path = tmp_path / "radio.log"
    path.write_text("from before\n")
    log = Log(logfile=path)
    log.logger.info("one")
    path.rename(tmp_path / "radio.log.1")
    log.logger.info("Zürich")
    assert (tmp_path / "radio.log.1").read_text() == "from before\n2026-11-23T12:00:00Z info studio: one\n"
    assert path.read_text(encoding="utf-8") == "2026-11-23T12:00:00Z info studio: Zürich\n"


def test_a_file_that_cannot_be_written_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Log(logfile=tmp_path)
    assert caught.value.problems == [
        f"the environment: [GENERAL] LOGFILE = {tmp_path} cannot be written: Is a directory"
    ]


def test_a_file_that_cannot_be_written_later_is_told_once_each_time(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "radio.log"
    log = Log(logfile=path)
    failure = f"error studio: cannot write the log file {path}: No such file or directory"
    for _ in range(2):
        path.unlink()
        folder.rmdir()
        log.logger.info("one")
        log.logger.info("two")
        folder.mkdir()
        log.logger.info("three")
        assert path.read_text() == "2026-11-23T12:00:00Z info studio: three\n"
    assert log.lines.count(failure) == 2
    assert log.lines.count("info studio: two") == 2


def test_a_full_disk_is_told_once() -> None:
    log = Log(logfile="/dev/full")
    log.logger.info("one")
    log.logger.info("two")
    assert log.lines == [
        "info studio: one",
        "error studio: cannot write the log file /dev/full: No space left on device",
        "info studio: two",
    ]


def test_a_console_that_went_away_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "radio.log"
    log = Log(BrokenStream(), logfile=path)
    log.logger.info("one")
    log.logger.info("two")
    assert path.read_text().count("\n") == 2


def test_a_console_of_another_encoding_gets_escapes() -> None:
    raw = io.BytesIO()
    config = InstanceConfig("studio", None, GeneralSettings(), (), ())
    stream = io.TextIOWrapper(raw, "ascii")
    instance_logger(config, stream, wall=lambda: NOON).info("Zürich")
    assert raw.getvalue() == b"2026-11-23T12:00:00Z info studio: Z\\xfcrich\n"


def test_a_defect_is_one_line_with_its_places() -> None:
    log = Log()
    try:
        raise PeerError("http://me:secret@x/", "said\nnonsense")
    except PeerError as error:
        log.logger.error("a defect", exc_info=error)
        log.logger.exception("again")
    assert len(log.lines) == 2
    for line in log.lines:
        assert 'traceback="distreamer.errors.PeerError: http://me:***@x/: said\\nnonsense < ' in line
        assert "test_instance_logging.py" in line
        assert line.endswith('in test_a_defect_is_one_line_with_its_places"')


async def test_a_defect_in_a_task_of_a_group_is_told_and_not_only_the_group() -> None:
    async def breaks() -> None:
        raise ZeroDivisionError("of nothing")

    log = Log()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(breaks())
    except ExceptionGroup as error:
        log.logger.error("a defect", exc_info=error)
    (line,) = log.lines
    assert 'traceback="ZeroDivisionError: of nothing < ' in line
    assert line.index("in breaks <") < line.index("in test_a_defect_in_a_task")


def test_a_traceback_is_asked_for_where_there_is_none() -> None:
    log = Log()
    log.logger.error("no exception here", exc_info=True)
    assert log.lines == ["error studio: no exception here"]


@pytest.mark.parametrize(("level", "talk"), [(2, False), (3, False), (4, True)])
def test_libraries_talk_at_level_4_and_their_warnings_always_count(level: int, talk: bool) -> None:
    log = Log(outputlevel=level)
    undo = route_library_logs(log.config, log.logger)
    library = logging.getLogger("some.library")
    try:
        library.debug("talk")
        library.warning("careful: %s", "slow")
        library.error("broken", exc_info=OSError("gone"))
    finally:
        undo()
    assert log.lines == [
        *(["debug studio some.library: talk"] if talk else []),
        "warning studio some.library: careful: slow",
        'error studio some.library: broken traceback="OSError: gone"',
    ]
    library.warning("after the end")
    assert "after the end" not in log.stream.getvalue()


def test_a_library_whose_arguments_do_not_fit_its_words() -> None:
    log = Log()
    before = logging.getLogger().handlers[:]
    undo = route_library_logs(log.config, log.logger)
    (handler,) = [handler for handler in logging.getLogger().handlers if handler not in before]
    undo()
    handler.handle(logging.LogRecord("some.library", logging.ERROR, "", 0, "%d listeners", ("many",), None))
    assert log.lines == ["error studio some.library: %d listeners"]


def test_a_stranger_that_speaks_no_http_is_only_a_detail() -> None:
    log = Log(outputlevel=3)
    undo = route_library_logs(log.config, log.logger)
    try:
        logging.getLogger("aiohttp.server").error("Error handling request", exc_info=BadStatusLine("\x16\x03"))
    finally:
        undo()
    assert len(log.lines) == 1
    assert log.lines[0].startswith("debug studio aiohttp.server: Error handling request reason=")


def test_a_stranger_that_speaks_no_quic_is_only_a_detail() -> None:
    log = Log(outputlevel=3)
    undo = route_library_logs(log.config, log.logger)
    try:
        logging.getLogger("quic").warning("Error: 10, reason: Packet contains no CRYPTO frame")
    finally:
        undo()
    assert log.lines == ["debug studio quic: Error: 10, reason: Packet contains no CRYPTO frame"]
