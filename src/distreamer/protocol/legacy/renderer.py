"""Our fragments as fragments of DiStreamer 2: blocks of a fixed size, cut out of the stream with ICY metadata in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.protocol.icy import encode_metadata
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import NO_STREAM, Listing, encode_listing, title_text

_SAME_TITLE: Final = b"\0"
"""The metadata block that changes nothing."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a store of DiStreamer 2 would hold at one moment."""

    listing: Listing = NO_STREAM
    fragments: Mapping[int, bytes] = field(default_factory=dict)
    """By number, ascending; exactly those that the list names."""
    ogg_header: bytes = b""
    encoded_listing: bytes = encode_listing(NO_STREAM)


class FragmentRenderer:
    """A store of DiStreamer 2 that is filled with our fragments.

    A *generation* (``sourcegen``) lasts as long as a decoder needs no new start: it ends with the epoch, or where the
    set-up headers change (a chained Ogg stream). The fragments of the one before are then thrown away, the part of
    one that was not full with them. Numbers go on through generations, so that none ever names two fragments, for a
    receiver of DiStreamer 2 keeps what it has under a number.

    Titles are put at the next metadata block behind their place; of two within one interval only the later is
    ever seen. The block that comes first in a generation says the title in force, if one is known.

    Ogg has its titles in its own headers, and receivers of DiStreamer 2 refuse browsers while there is metadata: so
    ``icyint`` is 0 for Ogg until a title changes without new headers, which shows that titles come beside it. From
    then on, after one more change of generation, Ogg has metadata blocks too.
    """

    def __init__(
        self,
        fragment_size: int = limits.FRAGMENT_SIZE,
        fragments_number: int = limits.FRAGMENTS_NUMBER,
        icyint: int = limits.ICYINT,
        first_sourcegen: int = 1,
    ) -> None:
        """``fragment_size`` and ``icyint`` are in bytes; an ``icyint`` of 0 leaves titles out. ``first_sourcegen``
        should differ after each start of the program (the Unix time will do), for a receiver that missed the restart
        takes equal numbers of an equal generation for what it has already."""
        self._fragment_size = fragment_size
        self._fragments_number = fragments_number
        self._wanted_icyint = icyint
        self._sourcegen = first_sourcegen - 1
        self._info: StreamInfo | None = None
        self._epoch: int | None = None
        self._last = 0
        """The number of our fragment that was added last."""
        self._setup = b""
        self._titles_beside_ogg = False
        self._icyint = 0
        self._fragments: dict[int, bytes] = {}
        self._offsets: dict[int, list[int]] = {}
        self._number = 1
        self._filling = bytearray()
        self._audio_left = 0
        self._title: Title | None = None
        self._announced: Title | None = None
        self._block = b""
        """The last that was not empty, without its length byte."""
        self._rendering: Rendering | None = Rendering()

    def add(self, info: StreamInfo, fragment: Fragment) -> None:
        """Takes the next fragment of its epoch, which ``info`` describes. One that is not newer than the one before in
        the same epoch is left out."""
        if fragment.epoch == self._epoch and fragment.number <= self._last:
            return
        self._rendering = None
        goes_on = fragment.epoch == self._epoch and fragment.setup == self._setup
        if fragment.setup and not self._titles_beside_ogg:
            before = self._title if goes_on else fragment.title
            titles = [fragment.title, *(mark.title for mark in fragment.title_marks)]
            self._titles_beside_ogg = any(title != before for title in titles)
            goes_on = goes_on and not (self._titles_beside_ogg and self._wanted_icyint)
        self._info, self._epoch, self._last = info, fragment.epoch, fragment.number
        if not goes_on:
            self._begin(fragment)
        self._title = fragment.title
        place = 0
        for mark in fragment.title_marks:
            self._push_audio(fragment.audio[place : mark.offset])
            self._title = mark.title
            place = mark.offset
        self._push_audio(fragment.audio[place:])

    def rendering(self) -> Rendering:
        """What there is now; the same object until something is added."""
        if self._rendering is None:
            listing = self._listing()
            self._rendering = Rendering(
                listing=listing,
                fragments=MappingProxyType(dict(self._fragments)),
                ogg_header=self._setup,
                encoded_listing=encode_listing(listing),
            )
        return self._rendering

    def _begin(self, fragment: Fragment) -> None:
        self._sourcegen += 1
        self._setup = fragment.setup
        self._icyint = 0 if fragment.setup and not self._titles_beside_ogg else self._wanted_icyint
        self._audio_left = self._icyint
        self._fragments.clear()
        self._offsets.clear()
        self._filling.clear()
        self._announced = None
        self._block = b""

    def _push_audio(self, audio: bytes) -> None:
        if not self._icyint:
            self._push(audio)
            return
        place = 0
        while place < len(audio):
            if not self._audio_left:
                # Only now, so that a title that begins with the next byte of audio is in the block before it.
                self._push_block()
            piece = audio[place : place + self._audio_left]
            self._push(piece)
            self._audio_left -= len(piece)
            place += len(piece)

    def _push_block(self) -> None:
        self._offsets.setdefault(self._number, []).append(len(self._filling))
        if self._title is None or self._title == self._announced:
            self._push(_SAME_TITLE)
        else:
            block = encode_metadata(self._title)
            self._announced = self._title
            self._block = block[1:]
            self._push(block)
        self._audio_left = self._icyint

    def _push(self, data: bytes) -> None:
        place = 0
        while place < len(data):
            piece = data[place : place + self._fragment_size - len(self._filling)]
            self._filling += piece
            place += len(piece)
            if len(self._filling) == self._fragment_size:
                self._fragments[self._number] = bytes(self._filling)
                self._filling.clear()
                self._number += 1
                if len(self._fragments) > self._fragments_number:
                    oldest = next(iter(self._fragments))
                    del self._fragments[oldest]
                    self._offsets.pop(oldest, None)

    def _listing(self) -> Listing:
        return Listing(
            fragmentslist=tuple(self._fragments),
            icylist={number: tuple(offsets) for number, offsets in self._offsets.items()},
            icyint=self._icyint,
            icytitle=title_text(self._block),
            icyheaders={} if self._info is None else headers_of(self._info),
            sourcegen=self._sourcegen,
        )


def headers_of(info: StreamInfo) -> dict[str, str]:
    """How the stream describes itself in ``icyheaders``.

    In ASCII: DiStreamer 2 fails at every listener to whom it would send another character (Python 2.7 cannot write
    such text into a socket). Accents are left out, and what has no ASCII form becomes a question mark.
    """
    station = info.station
    bitrate = str(round(info.format.bitrate / 1000)) if info.format.bitrate else ""
    values = {
        "icy-name": station.name,
        "icy-genre": station.genre,
        "icy-description": station.description,
        "icy-url": station.url,
        "icy-pub": "" if station.public is None else str(int(station.public)),
        "icy-br": bitrate,
        "content-type": info.format.content_type,
    }
    return {name: _plain(value) for name, value in values.items() if value}


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(character for character in parts if not unicodedata.combining(character))
    return "".join(character if " " <= character <= "~" else "?" for character in bare)
