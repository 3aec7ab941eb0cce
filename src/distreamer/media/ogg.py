"""Framing of Ogg (RFC 3533) with Vorbis, Opus, FLAC, Speex or anything else inside."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from distreamer.media.framing import interned
from distreamer.media.ogg_codec import PageRun
from distreamer.media.ogg_pages import NO_GRANULE, Page, PageReader
from distreamer.media.ogg_stream import LogicalStream
from distreamer.model.audio import AudioFormat, Frame, Title

SETUP_LIMIT = 1024 * 1024
"""Bytes of header pages of one set; a larger one (a huge cover picture) is dropped, with the audio that needs it."""
MERGE_LIMIT = 128 * 1024
"""Bytes of pages merged because a packet goes on over their border. Behind it the frame ends with a page all the
same: muxers that fill every page (libavformat with FLAC) may never give one that ends with a packet."""
FRAME_LIMIT = 1024 * 1024
"""Bytes of the pages of one frame; where one packet needs more they are dropped."""
STREAMS_LIMIT = 32
"""Logical streams side by side."""

_PATIENCE = 80 * 1024
"""Bytes without a whole page after which it is no longer Ogg, probably; the largest page has 65,307."""


class _State(Enum):
    WAITING = auto()
    """No headers: pages are dropped until a stream begins."""
    HEADERS = auto()
    """Header pages are collected until the first page of data."""
    DATA = auto()
    """Pages become frames."""


class _PendingFrame:
    """Pages of the frame that is not yet complete."""

    def __init__(self, open_ticks: int | None = None) -> None:
        """``open_ticks``: what the packet lasts that the frame begins inside of; None: with a fresh packet."""
        self.pages: list[Page] = []
        self.size = 0
        self.packets = 0
        """Packets of the audio stream that end in it."""
        self.is_open = open_ticks is not None
        """Its last packet goes on on the next page."""
        self._ticks = 0
        self.open_ticks = open_ticks or 0
        self._granule = NO_GRANULE
        self._ends = False

    def add(self, page: Page) -> None:
        """Takes a page of a stream that does not count."""
        self.pages.append(page)
        self.size += len(page.data)

    def add_audio(self, page: Page, stream: LogicalStream) -> None:
        """Takes the next page of the audio stream."""
        self.add(page)
        goes_on = page.continued
        for part in page.packets():
            if not goes_on:
                self.open_ticks = stream.codec.packet_ticks(part.data)
            goes_on = False
            self.is_open = not part.ends
            if part.ends:
                self._ticks += self.open_ticks
                self.packets += 1
        if page.granule != NO_GRANULE:
            self._granule = page.granule
        self._ends = self._ends or page.ends

    @property
    def run(self) -> PageRun:
        """What the duration depends on."""
        return PageRun(self._ticks, self._granule, self._ends, self.size)


class OggFramer:
    """Cuts an Ogg stream into frames at pages that begin with a fresh packet; satisfies ``FormatFramer``.

    A page is given as soon as it ends with a whole packet, and waits for its continuation otherwise.

    The first audio stream counts; pages of others (video, subtitles) travel along. Header pages go into
    ``Frame.setup``, and without them nothing is given: no player could decode it. A stream that begins anew
    (chaining, as most encoders do at each title) brings a new set-up. Durations are those that a player plays,
    so that the frames of a whole stream add up to the samples encoded.
    """

    def __init__(self, bitrate: int = 0, position: int = 0) -> None:
        """``bitrate`` in bits per second gives durations where the codec is not known; 0: a default.

        ``position`` is that of the first byte to be fed.
        """
        self._reader = PageReader(position)
        self._bitrate = bitrate
        self._state = _State.WAITING
        self._streams: dict[int, LogicalStream] = {}
        self._audio: LogicalStream | None = None
        self._headers: list[Page] = []
        self._headers_size = 0
        self._headers_go_on = False
        self._setup = b""
        self._format: AudioFormat | None = None
        self._title: Title | None = None
        self._pending = _PendingFrame()
        self._frames: list[Frame] = []
        self._dropped = 0
        self._setup_bytes = 0
        self._accepted_from: int | None = None
        self._accepted_to = position
        self._page_handlers: dict[_State, Callable[[Page], None]] = {
            _State.WAITING: self._drop_page,
            _State.HEADERS: self._header_page,
            _State.DATA: self._data_page,
        }

    @property
    def fed(self) -> int:
        """The position at which the next byte will be."""
        return self._reader.fed

    @property
    def dropped(self) -> int:
        """Bytes dropped: garbage, damaged pages, pages without their headers or their beginning."""
        return self._dropped + self._reader.dropped

    @property
    def buffered(self) -> int:
        """Bytes kept that are not yet decided on: at most a page, a frame and a set-up."""
        return self.held + self._reader.buffered

    @property
    def held(self) -> int:
        """Bytes of pages that wait for the rest of their frame or of the headers."""
        return self._pending.size + self._headers_size

    @property
    def setup_bytes(self) -> int:
        """Bytes of header pages that went into ``Frame.setup``; each occurrence in the stream counts."""
        return self._setup_bytes

    @property
    def patience(self) -> int:
        """Some more than the largest page."""
        return _PATIENCE

    @property
    def accepted_from(self) -> int | None:
        """The position of the first whole page; None before it."""
        return self._accepted_from

    @property
    def accepted_to(self) -> int:
        """The position behind the last whole page."""
        return self._accepted_to

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order; never raises on any bytes."""
        for page in self._reader.feed(data):
            self._accepted_from = page.position if self._accepted_from is None else self._accepted_from
            self._accepted_to = page.position + len(page.data)
            if page.begins:
                self._begin_stream(page)
            else:
                self._page_handlers[self._state](page)
        return self._taken()

    def close(self) -> list[Frame]:
        """The stream ended: the packets that were complete are given, the rest is dropped."""
        self._end_link()
        self._reader.drop()
        self._setup, self._format = b"", None
        return self._taken()

    def _taken(self) -> list[Frame]:
        frames, self._frames = self._frames, []
        return frames

    def _drop_page(self, page: Page) -> None:
        self._dropped += len(page.data)

    def _begin_stream(self, page: Page) -> None:
        """All first pages of a set of streams stand together; any other one begins a new set."""
        if self._state is not _State.HEADERS or self._headers_go_on or page.serial in self._streams:
            self._end_link()
            self._state = _State.HEADERS
        self._streams[page.serial] = LogicalStream(page, self._bitrate)
        self._add_header(page)

    def _end_link(self) -> None:
        """Forgets the set of streams; what is complete is given."""
        self._finish_frame()
        self._dropped += self._headers_size
        self._headers, self._headers_size, self._headers_go_on = [], 0, False
        self._streams = {}
        self._audio = None
        self._title = None
        self._state = _State.WAITING

    def _add_header(self, page: Page) -> None:
        stream = self._streams[page.serial]
        self._headers.append(page)
        self._headers_size += len(page.data)
        whole = stream.follows(page)
        stream.add_header_page(page)
        if not whole or self._headers_size > SETUP_LIMIT or len(self._streams) > STREAMS_LIMIT:
            self._end_link()

    def _header_page(self, page: Page) -> None:
        stream = self._streams.get(page.serial)
        if stream is None:
            self._drop_page(page)
        elif stream.is_header(page):
            self._headers_go_on = True
            self._add_header(page)
        else:
            self._begin_data()
            self._page_handlers[self._state](page)

    def _begin_data(self) -> None:
        """The headers are over: they become the set-up, unless the audio stream lacks some."""
        streams = list(self._streams.values())
        audio = next((stream for stream in streams if stream.is_known_audio), None)
        audio = audio or next((stream for stream in streams if not stream.is_skeleton), None)
        if audio is None or not audio.headers_complete:
            self._end_link()
            return
        setup = b"".join(page.data for page in self._headers)
        if setup != self._setup:
            self._setup = setup
        self._setup_bytes += self._headers_size
        self._headers, self._headers_size = [], 0
        self._audio = audio
        self._format = interned(self._format, audio.codec.format)
        self._title = audio.codec.title
        self._state = _State.DATA

    def _data_page(self, page: Page) -> None:
        stream = self._streams.get(page.serial)
        if stream is None:
            self._drop_page(page)
        elif stream is self._audio:
            self._audio_page(page, stream)
        else:
            self._pending.add(page)
        if self._pending.size > FRAME_LIMIT:
            self._drop_pending()

    def _audio_page(self, page: Page, stream: LogicalStream) -> None:
        if not stream.follows(page):
            self._finish_frame()
            stream.codec.lose_track()
        if page.continued != self._pending.is_open:
            self._finish_frame()
            if page.continued:  # Its beginning is lost.
                self._drop_page(page)
                return
        pending = self._pending
        pending.add_audio(page, stream)
        if pending.packets and (not pending.is_open or pending.size > MERGE_LIMIT):
            self._finish_frame()
            if pending.is_open:
                self._pending = _PendingFrame(pending.open_ticks)

    def _finish_frame(self) -> None:
        """Gives the pending frame if a packet ends in it (players drop one that breaks off), or drops it."""
        pending = self._pending
        if not pending.packets or self._audio is None or self._format is None:
            self._drop_pending()
            return
        self._pending = _PendingFrame()
        pages = pending.pages
        data = pages[0].data if len(pages) == 1 else b"".join(page.data for page in pages)
        duration = self._audio.codec.duration(pending.run)
        self._frames.append(Frame(data, duration, self._format, pages[0].position, self._setup, self._title))
        self._title = None

    def _drop_pending(self) -> None:
        self._dropped += self._pending.size
        self._pending = _PendingFrame()
