"""What all framers of one format have in common, and how they share format objects."""

from __future__ import annotations

from typing import Protocol

from distreamer.model.audio import AudioFormat, Frame


class FormatFramer(Protocol):
    """A framer that knows one kind of stream, with the figures that AutoFramer decides by.

    No byte is lost from sight: at any time the bytes fed are those in frames, those in set-ups, ``buffered``
    and ``dropped``, added up.
    """

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order; never raises on any bytes."""
        ...

    def close(self) -> list[Frame]:
        """The stream ended: the frames that only waited for confirmation; what remains is dropped.

        The framer then starts afresh; positions and counters go on.
        """
        ...

    @property
    def fed(self) -> int:
        """The position at which the next byte will be: where the framer started, plus the bytes fed."""
        ...

    @property
    def dropped(self) -> int:
        """Bytes dropped: garbage, tags, frames without audio, cut-off frames."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes kept that are not yet decided on; bounded."""
        ...

    @property
    def held(self) -> int:
        """Those of ``buffered`` that lie before ``accepted_to``: recognised, waiting for the rest of their frame."""
        ...

    @property
    def setup_bytes(self) -> int:
        """Bytes of header pages that went into ``Frame.setup``; each occurrence in the stream counts."""
        ...

    @property
    def patience(self) -> int:
        """Bytes in which it may well recognise nothing; after more than these the format has probably changed."""
        ...

    @property
    def accepted_from(self) -> int | None:
        """The position of the first byte that was recognised as this format; None when none was."""
        ...

    @property
    def accepted_to(self) -> int:
        """The position behind the last byte that was recognised as this format; the start when none was."""
        ...


def interned(current: AudioFormat | None, new: AudioFormat) -> AudioFormat:
    """``current`` when audio of ``new`` goes on with it, so that one run of frames shares one object.

    The bitrate of a run is thus that of its first frame, also when it varies.
    """
    if (
        current is not None
        and current.joins(new)
        and (current.sample_rate, current.content_type) == (new.sample_rate, new.content_type)
    ):
        return current
    return new
