"""How far behind the newest fragment the listeners hear."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.model.audio import StreamInfo
from distreamer.units import seconds_of_bytes

DEFAULT_DELAY_SECONDS = 25.0
DEFAULT_LEGACY_FRAGMENT_BYTES = 81920
"""FRAGMENTSIZE of DiStreamer 2 where nothing else was set."""
DEFAULT_BITRATE = 128_000
"""For a stream that does not tell its own."""


@dataclass(frozen=True, slots=True)
class DelayRule:
    """DELAY when it is set, else what MINFRAGMENTS asks for when that is set, else 25 s."""

    delay_seconds: float | None = None
    """DELAY of the config."""
    minimum_fragments: int | None = None
    """MINFRAGMENTS of the config, in DiStreamer 2 fragments; None when it is not set there."""
    maximum_seconds: float = 300.0
    """No more than this: HISTORY bounds what can be held."""

    def seconds(self, info: StreamInfo) -> float:
        """The delay for a stream."""
        if self.delay_seconds is not None:
            wanted = self.delay_seconds
        elif self.minimum_fragments is not None:
            size = info.legacy_fragment_bytes or DEFAULT_LEGACY_FRAGMENT_BYTES
            wanted = seconds_of_bytes(self.minimum_fragments * size, info.format.bitrate or DEFAULT_BITRATE)
        else:
            wanted = DEFAULT_DELAY_SECONDS
        return min(wanted, self.maximum_seconds)

    @property
    def expected_seconds(self) -> float:
        """The delay as far as it is known before there is a stream."""
        return min(self.delay_seconds or DEFAULT_DELAY_SECONDS, self.maximum_seconds)
