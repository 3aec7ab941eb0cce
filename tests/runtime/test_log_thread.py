"""Whoever logs never waits: lines are written aside, in their order, and what is lost is counted."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.runtime.log_sinks import LogFile, RawStream, Sink
from distreamer.runtime.log_thread import MOST_WAITING_LINES, Aside, AsideSink, LogThread, LogThreads
from distreamer.runtime.logging import InstanceLog

PATIENCE_SECONDS = 60
"""A bound, not an expectation."""


class SlowSink:
    """Takes no line until it is allowed to."""

    level = 1

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.begun = threading.Event()
        self.allowed = threading.Event()

    def write(self, line: str) -> None:
        self.begun.set()
        assert self.allowed.wait(PATIENCE_SECONDS)
        self.lines.append(line)


def tell_lost(sink: Sink, count: int) -> None:
    sink.write(f"{count} are missing")


def test_lines_wait_while_the_sink_does_and_come_in_their_order() -> None:
    sink, thread = SlowSink(), LogThread("test")
    aside = AsideSink(sink, thread, tell_lost)
    for number in range(5):
        aside.write(str(number))
    assert sink.begun.wait(PATIENCE_SECONDS)
    assert sink.lines == []
    sink.allowed.set()
    thread.end()
    assert sink.lines == ["0", "1", "2", "3", "4"]
    assert aside.lost_lines == 0


def test_no_more_wait_than_allowed_and_their_number_is_told_where_they_are_missing() -> None:
    sink, thread = SlowSink(), LogThread("test")
    aside = AsideSink(sink, thread, tell_lost)
    aside.write("first")
    assert sink.begun.wait(PATIENCE_SECONDS)
    waits = [str(number) for number in range(MOST_WAITING_LINES - 1)]
    for line in waits:
        aside.write(line)
    done = threading.Event()
    assert thread.put(done.set)
    for _ in range(7):
        aside.write("lost")
    assert aside.lost_lines == 7
    sink.allowed.set()
    assert done.wait(PATIENCE_SECONDS)
    aside.write("again")
    aside.write("and again")
    thread.end()
    assert sink.lines == ["first", *waits, "7 are missing", "again", "and again"]


def test_the_level_is_that_of_the_sink() -> None:
    sink = SlowSink()
    aside = AsideSink(sink, LogThread("test"), tell_lost)
    aside.level = 3
    assert sink.level == aside.level == 3


def test_the_end_does_not_wait_for_ever() -> None:
    sink, thread = SlowSink(), LogThread("test")
    AsideSink(sink, thread, tell_lost).write("line")
    assert sink.begun.wait(PATIENCE_SECONDS)
    thread.end(0.01)
    assert sink.lines == []
    sink.allowed.set()


def test_a_file_is_closed_when_all_that_it_was_given_is_written(tmp_path: Path) -> None:
    thread, complaints = LogThread("test"), list[str]()
    aside, file = Aside(thread, tell_lost), LogFile(tmp_path / "log", 1, complaints.append)
    held = threading.Event()
    assert thread.put(lambda: None if held.wait(PATIENCE_SECONDS) else complaints.append("never allowed"))
    sink = aside.sink(file)
    sink.write("one")
    sink.write("two")
    aside.close(file)
    held.set()
    thread.end()
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert complaints == []


def test_an_instance_writes_all_of_its_logs_aside(tmp_path: Path) -> None:
    """Console, LOGFILE and EVENTLOG; at the end of the program they are whole."""
    general = GeneralSettings(logfile=tmp_path / "log", eventlog=tmp_path / "events", loglevel=1)
    console = io.StringIO()
    with LogThreads() as threads:
        log = InstanceLog(InstanceConfig("studio", None, general, (), ()), console, threads=threads)
        for number in range(100):
            log.logger.info("said", number=number)
    for text in (console.getvalue(), (tmp_path / "log").read_text()):
        assert [line.rpartition("=")[2] for line in text.splitlines()] == [str(number) for number in range(100)]


def test_a_raw_stream_writes_all_of_a_text_whatever_a_pipe_holds() -> None:
    reader, writer = os.pipe()
    text = "ä" * 200_000
    found = bytearray()

    def read() -> None:
        while data := os.read(reader, 1_000):
            found.extend(data)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    RawStream(writer, "utf-8").write(text)
    os.close(writer)
    reading.join(PATIENCE_SECONDS)
    os.close(reader)
    assert found.decode() == text
