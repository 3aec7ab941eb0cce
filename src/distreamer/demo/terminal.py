"""Tells in the terminal what the page shows: live when someone looks, in plain lines otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from distreamer.demo.state import DemoState
from distreamer.demo.story import Event
from distreamer.model.status import PlayoutState
from distreamer.units import spoken_seconds

STATUS_SECONDS = 10.0
"""How often a plain line says how things are."""
SMALLEST_SCALE_SECONDS = 30.0
BAR_WIDTH = 40


class Terminal:
    """Writes to ``console``. Use it as a context manager, so that the live picture ends in order."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._status_at = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(Text(text), soft_wrap=True)

    def tell(self, events: Iterable[Event]) -> None:
        """What happened, with the time of day."""
        for event in events:
            self.say(f"{datetime.fromtimestamp(event.at).astimezone():%H:%M:%S}  {event.text}")

    def show(self, state: DemoState, now: float) -> None:
        """How things are at Unix time ``now``."""
        if self._live is not None:
            self._live.update(picture(state), refresh=True)
        elif now >= self._status_at + STATUS_SECONDS:
            self._status_at = now
            self.say(f"{datetime.fromtimestamp(now).astimezone():%H:%M:%S}  {state.sentence}")


def picture(state: DemoState) -> Group:
    """Both buffers as bars, the link, and the sentence that matters most."""
    scale = max(SMALLEST_SCALE_SECONDS, state.buffer_seconds, state.waiting_seconds)
    waiting = state.waiting_seconds if state.playout is not PlayoutState.WAITING else 0.0
    table = Table.grid(padding=(0, 2))
    table.add_row("Studio", "", Text(state.studio_problem or state.studio_title))
    table.add_row("PC A", _bar(waiting, scale, "yellow"), f"{spoken_seconds(round(waiting))} waiting to cross")
    table.add_row("The link", _link(state), _link_words(state))
    table.add_row("PC B", _bar(state.buffer_seconds, scale, "green"), f"{_whole(state.buffer_seconds)} left to play")
    heard = "silence" if state.heard.is_silent else state.heard_title
    table.add_row("Listeners", "", Text(f"{heard} ({state.listeners} connected)"))
    style = "bold red" if state.playout is PlayoutState.DRY else "bold"
    return Group("", table, "", Text(state.sentence, style), Text(f"{state.heard.sentence}.", "dim"))


def _bar(seconds: float, scale: float, style: str) -> ProgressBar:
    return ProgressBar(total=scale, completed=seconds, width=BAR_WIDTH, complete_style=style, finished_style=style)


def _link(state: DemoState) -> Text:
    half = BAR_WIDTH // 2
    return (
        Text("─" * (half - 2) + " ✂✂ " + "─" * (half - 2), "red")
        if state.link_is_cut
        else Text("─" * BAR_WIDTH, "green")
    )


def _link_words(state: DemoState) -> str:
    if state.link_is_cut:
        return f"cut, back in {_whole(state.remaining_cut_seconds)}"
    return "works" if state.link_is_connected else "connecting …"


def _whole(seconds: float) -> str:
    return spoken_seconds(round(seconds))
