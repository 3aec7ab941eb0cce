"""MPEG layer III behind a join: frames that lean on bytes that were cut off (ISO/IEC 11172-3, section 2.4.2.7)."""

from __future__ import annotations

from dataclasses import replace

from distreamer.media.mpeg import MpegFramer
from distreamer.model.audio import Codec, Frame

_NO_CHECKSUM = 1
_CHECKSUM_BYTES = 2


class ReservoirJoin:
    """Mutes the frames behind one join that no decoder can play, and leaves all others as they are.

    A layer III frame says how far before its own side information its main data begins (main_data_begin, up to
    511 bytes). The first frames behind a join may thus point into what was cut off, and decoders then play noise
    out of whatever stands there, leave a gap or complain. Muted, such a frame owns no main data: it lasts as long,
    and its bytes stay where the next frame looks for them. An encoder with a bit reservoir mostly causes one to
    three muted frames, of 26 milliseconds each at 44.1 kHz; one without it none.
    """

    def __init__(self) -> None:
        """At the join: nothing that stands before it is of any use to what follows."""
        self._main_data = 0
        self._whole = False

    @property
    def done(self) -> bool:
        """Whether all further frames can be played, so that they need not be passed on through ``mended``."""
        return self._whole

    def mended(self, frame: Frame) -> Frame:
        """The next frame behind the join, muted if it must be; it keeps its size and duration."""
        header = MpegFramer.header(frame.data, 0) if frame.format.codec is Codec.MPEG else None
        if self._whole or header is None or header.run.layer != 3:
            self._whole = True
            return frame
        data = frame.data
        side_info_at = MpegFramer.header_size + (0 if data[1] & _NO_CHECKSUM else _CHECKSUM_BYTES)
        spare_bits = 7 if header.run.version == "1" else 8
        begin = int.from_bytes(data[side_info_at : side_info_at + 2], "big") >> spare_bits
        there = self._main_data
        if begin <= there:
            # Main data are in the order of their frames, so no later frame begins before this one.
            self._whole = True
            return frame
        self._main_data += len(data) - side_info_at - header.run.side_info_bytes
        # It points to the first byte behind the join, for decoders forget all bytes before the place it points to.
        side_info = (there << spare_bits).to_bytes(2, "big") + bytes(header.run.side_info_bytes - 2)
        # Without a checksum, for it would be wrong now; its two bytes are gained before the main data.
        muted = bytes([data[0], data[1] | _NO_CHECKSUM, *data[2:4]]) + side_info
        return replace(frame, data=muted + data[len(muted) :])


def mended_run(join: ReservoirJoin, audio: bytes) -> bytes:
    """``audio``, which is a run of whole MPEG frames behind ``join``, with those muted that must be; of the same
    length. What is no such run comes back as it is."""
    framer = MpegFramer()
    frames = [*framer.feed(audio), *framer.close()]
    if sum(len(frame.data) for frame in frames) != len(audio):
        return audio
    return b"".join(join.mended(frame).data for frame in frames)
