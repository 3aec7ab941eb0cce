"""What the core needs from outside, and what it gives to modules: small interfaces, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from distreamer.model.audio import Frame, Station, StreamInfo
from distreamer.model.fragment import Fragment


class Clock(Protocol):
    """Both clocks of the machine. Waiting is the event loop's business."""

    def now(self) -> float:
        """Seconds that only go forward, from an arbitrary origin."""
        ...

    def wall(self) -> float:
        """Unix time in seconds."""
        ...


class Framer(Protocol):
    """Cuts a byte stream into frames. Never raises on bad bytes: it drops them and counts them."""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order."""
        ...

    def close(self) -> list[Frame]:
        """The stream ended: the frames that were only waiting for confirmation. The framer starts afresh."""
        ...

    @property
    def fed(self) -> int:
        """Bytes fed so far: the position at which the next byte will be."""
        ...

    @property
    def dropped(self) -> int:
        """Bytes dropped so far: garbage, tags, cut-off frames."""
        ...


class Journal(Protocol):
    """Told of all that a store is given, and never in its way."""

    def opened(self, epoch_id: int, info: StreamInfo, *, is_own: bool) -> None:
        """An epoch was opened, or is described otherwise; ``is_own``: its fragments are numbered here."""
        ...

    def added(self, fragment: Fragment) -> None:
        """A fragment came."""
        ...


class StoreWriter(Protocol):
    """What the one who makes fragments writes to."""

    @property
    def newest_epoch_id(self) -> int | None:
        """None while there is none."""
        ...

    def open_epoch(self, epoch_id: int, info: StreamInfo, *, is_own: bool = False) -> bool:
        """See ``core.store.Store``."""
        ...

    def describe(self, epoch_id: int, station: Station) -> None:
        """See ``core.store.Store``."""
        ...

    def add(self, fragment: Fragment) -> object:
        """The next fragment."""
        ...


class ByteStream(Protocol):
    """A connection as the layers above TCP see it."""

    @property
    def peer(self) -> str:
        """``host:port`` of the other side, for messages."""
        ...

    async def read(self, limit: int = 65536) -> bytes:
        """At least one byte and at most ``limit``; empty at the end. Raises LinkError when it breaks."""
        ...

    async def rest(self, seconds: float) -> None:
        """Takes nothing for so long: what comes meanwhile is read afterwards, all at once."""
        ...

    async def write(self, data: bytes) -> None:
        """Waits until the transport takes ``data``. Raises LinkError when it breaks."""
        ...

    async def close(self) -> None:
        """Ends it at once; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class CarrierKind:
    """What kind of carrier a MessageStream is."""

    name: str
    """``websocket``, ``quic``, …"""
    preference: int = 0
    """One of a higher preference takes the place of another."""
    lasting_seconds: float | None = None
    """It goes on by itself after an outage of this length or less; None when it is dead after a few seconds."""
    most_fragments: int | None = None
    """That may be on their way at once; None for as many as the protocol allows."""
    stands_still: bool = False
    """Whether a lost packet holds up all that was sent behind it, as in TCP; a second one beside it helps then."""
    is_always_bound: bool = False
    """Whether a password is always proven together with the certificate of the carrier."""


class MessageStream(Protocol):
    """A carrier of the native protocol: whole messages, in order, both ways."""

    @property
    def kind(self) -> CarrierKind: ...

    @property
    def heard_at(self) -> float | None:
        """When anything came last, be it part of a message or an acknowledgement, on the event loop's clock; None
        when only whole messages tell that the other side lives."""
        ...

    @property
    def binding(self) -> bytes | None:
        """The hash of the server's certificate, to which a password can be bound (for a dialler: must be); None where
        there is none, or where somebody else vouches for it."""
        ...

    @property
    def peer(self) -> str:
        """``host:port`` of the other side, for messages."""
        ...

    async def receive(self) -> bytes:
        """The next message; raises LinkError when the carrier ended or broke."""
        ...

    async def send(self, message: bytes) -> None:
        """Waits until the carrier takes ``message``; raises LinkError when it broke."""
        ...

    async def close(self) -> None:
        """Ends it at once; never raises."""
        ...


@runtime_checkable
class Forgetful(Protocol):
    """A MessageStream that need not deliver all that it was given."""

    def abandon(self, body: int) -> None:
        """The other side need not get that one of the bodies that were sent, counted from 0; what was sent only in part
        is sent all the same."""
        ...


@runtime_checkable
class CountsPackets(Protocol):
    """A MessageStream that knows the packets it comes in."""

    @property
    def packets(self) -> tuple[int, int]:
        """How many came, and how many the other side has sent until the newest of them, those that both sides sent
        before they had agreed left out."""
        ...


Unsubscribe = Callable[[], None]
