"""Whether what a listener gets is the programme: whole MP3 frames in their order, nothing missing. Pure."""

from __future__ import annotations

from benchmarks import numbered
from distreamer.media.mpeg import MpegFramer
from distreamer.protocol.icy import Audio, IcyDemuxer, parse_metadata


class ProgrammeCheck:
    """Takes a listener's bytes. The order of frames can be told only for a programme of numbered ones."""

    def __init__(self, metaint: int) -> None:
        """``metaint`` as the server announced it; 0 for a stream without titles."""
        self.audio_bytes = 0
        self.frames = 0
        self.missing = 0
        self.repeated = 0
        self.titles = 0
        """Metadata blocks that set one."""
        self._demuxer = IcyDemuxer(metaint)
        self._framer = MpegFramer()
        self._dropped_before = 0
        self._next: int | None = None

    @property
    def damaged_bytes(self) -> int:
        """Bytes behind the first frame that belong to none. Before it there may be a part of one, or a tag."""
        return self._framer.dropped - self._dropped_before if self.frames else 0

    def feed(self, data: bytes) -> None:
        """The next bytes of the answer's body."""
        for event in self._demuxer.feed(data):
            if isinstance(event, Audio):
                self._feed_audio(event.data)
            elif parse_metadata(event.data) is not None:
                self.titles += 1

    def _feed_audio(self, audio: bytes) -> None:
        self.audio_bytes += len(audio)
        for frame in self._framer.feed(audio):
            if not self.frames:
                self._dropped_before = frame.position
            self.frames += 1
            number = numbered.number_of(frame.data)
            if number is None:
                continue
            if self._next is not None:
                self.missing += max(number - self._next, 0)
                self.repeated += max(self._next - number, 0)
            self._next = number + 1
