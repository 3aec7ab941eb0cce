"""Tells one receiver what the rules say, in order, whenever he can be reached. Nothing else ever waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from distreamer.alerts.message import Message, Stage
from distreamer.alerts.rules import AlertRules
from distreamer.alerts.sender import Sender
from distreamer.config.settings import AlertSettings
from distreamer.core.backoff import BackoffLimits
from distreamer.core.module import Health
from distreamer.core.ports import Clock
from distreamer.errors import LinkError
from distreamer.model.event import Event
from distreamer.model.status import AlertStatus
from distreamer.units import spoken_seconds

MOST_WAITING = 200
"""Messages of an alert; then the oldest is dropped for each new one."""
MOST_TRIES = 8
"""For a message that is refused."""
MOST_WAIT_SECONDS = 86_400.0
"""For a message whose receiver cannot be reached."""
BACKOFF = BackoffLimits(first=1.0, factor=3.0, maximum=60.0)
"""At once, then after 1, 3, 9, 27 and 60 s: a message is refused for good after three minutes, and a network that is
back is noticed within one."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """A message that has yet to be told."""

    message: Message
    since: float
    tries: int = 0
    """That were refused."""


class Delivery:
    """Run by the supervisor, which tries again what fails here; told of events at any time."""

    def __init__(
        self,
        name: str,
        settings: AlertSettings,
        sender: Sender,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
    ) -> None:
        self._name = name
        self._settings = settings
        self._sender = sender
        self._clock = clock
        self._log = log
        self._health = health
        self._rules = AlertRules(settings)
        self._queue: deque[_Waiting] = deque()
        self._current: _Waiting | None = None
        """What is being told, or was not told at the last try."""
        self._news = asyncio.Event()
        self._delivered = 0
        self._failed = 0
        self._dropped = 0
        self._last_error = ""
        self._last_delivered_at: float | None = None

    def note(self, event: Event) -> None:
        """Something happened; never raises, never waits."""
        self._put(self._rules.note(event, self._clock.now()))
        self._news.set()

    async def run(self) -> None:
        """Tells what is to be told, until it is cancelled; raises what a try raises, and then goes on from there when
        it is run again."""
        while True:
            self._news.clear()
            self._put(self._rules.due(self._clock.now()))
            if self._current is None and self._queue:
                self._current = self._queue.popleft()
            if self._current is not None:
                await self._try(self._current)
                continue
            self._health.running("tells what happens")
            await self._wait()

    def status(self) -> AlertStatus:
        """The snapshot."""
        return AlertStatus(
            name=self._name,
            mode=self._settings.mode,
            receiver=self._sender.receiver,
            state=self._health.state,
            waiting=len(self._queue) + (self._current is not None),
            delivered=self._delivered,
            failed=self._failed,
            dropped=self._dropped,
            held_back=self._rules.held_back,
            last_error=self._last_error,
            last_delivered_at=self._last_delivered_at,
        )

    async def _wait(self) -> None:
        """For an event, or for what is due by itself."""
        due = self._rules.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(due - self._clock.now(), 0.0)):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _try(self, waiting: _Waiting) -> None:
        try:
            said = await self._sender.deliver(waiting.message)
        except LinkError as error:
            self._last_error = str(error)
            waited = self._clock.now() - waiting.since
            if waited >= MOST_WAIT_SECONDS:
                self._give_up(waiting, f"after {spoken_seconds(waited)}")
            raise
        except Exception as error:
            # A defect is counted like a refusal, so that it cannot hold up what waits behind it for ever.
            self._last_error = str(error) or type(error).__name__
            waiting.tries += 1
            if waiting.tries >= MOST_TRIES:
                self._give_up(waiting, f"after {waiting.tries} tries")
            raise
        self._current = None
        self._delivered += 1
        self._last_error = ""
        self._last_delivered_at = self._clock.wall()
        self._health.running("tells what happens")
        self._log.info(f"{self._sender.receiver}: {said}", told=waiting.message.title)

    def _put(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if len(self._queue) >= MOST_WAITING:
                self._dropped += 1
                if self._dropped == 1:
                    self._log.error(f"{self._sender.receiver}: too many messages wait; from now on the oldest are lost")
                lost = self._queue.popleft().message
                self._lose(lost)
                if message.stage is Stage.RESOLVED and message.problem == lost.problem:
                    continue
            self._queue.append(_Waiting(message, self._clock.now()))

    def _give_up(self, waiting: _Waiting, when: str) -> None:
        self._current = None
        self._failed += 1
        self._log.error(f"{self._sender.receiver}: given up {when}", untold=waiting.message.title)
        self._lose(waiting.message)

    def _lose(self, message: Message) -> None:
        """Nobody is told of the end of what he was not told of."""
        if message.stage is Stage.RESOLVED:
            return
        self._rules.was_not_told(message.problem)
        kept = [one for one in self._queue if one.message.problem != message.problem]
        self._queue = deque(kept)
