"""Titles of what a source repeats when it is connected to again."""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.model.audio import Title
from tests.support.input_context import stored_titles
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame
from tests.support.repeating_source import SERVER, Reception

A, B, C = Title("A"), Title("B"), Title("C")


def with_titles(reception: Reception, parts: Sequence[tuple[range, Title | None]]) -> list[bool]:
    """A connection that brings frames, and each title before its frames; gives which titles were called news."""
    ingest = reception.ingest
    ingest.connected(SERVER, reception.now)
    news = []
    for numbers, title in parts:
        if title is not None:
            news.append(ingest.title(title))
        ingest.audio(b"".join(map(mp3_frame, numbers)), reception.now)
    ingest.disconnected(reception.now)
    return news


def titles_of(reception: Reception) -> list[tuple[int, str]]:
    """Each title with the number of the frame with which it begins."""
    return [(place // MP3_FRAME_BYTES, text) for place, text in stored_titles(reception.store)]


def test_titles_of_what_is_repeated_do_not_come_again() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    news = with_titles(reception, [(range(100, 200), A), (range(200, 350), B), (range(350, 400), C)])
    assert news == [False, False, True]
    assert reception.numbers == list(range(400))
    assert titles_of(reception) == [(0, "A"), (200, "B"), (350, "C")]


def test_a_title_that_stands_later_in_the_repeat_changes_nothing() -> None:
    """The block that says B comes only behind what is known: A, which came last before it, is old."""
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(150, 310), A), (range(310, 400), B)])
    assert titles_of(reception) == [(0, "A"), (200, "B")]


def test_a_title_that_was_missed_begins_with_the_first_new_frame() -> None:
    """Its frame had come, its block had not."""
    reception = Reception(())
    with_titles(reception, [(range(300), A)])
    with_titles(reception, [(range(200, 290), A), (range(290, 400), B)])
    assert titles_of(reception) == [(0, "A"), (300, "B")]


def test_a_server_that_says_its_present_title_at_once_does_so_in_vain_for_what_is_known() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(100, 400), C)])
    assert titles_of(reception) == [(0, "A"), (200, "B"), (300, "C")]


def test_a_title_that_is_in_force_again_is_not_taken_for_the_old_one() -> None:
    reception = Reception(())
    with_titles(reception, [(range(200), A), (range(200, 300), B)])
    with_titles(reception, [(range(150, 250), A), (range(250, 295), B), (range(295, 400), A)])
    assert titles_of(reception) == [(0, "A"), (200, "B"), (300, "A")]


def test_a_title_without_a_frame_outlives_a_connection_that_brought_nothing_new() -> None:
    reception = Reception(())
    with_titles(reception, [(range(300), A)])
    with_titles(reception, [(range(200, 280), A), (range(280, 290), B)])
    assert titles_of(reception) == [(0, "A")]
    with_titles(reception, [(range(200, 400), None)])
    assert titles_of(reception) == [(0, "A"), (300, "B")]
