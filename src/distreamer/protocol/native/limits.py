"""The numbers of ``docs/protocol.md``."""

from __future__ import annotations

from dataclasses import dataclass, replace

VERSION = (3, 0)
"""Major and minor version of the wire that this code speaks."""

MESSAGE_BYTES = 65_536
HEADER_BYTES = 32_768
PIECE_BYTES = 4_096
"""The largest payload of a piece that is taken."""
SENT_PIECE_BYTES = 2_048
"""The payload of a piece that is sent: a second apart even at 16 kbit/s."""
FRAGMENT_BYTES = 2_097_152
SETUP_BYTES = 1_048_576
TEXT_CHARACTERS = 1_024
NAME_CHARACTERS = 64
LARGEST_INTEGER = 2**53 - 1
"""What every JSON implementation holds exactly (RFC 8259, section 6)."""
LARGEST_EPOCH = 2**63 - 1
TITLE_MARKS = 16
DIGEST_BYTES = 16
HELD_EPOCHS = 16
HELD_RANGES = 256
KNOWN_EPOCHS = 32
"""Descriptions of epochs that a receiver keeps."""
WANTED_SECONDS = 86_400.0
SHARE_PARTS = 64
"""Parts into which numbers are dealt, at the most."""
PATHS = 64
"""Ranks that a path may have."""

WINDOW_FRAGMENTS = 8
WINDOW_BYTES = 262_144
"""What may be on its way without a ``have``: enough for 6 times 128 kbit/s over a satellite, and little to send again
after an outage."""

FEWEST_ITERATIONS = 4_096
"""RFC 7677, section 4."""
MOST_ITERATIONS = 250_000
"""An impostor must not keep this machine busy: about 0.1 s on a small one."""
ITERATIONS = 16_384
"""4 ms on a PC, spent at each handshake by the dialler, so that raced carriers stay cheap."""
USER_NAME = "distreamer"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    ping: float = 0.7
    dead: float = 2.5
    dead_round_trips: float = 4.0
    dead_beyond_round_trips: float = 1.0
    dialler_handshake: float = 3.0
    acceptor_handshake: float = 5.0

    def lasting(self, seconds: float | None) -> Timing:
        """The same for a carrier that goes on by itself after an outage of so many seconds."""
        return self if seconds is None else replace(self, dead=max(self.dead, seconds))

    def dead_after(self, shortest_round_trip: float | None) -> float:
        """How long a peer may be silent. The shortest round trip counts, because a full queue makes long ones."""
        if shortest_round_trip is None:
            return self.dead
        return max(self.dead, self.dead_round_trips * shortest_round_trip + self.dead_beyond_round_trips)
