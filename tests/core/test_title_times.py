"""Since when titles hold: sent by the studio, and heard."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.core.filler import Filler, FillerRules
from distreamer.core.lead import LEAD_SECONDS
from distreamer.core.playout import Playout
from distreamer.core.store import Store
from distreamer.core.title_times import SentTitles, TitleChange, TitleTimes
from distreamer.model.audio import Title
from distreamer.model.fragment import Fragment, TitleMark
from tests.support.made_audio import INFO, fragment

A, B, C = Title("a"), Title("b"), Title("c")
WALL = 1_000_000.0


def titled(number: int, title: Title | None, *marks: tuple[float, Title]) -> Fragment:
    """A fragment of a second; ``marks`` are parts of it and the titles that begin there."""
    one = fragment(number, frames=40)
    places = tuple(TitleMark(round(part * len(one.audio)), mark) for part, mark in marks)
    return replace(one, title=title, title_marks=places)


def test_a_title_holds_since_the_byte_at_which_it_began() -> None:
    times = TitleTimes()
    times.follow(titled(1, A, (0.5, B)), 100.0, 1.0)
    assert times.at(100.2) == TitleChange(A, 100.0)
    assert times.at(100.9) == TitleChange(B, 100.5)
    times.follow(titled(2, B), 101.0, 1.0)
    times.follow(titled(3, C), 102.0, 1.0)
    assert times.at(101.9).title == B
    assert times.at(102.0) == times.newest == TitleChange(C, 102.0)


def test_before_the_first_there_is_none() -> None:
    assert TitleTimes().at(5.0) == TitleChange(None, None)


def test_one_that_may_have_begun_before_has_no_time() -> None:
    times = TitleTimes()
    times.follow(titled(7, A), 100.0, 1.0, is_whole=False)
    assert times.newest == TitleChange(A, None)
    times.follow(titled(8, A, (0.25, B)), 101.0, 1.0)
    assert times.newest == TitleChange(B, 101.25)


@given(st.lists(st.tuples(st.sampled_from([None, A, B]), st.sampled_from([A, B, C, None])), max_size=200))
def test_it_keeps_no_more_than_it_is_asked_about(rows: list[tuple[Title | None, Title | None]]) -> None:
    times = TitleTimes()
    for number, (first, then) in enumerate(rows, 1):
        times.follow(titled(number, first, *([(0.5, then)] if then else [])), float(number), 1.0)
        assert times.at(number + 0.2).title == first
        assert times.at(number + 0.9).title == (then or first)
        assert len(times._changes) <= 3


def store_of(*fragments: Fragment) -> tuple[Store, SentTitles]:
    store, sent = Store(), SentTitles()
    store.subscribe(lambda: sent.look(store))
    store.open_epoch(1, INFO)
    for one in fragments:
        store.add(one)
    return store, sent


def test_the_studio_s_titles_have_the_time_at_which_they_came() -> None:
    store, sent = store_of()
    assert sent.newest_since is None
    # A fragment's last byte came at WALL + its number.
    store.add(titled(1, A))
    assert sent.newest_since == pytest.approx(WALL)
    store.add(titled(2, A, (0.5, B)))
    assert sent.newest_since == pytest.approx(WALL + 1.5)
    for number in range(3, 500):
        store.add(titled(number, B))
    assert sent.newest_since == pytest.approx(WALL + 1.5), "it is remembered longer than its fragment is held"
    store.add(titled(500, None))
    assert sent.newest_since is None


def test_who_comes_in_the_middle_does_not_know_when_it_began() -> None:
    store, sent = store_of(titled(70, A), titled(69, A), titled(71, A))
    assert sent.newest_since is None
    store.add(titled(72, B))
    assert sent.newest_since == pytest.approx(WALL + 71)
    store.add(titled(68, C))
    assert sent.newest_since == pytest.approx(WALL + 71), "what fills a hole is not new"


def playing(*fragments: Fragment, filler: FillerRules | None = None) -> Playout:
    """Plays ``fragments`` from time 0 on, when Unix time is WALL + 100."""
    store, _ = store_of(replace(fragment(1), duration=round(LEAD_SECONDS * INFO.format.clock_rate)), *fragments)
    playout = Playout(store, lambda _: float(len(fragments)), filler=filler)
    playout.advance(0.0)
    return playout


def heard(playout: Playout, now: float) -> tuple[Title | None, float | None]:
    due = playout.next_time()
    while due is not None and due <= now:
        playout.advance(due)
        due = playout.next_time()
    status = playout.status(now, WALL + 100 + now)
    since = status.title_heard_since
    return status.title, None if since is None else round(since, 3)


def test_listeners_hear_a_title_when_its_byte_is_played() -> None:
    playout = playing(titled(2, A), titled(3, A, (0.5, B)), titled(4, B), titled(5, B))
    assert heard(playout, 0.0) == (A, WALL + 100)
    assert heard(playout, 1.4) == (A, WALL + 100)
    assert heard(playout, 1.6) == (B, WALL + 101.5)
    assert heard(playout, 3.9) == (B, WALL + 101.5)


def test_before_anything_is_played_no_title_is_heard() -> None:
    assert heard(Playout(Store(), lambda _: 5.0), 0.0) == (None, None)


def test_the_title_of_filler_is_heard_as_long_as_filler_is() -> None:
    back_soon = Title("We are back soon")
    playout = playing(titled(2, A), titled(3, A), filler=FillerRules(Filler(back_soon)))
    assert heard(playout, 1.5)[0] == A
    assert heard(playout, 10.0) == (back_soon, WALL + 102)


def test_filler_without_a_title_leaves_the_one_before() -> None:
    playout = playing(titled(2, A), titled(3, A), filler=FillerRules(Filler()))
    assert heard(playout, 10.0) == (A, WALL + 100)
