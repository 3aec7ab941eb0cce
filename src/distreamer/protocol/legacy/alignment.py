"""Where metadata blocks lie in byte-cut fragments: arithmetic on ``icylist``, ``icyint`` and length bytes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from distreamer.errors import ProtocolError
from distreamer.protocol.icy import MAXIMUM_BLOCK_BYTES, UNIT_BYTES
from distreamer.protocol.legacy.listing import Listing


def block_offsets(fragment: bytes, first: int, icyint: int) -> tuple[tuple[int, ...], int]:
    """The offsets of the metadata blocks in ``fragment`` whose first is at ``first``, and how many bytes into the next
    fragment the one behind them begins. ``icyint`` 0: there are none, and 0."""
    if not icyint:
        return (), 0
    offsets = []
    place = first
    while place < len(fragment):
        offsets.append(place)
        place += 1 + fragment[place] * UNIT_BYTES + icyint
    return tuple(offsets), place - len(fragment)


def first_block(number: int, fragments: Mapping[int, bytes], listing: Listing) -> int | None:
    """Bytes from the beginning of that fragment to the first metadata block in or behind it; None when the list does
    not say, or when a fragment between them is not here."""
    distance = 0
    while True:
        if offsets := listing.icylist.get(number):
            return distance + offsets[0]
        fragment = fragments.get(number)
        if fragment is None:
            return None
        distance += len(fragment)
        number += 1


def rest_of_block(number: int, until_block: int, icyint: int) -> int:
    """How many bytes at the beginning of that fragment belong to a metadata block that began in the one before, when
    the next block is ``until_block`` bytes away. Raises ProtocolError for a distance that no block explains."""
    if not icyint or until_block <= icyint:
        return 0
    rest = until_block - icyint
    if rest > MAXIMUM_BLOCK_BYTES:
        raise ProtocolError(
            f"the list puts the first metadata block {until_block} bytes behind the beginning of fragment {number};"
            f" the limit is icyint, {icyint}, and {MAXIMUM_BLOCK_BYTES}"
        )
    return rest


def title_begins_later(number: int, size: int, listing: Listing) -> bool:
    """Whether the list shows a block that is not empty in that fragment, which has ``size`` bytes, or behind it:
    then ``icytitle`` is not yet in force where it begins. What the last block holds, no list shows; it is taken for
    empty, as nearly all are, else ``icytitle`` comes early by what the list holds."""
    places = [
        (listed - number) * size + offset
        for listed, offsets in sorted(listing.icylist.items())
        if listed >= number
        for offset in offsets
    ]
    return any(behind - place != 1 + listing.icyint for place, behind in pairwise(places))
