"""Fields of bits packed into bytes, the most significant bit first."""

from __future__ import annotations

from collections.abc import Iterable


def packed(fields: Iterable[tuple[int, int]]) -> bytes:
    """The bytes of ``fields``, each a value and its width in bits; zeros fill up the last byte."""
    number = width = 0
    for value, bits in fields:
        number = number << bits | value
        width += bits
    spare = -width % 8
    return (number << spare).to_bytes((width + spare) // 8, "big")
