"""The picture of ``distreamer top``, for terminals of all sizes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from distreamer.cli.seen import SeenInstance, SeenStatus
from distreamer.cli.targets import Target
from distreamer.cli.top_board import Entry
from distreamer.cli.top_screen import Block, blocks_of, picture

URL = "http://127.0.0.1:8090/"


def instance(name: str = "north", **more: Any) -> SeenInstance:
    """One that is well, unless told."""
    return SeenInstance.model_validate(
        {
            "name": name,
            "is_ready": True,
            "budget_sentence": "the link may be down for 24 s before anyone hears it",
            "budget_seconds": 24.0,
            "delay_sentence": "listeners are 31 s behind the studio",
            "listeners_sentence": "12 listeners",
            "title": {"sentence": "“Wind” is on air"},
            "links": [
                {"sentence": "up 3 d 4 h; last 24 h: 17 cuts, longest 11 s, 0 s heard", "link": {"peer": "pc-a"}}
            ],
            "status": {
                "uptime_seconds": 7200.0,
                "inputs": [{"name": "input", "mode": "DiStreamerClient", "detail": "receives from pc-a"}],
                "playout": {"delay_seconds": 30.0},
            },
            **more,
        }
    )


def troubled(name: str = "south") -> SeenInstance:
    problem = {"sentence": "the link to pc-a is down", "severity": "error", "since": 40.0}
    return instance(name, problems=[problem])


def drawn(*instances: SeenInstance, width: int = 80, height: int = 24, age: float = 0.0) -> list[str]:
    blocks = [Block(one.name, 100.0, age, one) for one in instances]
    return [line.plain.rstrip() for line in made(blocks, width, height)]


def made(blocks: list[Block], width: int, height: int) -> list[Text]:
    return picture(blocks, width, height, "12:00:00", "q ends", "Nothing was found.")


def test_80_by_24() -> None:
    assert drawn(instance(), troubled()) == [
        f"DiStreamer  12:00:00 2 instances, 1 not well{'q ends':>36}",
        "",
        "north  up 2 h",
        "state      all is well",
        "budget     the link may be down for 24 s before anyone hears it",
        "           [########################------] 80% of DELAY",
        "delay      listeners are 31 s behind the studio",
        "link       pc-a: up 3 d 4 h; last 24 h: 17 cuts, longest 11 s, 0 s heard",
        "input      input (DiStreamerClient): receives from pc-a",
        "listeners  12 listeners",
        "title      “Wind” is on air",
        "",
        "south  up 2 h",
        "state      audio goes out, with a problem",
        "error      the link to pc-a is down (for 60 s)",
        "budget     the link may be down for 24 s before anyone hears it",
        "           [########################------] 80% of DELAY",
        "delay      listeners are 31 s behind the studio",
        "link       pc-a: up 3 d 4 h; last 24 h: 17 cuts, longest 11 s, 0 s heard",
        "input      input (DiStreamerClient): receives from pc-a",
        "listeners  12 listeners",
        "title      “Wind” is on air",
    ]


def test_40_by_20_has_no_labels_and_wraps() -> None:
    assert drawn(instance(), width=40, height=20) == [
        "12:00:00 1 instance, all is well  q ends",
        "",
        "north  up 2 h",
        "all is well",
        "the link may be down for 24 s before",
        "anyone hears it",
        "[######################-----]",
        "listeners are 31 s behind the studio",
        "pc-a: up 3 d 4 h; last 24 h: 17 cuts,",
        "longest 11 s, 0 s heard",
        "input (DiStreamerClient): receives from",
        "pc-a",
        "12 listeners",
        "“Wind” is on air",
    ]


def test_where_there_is_little_room_those_that_are_well_are_short_first() -> None:
    lines = drawn(instance(), troubled(), height=18)
    assert lines[1:5] == [
        "north  up 2 h",
        "state      all is well",
        "budget     the link may be down for 24 s before anyone hears it",
        "listeners  12 listeners",
    ]
    assert lines[-1] == "title      “Wind” is on air"
    lines = drawn(instance(), troubled(), height=8)
    assert lines[1] == "north all is well, 24 s left"
    assert lines[2] == "south  up 2 h"
    assert drawn(instance(), troubled(), height=4)[1:] == [
        "north all is well, 24 s left",
        "south the link to pc-a is down, 24 s left",
    ]


def test_what_is_the_matter_is_seen_where_not_all_have_room() -> None:
    lines = drawn(*[instance(f"n{number}") for number in range(10)], troubled(), height=6)
    assert lines[1:] == [
        "south the link to pc-a is down, 24 s left",
        "n0 all is well, 24 s left",
        "n1 all is well, 24 s left",
        "n2 all is well, 24 s left",
        "and 7 more, which need a larger terminal",
    ]


def test_nothing_there() -> None:
    assert [line.plain.rstrip() for line in made([], 40, 20)] == [
        "12:00:00 0 instances              q ends",
        "Nothing was found.",
    ]


def test_what_was_told_long_ago_has_its_age() -> None:
    assert drawn(instance(), age=4.0)[2] == "north  up 2 h  4 s old"


def test_what_cannot_be_asked_keeps_its_name_and_says_for_how_long() -> None:
    entry = Entry(Target(URL))
    (block,) = blocks_of([entry], 10.0)
    assert (block.name, block.trouble) == (URL, "is being asked")
    entry.status, entry.told_at = SeenStatus(at=5.0, version="3", instances=(instance(), troubled())), 9.0
    assert [(block.name, block.at, block.age) for block in blocks_of([entry], 10.0)] == [
        ("north", 5.0, 1.0),
        ("south", 5.0, 1.0),
    ]
    entry.trouble, entry.trouble_since = "no answer within 5 s", 10.0
    (block,) = blocks_of([entry], 130.0)
    assert block.name == f"north, south ({URL})"
    assert block.trouble == "cannot be asked for 2 min: no answer within 5 s"
    entry.missing_since = 100.0
    (block,) = blocks_of([entry], 130.0)
    assert block.trouble == "went away 30 s ago"
    assert made([block], 80, 24)[2].plain == f"north, south ({URL}) went away 30 s ago"


@pytest.mark.parametrize("words", ["", "[bold]not markup[/bold]", "日本語のとても長い曲名" * 20, "a" * 300])
@settings(deadline=None, max_examples=40)
@given(st.integers(1, 200), st.integers(1, 60), st.integers(0, 12))
def test_it_always_fits(words: str, width: int, height: int, count: int) -> None:
    one = instance(words or "n", title={"sentence": words}, listeners_sentence=words)
    blocks = [Block(one.name, 100.0, 0.0, one)] * count + [Block(words, trouble=words)]
    lines = made(blocks, width, height)
    assert 1 <= len(lines) <= height
    # A character that needs two columns does not fit into one.
    assert all(cell_len(line.plain.rstrip()) <= max(width, 2) for line in lines)
    if width >= 80 and height >= 24 and words:
        assert words[:10] in "\n".join(line.plain for line in lines)
