"""How loud a piece of audio is, decoded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import AudioError
from distreamer.media.silence import silence_maker
from distreamer.model.loudness import FLOOR_DBFS
from distreamer.runtime.measuring import measured
from tests.support.audio_samples import encoded
from tests.support.decoding import CONTAINERS
from tests.support.loudness_programme import ENCODINGS, by_second, encoded_by_ffmpeg
from tests.support.silences import AAC, MPEG, OGG, Wanted, pieces_of

AMPLITUDE = 10 ** (-18 / 20)


def sine(*amplitudes: float) -> str:
    channels = "|".join(f"{amplitude}*sin(2*PI*997*t)" for amplitude in amplitudes)
    return f"aevalsrc='{channels}':s=48000"


def second_in_the_middle(form: str, source: str, second: int = 2) -> tuple[bytes, str]:
    frames = by_second(encoded_by_ffmpeg(form, source, 10))[second]
    container = CONTAINERS[frames[0].format.codec.value]
    return frames[0].setup + b"".join(frame.data for frame in frames), container


@pytest.mark.integration
@pytest.mark.parametrize("form", ENCODINGS)
def test_a_sine_has_the_level_that_it_has(form: str) -> None:
    for second in range(2, 8):
        found = measured(*second_in_the_middle(form, sine(AMPLITUDE, AMPLITUDE), second))
        assert found.left_dbfs == pytest.approx(-18, abs=1)
        assert found.right_dbfs == pytest.approx(-18, abs=1)
        # Without the first moment, in which AAC is as much as 0.8 dB louder than it was.
        assert found.peak_dbfs == pytest.approx(found.left_dbfs, abs=0.4)


@pytest.mark.integration
@pytest.mark.parametrize("form", ENCODINGS)
def test_each_side_has_its_own_level(form: str) -> None:
    found = measured(*second_in_the_middle(form, sine(AMPLITUDE, AMPLITUDE / 10)))
    assert found.left_dbfs == pytest.approx(-18, abs=1.5)
    assert found.right_dbfs == pytest.approx(-38, abs=2)
    assert found.loudest_dbfs == found.left_dbfs


@pytest.mark.parametrize(("codec", "channels"), [("libmp3lame", 1), ("aac", 6), ("mp2", 2)])
def test_other_numbers_of_channels_have_two_sides(codec: str, channels: int) -> None:
    found = measured(encoded(codec, seconds=2, channels=channels, bitrate=256_000), CONTAINERS_OF[codec])
    # A peak of 9000 of 32767 in each channel: -11 dBFS.
    assert found.left_dbfs == pytest.approx(-11.2, abs=1)
    assert found.right_dbfs == pytest.approx(-11.2, abs=1)


CONTAINERS_OF = {"libmp3lame": "mp3", "aac": "aac", "mp2": "mp3"}


def test_eight_planes_are_left_alone() -> None:
    """PyAV would crash."""
    with pytest.raises(AudioError, match="audio of 8 channels cannot be measured"):
        measured(encoded("aac", channels=8, sample_rate=48000, bitrate=400_000), "aac")


@pytest.mark.parametrize("wanted", [MPEG[0], AAC[0], *OGG], ids=str)
def test_silence_is_at_the_floor(wanted: Wanted) -> None:
    maker = silence_maker(wanted.format, wanted.setup, 1)
    data = pieces_of(maker, round(1.5 / maker.seconds))
    found = measured(data, CONTAINERS[wanted.format.codec.value])
    assert (found.left_dbfs, found.right_dbfs, found.peak_dbfs) == (FLOOR_DBFS,) * 3


@pytest.mark.parametrize("container", ["mp3", "aac", "ogg"])
def test_what_is_no_audio_is_told(container: str) -> None:
    for data in (b"", bytes(20_000), b"no audio at all " * 2000):
        with pytest.raises(AudioError):
            measured(data, container)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.integers(0, 15_000))
def test_damage_is_told_or_overheard(damage: bytes, place: int) -> None:
    audio = encoded("libmp3lame", seconds=1)
    try:
        found = measured(audio[:place] + damage + audio[place + len(damage) :], "mp3")
    except AudioError:
        return
    assert found.left_dbfs is not None
    assert found.left_dbfs >= FLOOR_DBFS
