"""EVENTLOG: each event is a line of JSON, and no disk stops anything."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError
from distreamer.model.event import Event, Severity
from distreamer.runtime.event_book import MOST_EVENTS, EventBook, event_numbers
from distreamer.runtime.logging import InstanceLog

LINK_UP = Event(
    "link_up", 1_795_435_200.25, "über", Severity.INFO, "die Verbindung\nsteht", "input x", "link_down", 22.0, {"a": 1}
)


def config(path: Path | None) -> InstanceConfig:
    return InstanceConfig("über", None, GeneralSettings(eventlog=path), (), ())


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_is_one_line_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("{}\n")
    log = InstanceLog(config(path), io.StringIO())
    log.events.write(LINK_UP)
    log.events.write(LINK_UP)
    assert path.read_text(encoding="utf-8").count("\n") == 3
    assert lines(path)[1] == {"time": "2026-11-23T12:00:00.250Z", **asdict(LINK_UP)}


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = InstanceLog(config(path), io.StringIO())
    log.events.write(LINK_UP)
    path.rename(tmp_path / "events.jsonl.1")
    log.events.write(LINK_UP)
    assert len(lines(path)) == len(lines(tmp_path / "events.jsonl.1")) == 1


def test_another_configuration_has_another_file_or_none(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    log = InstanceLog(config(first), io.StringIO())
    for path in (second, second, None):
        log.commit(log.prepare(config(path)))
        log.events.write(LINK_UP)
    assert (lines(first), len(lines(second))) == ([], 2)
    opened = {os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")}
    assert not opened & {str(first), str(second)}


def test_a_full_disk_is_told_once_and_stops_nothing() -> None:
    console = io.StringIO()
    log = InstanceLog(config(Path("/dev/full")), console)
    for _ in range(3):
        log.events.write(LINK_UP)
    assert console.getvalue().count("cannot write the event log /dev/full: No space left on device") == 1


def test_a_file_that_cannot_be_opened_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[GENERAL\] EVENTLOG = .*nowhere/events cannot be written: No such file"):
        InstanceLog(config(tmp_path / "nowhere/events"), io.StringIO())


def test_the_book_keeps_the_last_ones_and_counts_the_others() -> None:
    book = EventBook(count(7))
    seen: list[int] = []
    end = book.subscribe(lambda event: seen.append(event.number))
    for _ in range(MOST_EVENTS + 3):
        book.add(LINK_UP)
    end()
    book.add(LINK_UP)
    assert (seen[0], len(seen), book.dropped) == (7, MOST_EVENTS + 3, 4)
    assert [event.number for event in book.after(0)][:1] == [11]
    assert [event.number for event in book.after(508)] == [509, 510]
    assert book.after(510) == []
    assert book.counts == {"link_up": MOST_EVENTS + 4}


def test_numbers_of_a_later_run_are_higher() -> None:
    assert next(event_numbers(1000.5)) > next(event_numbers(1000.0))
