"""A receiver's conversation, which fills a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from distreamer.core.comeback import Oldest
from distreamer.core.epoch import SKIPPED_FRAGMENTS
from distreamer.core.module import InputContext
from distreamer.core.ports import Clock, MessageStream
from distreamer.core.store import Store
from distreamer.model.fragment import Fragment
from distreamer.model.status import PlayoutState
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import (
    Ended,
    EpochDescribed,
    Event,
    FragmentReceived,
    PeerReport,
    Reported,
    Welcomed,
)
from distreamer.protocol.native.handshake import Handshake
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.messages import Share
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.wish import want_of
from distreamer.sessions.appetite import Appetite
from distreamer.sessions.native_session import NativeSession

HISTORY_BEYOND_DELAY_SECONDS = 5.0
"""Asked for at the start beyond what playout needs, so that it can begin while the newest is still on its way."""
UNSAID_SECONDS = 2.0
"""A sender that says nothing for longer than some pings take may have more than it said."""


class PathTap(Protocol):
    """What the conversations of one of several paths tell those who divide the work among the paths."""

    def taken(self, session: ReceiverSession) -> Share | None:
        """``session`` is the one from now on; gives what it is to be asked for, None for everything."""
        ...

    def described(self, epoch: int, first: int | None) -> None:
        """The sender holds an epoch, from that number on."""
        ...

    def arrived(self, fragment: Fragment, *, is_new: bool) -> None:
        """The path has brought a fragment."""
        ...


@dataclass(slots=True)
class Reception:
    """What all conversations of a receiver share; of one path, where there are several."""

    store: Store
    back_seconds: Callable[[], float]
    """How much history is wanted when nothing is held."""
    report: Callable[[], PeerReport]
    """What the sender is told of the buffer here."""
    full_seconds: Callable[[], float] = lambda: 0.0
    """How much is to be held ahead of the listeners."""
    oldest_wanted: Callable[[], Oldest | None] = lambda: None
    """See ``Playout.oldest_wanted``."""
    appetite: Appetite = field(init=False)
    fragments: int = 0
    """Received, duplicates included."""
    duplicates: int = 0
    tap: PathTap | None = None
    """None where there is a single path."""

    def __post_init__(self) -> None:
        self.appetite = Appetite(self.store)

    @property
    def peer_word(self) -> str:
        return "sender"

    @property
    def activity(self) -> str:
        return "receives from"

    def budget_seconds(self) -> float | None:
        """How long the link may now be down before anyone hears it; None when nothing plays here."""
        return self.report().budget_seconds

    def converse(
        self, stream: MessageStream, clock: Clock, handshake: Handshake, ready: Callable[[], None], timing: Timing
    ) -> ReceiverSession:
        """A conversation on a new carrier; ``ready`` is called when the sender is welcome."""
        return ReceiverSession(stream, self, clock, handshake, lambda session: ready(), timing)


def reception_for(context: InputContext) -> Reception:
    """What an input needs: playout's delay at once, and all that was missed in an outage."""
    return Reception(
        store=context.store,
        back_seconds=lambda: context.delay_seconds + HISTORY_BEYOND_DELAY_SECONDS,
        report=lambda: _report(context),
        full_seconds=lambda: context.delay_seconds,
        oldest_wanted=lambda: context.playout.oldest_wanted() if context.playout else None,
    )


def _report(context: InputContext) -> PeerReport:
    held = context.store.seconds
    playout = context.playout.status() if context.playout is not None else None
    if playout is None or playout.state is PlayoutState.WAITING:
        return PeerReport(buffer_seconds=held)
    return PeerReport(budget_seconds=max(0.0, playout.budget_seconds), buffer_seconds=held)


class ReceiverSession:
    """Takes what comes, once it is told to ``take`` the carrier."""

    def __init__(
        self,
        stream: MessageStream,
        reception: Reception,
        clock: Clock,
        handshake: Handshake,
        welcomed: Callable[[ReceiverSession], None],
        timing: Timing | None = None,
    ) -> None:
        """``welcomed`` is called when the handshake is done."""
        self.welcomed: Welcomed | None = None
        """How the sender presented itself; None before the handshake is done."""
        self._reception = reception
        self._clock = clock
        self._newest: tuple[int, int] | None = None
        """Of the sender, as it said last: epoch and number."""
        self._newest_at = 0.0
        self._first_said: tuple[int, int] | None = None
        """The same, as it said first, after it skipped numbers if it did."""
        self._welcomed = welcomed
        self._is_taken = False
        self._share: Share | None = None
        self._role = ReceiverRole(self._tell)
        lasting = (timing or Timing()).lasting(stream.kind.lasting_seconds)
        self.session = NativeSession(
            stream, Conversation(self._role, handshake, clock.now(), lasting), clock, self._handle
        )

    @property
    def peer_agent(self) -> str:
        """Program and version of the sender; empty before the handshake is done."""
        return self.welcomed.agent if self.welcomed else ""

    @property
    def behind(self) -> int | None:
        """Fragments that the sender has beyond the newest that is here, or that it has made since it said so first,
        when it has skipped numbers since that one; None when it is not known."""
        epoch = self._reception.store.epoch(self._newest[0]) if self._newest else None
        if self._newest is None or self._first_said is None or epoch is None or not epoch.numbers:
            return None
        # As long as nothing more is said there may be one more each second.
        since = max(0.0, self._clock.now() - self._newest_at - UNSAID_SECONDS)
        newest = self._newest[1] + int(since)
        beyond = self._first_said[1] - 1 if self._has_skipped else epoch.numbers[-1]
        return max(0, newest - beyond)

    @property
    def _has_skipped(self) -> bool:
        """Whether the sender has skipped numbers since the newest that is here, so that nobody can say how many of them
        are fragments."""
        epoch = self._reception.store.epoch(self._newest[0]) if self._newest else None
        if self._newest is None or epoch is None or not epoch.numbers:
            return False
        return self._newest[1] - epoch.numbers[-1] >= SKIPPED_FRAGMENTS

    @property
    def newest(self) -> tuple[int, int] | None:
        """Of the sender, as it said last: epoch and number."""
        return self._newest

    def join(self, reception: Reception) -> None:
        """Belongs to ``reception`` from now on."""
        self._reception = reception

    def take(self) -> None:
        """Takes this carrier: the sender begins to send what is not held."""
        tap = self._reception.tap
        self._is_taken = True
        self._look()
        self.ask(tap.taken(self) if tap else None)

    def ask(self, share: Share | None) -> None:
        """Wants from now on that part of what is not held; None for everything."""
        self._share = share
        self._ask()
        self.session.wake()

    async def run(self) -> Ended:
        """As ``NativeSession.run``."""
        return await self.session.run()

    def _ask(self) -> None:
        reception = self._reception
        wish = reception.appetite.wish(reception.back_seconds())
        self._role.ask(want_of(reception.store, wish.back_seconds, wish.resume_seconds, self._share))

    def _look(self) -> bool:
        """Whether something else is to be asked for now."""
        reception, behind = self._reception, None if self._has_skipped else self.behind
        newest = reception.store.newest()
        epoch = reception.store.epoch(newest.epoch) if newest else None
        seconds = None if behind is None or not newest or not epoch else behind * epoch.seconds(newest.duration)
        now = self._clock.now()
        return reception.appetite.look(now, reception.oldest_wanted(), reception.full_seconds(), seconds)

    def _tell(self) -> PeerReport:
        """What is asked for may change while nothing arrives: that goes out as the link comes back."""
        if self._is_taken and self._look():
            self._ask()
        return self._reception.report()

    def _handle(self, event: Event) -> None:
        if isinstance(event, FragmentReceived):
            self._take_fragment(event.fragment)
        elif isinstance(event, EpochDescribed):
            self._reception.store.open_epoch(event.epoch, event.info)
            if self._reception.tap:
                self._reception.tap.described(event.epoch, event.first)
        elif isinstance(event, Reported):
            self._note_newest(event.report.newest)
        elif isinstance(event, Welcomed):
            self.welcomed = event
            self._welcomed(self)

    def _note_newest(self, newest: tuple[int, int] | None) -> None:
        first = self._first_said
        if newest and (first is None or first[0] != newest[0] or newest[1] - first[1] >= SKIPPED_FRAGMENTS):
            self._first_said = newest
        self._newest, self._newest_at = newest, self._clock.now()

    def _take_fragment(self, fragment: Fragment) -> None:
        reception = self._reception
        reception.fragments += 1
        is_new = reception.store.add(fragment)
        reception.duplicates += not is_new
        if reception.tap:
            reception.tap.arrived(fragment, is_new=is_new)
        if self._is_taken and self._look():
            self._ask()
