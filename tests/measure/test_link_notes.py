"""What is seen of a carrier by its messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.measure.link_notes import MOST_UNANSWERED, LinkNotes
from distreamer.protocol.native.limits import KNOWN_EPOCHS
from distreamer.protocol.native.messages import Newest, Piece, Ping, Pong, encode
from distreamer.protocol.native.shapes import epoch_description, fragment_head
from tests.support.native_programme import INFO, fragment

FRAGMENT_BYTES = 16_000


def described() -> bytes:
    return encode(epoch_description(5, INFO, (1, 1)))


def bodies(number: int) -> list[bytes]:
    one = fragment(5, number, FRAGMENT_BYTES)
    pieces = [one.audio[at : at + 2048] for at in range(0, len(one.audio), 2048)]
    return [encode(fragment_head(one)), *(encode(Piece(), piece) for piece in pieces)]


def test_round_trips() -> None:
    notes = LinkNotes()
    notes.began(0.0)
    for ping in range(100):
        notes.sent(encode(Ping(id=ping)), float(ping))
        notes.received(encode(Pong(id=ping)), ping + (0.9 if ping == 50 else 0.1), 0.0)
    trips = notes.figures().round_trips
    assert trips is not None
    assert trips.shortest == pytest.approx(0.1)
    assert trips.median == pytest.approx(0.1)
    assert trips.longest_of_most == pytest.approx(0.9)
    assert trips.count == 100


def test_a_pong_that_nobody_asked_for_is_none() -> None:
    notes = LinkNotes()
    notes.began(0.0)
    notes.received(encode(Pong(id=7)), 1.0, 0.0)
    assert notes.figures().round_trips is None


def test_pings_without_answer_are_bounded() -> None:
    notes = LinkNotes()
    notes.began(0.0)
    for ping in range(MOST_UNANSWERED + 50):
        notes.sent(encode(Ping(id=ping)), 0.0)
    assert len(notes._pings) == MOST_UNANSWERED


def test_epochs_that_are_known_are_bounded() -> None:
    notes = LinkNotes()
    notes.began(0.0)
    for epoch in range(1, 2 * KNOWN_EPOCHS):
        notes.received(encode(epoch_description(epoch, INFO, (1, 1))), 1.0, 0.0)
    assert list(notes._clock_rates) == list(range(KNOWN_EPOCHS, 2 * KNOWN_EPOCHS))


def test_the_longest_silence_goes_on_over_a_break() -> None:
    notes = LinkNotes()
    notes.began(10.0)
    notes.received(encode(Pong(id=1)), 11.0, 0.0)
    notes.broke()
    notes.began(15.5)
    notes.received(encode(Pong(id=1)), 16.0, 0.0)
    notes.ended(18.0)
    figures = notes.figures()
    assert figures.longest_silence_seconds == 4.5
    assert figures.breaks == 1


def test_lost_packets() -> None:
    notes = LinkNotes()
    notes.packets(80, 100)
    notes.packets(40, 50)
    assert notes.figures().loss == pytest.approx(0.2)
    assert LinkNotes().figures().loss is None


def test_how_fast_what_was_held_came_and_how_late_the_rest() -> None:
    notes, now, wall = LinkNotes(), 0.0, 1_763_900_100.0
    notes.began(now)
    notes.received(encode(Ping(id=1, newest=Newest(epoch=5, number=8))), now, wall)
    notes.received(described(), now, wall)
    for number in (4, 8):
        for message in bodies(number):
            now, wall = now + 0.01, wall + 0.01
            notes.received(message, now, wall)
    for number, late in ((12, 0.2), (16, 3.4), (20, 0.2)):
        wall = 1_763_900_000 + number + 0.1 + late
        now += 4.0
        for message in bodies(number):
            notes.received(message, now, wall)
    figures = notes.figures()
    assert figures.bitrate == pytest.approx(128_000)
    assert figures.throughput == pytest.approx(2 * FRAGMENT_BYTES * 8 / 0.17, rel=0.05)
    assert figures.latest_fragment_seconds == pytest.approx(3.2)


def test_what_was_held_there_is_not_late() -> None:
    notes = LinkNotes()
    notes.began(0.0)
    notes.received(encode(Ping(id=1, newest=Newest(epoch=5, number=8))), 0.0, 0.0)
    notes.received(described(), 0.0, 0.0)
    for number, wall in ((4, 1_763_900_030.0), (8, 1_763_900_090.0)):
        for message in bodies(number):
            notes.received(message, 1.0, wall)
    assert notes.figures().latest_fragment_seconds == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([described(), *bodies(3)[:4]])), max_size=30))
def test_whatever_comes_it_goes_on(messages: list[bytes]) -> None:
    notes = LinkNotes()
    notes.began(0.0)
    for place, message in enumerate(messages):
        notes.received(message, float(place), float(place))
    figures = notes.figures()
    assert figures.longest_silence_seconds <= len(messages)
    assert figures.latest_fragment_seconds >= 0
