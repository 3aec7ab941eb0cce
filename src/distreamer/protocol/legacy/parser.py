"""Fragments of DiStreamer 2 as audio and titles, in order, whatever order and holes they came in.

parser.take_fragment(8, data)
parser.take_list(listing)
while (event := parser.next_event()) is not None: ...
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.charset import DEFAULT_CHARSET
from distreamer.protocol.http1 import Headers
from distreamer.protocol.icy import Audio, IcyDemuxer, MetadataBlock, parse_metadata
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.alignment import block_offsets, first_block, rest_of_block, title_begins_later
from distreamer.protocol.legacy.listing import NO_STREAM, Listing

_SLICE_BYTES: Final = 16_384
"""How much of a fragment is taken apart in one go."""


@dataclass(frozen=True, slots=True)
class SourceBegins:
    """A stream begins; what follows cannot be joined to what was before."""

    headers: Headers
    """The source's, as it sent them."""


@dataclass(frozen=True, slots=True)
class TitleChanged:
    """A title that begins with the next byte of audio."""

    title: Title


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio of the same stream is missing here. With Ogg the header comes once more behind it."""

    fragments: int
    """How many are missing; 0 when the bytes that came were not those that the list speaks of."""


ParserEvent = SourceBegins | Audio | TitleChanged | Gap


class FragmentParser:
    """Outlives connections: what a peer sends after a reconnection goes on without a gap.

    A fragment counts once a list names it, because only the list says to which connection of the source it belongs
    and where its metadata is. Another ``sourcegen`` begins a new stream, and so does a list whose numbers went back
    (the peer was restarted, and counts its generations from 1 again).
    """

    def __init__(self, list_closes_round: bool, charset: str = DEFAULT_CHARSET) -> None:
        """``list_closes_round``: fragments come before the list that names them, and what it names and is not here
        comes no more (the persistent wires). Otherwise fragments may come behind their list (polling).
        ``charset`` is that of titles that are not UTF-8."""
        self.duplicates = 0
        """Fragments that came again."""
        self.dropped = 0
        """Fragments that came and were never heard: no list named them in time, or too many waited for one."""
        self._list_closes_round = list_closes_round
        self._charset = charset
        self._listing = NO_STREAM
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0
        self._unlisted: set[int] = set()
        """What is held and waits for the next list: of which stream it is, is not known before."""
        self._given_up: set[int] = set()
        self._ogg_header = b""
        self._events: deque[ParserEvent] = deque()
        self._reading = b""
        self._place = 0
        self._begin()

    # -- what arrives

    def take_fragment(self, number: int, data: bytes) -> None:
        """A whole fragment. Raises ProtocolError for a number or a size that cannot be."""
        if not 1 <= number <= limits.LARGEST_NUMBER:
            raise ProtocolError(f"fragment number {number}; it must lie between 1 and {limits.LARGEST_NUMBER}")
        if not 0 < len(data) <= limits.FRAGMENT_BYTES:
            raise ProtocolError(
                f"fragment {number} has {len(data)} bytes; it must have between 1 and {limits.FRAGMENT_BYTES}"
            )
        if not self._list_closes_round and number < self._next and number in self._listing.fragmentslist:
            self.duplicates += 1
            return
        if number in self._held:
            self.duplicates += 1
            self._drop(number)
        self._held[number] = data
        self._held_bytes += len(data)
        if self._list_closes_round or number not in self._listing.fragmentslist:
            self._unlisted.add(number)
        while self._held_bytes > limits.HELD_BYTES:
            self._drop(next(iter(self._held)))
            self.dropped += 1

    def take_ogg_header(self, header: bytes) -> None:
        """The set-up pages; empty for anything but Ogg. Raises ProtocolError when they are too long."""
        if len(header) > limits.OGG_HEADER_BYTES:
            raise ProtocolError(f"an ogg header of {len(header)} bytes; the limit is {limits.OGG_HEADER_BYTES}")
        self._ogg_header = header

    def take_list(self, listing: Listing) -> None:
        """The list as it is now."""
        before, self._listing = self._listing, listing
        arrived, self._unlisted = self._unlisted, set()
        listed = set(listing.fragmentslist) if listing.has_stream else set()
        if self._is_other_stream(before):
            listed &= arrived
            self._begin()
        for number in [number for number in self._held if number not in listed or number < self._next]:
            if number < self._next:
                self.duplicates += 1
            else:
                self.dropped += 1
            self._drop(number)
        self._given_up &= listed

    def give_up(self, number: int) -> None:
        """The list names that fragment, and it cannot be had."""
        self._given_up.add(number)

    def reconnected(self) -> None:
        """The peer may be another process now: what no list named yet could be of another stream."""
        for number in tuple(self._unlisted):
            self._drop(number)
            self.dropped += 1

    # -- what is held

    @property
    def holdings(self) -> tuple[int, ...]:
        """The fragments that need not be sent (again), ascending."""
        taken = {number for number in self._listing.fragmentslist if number < self._next}
        return tuple(sorted(taken | self._held.keys()))

    @property
    def held_listing(self) -> Listing:
        """The list that this store would answer with: that of the sender, with what is here."""
        return self._listing.model_copy(update={"fragmentslist": self.holdings})

    # -- what comes out

    def next_event(self) -> ParserEvent | None:
        """The next, or None until more arrives. Raises ProtocolError for a fragment that contradicts its list; that
        fragment is left out then, and all that was before it has come already."""
        while not self._events:
            if self._place < len(self._reading):
                self._read_on()
            elif not self._release():
                return None
        return self._events.popleft()

    def _is_other_stream(self, before: Listing) -> bool:
        listing = self._listing
        went_back = bool(listing.fragmentslist) and listing.fragmentslist[-1] < self._next - 1
        return (listing.sourcegen, listing.icyint) != (before.sourcegen, before.icyint) or went_back

    def _begin(self) -> None:
        while self._place < len(self._reading):
            self._read_on()
        self._began = False
        self._next = 0
        """Number behind the last fragment that was released; 0 before the first."""
        self._until_block: int | None = None
        """Bytes from the beginning of the next fragment to its first metadata block; None when it is not known."""
        self._title: Title | None = None
        self._demuxer = IcyDemuxer(0)
        self._rest_of_block = 0
        """Bytes to leave out: of a metadata block whose beginning is lost."""

    def _drop(self, number: int) -> None:
        self._held_bytes -= len(self._held.pop(number))
        self._unlisted.discard(number)

    def _candidate(self) -> int | None:
        """The fragment whose turn it is, if it is here and a list names it."""
        numbers = self._listing.fragmentslist
        for number in islice(numbers, bisect_left(numbers, self._next), None):
            if number in self._given_up:
                continue
            if number in self._held and number not in self._unlisted:
                return number
            if not self._list_closes_round:
                return None
        return None

    def _release(self) -> bool:
        """Takes the next fragment, if its turn has come; says whether it did."""
        number = self._candidate()
        if number is None:
            return False
        missing = number - self._next if self._next else 0
        try:
            opened = self._open(number, missing)
        except ProtocolError:
            self._drop(number)
            self.dropped += 1
            self._next = number + 1
            self._until_block = None
            raise
        return opened

    def _open(self, number: int, missing: int) -> bool:
        fragment = self._held[number]
        icyint = self._listing.icyint
        listed = self._listing.icylist.get(number, ()) if icyint else ()
        if listed and listed[-1] >= len(fragment):
            raise ProtocolError(
                f"the list puts a metadata block at byte {listed[-1]} of fragment {number}, which has {len(fragment)}"
            )
        until_block = None if missing else self._until_block
        if until_block is not None and not _agree(block_offsets(fragment, until_block, icyint)[0], listed):
            until_block = None
        lost = until_block is None
        if until_block is None:
            until_block = first_block(number, self._held, self._listing) if icyint else 0
        if until_block is None:
            return False
        offsets, behind = block_offsets(fragment, until_block, icyint)
        if not _agree(offsets, listed):
            raise ProtocolError(
                f"fragment {number} has metadata blocks at bytes {_few(offsets)}; the list says {_few(listed)}"
            )
        if lost:
            self._rest_of_block = rest_of_block(number, until_block, icyint)
            self._start_over(number, missing, until_block)
        self._reading, self._place = fragment, 0
        self._until_block = behind
        self._next = number + 1
        self._drop(number)
        return True

    def _start_over(self, number: int, missing: int, until_block: int) -> None:
        """The stream begins, or goes on behind something that is lost."""
        listing = self._listing
        if not self._began:
            self._began = True
            self._events.append(SourceBegins(listing.headers))
        else:
            self._events.append(Gap(missing))
        if self._ogg_header:
            self._events.append(Audio(self._ogg_header))
        self._demuxer = IcyDemuxer(listing.icyint)
        if until_block < listing.icyint:
            # As if the audio in front had been fed.
            self._demuxer.feed(bytes(listing.icyint - until_block))
        if listing.icyint and not title_begins_later(number, len(self._held[number]), listing):
            self._change_title(listing.title_block)

    def _read_on(self) -> None:
        piece = self._reading[self._place : self._place + _SLICE_BYTES]
        self._place += len(piece)
        left_out = min(self._rest_of_block, len(piece))
        self._rest_of_block -= left_out
        audio: list[bytes] = []
        for event in self._demuxer.feed(piece[left_out:]):
            if isinstance(event, MetadataBlock):
                self._flush(audio)
                self._change_title(event.data)
            else:
                audio.append(event.data)
        self._flush(audio)

    def _flush(self, audio: list[bytes]) -> None:
        if audio:
            self._events.append(Audio(b"".join(audio)))
            audio.clear()

    def _change_title(self, block: bytes) -> None:
        title = parse_metadata(block, self._charset)
        if title is not None and title != self._title:
            self._title = title
            self._events.append(TitleChanged(title))


def _agree(offsets: tuple[int, ...], listed: tuple[int, ...]) -> bool:
    """A list that was made while the fragment was being filled may name fewer."""
    return offsets[: len(listed)] == listed


def _few(offsets: tuple[int, ...]) -> str:
    return ", ".join(map(str, offsets[:4])) + (", …" if len(offsets) > 4 else "") if offsets else "none"
