"""A receiver's conversation, which fills a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from distreamer.core.ports import Clock, MessageStream
from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import (
    Ended,
    EpochDescribed,
    Event,
    FragmentReceived,
    PeerReport,
    Welcomed,
)
from distreamer.protocol.native.handshake import Handshake
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.wish import want_of
from distreamer.sessions.native_session import NativeSession


@dataclass(slots=True)
class Reception:
    """What all conversations of a receiver share."""

    store: Store
    back_seconds: float
    """How much history is wanted when nothing is held."""
    resume_seconds: float
    """How far back what was missed is wanted."""
    report: Callable[[], PeerReport]
    """What the sender is told of the buffer here."""
    fragments: int = 0
    """Received, duplicates included."""
    duplicates: int = 0


class ReceiverSession:
    """Takes what comes, once it is told to ``ask``."""

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
        self.peer_agent = ""
        """Program and version of the sender."""
        self._reception = reception
        self._welcomed = welcomed
        self._role = ReceiverRole(reception.report)
        self.session = NativeSession(
            stream, Conversation(self._role, handshake, clock.now(), timing), clock, self._handle
        )

    def ask(self) -> None:
        """Takes this carrier: the sender begins to send what is not held."""
        reception = self._reception
        self._role.ask(want_of(reception.store, reception.back_seconds, reception.resume_seconds))
        self.session.wake()

    async def run(self) -> Ended:
        """As ``NativeSession.run``."""
        return await self.session.run()

    def _handle(self, event: Event) -> None:
        if isinstance(event, FragmentReceived):
            self._reception.fragments += 1
            if not self._reception.store.add(event.fragment):
                self._reception.duplicates += 1
        elif isinstance(event, EpochDescribed):
            self._reception.store.open_epoch(event.epoch, event.info)
        elif isinstance(event, Welcomed):
            self.peer_agent = event.agent
            self._welcomed(self)
