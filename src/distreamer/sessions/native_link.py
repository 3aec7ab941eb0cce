"""A side that dials: one conversation after the other, the next one raced while the old one is silent."""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Dialler, Identity, handshake_seconds
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.resumption import SessionMemory
from distreamer.sessions.carrier_progress import CarrierProgress
from distreamer.sessions.carrier_rules import (
    FIRST_UPGRADE_SECONDS,
    HANDSHAKE_START_SECONDS,
    HEAD_START_SECONDS,
    Preference,
)
from distreamer.sessions.link_attempt import Attempt, Attempts
from distreamer.sessions.link_faults import LinkFaults
from distreamer.sessions.link_news import LinkNews
from distreamer.sessions.native_session import NativeSession, error_of
from distreamer.sessions.native_side import Dial, Side

CONNECT_SECONDS = 3.0
"""For a carrier to come up, before the handshake's own limit; on long paths five round trips."""
RACE_EVERY_SECONDS = 0.7
"""Between the beginnings of two attempts. Each sends a new SYN, which no retransmission timer holds back."""
SHORTEST_LOOK_SECONDS = 0.1
"""Between two looks, however much is due."""
LOOK_SECONDS = 1.0
"""Between two looks at whether a carrier that is alive brings the programme."""
FIRST_SECONDS = 10.0
"""A peer that was never reached is given up after so long, so that the supervisor counts it."""
REVIVES_SECONDS = 60.0
"""A silent carrier that outlives outages may come back for so long; until then nobody else is believed."""


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
        *,
        is_path: bool = False,
        others: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_path``: one of several, of whose troubles others tell; ``others``: whether the link works without it."""
        self._peer = peer
        self._side = side
        self._password = password
        self._identity = identity
        self._sessions = SessionMemory()
        self._clock = clock
        self._news = LinkNews(peer, side, clock, log, health, is_path=is_path, others=others)
        self._progress = CarrierProgress()
        self._preference = Preference()
        self._faults = LinkFaults()
        self._changed = asyncio.Event()
        self._current: Attempt | None = None
        self._attempts = Attempts()
        self._fatal: DiStreamerError | None = None
        self._last_began = -math.inf
        self._better: Dial | None = None
        self._changed_at = -math.inf
        """When a carrier took the place of another."""
        self._shortest_round_trip: float | None = None

    async def run(self, dial: Dial, better: Dial | None = None) -> None:
        """Talks until it is cancelled. ``better`` opens carriers of another kind, which are raced at each attempt and
        take the place of the others when they work, for not every network lets them through. Raises PeerError
        (AuthenticationError among them), or LinkError when the peer was never reached for FIRST_SECONDS, or has taken
        another in our place."""
        self._fatal = None
        self._better = better
        self._faults.begin()
        began = self._clock.now()
        self._news.connecting()
        try:
            async with asyncio.TaskGroup() as group:
                while self._fatal is None:
                    self._steer(group, dial, began)
                    await self._until(self._next_look(began))
                self._attempts.cancel()
        finally:
            self._attempts.clear()
            if self._current is not None:
                self._lost(self._current, is_cut=not self._news.is_down)
                self._current = None
        raise self._fatal

    @property
    def ever_connected(self) -> bool:
        """Since it was made."""
        return self._news.ever_connected

    @property
    def is_heard(self) -> bool:
        """Whether there is a conversation that works."""
        return self.session is not None and self.session.is_heard

    @property
    def session(self) -> NativeSession | None:
        """On the carrier that is used; None while there is none."""
        return self._current.session if self._current else None

    def status(self) -> LinkStatus:
        return self._news.status(self.session)

    # -- deciding

    def _steer(self, group: asyncio.TaskGroup, dial: Dial, began: float) -> None:
        now = self._clock.now()
        self._attempts.tidy()
        if not self._news.ever_connected and now - began >= FIRST_SECONDS:
            self._fatal = LinkError(self._peer, self._faults.last_failure)
            return
        if self._news.look(self.session):
            self._faults.works()
        if self._needs_carrier:
            self._progress.silent(now)
            if self._current is not None:
                self._preference.silent(now)
            if now >= self._last_began + RACE_EVERY_SECONDS:
                self._last_began = now
                self._attempt(group, dial, Attempt())
                if not self._faults.is_better_refused:
                    self._attempt(group, self._better, Attempt(is_better=True))
            return
        self._preference.heard(now)
        if self._is_too_slow(now):
            self._relieve(group, dial, now)
        elif self._wants_better() and now >= self._preference.next_upgrade:
            self._attempt(group, self._better, Attempt(is_better=True))
            self._preference.upgrades(now)

    def _attempt(self, group: asyncio.TaskGroup, dial: Dial | None, attempt: Attempt) -> None:
        if dial is None or not self._attempts.has_room(self._shortest_round_trip, is_better=attempt.is_better):
            return
        attempt.task = group.create_task(self._converse(attempt, dial), name=f"conversation with {self._peer}")
        self._attempts.add(attempt)

    def _relieve(self, group: asyncio.TaskGroup, dial: Dial, now: float) -> None:
        """Tries the other kind of carrier, for this one is alive and brings too little."""
        assert self._current is not None
        self._progress.changes(now)
        is_better = not self._current.is_better
        self._attempt(group, self._better if is_better else dial, Attempt(is_better, is_relief=True))

    def _is_too_slow(self, now: float) -> bool:
        if self._current is None or self._current.conversation is None or self._better is None:
            return False
        self._progress.look(self._current.conversation.behind, now)
        return self._progress.is_slow(now) and self._progress.may_change(now)

    def _wants_better(self) -> bool:
        return self._better is not None and self._current is not None and not self._current.is_better

    @property
    def _needs_carrier(self) -> bool:
        return self._current is None or self._current.session.silent_seconds >= self._current.session.rival_after

    def _next_look(self, began: float) -> float:
        now = self._clock.now()
        look = self._last_began + RACE_EVERY_SECONDS
        if self._current is not None:
            race_at = now - self._current.session.silent_seconds + self._current.session.rival_after
            look = max(look, race_at)
            if self._wants_better():
                look = min(look, self._preference.next_upgrade)
            if self._better is not None:
                look = min(look, now + LOOK_SECONDS)
        if not self._news.ever_connected:
            look = min(look, began + FIRST_SECONDS)
        return max(look, now + SHORTEST_LOOK_SECONDS)

    async def _until(self, moment: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - self._clock.now())):
                await self._changed.wait()
        self._changed.clear()

    # -- one carrier

    async def _converse(self, attempt: Attempt, dial: Dial) -> None:
        try:
            if not attempt.is_relief and not self._is_preferred(attempt):
                await self._give_head_start(attempt)
            stream = await dial(max(CONNECT_SECONDS, 5 * (self._shortest_round_trip or 0.0)))
            attempt.conversation = self._side.converse(
                stream,
                self._clock,
                Dialler(self._identity, self._password, secrets.token_urlsafe(18), stream.binding, self._sessions),
                lambda: self._ready(attempt),
                Timing(dialler_handshake=handshake_seconds(self._shortest_round_trip)),
            )
            ended = await attempt.conversation.run()
            error = error_of(ended, self._peer)
            is_replaced = attempt is self._current and ended.by_peer and ended.code is GoodbyeCode.REPLACED
            if is_replaced and self._faults.is_taken_over(self._clock.now(), self._changed_at):
                # Another took this one's place; two that race for it would take it from each other for ever.
                self._fatal = error
            self._leave(attempt, error)
        except (LinkError, PeerError) as error:
            self._leave(attempt, error)
        finally:
            self._changed.set()

    def _is_preferred(self, attempt: Attempt) -> bool:
        return self._better is None or attempt.is_better is self._preference.is_for_better(self._clock.now())

    async def _give_head_start(self, attempt: Attempt) -> None:
        await asyncio.sleep(HEAD_START_SECONDS)
        if self._attempts.is_up(is_better=not attempt.is_better):
            # Its carrier is up; only the words of the handshake are still on their way.
            await asyncio.sleep(HANDSHAKE_START_SECONDS)

    def _ready(self, attempt: Attempt) -> None:
        """The first that is ready is taken, unless the old conversation spoke again meanwhile."""
        attempt.is_ready = True
        now = self._clock.now()
        is_change = self._is_welcome_change(attempt, now)
        if not self._needs_carrier and not is_change:
            attempt.session.end(GoodbyeCode.SPARE, "the conversation before it spoke again")
            return
        is_preferred = self._is_preferred(attempt)
        before, self._current = self._current, attempt
        assert attempt.conversation is not None
        attempt.conversation.take()
        if before is not None:
            self._lost(before, is_cut=not is_change and not self._news.is_down)
            before.session.end(GoodbyeCode.REPLACED, "a new carrier was quicker")
            self._changed_at = now
        # One of the kind that is preferred may still take its place.
        self._attempts.cancel_pending(None if is_preferred else attempt.is_better)
        self._faults.works()
        pause = self._progress.pause_seconds if attempt.is_relief else FIRST_UPGRADE_SECONDS
        self._preference.taken(now, pause, is_better=attempt.is_better)
        self._progress.begin(now, is_back=is_change and attempt.is_better and not attempt.is_relief)
        carrier = attempt.session.stream.kind.name
        if is_change:
            self._news.changed(carrier, is_relief=attempt.is_relief)
        else:
            self._news.up(carrier, attempt.conversation.peer_agent)

    def _is_welcome_change(self, attempt: Attempt, now: float) -> bool:
        """Whether ``attempt`` may replace a conversation that is alive."""
        if self._current is None or self._current.is_better is attempt.is_better:
            return False
        return self._progress.is_slow(now) if attempt.is_relief else self._is_preferred(attempt)

    def _leave(self, attempt: Attempt, error: LinkError | PeerError) -> None:
        was_used, now = attempt is self._current, self._clock.now()
        if was_used:
            self._current = None
            self._lost(attempt, is_cut=not self._news.is_down)
            self._news.down(error.reason)
        elif not self._needs_carrier:
            return
        may_revive = self._may_revive
        fatal = self._faults.judge(error, now, is_better=attempt.is_better, was_used=was_used, may_revive=may_revive)
        self._fatal = self._fatal or fatal

    @property
    def _may_revive(self) -> bool:
        """Whether a carrier of the better kind is up, if perhaps dark."""
        if self._attempts.is_up(is_better=True):
            return True
        current = self._current
        return current is not None and current.is_better and current.session.silent_seconds < REVIVES_SECONDS

    def _lost(self, attempt: Attempt, *, is_cut: bool) -> None:
        self._news.lost(attempt.session.heard_at, is_cut=is_cut)
        self._shortest_round_trip = attempt.session.conversation.shortest_round_trip
