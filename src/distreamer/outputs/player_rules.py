"""What a station allows its players, as the processes that serve them must know it."""

from __future__ import annotations

from dataclasses import dataclass, field

from distreamer.core.format_change import OnFormatChange
from distreamer.protocol.forwarded import TrustedProxies
from distreamer.protocol.player_habits import BodyRules


@dataclass(frozen=True, slots=True)
class PlayerRules:
    """What a station allows its players."""

    burst_seconds: float
    """How much of what was played before a new listener gets at once."""
    timeout_seconds: float
    """Listeners without audio for so long are disconnected; 0 for never."""
    required_path: str
    """The only path that is served; empty for all."""
    most_listeners: int
    most_per_address: int = 0
    """Listeners from one address; 0 for any number."""
    trusted_proxies: TrustedProxies = field(default_factory=TrustedProxies)
    body: BodyRules = field(default_factory=BodyRules)
    admin_password: str = field(default="", repr=False)
    """Opens the pages that show listeners' addresses; empty: nothing does."""
    on_format_change: OnFormatChange = OnFormatChange.KEEP
    """Who stays when another stream begins to be played."""
