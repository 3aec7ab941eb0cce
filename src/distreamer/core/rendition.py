"""What listeners are sent, rendered once for all of them: a ring of the last half minute, clean and with ICY metadata.

A fragment becomes a chunk. Those who hear it are sent the very same bytes object; each of them is only a cursor.

With ICY metadata a player counts: a block comes after every METADATA_INTERVAL bytes of audio, from its first byte
on. All players share one grid of blocks, so who begins must begin where the grid does, and yet at a frame. The bytes
between a place of the grid and the first frame are filled with an empty ID3v2 tag, which decoders skip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from distreamer.core.format_change import OnFormatChange
from distreamer.core.played import RECENT_BYTES, RECENT_SECONDS, Played
from distreamer.model.audio import Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.protocol.icy import encode_metadata
from distreamer.protocol.listener_http import METADATA_INTERVAL

FORWARD_SECONDS = 10.0
"""Who is so slow that the ring has passed, goes on this far behind the newest chunk."""
OVERLAP_SECONDS = 4.0
"""Of what an earlier run of the program gave out, so much may not have reached its listeners: a crowd is served within
two seconds, and as much may be on its way."""
SMALLEST_TAG = 10
"""Bytes of an ID3v2 header; a shorter gap cannot be filled."""
MAXIMUM_JOINED = 8
"""Joined runs of chunks kept for the next listener at the same place, until the next chunk."""
NO_TITLE = b"\0"
"""The metadata block that says nothing."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A fragment as it is sent."""

    fragment: Fragment
    seconds: float
    interleaved: bytes
    """With metadata blocks; empty for Ogg."""
    phase: int
    """Bytes of audio between the last block and its first byte; METADATA_INTERVAL when a block comes first."""
    end_phase: int
    """The same behind its last byte."""


@dataclass(slots=True)
class Cursor:
    """A listener's place in the ring."""

    number: int
    """Of the chunk that it gets next."""
    icy: bool
    phase: int = 0
    """Bytes of audio that the listener has counted since its last metadata block."""
    setup: bytes = b""
    """The Ogg header pages that it got last."""
    moved_forward: int = 0
    """How often it was too slow and lost audio."""


class Rendition:
    """The ring. What its listeners cannot go on with needs a rendition, and listeners, of its own."""

    def __init__(self, info: StreamInfo) -> None:
        self._codec = info.format.codec
        self._format = info.format
        """Of the newest chunk."""
        self._format_began = 0
        """The first chunk from which a decoder goes on to the newest without a new start."""
        self._own_from = 0
        """The first chunk that no earlier run of the program gave out."""
        self._chunks: deque[Chunk] = deque()
        self._first = 0
        self._seconds = 0.0
        self._size = 0
        self._phase = 0
        self._joined: dict[tuple[int, bool, int, bytes, int], tuple[bytes, int]] = {}

    @property
    def first(self) -> int:
        """The number of the oldest chunk held; chunks count from 0."""
        return self._first

    @property
    def next(self) -> int:
        """The number of the chunk that comes next."""
        return self._first + len(self._chunks)

    def accepts(self, info: StreamInfo, rule: OnFormatChange = OnFormatChange.KEEP) -> bool:
        """Whether those who listen go on with such a stream."""
        return rule.keeps(self._format, info.format)

    def add(self, played: Played) -> None:
        """Renders a fragment that is due; the oldest chunks make room."""
        fragment, start = played.fragment, self._phase
        if not self._format.joins(played.info.format):
            self._format_began = self.next
        self._format = played.info.format
        interleaved = b""
        if not self._codec.is_ogg:
            interleaved, self._phase = interleave(
                fragment.audio, start, lambda offset: metadata_block(title_at(fragment, offset))
            )
        self._chunks.append(Chunk(fragment, played.seconds, interleaved, start, self._phase))
        if played.by_earlier_run:
            self._own_from = self.next
        self._seconds += played.seconds
        self._size += len(fragment.audio)
        self._joined.clear()
        while len(self._chunks) > 1 and (self._seconds > RECENT_SECONDS or self._size > RECENT_BYTES):
            oldest = self._chunks.popleft()
            self._first += 1
            self._seconds -= oldest.seconds
            self._size -= len(oldest.fragment.audio)

    def enter(self, burst_seconds: float, *, icy: bool) -> Cursor:
        """A new listener's place: up to ``burst_seconds`` of what was played already come first, and at least the
        last chunk unless it is 0; but nothing of a format that is over.

        As long as the ring reaches back to what an earlier run of the program gave out, more comes first if need be:
        its listeners come again, and are to miss nothing, however long the program took to start."""
        place = self._place(burst_seconds)
        if burst_seconds > 0 and self._first < self._own_from:
            place = min(place, self._place(min(burst_seconds, OVERLAP_SECONDS), before=self._own_from))
        return Cursor(max(place, self._format_began), icy and not self._codec.is_ogg)

    def take(self, cursor: Cursor, limit: int) -> bytes | None:
        """What ``cursor`` has not yet got, up to the end of the chunk with which it becomes ``limit`` bytes; None
        when there is nothing. For those who are up to date it is the same object."""
        if cursor.number >= self.next:
            return None
        if cursor.number < self._first:
            cursor.number = self._place(FORWARD_SECONDS)
            cursor.moved_forward += 1
        chunk = self._chunks[cursor.number - self._first]
        if cursor.number + 1 == self.next and self._goes_on(cursor, chunk):
            self._advance(cursor, chunk)
            return chunk.interleaved if cursor.icy else chunk.fragment.audio
        return self._join(cursor, limit)

    def _join(self, cursor: Cursor, limit: int) -> bytes:
        """Several chunks, or one with something before it; rendered once for all at the same place."""
        key = (cursor.number, cursor.icy, cursor.phase, cursor.setup, limit)
        known = self._joined.get(key)
        if known is not None:
            data, end = known
            for number in range(cursor.number, end):
                self._advance(cursor, self._chunks[number - self._first])
            return data
        parts: list[bytes] = []
        size = 0
        while cursor.number < self.next and size < limit:
            chunk = self._chunks[cursor.number - self._first]
            for part in self._parts(cursor, chunk):
                parts.append(part)
                size += len(part)
            self._advance(cursor, chunk)
        data = b"".join(parts)
        if len(self._joined) < MAXIMUM_JOINED:
            self._joined[key] = (data, cursor.number)
        return data

    def _parts(self, cursor: Cursor, chunk: Chunk) -> list[bytes]:
        """A chunk as ``cursor`` must get it, wherever it was before."""
        fragment = chunk.fragment
        if not cursor.icy:
            changed = bool(fragment.setup) and fragment.setup != cursor.setup
            return [fragment.setup, fragment.audio] if changed else [fragment.audio]
        if cursor.phase == chunk.phase:
            return [chunk.interleaved]
        if self._codec is Codec.OPAQUE:
            return [_from_phase(fragment, chunk.phase, cursor.phase)]
        return [_filling(cursor.phase, chunk), chunk.interleaved]

    def _goes_on(self, cursor: Cursor, chunk: Chunk) -> bool:
        if cursor.icy:
            return cursor.phase == chunk.phase
        return not chunk.fragment.setup or chunk.fragment.setup == cursor.setup

    def _advance(self, cursor: Cursor, chunk: Chunk) -> None:
        cursor.number += 1
        cursor.setup = chunk.fragment.setup
        opaque = self._codec is Codec.OPAQUE and cursor.icy
        if not opaque or _skipped(chunk.phase, cursor.phase) < len(chunk.fragment.audio):
            cursor.phase = chunk.end_phase

    def _place(self, seconds: float, before: int | None = None) -> int:
        """The number of the chunk with which up to ``seconds`` begin, ``before`` that chunk or up to now."""
        end = self.next if before is None else before
        number, total = end, 0.0
        for chunk in islice(reversed(self._chunks), self.next - end, None):
            total += chunk.seconds
            if seconds <= 0 or (total > seconds and number < end):
                break
            number -= 1
        return number


def interleave(audio: bytes, phase: int, block_at: Callable[[int], bytes]) -> tuple[bytes, int]:
    """``audio`` with a metadata block wherever METADATA_INTERVAL bytes were counted, beginning at ``phase``; and the
    phase behind it. ``block_at`` gives the block that stands before the byte at an offset."""
    parts: list[bytes] = []
    offset = 0
    while offset < len(audio):
        if phase == METADATA_INTERVAL:
            parts.append(block_at(offset))
            phase = 0
        step = min(METADATA_INTERVAL - phase, len(audio) - offset)
        parts.append(audio[offset : offset + step])
        offset += step
        phase += step
    return b"".join(parts), phase


def title_at(fragment: Fragment, offset: int) -> Title | None:
    """The title in force for the byte at ``offset`` of a fragment's audio."""
    title = fragment.title
    for mark in fragment.title_marks:
        if mark.offset > offset:
            break
        title = mark.title
    return title


def metadata_block(title: Title | None) -> bytes:
    """The title in full, although it may not have changed: it is the first block of those who just joined."""
    return NO_TITLE if title is None else encode_metadata(title)


def empty_tag(size: int) -> bytes:
    """An ID3v2.4 tag of ``size`` bytes (at least SMALLEST_TAG) that holds nothing but padding (ID3v2.4.0 main
    structure, sections 3.1 and 3.3)."""
    inner = size - SMALLEST_TAG
    sizes = bytes(inner >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + bytes(inner)


def _filling(phase: int, chunk: Chunk) -> bytes:
    """What brings a listener that counted ``phase`` to the phase of ``chunk``."""
    size = chunk.phase - phase
    if size < 0:
        size += METADATA_INTERVAL
    if 0 < size < SMALLEST_TAG:
        size += METADATA_INTERVAL
    if size == 0:
        return b""
    return interleave(empty_tag(size), phase, lambda _: metadata_block(chunk.fragment.title))[0]


def _skipped(chunk_phase: int, phase: int) -> int:
    """Bytes of audio of a chunk before the first place that has the phase of the listener."""
    return (phase - chunk_phase) % METADATA_INTERVAL


def _from_phase(fragment: Fragment, chunk_phase: int, phase: int) -> bytes:
    """The rest of a fragment that may be cut anywhere, from the first place on that has ``phase``."""
    skipped = _skipped(chunk_phase, phase)
    rest = fragment.audio[skipped:]
    return interleave(rest, phase, lambda offset: metadata_block(title_at(fragment, skipped + offset)))[0]
