"""Who receives from an output: one record for each receiver, which outlives its conversations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from distreamer.core.ports import Clock
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.sessions.native_sender import SenderSession
from distreamer.transport.tcp import host_of
from distreamer.units import spoken_seconds

MOST_REMEMBERED = 64
"""Receivers that are away and still listed; the one that is away longest is forgotten first."""
REMEMBERED_SECONDS = 3600.0
"""How long a receiver that is away is listed."""


@dataclass(slots=True)
class _Receiver:
    """A receiver, by the name that it gave itself for all its conversations."""

    peer: str
    """Its address, without the port, which changes with each conversation."""
    session: SenderSession | None
    since: float
    """When its present conversation was taken, or that of another connection of the link before it, or when it came
    back on it; without one: when it was last heard."""
    late: SenderSession | None = None
    """An older conversation, on which it said what it wants when the present one was in use already: it may be leaving
    that, or have gone back to it."""
    carrier: str = ""
    """Of its last conversation."""
    is_dark: bool = False
    """Whether it was told that it is not heard, while its carrier may still come back."""
    is_moving: bool = False
    """Whether it left its conversation for another carrier, of which it has not said yet what it wants there."""
    fragments: int = 0
    """Acknowledged in conversations that have ended."""
    cuts: int = 0
    path: str = ""
    """Which one it is, of a receiver that dials by several; each is listed."""
    party: str = ""
    """What the paths of a receiver have in common."""
    is_second: bool = False
    """Whether it is a second connection, beside that of the receiver whose name is ``party``."""


class Receivers:
    """Knows a receiver that returns, and ends the ghost that it left."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_node: dict[str, _Receiver] = {}
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Waits until a receiver came or went, or a second: its outage budget changes all the time."""
        try:
            async with asyncio.timeout(1.0):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def taken(self, session: SenderSession) -> str:
        """A receiver said on ``session`` what it wants. Its older conversation, if there is one, is a ghost.

        Gives what is new about it, in words; nothing when it only asks for something else."""
        assert session.welcomed is not None
        node = session.welcomed.node
        now = self._clock.now()
        host = host_of(session.session.stream.peer)
        known = self._by_node.get(node)
        fields = session.welcomed.path
        party = fields.party if fields else node
        is_second = fields is not None and not fields.name and party in self._by_node
        news = "a receiver connected" if known is None and not is_second else "a receiver is back"
        known = self._by_node.setdefault(node, _Receiver(host, None, now))
        ghost = known.session
        if session in (ghost, known.late):
            return ""
        if ghost is not None and session.welcomed_at < ghost.welcomed_at and ghost.session.is_heard:
            # What was said there was lost once, and came only now.
            known.late = session
            return ""
        is_change = known.is_moving
        if ghost is not None:
            is_better = session.session.stream.kind.preference > ghost.session.stream.kind.preference
            is_change = is_better and not known.is_dark
            is_lost = not (is_better or known.is_dark or self._others_work(known))
            self._part(known, ghost, is_cut=is_lost)
            ghost.session.end(GoodbyeCode.REPLACED, "the receiver has taken another carrier")
        if is_change:
            news = "a receiver has taken another carrier"
        known.peer = host
        known.path, known.party, known.is_second = fields.name if fields else "", party, is_second
        if self._others_work(known):
            news = ""
        self._use(known, session)
        self._forget(now)
        self._changed.set()
        return news

    def _use(self, known: _Receiver, session: SenderSession) -> None:
        others = [one.since for one in self._beside(known) if one.session is not None]
        known.session, known.since, known.late = session, min(others, default=self._clock.now()), None
        known.carrier = session.session.stream.kind.name
        known.is_dark = known.is_moving = False

    def left(self, session: SenderSession, *, for_another: bool = False) -> bool:
        """``session`` has ended, ``for_another`` carrier when the receiver said so; says whether a receiver was lost
        by it."""
        for node, known in self._by_node.items():
            if known.late is session:
                known.late = None
            if known.session is session:
                # Of several connections that are silent the last one is missed.
                is_last = all(one.session is None for one in self._beside(known))
                is_lost = is_last and not (known.is_dark or for_another)
                known.is_dark, known.is_moving = False, for_another
                self._part(known, session, is_cut=is_lost)
                if known.late is not None:
                    self._use(known, known.late)
                elif known.is_second and known.party in self._by_node:
                    self._join(self._by_node[known.party], self._by_node.pop(node))
                self._changed.set()
                return is_lost
        return False

    def dark_news(self) -> list[tuple[str, bool]]:
        """Receivers whose carrier went dark or came back since the last call: address, and whether it is dark."""
        news: list[tuple[str, bool]] = []
        for known in self._by_node.values():
            is_dark = known.session is not None and known.session.session.is_dark
            if is_dark != known.is_dark:
                known.is_dark = is_dark
                known.cuts += is_dark
                known.since = known.since if is_dark else self._clock.now()
                news.append((known.peer, is_dark))
        return news

    def links(self) -> tuple[LinkStatus, ...]:
        """Those that are connected and those that were."""
        now = self._clock.now()
        self._forget(now)
        return tuple(self._status_of_all(known, now) for known in self._by_node.values() if not self._is_beside(known))

    def sentence(self) -> str:
        """How the receivers are, for the health of the output."""
        here = [link for link in self.links() if link.connected]
        if not here:
            return "no receiver is connected"
        is_here = [known for known in self._by_node.values() if known.session and not known.session.session.is_dark]
        parties = len({known.party for known in is_here})
        count = "1 receiver" if parties == 1 else f"{parties} receivers"
        return f"{count}: " + ", ".join(_words(link) for link in here)

    # -- a second connection beside the first

    def _is_beside(self, known: _Receiver) -> bool:
        """Whether another record stands for the same link."""
        return known.is_second and known.party in self._by_node

    def _beside(self, known: _Receiver) -> list[_Receiver]:
        """The other connections of the same link."""
        alike = [one for one in self._by_node.values() if one is not known and one.party == known.party]
        return [one for one in alike if known.is_second or one.is_second]

    def _others_work(self, known: _Receiver) -> bool:
        """Whether the receiver is heard on another connection of the same link, so that this one is no news."""
        return any(one.session is not None and one.session.session.is_heard for one in self._beside(known))

    def _status_of_all(self, known: _Receiver, now: float) -> LinkStatus:
        statuses = [self._status(one, now) for one in (known, *self._beside(known))]
        best = min(statuses, key=lambda status: not status.connected)
        return replace(
            best,
            fragments=sum(one.fragments for one in statuses),
            cuts=sum(one.cuts for one in statuses),
            carries=any(one.carries for one in statuses if one.connected is best.connected),
        )

    @staticmethod
    def _join(first: _Receiver, second: _Receiver) -> None:
        """The second connection has ended; what it brought counts."""
        first.fragments += second.fragments
        first.cuts += second.cuts
        if first.session is None:
            first.since = max(first.since, second.since)

    def _part(self, known: _Receiver, session: SenderSession, *, is_cut: bool) -> None:
        known.fragments += session.role.acknowledged
        known.cuts += is_cut
        known.session = None
        known.since = session.session.heard_at

    def _forget(self, now: float) -> None:
        away = sorted((known.since, node) for node, known in self._by_node.items() if known.session is None)
        for rank, (since, node) in enumerate(reversed(away)):
            if rank >= MOST_REMEMBERED or now - since > REMEMBERED_SECONDS:
                del self._by_node[node]

    def _status(self, known: _Receiver, now: float) -> LinkStatus:
        session = known.session
        carrier = session.session.stream.kind.name if session else known.carrier
        silent = session.session.silent_seconds if session else now - known.since
        if session is None or session.session.is_dark:
            return LinkStatus(
                peer=known.peer,
                connected=False,
                carrier=carrier,
                silent_seconds=silent,
                fragments=known.fragments + (session.role.acknowledged if session else 0),
                cuts=known.cuts,
                path=known.path,
                party=known.party if known.path else "",
                carries=not known.path,
            )
        return LinkStatus(
            peer=known.peer,
            connected=True,
            carrier=carrier,
            connected_seconds=now - known.since,
            silent_seconds=silent,
            rtt_seconds=session.session.conversation.round_trip,
            fragments=known.fragments + session.role.acknowledged,
            cuts=known.cuts,
            peer_budget_seconds=session.report.budget_seconds,
            path=known.path,
            party=known.party if known.path else "",
            carries=session.role.is_wanted,
        )


def _words(link: LinkStatus) -> str:
    who = f"{link.peer} ({link.path})" if link.path else link.peer
    if not link.carries:
        return f"{who} stands by"
    if link.peer_budget_seconds is None:
        return f"{who} is connected"
    return f"{who} can lose the link for {spoken_seconds(round(link.peer_budget_seconds))}"
