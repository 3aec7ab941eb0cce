"""Ogg behind a join: a logical stream that goes on behind another one begins anew (RFC 3533, section 4), but for FLAC.

In a chain of logical streams each begins with its headers, and players count its time from 0. One that is taken up in
its middle goes on with the page sequence and granule positions that it had: VLC then waits for the difference to pass.

What ends gets no page that says so (EOS), as when an encoder breaks off: it would have to be known before.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from distreamer.media.flac_join import FlacJoins, flac_codec
from distreamer.media.ogg_codec import OggCodec
from distreamer.media.ogg_pages import NO_GRANULE, Page, renamed, whole_pages
from distreamer.media.ogg_stream import LogicalStream
from distreamer.model.audio import Codec

_CODECS = {Codec.VORBIS, Codec.OPUS}
"""Codecs whose granule positions are understood, and of which players take a chain."""
_SEQUENCES = 1 << 32


class OggJoins:
    """Passes on what is played, fragment by fragment; what begins in the middle of its logical stream, and behind
    another one, as one of its own, until its source begins another. FLAC goes on in the one that was played before.

    Left as they are: what comes first of all, a stream from its first page on, sets of several streams, and other
    codecs than Vorbis, Opus and FLAC.
    """

    def __init__(self) -> None:
        self._setup = b""
        self._link: _Link | None = None
        self._flac: FlacJoins | None = None
        """While it is FLAC."""

    def joined(
        self, setup: bytes, audio: bytes, *, is_apart: bool = False, is_cut: bool = False
    ) -> tuple[bytes, bytes]:
        """The header pages ``setup`` and the whole pages ``audio`` that they belong to, as they are to be played.
        ``is_apart``: another stream was played since the last call. ``is_cut``: what was played before is not what
        stood before them where they are from."""
        if setup != self._setup:
            self._flac = (self._flac or FlacJoins()) if flac_codec(setup) else None
        if self._flac is not None:
            self._setup, self._link = setup, None
            return self._flac.joined(setup, audio, is_join=is_apart or is_cut)
        is_other = setup != self._setup or is_apart
        is_first = not self._setup and not is_apart
        self._setup = setup
        if not is_other and self._link is None:
            return setup, audio
        pages = whole_pages(audio)
        if is_other or self._link is None or not self._link.goes_on(pages):
            self._link = None if is_first else _link(setup, pages)
        return (setup, audio) if self._link is None else (self._link.setup, self._link.audio(pages))

    def filling(self, setup: bytes, audio: bytes) -> tuple[bytes, bytes]:
        """Filler, which comes as a logical stream of its own, as it is to be played behind what was given last."""
        return (setup, audio) if self._flac is None else self._flac.joined(setup, audio, is_join=True)


class _Link:
    """One logical stream under another serial number, from 0 on."""

    def __init__(self, headers: Sequence[Page], codec: OggCodec, first: Page) -> None:
        # By chance, and yet the same wherever the same is joined.
        self._serial = zlib.crc32(first.data)
        self._codec = codec
        self._skipped_pages = first.sequence - len(headers)
        self._next_sequence = first.sequence
        self._skipped_ticks: int | None = None
        """None until a page says where it is."""
        self._ticks = self._open_ticks = 0
        self.setup = b"".join(renamed(page, self._serial, number, page.granule) for number, page in enumerate(headers))

    def goes_on(self, pages: Sequence[Page]) -> bool:
        """Whether ``pages`` can be the next ones: a source that gives the same headers again counts from 0 again."""
        return bool(pages) and (pages[0].sequence - self._next_sequence) % _SEQUENCES < _SEQUENCES // 2

    def audio(self, pages: Sequence[Page]) -> bytes:
        """The next pages, rewritten."""
        self._next_sequence = pages[-1].sequence + 1
        return b"".join(
            renamed(page, self._serial, (page.sequence - self._skipped_pages) % _SEQUENCES, self._granule(page))
            for page in pages
        )

    def _granule(self, page: Page) -> int:
        if self._skipped_ticks is None:
            self._count(page)
        if page.granule == NO_GRANULE:
            return NO_GRANULE
        if self._skipped_ticks is None:
            self._skipped_ticks = page.granule - self._ticks
        return max(page.granule - self._skipped_ticks, 0)

    def _count(self, page: Page) -> None:
        """Adds the packets that end on ``page``, of which a decoder plays those that begin behind the join.

        The first one of Vorbis, which only primes it, counts as if another stood before: libavformat gives it a time
        of its own, which must not lie before the stream's start.
        """
        goes_on = page.continued
        for part in page.packets():
            if not goes_on:
                if not self._ticks:
                    self._codec.packet_ticks(part.data)
                self._open_ticks = self._codec.packet_ticks(part.data)
            goes_on = False
            self._ticks += self._open_ticks if part.ends else 0


def _link(setup: bytes, pages: Sequence[Page]) -> _Link | None:
    """None where nothing can or need be rewritten."""
    headers = whole_pages(setup)
    if not headers or not pages or not headers[0].begins:
        return None
    if len({page.serial for page in (*headers, *pages)}) > 1:
        return None
    stream = LogicalStream(headers[0], 0)
    for page in headers:
        stream.add_header_page(page)
    begins_here = headers[0].sequence == 0 and pages[0].sequence == len(headers)
    if begins_here or stream.codec.format.codec not in _CODECS or not stream.headers_complete:
        return None
    return _Link(headers, stream.codec, pages[0])
