"""The way of an input's bytes into the store: framer, title places, fragmenter, epochs.

An ingest belongs to the instance and outlives the connections of its input: what a returning source brings is
appended to the same epoch whenever a decoder can go on with it, without what it repeats.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from distreamer.core.continuation import remembered
from distreamer.core.fragmenter import Fragmenter
from distreamer.core.overlap import MEMORY_SECONDS, Memory
from distreamer.core.ports import Framer, StoreWriter
from distreamer.core.rejoin import Arrived, Rejoin, Verdict
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.media.mpeg_join import ReservoirJoin
from distreamer.media.ogg_relabel import OggRelabel, relabel
from distreamer.media.pieces import pieces
from distreamer.model.audio import Frame, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment

MAXIMUM_PENDING_TITLES = 64
"""Titles that may wait for their frame; the oldest are dropped (a source that sends titles and no audio)."""


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """What is known of a source when it connects."""

    content_type: str = ""
    """As the source says; a hint, the bytes decide."""
    bitrate: int = 0
    """Bits per second as the source says; 0 when it does not."""
    station: Station = field(default_factory=Station)
    repeats_seconds: float = 0.0
    """How long a new connection may bring nothing but what the one before it brought already, in seconds; 0: it never
    does. Servers repeat their last seconds to whoever connects."""
    has_burst: bool = False
    """Those seconds come at once. (What an encoder brings at once was never heard, unless it is known.)"""


class Seam(NamedTuple):
    """How a connection's audio goes together with that of the one before."""

    goes_on: bool
    """Whether it follows without a gap."""
    repeated_seconds: float
    """What was known already, and is left out."""
    is_proved: bool
    """False: the clock has said how much of it was known. The source sent the same again and again, or nothing of what
    it sends was known, and so much of that is from before the gap."""


class Ingest:
    """The one writer of a store that is filled from raw audio."""

    def __init__(
        self,
        store: StoreWriter,
        new_epoch_id: Callable[[], int],
        fragment_seconds: float = 1.0,
        legacy_fragment_bytes: int = 0,
    ) -> None:
        self.dropped_titles = 0
        self.audio_seconds = 0.0
        """Seconds of audio found since the present connection began, what is known already included."""
        self.seam: Seam | None = None
        """Of the present connection; None while it is not known, and when nothing is remembered of one before."""
        self.overflows = 0
        """Connections that brought too much for it to be held until it was known what was new of it."""
        self._store = store
        self._new_epoch_id = new_epoch_id
        self._fragment_seconds = fragment_seconds
        self._legacy_fragment_bytes = legacy_fragment_bytes
        self._source = SourceDescription()
        self._framer: Framer | None = None
        self._fragmenter: Fragmenter | None = None
        self._info: StreamInfo | None = None
        self._titles: deque[tuple[int, Title]] = deque()
        self._is_broken_off = False
        """Whether what comes next does not follow what was there, as far as is known."""
        self._follows_other = False
        """Whether what comes next follows what was there, but came with another connection."""
        self._last_frame: Frame | None = None
        self._relabel: OggRelabel | None = None
        """While a connection brings Ogg pages that are counted otherwise."""
        self._join: ReservoirJoin | None = None
        """While frames come that may lean on what was lost with the connection before."""
        self._memory = Memory()
        self._may_repeat_once = False
        self._last_at = 0.0
        self._rejoin: Rejoin | None = None
        """While it is not known what is new of what comes."""

    @property
    def info(self) -> StreamInfo | None:
        """What the running epoch carries; None before the first frame."""
        return self._info

    @property
    def latest_title(self) -> Title | None:
        """The title that was said last, also when its frame is still to come; None when none ever was."""
        if self._titles:
            return self._titles[-1][1]
        return self._fragmenter.title if self._fragmenter else None

    @property
    def declared_bitrate(self) -> int:
        """Bits per second as the source said that connected last; 0 when it did not."""
        return self._source.bitrate

    @property
    def dropped_bytes(self) -> int:
        """Bytes of the present connection that were no audio."""
        return self._framer.dropped if self._framer else 0

    @property
    def running_epoch(self) -> int | None:
        """The epoch that it appends to; None before the first frame, and when another was opened since."""
        epoch = self._fragmenter.epoch if self._fragmenter else None
        return epoch if epoch is not None and self._is_newest(epoch) else None

    def write_to(self, store: StoreWriter) -> None:
        """Another store from now on, which holds what was written so far."""
        self._store = store

    def go_on_behind(self, held: Store, skipped: int, *, may_repeat: bool = True) -> None:
        """An earlier run of the program wrote what is ``held``: what comes first goes on there, in the same epoch, and
        without what is repeated of it. So many numbers are ``skipped``, which that run may have given as well.
        ``may_repeat``: a source that never repeats anything may do so for a program that was started anew."""
        newest = held.newest()
        epoch = held.epoch(newest.epoch) if newest else None
        if newest is None or epoch is None or not epoch.is_own or epoch is not held.newest_epoch:
            return
        self._info = epoch.info
        first, clock_rate = newest.number + 1 + skipped, epoch.info.format.clock_rate
        self._fragmenter = Fragmenter(epoch.id, clock_rate, self._fragment_seconds, first, newest.end)
        self._fragmenter.go_on_under(newest.last_title)
        self._is_broken_off = True
        self._last_frame = Frame(newest.audio, newest.duration, epoch.info.format, 0, newest.setup)
        self._memory = remembered(held)
        self._last_at = newest.captured_at
        self._may_repeat_once = may_repeat

    def shape(self, fragment_seconds: float, legacy_fragment_bytes: int) -> None:
        """So long are fragments from now on; ``legacy_fragment_bytes`` is what the next epoch says."""
        self._fragment_seconds = fragment_seconds
        self._legacy_fragment_bytes = legacy_fragment_bytes
        if self._fragmenter is not None:
            self._fragmenter.aim_at(fragment_seconds)

    def connected(self, source: SourceDescription, at: float) -> None:
        """A connection to the source begins at Unix time ``at``; what was left of the one before is closed."""
        self.disconnected(at)
        if self._may_repeat_once and not source.repeats_seconds:
            source = replace(source, repeats_seconds=MEMORY_SECONDS)
        self._may_repeat_once = False
        self._source = source
        if not source.repeats_seconds:
            self._memory = Memory()
        elif self._memory.digests:
            self._rejoin = Rejoin(self._memory, self._last_at, source.repeats_seconds, has_burst=source.has_burst)
        self.seam = None
        self.audio_seconds = 0.0
        self._framer = AutoFramer(source.content_type, source.bitrate)
        if self._info is not None and self._fragmenter is not None and self._info.station != source.station:
            self._info = StreamInfo(self._info.format, source.station, self._legacy_fragment_bytes)
            self._store.describe(self._fragmenter.epoch, source.station)

    def audio(self, data: bytes, at: float) -> None:
        """Bytes of audio that arrived at Unix time ``at``."""
        if self._framer is None:
            self._framer = AutoFramer(self._source.content_type, self._source.bitrate)
        self._take(self._framer.feed(data), at)

    def title(self, title: Title) -> bool:
        """A title that begins with the next byte of audio; it takes effect at the next frame boundary. False when it is
        likely to be repeated, and no news."""
        if len(self._titles) >= MAXIMUM_PENDING_TITLES:
            self._titles.popleft()
            self.dropped_titles += 1
        self._titles.append((self._framer.fed if self._framer else 0, title))
        return self._rejoin is None or not self._memory.knows(title)

    def disconnected(self, at: float) -> None:
        """The connection is gone, at Unix time ``at``: whole frames go into the store, the cut-off one is dropped."""
        framer, self._framer = self._framer, None
        if framer is None:
            return
        unconfirmed: list[Frame] = []
        try:
            unconfirmed = framer.close()
        finally:
            self._finish(unconfirmed, at)

    def _finish(self, unconfirmed: list[Frame], at: float) -> None:
        """The connection is gone; it had ``unconfirmed`` left over."""
        if self._rejoin is not None and not self._rejoin.arrived:
            self._take(unconfirmed, at)  # It brought nothing else: they are known, or they are all that is new.
            unconfirmed = []
        verdict = self._rejoin.end(at) if self._rejoin is not None else None
        if verdict is not None:
            self._settle(verdict)
        if verdict is None or verdict.goes_on or not verdict.known or not verdict.is_proved:
            self._take(unconfirmed, at, is_sure=False)
        # A title that was announced and met no frame begins with the first frame of the next connection.
        self._titles = deque((0, title) for _, title in self._titles)
        if self._fragmenter is not None:
            self._add(self._fragmenter.cut())
            self._is_broken_off = True

    def _take(self, frames: list[Frame], at: float, *, is_sure: bool = True) -> None:
        for frame in frames:
            self.audio_seconds += frame.duration / frame.format.clock_rate
            title = frame.title
            while self._titles and self._titles[0][0] <= frame.position:
                title = self._titles.popleft()[1]
            # What only waited for confirmation may be no frame, unless it has a checksum. It would hide the real end.
            is_remembered = self._source.repeats_seconds and (is_sure or frame.format.codec.is_ogg)
            found = pieces(frame.data, frame.format.codec) if is_remembered else ()
            arrived = Arrived(frame, title, at, found)
            if self._rejoin is None:
                self._append(arrived)
            elif (verdict := self._rejoin.take(arrived)) is not None:
                self._settle(verdict)

    def _settle(self, verdict: Verdict) -> None:
        """It is known what is new of what was held."""
        rejoin, self._rejoin = self._rejoin, None
        assert rejoin is not None, "nothing is held"
        self.overflows += rejoin.overflowed
        parted = rejoin.parted(verdict)
        if verdict.goes_on:
            self._is_broken_off, self._follows_other = False, True
        if verdict.goes_on or not verdict.known or not verdict.is_proved:
            self.seam = Seam(verdict.goes_on, parted.known_seconds, verdict.is_proved)
        if parted.title is not None:
            self._titles.appendleft((0, parted.title))
        for arrived in parted.new:
            self._append(arrived)

    def _append(self, arrived: Arrived) -> None:
        if self._is_broken_off and self._fragmenter is not None:
            self._add(self._fragmenter.interrupt())
            self._join = ReservoirJoin()
            self._relabel = None
        self._is_broken_off = False
        before = self._fragmenter.title if self._fragmenter else None
        fragmenter = self._fragmenter_for(arrived.frame)
        # A new epoch begins with the title that was in force, unless it brings its own.
        title = arrived.title or (before if fragmenter.title is None else None)
        self._last_frame = self._joined(self._relabelled(arrived.frame))
        self._add(fragmenter.add(self._last_frame, arrived.at, title))
        for piece in arrived.pieces:
            self._memory.add(piece.digest, arrived.piece_seconds, fragmenter.title)
        self._last_at = arrived.at

    def _relabelled(self, frame: Frame) -> Frame:
        if not frame.format.codec.is_ogg:
            return frame
        if self._follows_other and (before := self._last_frame) is not None and before.format.codec.is_ogg:
            self._relabel = relabel(before.data, before.setup, frame.data, frame.setup)
        self._follows_other = False
        if self._relabel is None or self._relabel.setup != frame.setup:
            return frame
        return replace(frame, data=self._relabel.pages(frame.data), setup=self._relabel.new_setup)

    def _joined(self, frame: Frame) -> Frame:
        if self._join is None:
            return frame
        frame = self._join.mended(frame)
        if self._join.done:
            self._join = None
        return frame

    def _fragmenter_for(self, frame: Frame) -> Fragmenter:
        if self._fragmenter is not None and self._info is not None:
            if self._info.format.joins(frame.format) and self._is_newest(self._fragmenter.epoch):
                return self._fragmenter
            self._add(self._fragmenter.cut())
        # What the station says of its bitrate is the average; a frame of a varying one says little.
        audio = replace(frame.format, bitrate=self._source.bitrate or frame.format.bitrate)
        self._info = StreamInfo(audio, self._source.station, self._legacy_fragment_bytes)
        epoch = self._new_epoch_id()
        self._store.open_epoch(epoch, self._info, is_own=True)
        self._fragmenter = Fragmenter(epoch, frame.format.clock_rate, self._fragment_seconds)
        return self._fragmenter

    def _is_newest(self, epoch: int) -> bool:
        """Whether nobody else has opened an epoch since: readers never go back to an older one."""
        return self._store.newest_epoch_id in {None, epoch}

    def _add(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            self._store.add(fragment)
