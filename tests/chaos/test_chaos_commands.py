"""What is planned and what is typed while ``distreamer chaos`` runs, and what it says."""

from __future__ import annotations

import math

import pytest

from distreamer.chaos.commands import LONGEST_LINE, Commands
from distreamer.chaos.link_model import LinkCounters, LinkSettings
from distreamer.chaos.outages import Outage, Timetable
from distreamer.chaos.words import Traffic, link_sentence, traffic_sentence
from tests.support.splitting import every_split


@pytest.mark.parametrize(
    ("text", "outage"),
    [("10@30", Outage(30, 40)), ("0.5@0", Outage(0, 0.5)), ("3@2.5", Outage(2.5, 5.5))],
)
def test_outages_as_they_are_written(text: str, outage: Outage) -> None:
    assert Outage.parse(text) == outage


@pytest.mark.parametrize("text", ["", "10", "@3", "10@", "-1@3", "1@-3", "a@b", "10@30 ", "1e3@4", "nan@1", "١@2"])
def test_what_is_no_outage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an outage; 10@30 is one"):
        Outage.parse(text)


def test_a_timetable_knows_when_it_is_dark_and_when_that_changes() -> None:
    timetable = Timetable([Outage(10, 20), Outage(15, 25), Outage(40, 41)])
    seen = []
    now = 0.0
    while now < math.inf:
        seen.append((now, timetable.is_dark(now)))
        now = timetable.next_change(now)
    assert seen == [(0, False), (10, True), (15, True), (20, True), (25, False), (40, True), (41, False)]


def test_to_restore_ends_what_goes_on_and_leaves_what_is_planned() -> None:
    timetable = Timetable([Outage(10, 20), Outage(30, 40)])
    timetable.cut(12)
    timetable.restore(15)
    assert not timetable.is_dark(15)
    assert timetable.next_change(15) == 30
    assert timetable.is_dark(35)


@pytest.mark.parametrize("pieces", every_split(b"cut 10\nfoo\n\ncut\nrestore\ncut 2.5\nquit\n"))
def test_what_is_typed_is_done(pieces: list[bytes]) -> None:
    timetable = Timetable()
    commands = Commands(timetable)
    answers = [answer for piece in pieces for answer in commands.take(piece.decode(), 100.0)]
    assert answers == ["Not understood. Type cut, cut SECONDS, restore or quit."]
    assert timetable.is_dark(100.0)
    assert timetable.next_change(100.0) == 102.5
    assert commands.wants_to_quit


@pytest.mark.parametrize("typed", ["cut -3", "cut nan", "cut inf", "cut 0", "cut it", "cut 1 2", "Cut", "restore 3"])
def test_what_makes_no_sense_is_said(typed: str) -> None:
    timetable = Timetable()
    assert len(Commands(timetable).take(typed + "\n", 0.0)) == 1
    assert not timetable.is_dark(0.0)


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    commands = Commands(Timetable())
    for _ in range(100):
        commands.take("x" * 1000, 0.0)
    assert len(commands._typed) == LONGEST_LINE


def test_a_link_in_words() -> None:
    assert link_sentence(LinkSettings()) == "The link is perfect, as long as you do not cut it."
    settings = LinkSettings(
        loss=0.2,
        burst_loss=0.1,
        delay_seconds=0.1,
        jitter_seconds=0.0125,
        reorders=True,
        duplication=0.005,
        rate=2_000_000,
        largest_packet=1300,
    )
    assert link_sentence(settings) == (
        "The link: 20 % of the packets lost, lost in bursts of about 0.5 s for 10 % of the time, 100 ms of delay each "
        "way, up to 12.5 ms more, out of order, 0.5 % of the packets twice, 2000 kbit/s each way behind a queue of "
        "32 kB, packets above 1 kB vanish."
    )


def test_traffic_in_words() -> None:
    counters = LinkCounters(
        offered=100, delivered=80, delivered_bytes=64_000, lost=10, lost_in_the_dark=4, too_large=3, dropped_by_queue=3
    )
    there = Traffic.of(counters)
    assert there == Traffic(64_000, 100, 20)
    before = Traffic(32_000, 50, 20)
    assert traffic_sentence(there.since(before), Traffic(), 0) == "there 32 kB, back 0 bytes"
    assert traffic_sentence(there, Traffic(500, 5, 1), 7) == (
        "there 64 kB (20 of 100 packets lost), back 500 bytes (1 of 5 packets lost); TCP sent 7 again"
    )
    assert traffic_sentence(Traffic(), Traffic(), 0) == ""
