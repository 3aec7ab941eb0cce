"""What a conversation tells the session that runs it."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.messages import PathFields


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The handshake is done; both sides know that the other knows the password, if there is one."""

    node: str
    """Of the peer."""
    agent: str
    version: tuple[int, int]
    """Of the peer."""
    path: PathFields | None = None
    """Which path this is, when the peer has dialled by several."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """To a sender: the receiver has taken this carrier."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """To a sender: of what is under way the receiver wants these bodies no more. They are counted, set-up headers
    included, as they were begun, from 0 on."""

    bodies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """To a sender: ``fragments`` arrived that were under way."""

    fragments: int


@dataclass(frozen=True, slots=True)
class EpochDescribed:
    """To a receiver: the epoch exists, or its description changed."""

    epoch: int
    info: StreamInfo
    first: int | None = None
    """The lowest number that the sender holds, if it said so."""


@dataclass(frozen=True, slots=True)
class FragmentReceived:
    """To a receiver: whole, and its digest is right. Its epoch was described before."""

    fragment: Fragment


@dataclass(frozen=True, slots=True)
class PeerReport:
    """What a ping says."""

    budget_seconds: float | None = None
    """Of a receiver: how long the link may now be down before its listeners hear it; None when it does not play."""
    buffer_seconds: float | None = None
    """Of a receiver: how much audio it holds."""
    newest: tuple[int, int] | None = None
    """Of a sender: (epoch, number) of its newest fragment."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The peer's ping."""

    report: PeerReport


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event: nothing more comes, and after what is left to send nothing more goes."""

    code: GoodbyeCode
    reason: str
    by_peer: bool
    """The peer said goodbye; otherwise this side does."""


Event = Welcomed | Wanted | Unwanted | Acknowledged | EpochDescribed | FragmentReceived | Reported | Ended
