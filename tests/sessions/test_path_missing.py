"""Which numbers may be missing where a sender was started anew, and has skipped some."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.store import Store
from distreamer.runtime.spool import SKIPPED_NUMBERS
from distreamer.sessions.path_choice import Multipath
from distreamer.sessions.path_missing import OVERTAKEN, YOUNG_FRAGMENTS, first_missing, spans_to_look_at
from distreamer.sessions.path_plan import PathPlan
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill, fragment
from tests.support.two_paths import receiving
from tests.support.virtual_time import virtual_time

BASE = SKIPPED_NUMBERS
MOST = 100


def missing(held: list[int], first: int, newest: int) -> list[int]:
    spans = spans_to_look_at(held, first, newest, MOST)
    begin = first_missing(spans, set(held)) if spans else newest + 1
    return [number for span in spans for number in span if number >= begin and number not in held]


def test_without_a_start_all_from_the_first_on_but_not_more_than_the_most_in_a_row() -> None:
    assert missing([3, 4, 7], 3, 9) == [5, 6, 8, 9]
    assert missing([1, 500], 1, 500) == list(range(400, 500))
    assert missing([3, 4], 3, 4) == []
    assert missing([3, 4], 5, 4) == []


def test_holes_on_both_sides_of_skipped_numbers_are_found_and_the_skipped_are_none() -> None:
    young = [3, 4, 7, BASE + 8, BASE + 10]
    early = list(range(BASE + 8 - OVERTAKEN, BASE + 8))
    assert missing(young, 3, BASE + 10) == [5, 6, *early, BASE + 9]
    old = [3, 4, 7, BASE + 8, *range(BASE + 10, BASE + 9 + YOUNG_FRAGMENTS)]
    assert missing(old, 3, BASE + 9 + YOUNG_FRAGMENTS) == [5, 6, BASE + 9, BASE + 9 + YOUNG_FRAGMENTS]


def test_a_sender_that_is_started_anew_again_and_again() -> None:
    held = [5, BASE + 6, 2 * BASE + 7, *range(3 * BASE + 8, 3 * BASE + 8 + YOUNG_FRAGMENTS)]
    found = missing(held, 5, held[-1] + 1)
    assert len(found) == 2 * OVERTAKEN + 1
    assert found[-1] == held[-1] + 1


def test_skipped_numbers_are_asked_of_nobody() -> None:
    store = Store()
    fill(store, 5, 1, 30)
    plan = PathPlan(Multipath.SHARE, store, lambda: 30.0, 0.0)
    paths = [plan.add(rank) for rank in range(2)]
    for path in paths:
        path.newest = 5, 30
        plan.came(path, 0.0)
    plan.look(0.0)
    for number in range(31, 31 + YOUNG_FRAGMENTS + 1):
        store.add(fragment(5, SKIPPED_NUMBERS + number))
    plan.look(1.0)
    shares = [plan.share(path) for path in paths]
    assert [share.numbers for share in shares if share] == [(), ()]


@pytest.mark.parametrize("mode", ["failover", "share"])
@virtual_time(seconds_limit=600)
async def test_what_a_path_does_not_bring_comes_by_another_behind_a_start_of_the_sender(mode: str) -> None:
    source = Store()
    first, second = NativeNetwork(source), NativeNetwork(source)
    async with receiving(mode, first, second) as receiver:
        fill(source, 5, 1, 30)
        await asyncio.sleep(10)
        for number in range(31, 131):
            source.add(fragment(5, SKIPPED_NUMBERS + number, size=16_000))
            for path, cut_at in ((second, 40), (first, 60), (second, 80)):
                if number == cut_at:
                    path.cut()
                if number == cut_at + 10:
                    path.restore()
            await asyncio.sleep(1)
        await asyncio.sleep(5)
        assert list(receiver.store) == list(source)
