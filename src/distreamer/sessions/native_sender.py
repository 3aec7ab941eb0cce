"""A sender's conversation, fed from a store."""

from __future__ import annotations

from collections.abc import Callable

from distreamer.core.ports import Clock, Forgetful, MessageStream
from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import (
    Acknowledged,
    Ended,
    Event,
    PeerReport,
    Reported,
    Unwanted,
    Wanted,
    Welcomed,
)
from distreamer.protocol.native.handshake import Handshake
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.sender import SenderRole
from distreamer.sessions.native_session import NativeSession


def _ignore(fragments: int) -> None:
    """For those who count in another way."""


class SenderSession:
    """Sends what the receiver lacks, until the conversation ends."""

    def __init__(
        self,
        stream: MessageStream,
        store: Store,
        clock: Clock,
        handshake: Handshake,
        taken: Callable[[SenderSession], None],
        timing: Timing | None = None,
        acknowledged: Callable[[int], None] = _ignore,
    ) -> None:
        """``taken`` is called each time the receiver says what it wants: it has taken this carrier; ``acknowledged``
        with the number of fragments that have arrived there."""
        self.welcomed: Welcomed | None = None
        """How the receiver presented itself; None before the handshake is done."""
        self.welcomed_at = 0.0
        """When that was."""
        self.report = PeerReport()
        """What the receiver said last."""
        self.role = SenderRole(store, stream.kind.most_fragments)
        self._store = store
        self._clock = clock
        self._taken = taken
        self._acknowledged = acknowledged
        lasting = (timing or Timing()).lasting(stream.kind.lasting_seconds)
        self.session = NativeSession(
            stream, Conversation(self.role, handshake, clock.now(), lasting), clock, self._handle
        )

    @property
    def peer_agent(self) -> str:
        """Program and version of the receiver; empty before the handshake is done."""
        return self.welcomed.agent if self.welcomed else ""

    @property
    def behind(self) -> int | None:
        """Fragments that are held here beyond the newest that the receiver has; None when it is not known."""
        return self.role.behind()

    def take(self) -> None:
        """What the receiver wants goes out on every carrier on which it said so; nothing is to be told to it."""

    async def run(self) -> Ended:
        """As ``NativeSession.run``."""
        unsubscribe = self._store.subscribe(self.session.wake)
        try:
            return await self.session.run()
        finally:
            unsubscribe()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Welcomed):
            self.welcomed, self.welcomed_at = event, self._clock.now()
        elif isinstance(event, Wanted):
            self._taken(self)
        elif isinstance(event, Unwanted):
            if isinstance(self.session.stream, Forgetful):
                for body in event.bodies:
                    self.session.stream.abandon(body)
        elif isinstance(event, Reported):
            self.report = event.report
        elif isinstance(event, Acknowledged):
            self._acknowledged(event.fragments)


class Supply:
    """What all conversations of a sender that dials share."""

    def __init__(self, store: Store) -> None:
        self.fragments = 0
        """Acknowledged."""
        self._store = store
        self._newest: SenderSession | None = None

    @property
    def peer_word(self) -> str:
        return "receiver"

    @property
    def activity(self) -> str:
        return "sends to"

    @property
    def duplicates(self) -> int:
        """Only the receiver knows."""
        return 0

    def budget_seconds(self) -> float | None:
        """As the receiver said last; None when it does not play."""
        return self._newest.report.budget_seconds if self._newest else None

    def converse(
        self, stream: MessageStream, clock: Clock, handshake: Handshake, ready: Callable[[], None], timing: Timing
    ) -> SenderSession:
        """A conversation on a new carrier; ``ready`` is called when the receiver says there what it wants."""

        asked = False

        def taken(session: SenderSession) -> None:
            nonlocal asked
            self._newest = session
            if not asked:
                asked = True
                ready()

        return SenderSession(stream, self._store, clock, handshake, taken, timing, self._count)

    @property
    def heard_at(self) -> float:
        """When the receiver gave a sign of life last, in the newest conversation that was taken."""
        return self._newest.session.heard_at if self._newest else 0.0

    @property
    def carries(self) -> bool:
        """Whether the receiver wants anything in the newest conversation that was taken."""
        return self._newest is not None and self._newest.role.is_wanted

    @property
    def must_bring_all(self) -> bool:
        """Whether the receiver wants everything in the newest conversation that was taken."""
        return self._newest is not None and self._newest.role.is_all_wanted

    def _count(self, fragments: int) -> None:
        self.fragments += fragments
