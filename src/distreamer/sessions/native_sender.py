"""A sender's conversation, fed from a store."""

from __future__ import annotations

from collections.abc import Callable

from distreamer.core.ports import Clock, MessageStream
from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event, PeerReport, Reported, Wanted, Welcomed
from distreamer.protocol.native.handshake import Handshake
from distreamer.protocol.native.sender import SenderRole
from distreamer.sessions.native_session import NativeSession


class SenderSession:
    """Sends what the receiver lacks, until the conversation ends."""

    def __init__(
        self,
        stream: MessageStream,
        store: Store,
        clock: Clock,
        handshake: Handshake,
        taken: Callable[[SenderSession], None],
    ) -> None:
        """``taken`` is called each time the receiver says what it wants: it has taken this carrier."""
        self.welcomed: Welcomed | None = None
        """How the receiver presented itself; None before the handshake is done."""
        self.report = PeerReport()
        """What the receiver said last."""
        self.role = SenderRole(store)
        self._store = store
        self._taken = taken
        self.session = NativeSession(stream, Conversation(self.role, handshake, clock.now()), clock, self._handle)

    async def run(self) -> Ended:
        """As ``NativeSession.run``."""
        unsubscribe = self._store.subscribe(self.session.wake)
        try:
            return await self.session.run()
        finally:
            unsubscribe()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Welcomed):
            self.welcomed = event
        elif isinstance(event, Wanted):
            self._taken(self)
        elif isinstance(event, Reported):
            self.report = event.report
