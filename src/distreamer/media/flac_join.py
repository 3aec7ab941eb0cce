"""Ogg FLAC behind a join: it goes on in the logical stream that runs there, as if it had been encoded in one go.

Players do not go through a chain of FLAC as through one of Vorbis: VLC 3 is mute behind each link for about as long as
that lasted, and libavformat 59 calls it an error. So nothing may jump: neither page sequence nor granule positions, nor
the numbers of the frames, by which GStreamer 1.22 tells the time.
"""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.media.flac import FlacCodec
from distreamer.media.flac_frame import frame_number, renumbered
from distreamer.media.ogg import FRAME_LIMIT
from distreamer.media.ogg_pages import NO_GRANULE, SEQUENCE_MASK, Page, whole_pages, without_end
from distreamer.media.ogg_stream import LogicalStream
from distreamer.media.ogg_writer import PageWriter


class FlacJoins:
    """Passes on what is played, fragment by fragment; what stands behind a join goes on in the logical stream that was
    played before it, until its source begins another.

    Left as it is, behind a join too, what the running decoder cannot play: other samples, or blocks of another size.
    """

    def __init__(self) -> None:
        self._setup = b""
        """The header pages of what came last."""
        self._last = b"", b""
        """What was passed on last as it is: header pages and audio."""
        self._run: _Run | None = None

    def joined(self, setup: bytes, audio: bytes, *, is_join: bool) -> tuple[bytes, bytes]:
        """The header pages ``setup`` and the whole pages ``audio`` that they belong to, as they are to be played.
        ``is_join``: what was played before them is not what they were encoded behind.

        No page says that its logical stream ends (EOS): filler may follow.
        """
        is_other, self._setup = setup != self._setup, setup
        pages = whole_pages(audio) if is_other or is_join or self._run else []
        if is_join or (is_other and not _is_first(setup, pages)):
            run = self._run or _running(*self._last)
            self._run = run if run and run.takes(setup) else None
        elif is_other:
            self._run = None
        if self._run is not None:
            return self._run.setup, self._run.audio(pages)
        self._last = setup, without_end(audio)
        return self._last


class _Run:
    """The logical stream that runs, behind what was played of it as it is.

    Each frame is written on pages of its own: its number may take more bytes than before.
    """

    def __init__(self, setup: bytes, codec: FlacCodec, writer: PageWriter, granule: int, number: int) -> None:
        """``granule`` and ``number`` are those of the frame that was played last."""
        self.setup = setup
        self._codec = codec
        self._writer = writer
        self._granule = granule
        self._number = number
        self._packets = _Packets()

    def takes(self, setup: bytes) -> bool:
        """Whether its decoder plays what has the header pages ``setup``."""
        codec = flac_codec(setup)
        return codec is not None and codec.format == self._codec.format and codec.block_size == self._codec.block_size

    def audio(self, pages: Sequence[Page]) -> bytes:
        """The frames that are whole with ``pages``, as what comes next."""
        return b"".join(self._written(packet) for page in pages for packet in self._packets.feed(page))

    def _written(self, packet: bytes) -> bytes:
        ticks = self._codec.packet_ticks(packet)
        if ticks:
            self._granule += ticks
            self._number += 1
        is_intact = frame_number(packet) is not None
        return self._writer.pages([renumbered(packet, self._number) if is_intact else packet], self._granule)


class _Packets:
    """The whole packets of pages, which may be of changing streams; a packet without its beginning is left out."""

    def __init__(self) -> None:
        self.is_open = False
        """Whether the last one goes on on the next page."""
        self._next: tuple[int, int] | None = None
        """Serial and sequence of the page on which it does."""
        self._partial: bytes | None = None

    def feed(self, page: Page) -> list[bytes]:
        """Those that end on ``page``."""
        goes_on = page.continued and self._next == (page.serial, page.sequence)
        self._next = page.serial, page.sequence + 1 & SEQUENCE_MASK
        partial = (self._partial if goes_on else None) if page.continued else b""
        packets: list[bytes] = []
        for part in page.packets():
            partial = None if partial is None or len(partial) > FRAME_LIMIT else partial + part.data
            self.is_open = not part.ends
            if part.ends:
                packets += [] if partial is None else [partial]
                partial = b""
        self._partial = partial
        return packets


def flac_codec(setup: bytes) -> FlacCodec | None:
    """That of the header pages ``setup`` of one logical stream whose blocks all have the same size; else None."""
    headers = whole_pages(setup)
    if not headers or not headers[0].begins or len({page.serial for page in headers}) > 1:
        return None
    stream = LogicalStream(headers[0], 0)
    for page in headers:
        stream.add_header_page(page)
    codec = stream.codec
    return codec if isinstance(codec, FlacCodec) and codec.block_size and stream.headers_complete else None


def _running(setup: bytes, audio: bytes) -> _Run | None:
    """What runs behind ``audio``; None where that is not known."""
    codec, pages = flac_codec(setup), whole_pages(audio)
    if codec is None or not pages or len({page.serial for page in pages}) > 1:
        return None
    reader = _Packets()
    numbers = [frame_number(packet) for page in pages for packet in reader.feed(page)]
    number = next((number for number in reversed(numbers) if number is not None), None)
    granule = next((page.granule for page in reversed(pages) if page.granule != NO_GRANULE), None)
    if number is None or granule is None:
        return None
    # A frame that breaks off is never ended: one page seems to be missing, so that decoders let go of it.
    sequence = pages[-1].sequence + (2 if reader.is_open else 1)
    return _Run(setup, codec, PageWriter(pages[-1].serial, sequence), granule, number)


def _is_first(setup: bytes, pages: Sequence[Page]) -> bool:
    """Whether a logical stream begins with ``pages``, behind its header pages."""
    headers = whole_pages(setup)
    return bool(headers and pages) and headers[0].sequence == 0 and pages[0].sequence == len(headers)
