"""Silence in AAC in ADTS (ISO/IEC 14496-3, sections 1.A.2.2 and 4.4.2)."""

from __future__ import annotations

from collections.abc import Iterator

from distreamer.errors import AudioError
from distreamer.media.adts import AdtsFramer, AdtsRun
from distreamer.media.bits import packed
from distreamer.media.sync import Header
from distreamer.model.audio import AudioFormat

Fields = list[tuple[int, int]]
"""Values and their widths in bits."""

_SINGLE, _PAIR, _LOW_FREQUENCY = 0, 1, 3
_ELEMENTS = {
    1: (_SINGLE,),
    2: (_PAIR,),
    3: (_SINGLE, _PAIR),
    4: (_SINGLE, _PAIR, _SINGLE),
    5: (_SINGLE, _PAIR, _PAIR),
    6: (_SINGLE, _PAIR, _PAIR, _LOW_FREQUENCY),
    7: (_SINGLE, _PAIR, _PAIR, _PAIR, _LOW_FREQUENCY),
}
"""The syntactic elements of a raw data block, by channel configuration (section 1.6.3.5)."""
_END: Fields = [(7, 3)]

_GLOBAL_GAIN: Fields = [(0, 8)]
_LONG_WINDOW_WITHOUT_BANDS: Fields = [(0, 1), (0, 2), (0, 1), (0, 6), (0, 1)]
"""ics_info: reserved, ONLY_LONG_SEQUENCE, sine window, max_sfb 0, no prediction."""
_NO_TOOLS: Fields = [(0, 1), (0, 1), (0, 1)]
"""No pulses, no TNS, no gain control. Sections and scale factors before them are those of no bands: nothing."""
_NO_MIDDLE_AND_SIDE: Fields = [(0, 2)]

_FILL = 6
_SHORT_FILL, _LONG_FILL = 14, 269
"""The most bytes of a fill element that says its size in four bits, and in eight more (section 4.4.2.7)."""
_MOST_BYTES_PER_CHANNEL = 768
"""What a decoder's buffer holds of a frame: 6144 bits for each channel (section 4.5.3)."""

_PROFILES, _RATES = range(4), range(13)
_BUFFER_FULLNESS_OF_VARYING_BITRATE = 0x7FF


class AacSilence:
    """Frames of silence, filled up to the bitrate when that is known; satisfies ``SilenceMaker``.

    Every AAC frame stands alone, so music before and after is decoded as without it. The bits are the same in all
    four profiles. HE-AAC is announced as its AAC LC core, and gets silence without the additions of HE-AAC; its
    decoders go on at the rate that they play.
    """

    def __init__(self, wanted: AudioFormat) -> None:
        """Raises AudioError when the header of ADTS cannot say ``wanted``."""
        self._frame, header = _frame(wanted)
        self.format = AdtsFramer.audio_format(header)
        self._duration = header.duration

    @property
    def seconds(self) -> float:
        """How long a frame lasts."""
        return self._duration / self.format.clock_rate

    def next(self) -> bytes:
        """The next frame; they are all the same."""
        return self._frame


def aac_silence(wanted: AudioFormat, _setup: bytes, _serial: int) -> AacSilence:
    """Silence in AAC like ``wanted``; raises AudioError when the header of ADTS cannot say it."""
    return AacSilence(wanted)


def _frame(wanted: AudioFormat) -> tuple[bytes, Header[AdtsRun]]:
    for profile in _PROFILES:
        for rate_index in _RATES:
            for configuration in _ELEMENTS:
                header = AdtsFramer.header(_adts(profile, rate_index, configuration, 0), 0)
                if header and AdtsFramer.audio_format(header).joins(wanted):
                    size = wanted.bitrate * header.duration // (8 * AdtsFramer.audio_format(header).clock_rate)
                    return _adts(profile, rate_index, configuration, size), header
    raise AudioError(
        f"Silence in AAC of {wanted.channels or 'unknown'} channels at {wanted.sample_rate} Hz in "
        f"{wanted.profile or 'an unknown profile'} cannot be made"
    )


def _adts(profile: int, rate_index: int, configuration: int, least: int) -> bytes:
    """An MPEG-4 frame without checksum of one raw data block, of about ``least`` bytes or more."""
    elements = _ELEMENTS[configuration]
    most = _MOST_BYTES_PER_CHANNEL * (len(elements) + elements.count(_PAIR))
    block = _raw_data_block(elements, min(least - AdtsFramer.header_size, most))
    fields = [(0xFFF, 12), (0, 1), (0, 2), (1, 1), (profile, 2), (rate_index, 4), (0, 1), (configuration, 3), (0, 4)]
    size = AdtsFramer.header_size + len(block)
    return packed([*fields, (size, 13), (_BUFFER_FULLNESS_OF_VARYING_BITRATE, 11), (0, 2)]) + block


def _raw_data_block(elements: tuple[int, ...], least: int) -> bytes:
    """Elements of the same kind are told apart by their tags, counted from 0. It gets about ``least`` bytes."""
    fields: Fields = []
    for index, kind in enumerate(elements):
        fields += [(kind, 3), (elements[:index].count(kind), 4), *_element(kind)]
    spare = 8 * least - sum(bits for _, bits in (*fields, *_END))
    return packed([*fields, *_fill(spare), *_END])


def _fill(spare: int) -> Iterator[tuple[int, int]]:
    """Fill elements of up to ``spare`` bits, which mean nothing (extension_type 0)."""
    while (count := min((spare - 15) // 8, _LONG_FILL)) > 0:
        yield _FILL, 3
        if count <= _SHORT_FILL:
            yield count, 4
            spare -= 7 + 8 * count
        else:
            yield from ((_SHORT_FILL + 1, 4), (count - _SHORT_FILL, 8))
            spare -= 15 + 8 * count
        yield 0, 8 * count


def _element(kind: int) -> Iterator[tuple[int, int]]:
    """What follows the tag: one channel stream, or two that share a window."""
    if kind == _PAIR:
        yield 1, 1
        yield from _LONG_WINDOW_WITHOUT_BANDS + _NO_MIDDLE_AND_SIDE
        yield from 2 * (_GLOBAL_GAIN + _NO_TOOLS)
    else:
        yield from _GLOBAL_GAIN + _LONG_WINDOW_WITHOUT_BANDS + _NO_TOOLS
