"""The framer for any stream: finds out by the bytes what it is, and follows when that changes."""

from __future__ import annotations

from operator import itemgetter

from distreamer.media.framing import FormatFramer
from distreamer.media.opaque import OpaqueFramer
from distreamer.media.sniff import bytes_to_sniff, candidates
from distreamer.model.audio import Frame

RETAINED_LIMIT = 128 * 1024
"""Bytes not yet recognised that are kept for another framer to find its frames in."""

_PIECE = 4096
"""Bytes looked at in one go, so that a large read with a change of format inside loses nothing."""


class AutoFramer:
    """Races the framers of all formats over the same bytes; the first that recognises its format is chosen.

    The content type is only a hint, for it is often wrong. When the chosen framer falls silent the others race
    again over the bytes since, so a source that goes from MP3 to AAC is followed without losing a frame. A
    stream in which nothing was ever recognised is cut by its bitrate, and stays so until ``close``.
    Where formats are mixed within a few frames, the choice may depend on how the bytes were split.
    """

    def __init__(self, content_type: str = "", bitrate: int = 0) -> None:
        """``content_type`` as the source says it; ``bitrate`` in bits per second, 0 when unknown."""
        self._content_type = content_type
        self._bitrate = bitrate
        self._chosen: FormatFramer | None = None
        self._rivals: list[FormatFramer] = []
        self._retained = b""
        self._recognised_to = 0
        self._sniff_to: int | None = None
        self._fed = 0
        self._framed = 0
        self._earlier_setup_bytes = 0

    @property
    def fed(self) -> int:
        """The position at which the next byte will be."""
        return self._fed

    @property
    def buffered(self) -> int:
        """Bytes that are not yet decided on; bounded by ``RETAINED_LIMIT`` and what the framer holds."""
        return len(self._retained) + (self._chosen.held if self._chosen else 0)

    @property
    def setup_bytes(self) -> int:
        """Bytes of header pages that went into ``Frame.setup``."""
        return self._earlier_setup_bytes + (self._chosen.setup_bytes if self._chosen else 0)

    @property
    def dropped(self) -> int:
        """Bytes dropped: all that are in no frame, in no set-up and no longer kept."""
        return self._fed - self._framed - self.setup_bytes - self.buffered

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order; never raises on any bytes."""
        frames: list[Frame] = []
        for at in range(0, len(data), _PIECE):
            frames += self._feed_piece(data[at : at + _PIECE])
        return self._counted(frames)

    def close(self) -> list[Frame]:
        """The stream ended: the frames that only waited for confirmation. The next byte begins a new stream.

        A short stream in which nothing was recognised is dropped: it is more likely an error page than audio. Where a
        format was recognised, what is left over is the beginning of a frame of it: among the random bytes of a
        compressed frame another format's framer finds, once in some thousand times, what could be a last frame of its
        own, and a change of format would close the listeners.
        """
        frames: list[Frame] = []
        if self._chosen:
            frames += self._chosen.close()
        else:
            if self._retained and not self._rivals:
                frames += self._begin_race()
            if self._chosen:
                frames += self._chosen.close()
            for rival in self._rivals:
                frames = frames or rival.close()
        self._retire()
        self._rivals = []
        self._retained = b""
        self._recognised_to = self._fed
        self._sniff_to = None
        return self._counted(frames)

    def _counted(self, frames: list[Frame]) -> list[Frame]:
        self._framed += sum(len(frame.data) for frame in frames)
        return frames

    def _feed_piece(self, piece: bytes) -> list[Frame]:
        self._fed += len(piece)
        self._retained += piece
        frames = self._chosen.feed(piece) if self._chosen else []
        if self._chosen and self._chosen.accepted_to > self._recognised_to:
            self._rivals = []
            self._recognise(self._chosen)
        elif self._rivals:
            frames += self._race(piece)
        elif self._chosen is None or self._fed - self._recognised_to >= self._chosen.patience:
            frames += self._begin_race()
        return frames

    def _begin_race(self) -> list[Frame]:
        start = self._fed - len(self._retained)
        rivals = candidates(self._content_type, self._bitrate, start)
        self._rivals = [rival for rival in rivals if type(rival) is not type(self._chosen)]
        return self._race(self._retained)

    def _race(self, data: bytes) -> list[Frame]:
        """Feeds the rivals; that which recognises the earliest bytes is chosen from now on."""
        hits: list[tuple[int, FormatFramer, list[Frame]]] = []
        for rival in self._rivals:
            frames = rival.feed(data)
            if rival.accepted_from is not None:
                hits.append((rival.accepted_from, rival, frames))
        if hits:
            _, winner, frames = min(hits, key=itemgetter(0))
            return self._choose(winner) + frames
        if self._chosen is None and self._sniffed_enough():
            opaque = OpaqueFramer(self._bitrate, self._content_type, self._fed - len(self._retained))
            frames = opaque.feed(self._retained)
            return self._choose(opaque) + frames
        self._retained = self._retained[-RETAINED_LIMIT:]
        return []

    def _sniffed_enough(self) -> bool:
        if self._sniff_to is None and len(self._retained) >= _PIECE:
            self._sniff_to = self._recognised_to + bytes_to_sniff(self._retained)
        return self._sniff_to is not None and self._fed >= self._sniff_to

    def _choose(self, framer: FormatFramer) -> list[Frame]:
        """Changes to ``framer``; what its predecessor held before is given."""
        recognised_before = self._recognised_to
        frames = self._chosen.close() if self._chosen else []
        self._retire()
        self._chosen = framer
        self._rivals = []
        self._recognise(framer)
        return [frame for frame in frames if frame.position < recognised_before]

    def _retire(self) -> None:
        self._earlier_setup_bytes = self.setup_bytes
        self._chosen = None

    def _recognise(self, framer: FormatFramer) -> None:
        self._recognised_to = framer.accepted_to
        self._retained = self._retained[len(self._retained) - (self._fed - self._recognised_to) :]
