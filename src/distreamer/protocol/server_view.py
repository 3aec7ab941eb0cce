"""What a server of players says about itself to those who make its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from distreamer import __version__
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus

SERVER = f"Icecast 2.4.4 compatible; DiStreamer/{__version__}"
"""VLC goes into its live mode, with reconnects, when the name begins with ``Icecast``."""


@dataclass(frozen=True, slots=True)
class Programme:
    """What is on air, as those know it who serve it to players."""

    is_heard: bool = False
    """Whether something is played now, be it filler."""
    title: Callable[[], str] = str
    """What is heard now; asked only when somebody wants to know."""
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
    required_path: str = ""
    """The only path that is served, without its first slash; empty for all. A query counts only when it has one."""
    has_room: bool = True
    """Whether one more listener fits."""
    connected: int = 0
    """Listeners."""
    peak: int = 0
    """The most of them that there ever were."""
    maximum: int = 0
    """MAXLISTENERS."""
    title: Callable[[], str] = str
    """What is heard now; asked only when a page tells it."""
    fragment_numbers: Sequence[int] = ()
    """Of the newest epoch, ascending."""
    store_age_seconds: float = 0.0
    """Since the store last changed."""
