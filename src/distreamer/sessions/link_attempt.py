"""The carriers of a link, each from its first packet until its conversation has ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from distreamer.sessions.carrier_rules import rival_after
from distreamer.sessions.native_session import NativeSession
from distreamer.sessions.native_side import LinkSession

MOST_ATTEMPTS = 4
"""Of one kind that may be on their way at the same time."""
MOST_PENDING = 2 * MOST_ATTEMPTS
"""Those included that came up and were not heard since: the link that was back for a moment may have swallowed them, or
only be slow."""


@dataclass(eq=False, slots=True)
class Attempt:
    """What is known of it."""

    is_better: bool = False
    """Whether it is of the kind that is preferred."""
    is_relief: bool = False
    """Whether it is to replace one of the other kind that brings too little."""
    task: asyncio.Task[None] | None = None
    conversation: LinkSession | None = None
    is_ready: bool = False

    @property
    def is_pending(self) -> bool:
        return not self.is_ready and self.task is not None and not self.task.done()

    def is_unheard(self, shortest_round_trip: float | None) -> bool:
        """Whether its carrier is up, and silent for longer than an answer takes on that path."""
        if self.conversation is None:
            return False
        return self.session.silent_seconds >= rival_after(shortest_round_trip, shortest_round_trip)

    @property
    def session(self) -> NativeSession:
        assert self.conversation is not None
        return self.conversation.session


class Attempts:
    """Those that are raced, and the one that is used."""

    def __init__(self) -> None:
        self._all: list[Attempt] = []

    def add(self, attempt: Attempt) -> None:
        self._all.append(attempt)

    def tidy(self) -> None:
        """Forgets those that have ended."""
        self._all = [one for one in self._all if one.task is None or not one.task.done()]

    def clear(self) -> None:
        self._all.clear()

    def has_room(self, shortest_round_trip: float | None, *, is_better: bool) -> bool:
        """Whether another of that kind may begin."""
        pending = [one for one in self._all if one.is_pending and one.is_better is is_better]
        unheard = sum(one.is_unheard(shortest_round_trip) for one in pending)
        return len(pending) < MOST_PENDING and len(pending) - unheard < MOST_ATTEMPTS

    def is_up(self, *, is_better: bool) -> bool:
        """Whether the carrier of one of that kind is up, and only the words of the handshake are still on their way."""
        return any(one.is_pending and one.is_better is is_better and one.conversation is not None for one in self._all)

    def cancel(self) -> None:
        """All of them."""
        for one in self._all:
            if one.task is not None:
                one.task.cancel()

    def cancel_pending(self, is_better: bool | None) -> None:
        """Those of that kind, or of both, that are not ready yet."""
        for one in self._all:
            if one.is_pending and one.task is not None and is_better in (None, one.is_better):
                one.task.cancel()
