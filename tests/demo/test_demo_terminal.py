"""What the demo writes into a terminal, and where there is none."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from distreamer.demo.app import DemoOptions
from distreamer.demo.hearing import Heard
from distreamer.demo.state import DemoState
from distreamer.demo.story import Event
from distreamer.demo.terminal import STATUS_SECONDS, Terminal, picture
from distreamer.errors import ConfigError
from distreamer.model.status import PlayoutState

PLAYING = DemoState(
    station="Radio",
    studio_title="[bold]New song",
    link_is_connected=True,
    buffer_seconds=25,
    playout=PlayoutState.PLAYING,
    heard_title="Old song",
    listeners=2,
    heard=Heard(12),
)
CUT = replace(PLAYING, link_is_cut=True, remaining_cut_seconds=12, waiting_seconds=8, buffer_seconds=17)
DRY = replace(CUT, playout=PlayoutState.DRY, buffer_seconds=0, heard=Heard(25, 3, 1, is_silent=True))


def drawn(state: DemoState) -> str:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(picture(state))
    return captured.get()


def test_the_picture_shows_the_whole_chain() -> None:
    text = drawn(PLAYING)
    assert "[bold]New song" in text, "a title is no markup"
    assert "Old song (2 connected)" in text
    assert "25 s left to play" in text
    assert "works" in text
    assert PLAYING.sentence in text
    assert f"{PLAYING.heard.sentence}." in text


def test_the_picture_of_a_cut() -> None:
    text = drawn(CUT)
    assert "✂" in text
    assert "cut, back in 12 s" in text
    assert "8 s waiting to cross" in text


def test_the_picture_of_silence() -> None:
    text = drawn(DRY)
    assert "silence (2 connected)" in text
    assert DRY.sentence in text


def test_without_a_terminal_there_are_plain_lines_now_and_then() -> None:
    file = io.StringIO()
    with Terminal(Console(file=file, width=40)) as terminal:
        terminal.say("Making music …")
        terminal.tell([Event(1, 1000.0, "Something happened.")])
        for tick in range(30):
            terminal.show(PLAYING, 1000.0 + tick)
    lines = file.getvalue().splitlines()
    assert lines[0] == "Making music …"
    assert lines[1].endswith("Something happened.")
    statuses = [line for line in lines if line.endswith(PLAYING.sentence)]
    assert len(statuses) == 30 / STATUS_SECONDS
    assert "\x1b" not in file.getvalue()


def test_in_a_terminal_the_picture_is_drawn_live() -> None:
    file = io.StringIO()
    with Terminal(Console(file=file, width=100, force_terminal=True)) as terminal:
        terminal.show(PLAYING, 1000.0)
        terminal.tell([Event(1, 1000.0, "Something happened.")])
        terminal.show(CUT, 1000.5)
    assert "Something happened." in file.getvalue()
    assert "\x1b[" in file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "cut_seconds", "expected"),
    [(None, None, 0), (None, 20, 20), (30, None, 10), (30, 20, 20), (16, None, 10), (6, 0, 0)],
)
def test_how_long_the_link_is_cut_by_itself(seconds: float | None, cut_seconds: float | None, expected: float) -> None:
    assert DemoOptions(seconds, cut_seconds=cut_seconds).automatic_cut_seconds == expected


def test_a_cut_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        _ = DemoOptions(20, cut_seconds=15).automatic_cut_seconds
    assert raised.value.problems == ["--seconds 20 is too short for a cut of 15 s: it must be 21 or more"]
