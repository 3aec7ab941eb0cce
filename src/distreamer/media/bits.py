"""Fields of bits packed into bytes, the most significant bit first."""

from __future__ import annotations

from collections.abc import Iterable


class BitReader:
    """Takes fields out of bytes, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, bits: int) -> int:
        """The next field; raises ValueError when fewer bits are left."""
        if bits > self._left:
            raise ValueError("the bytes end inside a field")
        self._left -= bits
        return self._number >> self._left & (1 << bits) - 1


def packed(fields: Iterable[tuple[int, int]]) -> bytes:
    """The bytes of ``fields``, each a value and its width in bits; zeros fill up the last byte."""
    number = width = 0
    for value, bits in fields:
        number = number << bits | value
        width += bits
    spare = -width % 8
    return (number << spare).to_bytes((width + spare) // 8, "big")
