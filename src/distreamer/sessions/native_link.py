"""A side that dials: one conversation after the other, the next one raced while the old one is silent."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock, MessageStream
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.events import Ended
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Dialler, Identity, handshake_seconds
from distreamer.protocol.native.limits import Timing
from distreamer.sessions.native_session import NativeSession, error_of
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
"""A peer that was never reached is given up after so long, so that the supervisor counts it."""


class Dial(Protocol):
    """How a carrier is opened; raises LinkError or PeerError."""

    def __call__(self, timeout_seconds: float) -> Awaitable[MessageStream]: ...


class LinkSession(Protocol):
    """A conversation of either side."""

    @property
    def session(self) -> NativeSession: ...

    @property
    def peer_agent(self) -> str:
        """Program and version of the peer."""
        ...

    async def run(self) -> Ended:
        """As ``NativeSession.run``."""
        ...

    def take(self) -> None:
        """This carrier is the one from now on."""
        ...


class Side(Protocol):
    """What all conversations of a link share: the sender's or the receiver's part in them."""

    @property
    def peer_word(self) -> str:
        """``sender`` or ``receiver``: what the peer is."""
        ...

    @property
    def activity(self) -> str:
        """What this side does while it is connected; the peer's name follows: ``receives from``."""
        ...

    @property
    def fragments(self) -> int:
        """Carried, in all conversations."""
        ...

    @property
    def duplicates(self) -> int: ...

    def budget_seconds(self) -> float | None:
        """How long the link may now be down before anyone hears it, if that is known."""
        ...

    def converse(
        self, stream: MessageStream, clock: Clock, handshake: Dialler, ready: Callable[[], None], timing: Timing
    ) -> LinkSession:
        """A conversation on a new carrier. It calls ``ready`` when the peer is ready to use this carrier."""
        ...


@dataclass(eq=False, slots=True)
class _Attempt:
    """A carrier from its first SYN until its conversation has ended."""

    task: asyncio.Task[None] | None = None
    session: LinkSession | None = None
    is_ready: bool = False

    @property
    def is_pending(self) -> bool:
        return not self.is_ready and self.task is not None and not self.task.done()


class NativeLink:
    """A conversation and its successors are one session: it begins with the first ready carrier and survives outages.

    The racing of carriers is the liveness of this one session, like a retransmission, not a retry of the module. It
    must go on quickly for as long as an outage lasts, so that the first new fragment comes within 1.5 s of the
    link's return, where the supervisor's growing delays would take up to 5 s. What more attempts cannot mend (a wrong
    password or version, a peer that breaks the rules or takes another in our place, one that was never reached) is
    raised.
    """

    def __init__(
        self,
        peer: str,
        side: Side,
        password: str,
        identity: Identity,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
    ) -> None:
        self._peer = peer
        self._side = side
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
        """Talks until it is cancelled. Raises PeerError (AuthenticationError among them), or LinkError when the peer
        was never reached for FIRST_SECONDS, or has taken another in our place."""
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
            fragments=self._side.fragments,
            duplicates=self._side.duplicates,
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
            attempt.session = self._side.converse(
                stream,
                self._clock,
                Dialler(self._identity, self._password, secrets.token_urlsafe(18)),
                lambda: self._ready(attempt),
                Timing(dialler_handshake=handshake_seconds(self._shortest_round_trip)),
            )
            ended = await attempt.session.run()
            error = error_of(ended, self._peer)
            if attempt is self._current and ended.by_peer and ended.code is GoodbyeCode.REPLACED:
                # Another took this one's place; two that race for it would take it from each other for ever.
                self._fatal = error
            self._leave(attempt, error)
        except (LinkError, PeerError) as error:
            self._leave(attempt, error)
        finally:
            self._changed.set()

    def _ready(self, attempt: _Attempt) -> None:
        """The first that is ready is taken, unless the old conversation spoke again meanwhile."""
        assert attempt.session is not None
        attempt.is_ready = True
        now = self._clock.now()
        if not self._needs_carrier(now):
            attempt.session.session.end(GoodbyeCode.SPARE, "the conversation before it spoke again")
            return
        before, self._current = self._current, attempt
        attempt.session.take()
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
        budget = self._side.budget_seconds()
        audible = {} if budget is None else {"buffer_lasts": spoken_seconds(budget)}
        self._log.warning("the link is down", peer=self._peer, reason=reason, **audible)

    def _say_connected(self, now: float, agent: str) -> None:
        if not self._ever_connected:
            self._log.info(f"connected to the {self._side.peer_word}", peer=self._peer, program=agent)
        else:
            silent = spoken_seconds(now - self._heard_at)
            say = self._log.info if self._told_down else self._log.debug
            say("the link is back", peer=self._peer, silent=silent)
        self._told_down = False
        self._ever_connected = True
        self._connected_at = now
        self._health.running(f"{self._side.activity} {self._peer}")
