"""A receiver that dials: one conversation after the other, the next one raced while the old one is silent."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock, MessageStream
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Dialler, Identity, handshake_seconds
from distreamer.protocol.native.limits import Timing
from distreamer.sessions.native_receiver import ReceiverSession, Reception
from distreamer.sessions.native_session import error_of
from distreamer.units import spoken_seconds

CONNECT_SECONDS = 3.0
"""For a carrier to come up, before the handshake's own limit."""
RACE_AFTER_SECONDS = 1.2
"""A conversation silent for so long gets a rival: more than a ping interval and the round trip of a satellite."""
RACE_EVERY_SECONDS = 0.7
"""Between the beginnings of two attempts. Each sends a new SYN, which no retransmission timer holds back."""
MOST_ATTEMPTS = 4
"""Attempts that may be pending at the same time."""
SHORTEST_LOOK_SECONDS = 0.1
"""Between two looks, however much is due."""
FIRST_SECONDS = 10.0
"""A sender that was never reached is given up after so long, so that the supervisor counts it."""


class Dial(Protocol):
    """How a carrier is opened; raises LinkError or PeerError."""

    def __call__(self, timeout_seconds: float) -> Awaitable[MessageStream]: ...


@dataclass(eq=False, slots=True)
class _Attempt:
    """A carrier from its first SYN until its conversation has ended."""

    task: asyncio.Task[None] | None = None
    session: ReceiverSession | None = None
    is_welcome: bool = False

    @property
    def is_pending(self) -> bool:
        return not self.is_welcome and self.task is not None and not self.task.done()


class NativeLink:
    """A conversation and its successors are one session: it begins with the first welcome and lives through outages.

    The racing of carriers is the liveness of this one session, like a retransmission, not a retry of the module. It
    must go on quickly for as long as an outage lasts, so that the first new fragment comes within 1.5 s of the
    link's return, where the supervisor's growing delays would take up to 5 s. What more attempts cannot mend (a wrong
    password or version, a peer that breaks the rules, a sender that was never reached) is raised.
    """

    def __init__(
        self,
        peer: str,
        reception: Reception,
        password: str,
        identity: Identity,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
    ) -> None:
        self._peer = peer
        self._reception = reception
        self._password = password
        self._identity = identity
        self._clock = clock
        self._log = log
        self._health = health
        self._changed = asyncio.Event()
        self._current: _Attempt | None = None
        self._attempts: list[_Attempt] = []
        self._fatal: DiStreamerError | None = None
        self._last_failure = "no answer"
        self._last_began = clock.now() - RACE_EVERY_SECONDS
        self._connected_at = 0.0
        self._heard_at = clock.now()
        """When a conversation that was taken last gave a sign of life."""
        self._told_down = False
        self._ever_connected = False
        self._cuts = 0
        self._shortest_round_trip: float | None = None

    async def run(self, dial: Dial) -> None:
        """Receives until it is cancelled. Raises PeerError (AuthenticationError among them), or LinkError when the
        sender was never reached for FIRST_SECONDS."""
        self._fatal = None
        began = self._clock.now()
        if not self._ever_connected:
            self._health.starting(f"connecting to {self._peer}")
        try:
            async with asyncio.TaskGroup() as group:
                while self._fatal is None:
                    self._steer(group, dial, began)
                    await self._until(self._next_look(began))
                for attempt in self._attempts:
                    if attempt.task is not None:
                        attempt.task.cancel()
        finally:
            self._attempts = []
            if self._current is not None:
                self._lost(self._current)
                self._current = None
        raise self._fatal

    def status(self) -> LinkStatus:
        now = self._clock.now()
        current = self._current
        conversation = current.session.session.conversation if current and current.session else None
        heard_at = conversation.heard_at if conversation else self._heard_at
        return LinkStatus(
            peer=self._peer,
            connected=current is not None,
            carrier="websocket",
            connected_seconds=now - self._connected_at if current else 0.0,
            silent_seconds=now - heard_at,
            rtt_seconds=conversation.round_trip if conversation else None,
            fragments=self._reception.fragments,
            duplicates=self._reception.duplicates,
            cuts=self._cuts,
        )

    # -- deciding

    def _steer(self, group: asyncio.TaskGroup, dial: Dial, began: float) -> None:
        now = self._clock.now()
        self._attempts = [one for one in self._attempts if one.task is None or not one.task.done()]
        if not self._ever_connected and now - began >= FIRST_SECONDS:
            self._fatal = LinkError(self._peer, self._last_failure)
            return
        if self._needs_carrier(now) and now >= self._next_attempt() and self._pending() < MOST_ATTEMPTS:
            attempt = _Attempt()
            self._last_began = now
            attempt.task = group.create_task(self._converse(attempt, dial), name=f"conversation with {self._peer}")
            self._attempts.append(attempt)
        if self._ever_connected and self._current is None:
            silent = now - self._heard_at
            self._health.starting(f"{self._peer} was not heard for {spoken_seconds(round(silent))}; trying again")

    def _needs_carrier(self, now: float) -> bool:
        return self._current is None or self._silent_seconds(self._current, now) >= RACE_AFTER_SECONDS

    def _next_attempt(self) -> float:
        return self._last_began + RACE_EVERY_SECONDS

    def _pending(self) -> int:
        return sum(one.is_pending for one in self._attempts)

    def _next_look(self, began: float) -> float:
        now = self._clock.now()
        look = self._next_attempt()
        if self._current is not None:
            race_at = now - self._silent_seconds(self._current, now) + RACE_AFTER_SECONDS
            look = max(look, race_at)
        if not self._ever_connected:
            look = min(look, began + FIRST_SECONDS)
        return max(look, now + SHORTEST_LOOK_SECONDS)

    async def _until(self, moment: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - self._clock.now())):
                await self._changed.wait()
        self._changed.clear()

    @staticmethod
    def _silent_seconds(attempt: _Attempt, now: float) -> float:
        return now - attempt.session.session.conversation.heard_at if attempt.session else 0.0

    # -- one carrier

    async def _converse(self, attempt: _Attempt, dial: Dial) -> None:
        try:
            stream = await dial(CONNECT_SECONDS)
            attempt.session = ReceiverSession(
                stream,
                self._reception,
                self._clock,
                Dialler(self._identity, self._password, secrets.token_urlsafe(18)),
                lambda session: self._welcome(attempt),
                Timing(dialler_handshake=handshake_seconds(self._shortest_round_trip)),
            )
            ended = await attempt.session.run()
            self._leave(attempt, error_of(ended, self._peer))
        except (LinkError, PeerError) as error:
            self._leave(attempt, error)
        finally:
            self._changed.set()

    def _welcome(self, attempt: _Attempt) -> None:
        """The first that is welcome is taken, unless the old conversation spoke again meanwhile."""
        assert attempt.session is not None
        attempt.is_welcome = True
        now = self._clock.now()
        if not self._needs_carrier(now):
            attempt.session.session.end(GoodbyeCode.SPARE, "the conversation before it spoke again")
            return
        before, self._current = self._current, attempt
        attempt.session.ask()
        if before is not None and before.session is not None:
            self._lost(before)
            before.session.session.end(GoodbyeCode.REPLACED, "a new carrier was quicker")
        for other in self._attempts:
            if other.is_pending and other.task is not None:
                other.task.cancel()
        self._say_connected(now, attempt.session.peer_agent)

    def _leave(self, attempt: _Attempt, error: LinkError | PeerError) -> None:
        now = self._clock.now()
        if attempt is self._current:
            self._current = None
            self._lost(attempt)
            self._told_down = True
            self._say_down(error.reason)
        elif not self._needs_carrier(now):
            return
        self._last_failure = error.reason
        if isinstance(error, PeerError):
            self._fatal = error

    def _lost(self, attempt: _Attempt) -> None:
        assert attempt.session is not None
        conversation = attempt.session.session.conversation
        self._heard_at = conversation.heard_at
        self._shortest_round_trip = conversation.shortest_round_trip
        self._cuts += 1

    def _say_down(self, reason: str) -> None:
        budget = self._reception.report().budget_seconds
        audible = {} if budget is None else {"buffer_lasts": spoken_seconds(budget)}
        self._log.warning("the link is down", peer=self._peer, reason=reason, **audible)

    def _say_connected(self, now: float, agent: str) -> None:
        if not self._ever_connected:
            self._log.info("connected to the sender", peer=self._peer, program=agent)
        else:
            silent = spoken_seconds(now - self._heard_at)
            say = self._log.info if self._told_down else self._log.debug
            say("the link is back", peer=self._peer, silent=silent)
        self._told_down = False
        self._ever_connected = True
        self._connected_at = now
        self._health.running(f"receives from {self._peer}")
