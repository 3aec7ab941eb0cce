"""What people are told of a link: in the log, in the health of its module, in its status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock
from distreamer.model.status import LinkStatus
from distreamer.sessions.carrier_rules import UNHEARD_SECONDS
from distreamer.sessions.native_session import NativeSession
from distreamer.sessions.native_side import Side
from distreamer.units import spoken_seconds


class LinkNews:
    """Of one link, through all its carriers and outages."""

    def __init__(
        self,
        peer: str,
        side: Side,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
        *,
        is_path: bool = False,
        others: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_path``: one of several; the buffer is not at stake when it is down. ``others``: whether the link works
        by another connection too; then nothing that happens to this one is news."""
        self.ever_connected = False
        self.is_down = False
        """Whether it was told that the link is down."""
        self.cuts = 0
        self.connected_at = 0.0
        """When the link came up, or back."""
        self.carrier = ""
        """The kind of the last one that was used."""
        self.heard_at = clock.now()
        """When a conversation that is over gave a sign of life last."""
        self._peer = peer
        self._side = side
        self._clock = clock
        self._log = log
        self._health = health
        self._is_path = is_path
        self._others = others
        self._reason = ""
        """Why it went down last."""
        self._is_unsaid = False
        """Whether it is down and that was not told, for others worked."""
        self._what = "the path" if is_path else "the link"

    def status(self, session: NativeSession | None) -> LinkStatus:
        """``session``: of the carrier that is used; None when there is none."""
        now = self._clock.now()
        is_connected = session is not None and not session.is_dark
        is_up = is_connected or (self.ever_connected and self._others())
        return LinkStatus(
            peer=self._peer,
            connected=is_connected,
            carrier=self.carrier,
            connected_seconds=now - self.connected_at if is_up else 0.0,
            silent_seconds=now - (session.heard_at if session else self.heard_at),
            rtt_seconds=session.conversation.round_trip if session else None,
            fragments=self._side.fragments,
            duplicates=self._side.duplicates,
            cuts=self.cuts,
        )

    def connecting(self) -> None:
        self._is_unsaid = False
        if not self.ever_connected:
            self._health.starting(f"connecting to {self._peer}")

    def look(self, session: NativeSession | None) -> bool:
        """Tells what is new of the carrier that is used, which does not tell itself of the outages that it outlives;
        whether it came back."""
        is_back = False
        if session is not None and not self.is_down and session.is_dark:
            self._dark(session.silent_seconds)
        elif session is not None and self.is_down and session.silent_seconds < UNHEARD_SECONDS:
            self.back()
            is_back = True
        elif session is None and self._is_unsaid and not self._others():
            self.cuts += 1
            self.down(self._reason)
        elif session is None and self.is_down and self._others():
            self.back()
            self._is_unsaid = True
        if session is None or self.is_down:
            self._wait()
        return is_back

    def _wait(self) -> None:
        if self.ever_connected and not self._others():
            silent = spoken_seconds(round(self._clock.now() - self.heard_at))
            self._health.starting(f"{self._peer} was not heard for {silent}; trying again")

    def up(self, carrier: str, agent: str) -> None:
        """A carrier was taken where there was none that worked."""
        self.carrier = carrier
        if self.ever_connected:
            self.back()
        else:
            self._aloud(self._log.info)(
                f"connected to the {self._side.peer_word}", peer=self._peer, program=agent, carrier=self.carrier
            )
            self._health.running(f"{self._side.activity} {self._peer}")
        if not (self.ever_connected and self._others()):
            self.connected_at = self._clock.now()
        self.ever_connected = True

    def changed(self, carrier: str, *, is_relief: bool) -> None:
        """A carrier of another kind has taken the place of one that worked."""
        self.carrier = carrier
        words = "the carrier was too slow and was replaced" if is_relief else f"{self._what} has a better carrier now"
        self._aloud(self._log.info)(words, peer=self._peer, carrier=carrier)

    def lost(self, heard_at: float, *, is_cut: bool) -> None:
        """The carrier that was used is gone; it was heard last at ``heard_at``. While others work no link was cut."""
        self.heard_at = heard_at
        self.cuts += is_cut and not self._others()

    def down(self, reason: str) -> None:
        """Says so once."""
        if self.is_down:
            return
        self._reason, self._is_unsaid = reason, self._others()
        if self._is_unsaid:
            self._log.debug("a connection broke and another goes on", peer=self._peer, reason=reason)
            return
        self.is_down = True
        budget = None if self._is_path else self._side.budget_seconds()
        audible = {} if budget is None else {"buffer_lasts": spoken_seconds(budget)}
        self._log.warning(f"{self._what} is down", peer=self._peer, reason=reason, **audible)

    def _dark(self, silent: float) -> None:
        self.heard_at = self._clock.now() - silent
        self.cuts += 1
        self.down(f"nothing was heard for {silent:.1f} s")

    def back(self) -> None:
        """The other side is heard again."""
        say = self._log.info if self.is_down else self._log.debug
        if self.is_down:
            self.connected_at = self._clock.now()
        silent = spoken_seconds(self._clock.now() - self.heard_at)
        say(f"{self._what} is back", peer=self._peer, silent=silent, carrier=self.carrier)
        self.is_down = self._is_unsaid = False
        self._health.running(f"{self._side.activity} {self._peer}")

    def _aloud(self, say: Callable[..., Any]) -> Callable[..., Any]:
        return self._log.debug if self._others() else say
