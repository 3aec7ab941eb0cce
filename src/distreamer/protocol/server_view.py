"""What a server of players says about itself to those who make its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from distreamer import AGENT
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus
from distreamer.protocol.forwarded import UNKNOWN_HOST
from distreamer.protocol.player_habits import BodyRules

SERVER = f"Icecast 2.4.4 compatible; {AGENT}"
"""VLC goes into its live mode, with reconnects, when the name begins with ``Icecast``."""


class Refusal(StrEnum):
    """Why somebody is refused."""

    FULL = "full"
    """There are as many listeners as MAXLISTENERS allows."""
    ADDRESS = "address"
    """There are as many from this address as MAXPERADDRESS allows."""
    PASSWORD = "password"
    """The wrong one was given for a page of the operator's."""


@dataclass(frozen=True, slots=True)
class ListenerFacts:
    """What the operator is told about a listener."""

    number: int
    """Counts the listeners since the start."""
    address: str
    """Its IP address."""
    agent: str
    """What it calls itself (User-Agent)."""
    seconds: float
    """For how long it has been listening."""


@dataclass(frozen=True, slots=True)
class Programme:
    """What is on air, as those know it who serve it to players."""

    is_heard: bool = False
    """Whether something is played now, be it filler."""
    title: Callable[[], str] = str
    """What is heard now; asked only when somebody wants to know."""
    title_heard_since: Callable[[], float | None] = lambda: None
    """When that began to be heard (Unix time)."""
    fragment_numbers: Sequence[int] = ()
    """Of the newest epoch, ascending."""
    store_age_seconds: float = 0.0
    """Since the store last changed."""
    elsewhere: ListenersStatus = field(default_factory=ListenersStatus)
    """The listeners that other processes of the same station serve; the peak is that of all."""


@dataclass(frozen=True, slots=True)
class ServerView:
    """What the answers depend on."""

    info: StreamInfo | None
    """What is played; None when there is nothing to play yet."""
    base_url: str = f"http://{UNKNOWN_HOST}"
    """Scheme and host under which the player asked: what addresses on pages begin with."""
    required_path: str = ""
    """The only path that is served, without its first slash; empty for all. A query counts only when it has one."""
    refusal: Refusal | None = None
    """Why the one who asks could not listen now."""
    body: BodyRules = field(default_factory=BodyRules)
    """Which players get which framing."""
    admin_password: str = field(default="", repr=False)
    """What opens the pages that show listeners' addresses; empty: nothing does."""
    connected: int = 0
    """Listeners."""
    unique: int = 0
    """The addresses that they have."""
    peak: int = 0
    """The most of them that there ever were."""
    served: int = 0
    """All that there ever were."""
    maximum: int = 0
    """MAXLISTENERS."""
    average_seconds: float = 0.0
    """For how long those who listen now have been listening, on average."""
    listeners: Callable[[], Sequence[ListenerFacts]] = tuple
    """All of them; asked only when a page shows them."""
    at: float = 0.0
    """Unix time."""
    started_at: float = 0.0
    """Since when the server is there (Unix time)."""
    stream_began_at: float = 0.0
    """Since when there is something to play (Unix time)."""
    title: Callable[[], str] = str
    """What is heard now; asked only when a page tells it."""
    title_heard_since: Callable[[], float | None] = lambda: None
    """When that began to be heard (Unix time)."""
    fragment_numbers: Sequence[int] = ()
    """Of the newest epoch, ascending."""
    store_age_seconds: float = 0.0
    """Since the store last changed."""
