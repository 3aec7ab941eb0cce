"""What happens in the demo, told in sentences. Pure; time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from distreamer.demo.state import CROSSED_SECONDS, DemoState
from distreamer.model.status import PlayoutState
from distreamer.units import spoken_seconds

REMEMBERED_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    number: int
    """Counts from 1."""
    at: float
    """Unix time in seconds."""
    text: str


class Story:
    """Compares each state with the one before it. ``events`` keeps the newest REMEMBERED_EVENTS."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=REMEMBERED_EVENTS)
        self._before = DemoState()
        self._count = 0
        self._cut_at = 0.0
        self._back_at: float | None = None
        """When the link came back, until everything has crossed it."""
        self._dry_at = 0.0

    def observe(self, state: DemoState, now: float) -> list[Event]:
        """What happened up to Unix time ``now``."""
        before, self._before = self._before, state
        texts = [*self._studio(before, state), *self._link(before, state, now), *self._playout(before, state, now)]
        events = [Event(self._count + index, now, text) for index, text in enumerate(texts, 1)]
        self._count += len(events)
        self.events.extend(events)
        return events

    def _studio(self, before: DemoState, state: DemoState) -> list[str]:
        if state.station and not before.station:
            return [f"PC A receives the programme of “{state.station}”."]
        if state.studio_problem and state.studio_problem != before.studio_problem and before.station:
            return [f"PC A receives nothing: {state.studio_problem}"]
        if before.studio_problem and not state.studio_problem and before.station:
            return ["PC A receives the programme again."]
        return []

    def _link(self, before: DemoState, state: DemoState, now: float) -> list[str]:
        texts = []
        if state.link_is_cut and not before.link_is_cut:
            self._cut_at = now
            self._back_at = None
            texts.append(_cut_words(state))
        elif before.link_is_cut and not state.link_is_cut:
            self._back_at = now
            texts.append(f"The link is back after {spoken_seconds(round(now - self._cut_at))}.")
        elif self._back_at is not None and state.link_is_connected and state.waiting_seconds < CROSSED_SECONDS:
            took = spoken_seconds(max(now - self._back_at, 0.1))
            texts.append(f"PC B has everything that it missed, {took} after the link came back.")
            self._back_at = None
        return texts

    def _playout(self, before: DemoState, state: DemoState, now: float) -> list[str]:
        if state.playout is before.playout:
            return []
        if state.playout is PlayoutState.DRY:
            self._dry_at = now
            return ["The buffer of PC B is used up: listeners hear silence as soon as their players have run out."]
        if state.playout is PlayoutState.PLAYING and before.playout is PlayoutState.WAITING:
            held = spoken_seconds(round(state.buffer_seconds))
            return [f"PC B holds {held} and begins to play."]
        if state.playout is PlayoutState.PLAYING:
            silence = spoken_seconds(round(now - self._dry_at))
            return [
                f"PC B plays again after {silence}. It goes on where it stopped: what was missed is heard later, "
                "and the buffer is larger now."
            ]
        return []


def _cut_words(state: DemoState) -> str:
    cut, held = spoken_seconds(round(state.planned_cut_seconds)), spoken_seconds(round(state.buffer_seconds))
    if state.playout is not PlayoutState.PLAYING:
        return f"The link is cut for {cut}."
    if state.buffer_seconds > state.planned_cut_seconds:
        return f"The link is cut for {cut}. PC B holds {held}: nobody should hear anything of it."
    return f"The link is cut for {cut}. PC B holds {held}: that is not enough, the sound will stop."
