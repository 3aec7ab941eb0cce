"""Silence in MPEG audio, layers I, II and III (ISO/IEC 11172-3, section 2.4; ISO/IEC 13818-3)."""

from __future__ import annotations

from collections.abc import Iterator

from distreamer.errors import AudioError
from distreamer.media.mpeg import MpegFramer, MpegRun
from distreamer.media.sync import Header
from distreamer.model.audio import AudioFormat

_BITRATE_PER_CHANNEL = {"1": 64_000, "2": 32_000, "2.5": 16_000}
"""By version, where none is known."""
_LAYER_II_STEREO_FROM, _LAYER_II_STEREO_NEVER, _LAYER_II_MONO_TO = 64_000, 80_000, 192_000
"""What MPEG-1 layer II allows (ISO/IEC 11172-3, section 2.4.2.3)."""
_LAYER_I_ALLOCATION_BYTES = 16
"""For each channel: 4 bits for each of 32 subbands."""

_NO_CHECKSUM = 1
_PADDING = 2
_STEREO, _MONO = 0x00, 0xC0

_FILL, _LAST = b"\xff", b"\xfe"
"""What the main data of silent layer III frames holds, although none of it is theirs: see ``MpegSilence``."""


class MpegSilence:
    """Frames of silence at a constant bitrate; satisfies ``SilenceMaker``.

    In layers I and II nothing is allocated to any subband. In layer III the side information is zero: no main
    data belongs to the frame, and none is taken from earlier frames (main_data_begin 0), so that silence can
    follow anything.

    What follows silence in layer III may however point up to 511 bytes back (255 in MPEG-2 and 2.5) to main data
    that was cut off, and a decoder then reads the fill of silent frames in its place. This concerns the frames up to
    the first whose own main data begins behind the join: with a bit reservoir mostly one to three.
    ``mpeg_join.ReservoirJoin`` mutes them; where nobody does, the fill makes most of them silent: it is ones. They
    give the largest scale factors, which are the softest, and nearly all Huffman tables for pairs and both for
    quadruples have only ones as the code of zeros (table 12 gives 1, the smallest value). Zeros would be codes of
    large values, and were heard at up to 300 times the level of the music. What remains is the granule whose data
    begin in the fill and end in real bytes: it may be noise, and libmpg123 may say ``dequantization failed``.
    The last byte of the fill differs, so that nobody finds a sync word one byte early.
    """

    def __init__(self, wanted: AudioFormat) -> None:
        """Raises AudioError when there is no MPEG audio like ``wanted``. Its bitrate is taken as near as is legal."""
        self._begin, self._header = _nearest(wanted)
        self.format = MpegFramer.audio_format(self._header)
        run = self._header.run
        slots_by_bitrate = 12 if run.layer == 1 else self._header.duration // 8
        self._remainder = slots_by_bitrate * self._header.bitrate % run.sample_rate
        self._owed = 0

    @property
    def seconds(self) -> float:
        """How long a frame lasts."""
        return self._header.duration / self.format.clock_rate

    def next(self) -> bytes:
        """The next frame; it has a padding slot where the bitrate asks for it."""
        self._owed += self._remainder
        sample_rate = self._header.run.sample_rate
        begin = self._begin
        if self._owed >= sample_rate:
            self._owed -= sample_rate
            begin = bytes([begin[0], begin[1], begin[2] | _PADDING, begin[3]])
        header = MpegFramer.header(begin, 0)
        assert header is not None
        if header.run.layer != 3:
            return begin + bytes(header.size - len(begin))
        side_info = bytes(header.run.side_info_bytes)
        return begin + side_info + _FILL * (header.size - len(begin) - len(side_info) - len(_LAST)) + _LAST


def mpeg_silence(wanted: AudioFormat, _setup: bytes, _serial: int) -> MpegSilence:
    """Silence in MPEG audio like ``wanted``; raises AudioError when there is none."""
    return MpegSilence(wanted)


def _nearest(wanted: AudioFormat) -> tuple[bytes, Header[MpegRun]]:
    """The four bytes of a header without padding, and what they say."""
    choices = list(_headers(wanted))
    if not choices:
        raise AudioError(
            f"There is no MPEG audio of {wanted.channels} channels at {wanted.sample_rate} Hz in "
            f"{wanted.profile or 'an unknown version and layer'}"
        )
    run = choices[0][1].run
    bitrate = wanted.bitrate or _BITRATE_PER_CHANNEL[run.version] * run.channels
    return min(choices, key=lambda choice: abs(choice[1].bitrate - bitrate))


def _headers(wanted: AudioFormat) -> Iterator[tuple[bytes, Header[MpegRun]]]:
    """All headers, without padding and checksum, of frames that join ``wanted``; by rising bitrate."""
    mode = _MONO if wanted.channels == 1 else _STEREO
    for version_and_layer in range(0xE0 | _NO_CHECKSUM, 0x100, 2):
        for rates in range(0, 0x100, 4):
            begin = bytes([0xFF, version_and_layer, rates, mode])
            header = MpegFramer.header(begin, 0)
            if header and MpegFramer.audio_format(header).joins(wanted) and _is_legal(header):
                yield begin, header


def _is_legal(header: Header[MpegRun]) -> bool:
    """Whether the bitrate may be used with so many channels, and the frame can hold an allocation of nothing."""
    version, layer, _, channels = header.run
    if layer == 1:
        return header.size >= MpegFramer.header_size + _LAYER_I_ALLOCATION_BYTES * channels
    if layer == 2 and version == "1":
        if channels == 1:
            return header.bitrate <= _LAYER_II_MONO_TO
        return header.bitrate >= _LAYER_II_STEREO_FROM and header.bitrate != _LAYER_II_STEREO_NEVER
    return True
