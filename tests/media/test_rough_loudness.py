"""How loud audio is, as far as its frames tell without being decoded."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.media.auto import AutoFramer
from distreamer.media.bits import BitReader, packed
from distreamer.media.ogg_writer import PageWriter
from distreamer.media.rough_loudness import rough_loudness
from distreamer.model.audio import AudioFormat, Codec, Frame
from distreamer.model.loudness import DIGITAL_SILENCE, FLOOR_DBFS, SOME_SOUND, Loudness
from tests.support.framing import framed
from tests.support.silences import AAC, FILLED_UP, MPEG, OGG, Wanted, music, opus
from tests.support.silent_aac import silent_pair

LAYER_III = [wanted for wanted in MPEG if wanted.format.profile.endswith("layer III")]
UNFILLED = [wanted for wanted in OGG if wanted.format.channels <= 2]
FILLED = [
    one
    for one in FILLED_UP
    if one.format.codec is not Codec.FLAC and (one.format.codec, one.format.channels) != (Codec.OPUS, 6)
]
"""In FLAC it is samples that are coded, and of several streams of Opus in one packet only the first would be seen."""
SOUNDS = [
    *(("libmp3lame", 44100, 2), ("libmp3lame", 22050, 1), ("aac", 44100, 2), ("aac", 48000, 1)),
    *(("vorbis", 44100, 2), ("libopus", 48000, 2), ("libopus", 48000, 6), ("flac", 44100, 2)),
]
FORMATS = [wanted.format for wanted in (*LAYER_III[:1], *AAC[:1], *OGG)]


def rough(frames: list[Frame]) -> Loudness | None:
    return rough_loudness(b"".join(frame.data for frame in frames), frames[0].setup, frames[0].format)


def sounding(codec: str, sample_rate: int = 44100, channels: int = 2) -> list[Frame]:
    """Without the ends, at which an encoder has no sound; Ogg has few frames."""
    frames = music(codec, sample_rate, channels)
    return frames if frames[0].format.codec.is_ogg else frames[3:-4]


def of_silence(wanted: Wanted) -> Loudness | None:
    maker = wanted.maker()
    stream = b"".join(maker.next() for _ in range(round(2 / maker.seconds)))
    return rough(framed(AutoFramer(), [stream])[2:])


@pytest.mark.parametrize("wanted", [*LAYER_III, *AAC, *UNFILLED, *FILLED], ids=str)
def test_digital_silence_is_seen_in_whatever_fills_it_up(wanted: Wanted) -> None:
    assert of_silence(wanted) == DIGITAL_SILENCE


@pytest.mark.parametrize(("codec", "sample_rate", "channels"), SOUNDS)
def test_music_is_no_silence(codec: str, sample_rate: int, channels: int) -> None:
    frames = sounding(codec, sample_rate, channels)
    for first in range(len(frames)):
        found = rough(frames[first : first + 1])
        assert found in {None, SOME_SOUND} or (found is not None and found.loudest_dbfs is not None)
        assert found is None or found.loudest_dbfs is None or found.loudest_dbfs > -30
    whole = rough(frames)
    assert whole is not None
    if codec == "libmp3lame":
        # Tones of 9000 of 32767 over soft noise.
        assert whole.left_dbfs == pytest.approx(-11, abs=8)
        assert whole.peak_dbfs is None
    else:
        assert whole == SOME_SOUND


def louder(frame: Frame, steps: int) -> Frame:
    """An MPEG-1 frame of two channels without checksum, each global_gain of which is ``steps`` higher."""
    side = BitReader(frame.data[4:36])
    fields: list[tuple[int, int]] = [(side.take(20), 20)]
    for _ in range(4):
        fields += [(side.take(12 + 9), 21), (max(min(side.take(8) + steps, 255), 0), 8), (side.take(30), 30)]
    return replace(frame, data=frame.data[:4] + packed(fields) + frame.data[36:])


@pytest.mark.parametrize("decibels", [-60, -30, -12, 6])
def test_mp3_that_is_scaled_is_as_much_softer(decibels: int) -> None:
    frames = sounding("libmp3lame")
    before = rough(frames)
    after = rough([louder(frame, round(decibels / 1.505)) for frame in frames])
    assert before is not None
    assert after is not None
    assert before.left_dbfs is not None
    assert after.left_dbfs == pytest.approx(min(before.left_dbfs + decibels, 0), abs=1)


def left_only(frame: Frame) -> Frame:
    """An MPEG-1 frame of two channels, the second of which owns nothing."""
    side = BitReader(frame.data[4:36])
    fields = [(side.take(20), 20)]
    for channel in (0, 1, 0, 1):
        fields += [(side.take(59) if channel == 0 else side.take(59) & 0, 59)]
    return replace(frame, data=frame.data[:4] + packed(fields) + frame.data[36:])


def test_each_side_of_mp3_has_its_own_level_and_middle_and_side_have_the_same() -> None:
    frames = [left_only(frame) for frame in sounding("libmp3lame") if not frame.data[3] & 0x20]
    assert frames
    found = rough(frames)
    assert found is not None
    assert found.left_dbfs is not None
    assert found.left_dbfs > -30
    assert found.right_dbfs == FLOOR_DBFS
    joint = rough([replace(one, data=one.data[:3] + bytes([one.data[3] | 0x60]) + one.data[4:]) for one in frames])
    assert joint is not None
    assert joint.left_dbfs == joint.right_dbfs == pytest.approx(found.left_dbfs - 3, abs=0.1)


@pytest.mark.parametrize("is_heaac", [False, True])
def test_the_additions_of_he_aac_make_silence_no_sound(is_heaac: bool) -> None:
    form = replace(AAC[0].format, clock_rate=22050, sample_rate=22050)
    assert rough_loudness(40 * silent_pair(sbr=is_heaac), b"", form) == DIGITAL_SILENCE


def test_an_opus_encoder_that_sends_nothing_is_silent() -> None:
    def page_of(*packets: bytes) -> bytes:
        return PageWriter(7, 5).pages(packets, 960)

    voice = b"\x08" + bytes(range(60))
    assert rough_loudness(page_of(b"\x08", b"\x0b\x01\x00"), b"", opus(1)) == DIGITAL_SILENCE
    assert rough_loudness(page_of(b"\x08", voice), b"", opus(1)) == SOME_SOUND
    # Frames of CELT by all four codes for how many there are: silent by their first bits.
    full = b"\xff\xfe" + bytes(40)
    for head in (b"\xfc", b"\xfd", b"\xfe\x2a", b"\xff\x02", b"\xff\x82\x2a", b"\xff\x42\x05"):
        assert rough_loudness(page_of(head + full), b"", opus(2)) == DIGITAL_SILENCE, head
        assert rough_loudness(page_of(head + voice), b"", opus(2)) == SOME_SOUND, head


def test_what_nobody_understands_has_no_loudness() -> None:
    opaque = AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0)
    assert rough_loudness(bytes(1000), b"", opaque) is None
    assert of_silence(MPEG[0]) is None
    for form in FORMATS:
        assert rough_loudness(b"", b"", form) is None
        assert rough_loudness(b"no audio", b"", form) is None


@cache
def sample(codec: str, sample_rate: int, channels: int) -> tuple[bytes, bytes, AudioFormat]:
    frames = sounding(codec, sample_rate, channels)[:10]
    return b"".join(frame.data for frame in frames), frames[0].setup, frames[0].format


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORMATS), st.binary(max_size=400), st.binary(max_size=100))
def test_any_bytes_are_taken(form: AudioFormat, audio: bytes, setup: bytes) -> None:
    rough_loudness(audio, setup, form)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SOUNDS), st.integers(0, 4_000), st.binary(min_size=1, max_size=40), st.booleans())
def test_damaged_audio_is_taken(sound: tuple[str, int, int], place: int, damage: bytes, is_cut: bool) -> None:
    audio, setup, form = sample(*sound)
    damaged = audio[:place] + damage + (b"" if is_cut else audio[place + len(damage) :])
    found = rough_loudness(damaged, setup, form)
    if found is not None and found.left_dbfs is not None:
        assert FLOOR_DBFS <= found.left_dbfs <= 0


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 20)), min_size=1, max_size=30))
def test_what_is_packed_is_read(fields: list[tuple[int, int]]) -> None:
    fields = [(value & (1 << bits) - 1, bits) for value, bits in fields]
    reader = BitReader(packed(fields))
    assert [reader.take(bits) for _, bits in fields] == [value for value, _ in fields]
    with pytest.raises(ValueError, match="inside a field"):
        reader.take(8)
