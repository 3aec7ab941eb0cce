"""What a link needs of the two sides that use it, and of those who open carriers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from distreamer.core.ports import Clock, MessageStream
from distreamer.protocol.native.events import Ended
from distreamer.protocol.native.handshake import Dialler
from distreamer.protocol.native.limits import Timing
from distreamer.sessions.native_session import NativeSession


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

    @property
    def behind(self) -> int | None:
        """Fragments that the sender has beyond the newest that has arrived; None when it is not known."""
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
