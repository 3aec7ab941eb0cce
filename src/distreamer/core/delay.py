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
LOW_BITRATE = 48_000
"""What MINFRAGMENTS is reckoned at before there is a stream: rather too much is asked for than too little."""


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
        return self._seconds(info.legacy_fragment_bytes, info.format.bitrate or DEFAULT_BITRATE)

    @property
    def expected_seconds(self) -> float:
        """The most that it is likely to be, before there is a stream."""
        return self._seconds(DEFAULT_LEGACY_FRAGMENT_BYTES, LOW_BITRATE)

    @property
    def most_seconds(self) -> float:
        """No stream has a longer delay."""
        return self.maximum_seconds if self._depends_on_the_stream else self.expected_seconds

    @property
    def _depends_on_the_stream(self) -> bool:
        return self.delay_seconds is None and self.minimum_fragments is not None

    def _seconds(self, legacy_fragment_bytes: int, bitrate: int) -> float:
        if self.delay_seconds is not None:
            wanted = self.delay_seconds
        elif self.minimum_fragments is not None:
            size = legacy_fragment_bytes or DEFAULT_LEGACY_FRAGMENT_BYTES
            wanted = seconds_of_bytes(self.minimum_fragments * size, bitrate)
        else:
            wanted = DEFAULT_DELAY_SECONDS
        return min(wanted, self.maximum_seconds)
