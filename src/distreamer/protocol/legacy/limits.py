"""How much of DiStreamer 2 is taken. It has no limits of its own; these leave room for every sane configuration."""

from __future__ import annotations

FRAGMENT_BYTES = 4_194_304
"""FRAGMENTSIZE is 81920 by default."""
LIST_BYTES = 262_144
"""The list as JSON; one with the default configuration has 600 bytes."""
OGG_HEADER_BYTES = 1_048_576
MESSAGE_TEXT_BYTES = 1_024
"""The text of an ``err``, and the content of a message that is not known here."""
HELD_BYTES = 67_108_864
"""Fragments that wait for the list that names them; the oldest are dropped."""
LISTED_FRAGMENTS = 10_000
LISTED_BLOCKS = 10_000
"""Metadata blocks in a fragment."""
LARGEST_NUMBER = 2**53 - 1
"""What every JSON implementation holds exactly (RFC 8259, section 6)."""
NUMBER_DIGITS = 16
LINE_BYTES = 1_024
"""A line that opens a conversation, or that is in front of a message."""

FRAGMENT_SIZE = 81_920
"""Default of FRAGMENTSIZE in bytes: 5 seconds at 128 kbit/s."""
FRAGMENTS_NUMBER = 5
"""Default of FRAGMENTSNUMBER."""
ICYINT = 8_192
"""Default of ICYINT in bytes."""
