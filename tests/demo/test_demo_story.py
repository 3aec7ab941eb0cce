"""What the demo says, for everything that can happen in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.demo.hearing import Heard
from distreamer.demo.state import DemoState
from distreamer.demo.story import REMEMBERED_EVENTS, Story
from distreamer.model.status import PlayoutState

BEGIN = DemoState(studio_problem="connecting to the source")
GATHERING = DemoState(station="Radio", kept_seconds=3)
PLAYING = replace(
    GATHERING,
    link_is_connected=True,
    buffer_seconds=25.2,
    delay_seconds=25,
    waiting_seconds=1,
    playout=PlayoutState.PLAYING,
)
CUT = replace(PLAYING, link_is_cut=True, planned_cut_seconds=20, remaining_cut_seconds=20)
LATE_IN_CUT = replace(CUT, buffer_seconds=5.4, waiting_seconds=19, remaining_cut_seconds=0.5, link_is_connected=False)
LONG_CUT = replace(CUT, planned_cut_seconds=60)
DRY = replace(LONG_CUT, playout=PlayoutState.DRY, buffer_seconds=0, waiting_seconds=26)
BACK = replace(PLAYING, buffer_seconds=5, waiting_seconds=20)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (DemoState(), "PC B gathers its buffer."),
        (BEGIN, "PC B gathers its buffer: connecting to the source"),
        (PLAYING, "PC B can lose the link for 25 s before anyone hears it."),
        (CUT, "The link is cut, and PC B plays on: its buffer lasts for 25 s more."),
        (DRY, "The buffer of PC B is used up: listeners hear silence until the link is back."),
        (
            replace(DRY, link_is_cut=False),
            "The buffer of PC B is used up: listeners hear silence until enough has arrived.",
        ),
        (BACK, "The link is back, and PC B catches up."),
        (
            replace(PLAYING, studio_problem="the source is off"),
            "The studio is silent, and PC B plays on for 25 s more: the source is off",
        ),
    ],
)
def test_the_sentence_that_matters_most(state: DemoState, sentence: str) -> None:
    assert state.sentence == sentence


def told(*moments: tuple[float, DemoState]) -> list[str]:
    story = Story()
    return [event.text for at, state in moments for event in story.observe(state, at)]


def test_a_cut_that_nobody_hears() -> None:
    assert told(
        (0, BEGIN), (1, GATHERING), (2, PLAYING), (10, CUT), (20, LATE_IN_CUT), (30, BACK), (31, PLAYING), (32, PLAYING)
    ) == [
        "PC A receives the programme of “Radio”.",
        "PC B holds 25 s and begins to play.",
        "The link is cut for 20 s. PC B holds 25 s: nobody should hear anything of it.",
        "The link is back after 20 s.",
        "PC B has everything that it missed, 1 s after the link came back.",
    ]  # fmt: skip


def test_a_cut_that_is_longer_than_the_buffer() -> None:
    assert told((0, PLAYING), (10, LONG_CUT), (35, DRY), (70, BACK), (71, replace(PLAYING, buffer_seconds=60)))[2:] == [
        "The link is cut for 60 s. PC B holds 25 s: that is not enough, the sound will stop.",
        "The buffer of PC B is used up: listeners hear silence as soon as their players have run out.",
        "The link is back after 60 s.",
        "PC B plays again after 35 s. It goes on where it stopped: what was missed is heard later, and the buffer is "
        "larger now.",
        "PC B has everything that it missed, 1 s after the link came back.",
    ]


def test_a_second_cut_ends_the_waiting_for_the_first() -> None:
    assert told((0, PLAYING), (1, CUT), (5, BACK), (6, CUT), (9, PLAYING))[-2:] == [
        "The link is cut for 20 s. PC B holds 25 s: nobody should hear anything of it.",
        "The link is back after 3 s.",
    ]


def test_a_cut_before_anything_plays_promises_nothing() -> None:
    cut = replace(GATHERING, link_is_cut=True, planned_cut_seconds=10)
    assert told((0, GATHERING), (1, cut))[-1] == "The link is cut for 10 s."


def test_a_studio_that_falls_silent() -> None:
    silent = replace(PLAYING, studio_problem="no data for 5 s")
    assert told((0, PLAYING), (9, silent), (10, silent), (12, PLAYING))[2:] == [
        "PC A receives nothing: no data for 5 s",
        "PC A receives the programme again.",
    ]


def test_events_are_numbered_timed_and_bounded() -> None:
    story = Story()
    for number in range(REMEMBERED_EVENTS):
        story.observe(PLAYING, 100.0 + number)
        story.observe(CUT, 100.5 + number)
    assert len(story.events) == REMEMBERED_EVENTS
    numbers = [event.number for event in story.events]
    assert numbers == list(range(numbers[0], numbers[0] + REMEMBERED_EVENTS))
    assert story.events[-1].at == 100.5 + REMEMBERED_EVENTS - 1


def test_the_page_gets_all_of_the_state() -> None:
    heard = Heard(12, missing=1)
    json = replace(PLAYING, heard=heard, heard_title="A song").as_json()
    assert json["sentence"] == PLAYING.sentence
    assert json["heard_sentence"] == f"{heard.sentence}."
    assert json["playout"] == "playing"
    assert json["heard_title"] == "A song"
    assert json["buffer_seconds"] == 25.2
