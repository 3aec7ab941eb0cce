"""Silence of every format: our framers take it, and libavcodec hears nothing."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.silence import silence_maker
from distreamer.model.audio import AudioFormat, Codec
from tests.support.decoding import CONTAINERS, ffmpeg_says, heard, mpg123_says
from tests.support.framing import framed, pieces
from tests.support.silences import (
    AAC_CHANNELS,
    AAC_RATES,
    ALL,
    FILLED_UP,
    MPEG,
    MPEG_RATES,
    Wanted,
    aac,
    flac,
    mpeg,
    pieces_of,
)

COUNT = 30


def check_framed(wanted: Wanted) -> bytes:
    """Silence, after our framer took all of it, with the durations that the maker says."""
    maker = wanted.maker()
    data = pieces_of(maker, COUNT)
    framer = AutoFramer()
    frames = framed(framer, pieces(data, 1000))
    assert framer.dropped == 0
    assert {frame.format.joins(wanted.format) for frame in frames} == {True}
    assert maker.format.joins(wanted.format)
    assert frames[0].format == maker.format
    assert len(frames) == COUNT
    assert {frame.duration / frame.format.clock_rate for frame in frames} == {maker.seconds}
    return data


@pytest.mark.parametrize("wanted", ALL, ids=str)
def test_it_is_framed_whole_and_decoded_to_zeros(wanted: Wanted) -> None:
    data = check_framed(wanted)
    samples = heard(data, CONTAINERS[wanted.format.codec])
    assert len(samples) == round(COUNT * wanted.maker().seconds * wanted.format.clock_rate)
    assert samples.shape[1] == wanted.format.channels
    assert not samples.any()


@pytest.mark.integration
@pytest.mark.parametrize("wanted", ALL, ids=str)
def test_ffmpeg_has_nothing_to_say(wanted: Wanted) -> None:
    assert ffmpeg_says(pieces_of(wanted.maker(), COUNT), CONTAINERS[wanted.format.codec]) == ""


@pytest.mark.integration
@pytest.mark.parametrize("wanted", MPEG, ids=str)
def test_mpg123_has_nothing_to_say(wanted: Wanted) -> None:
    assert mpg123_says(pieces_of(wanted.maker(), COUNT)) == ""


@pytest.mark.integration
def test_ffmpeg_and_mpg123_do_speak_when_something_is_wrong() -> None:
    frames = pieces_of(silence_maker(mpeg("1", "III", 44100, 2)), 20)
    assert "resync" in mpg123_says(frames[:3000] + b"garbage" * 30 + frames[3000:])
    ogg = pieces_of(silence_maker(flac(44100, 2, 16)), 20)
    assert "CRC" in ffmpeg_says(ogg[:-1] + b"\xff", "ogg")


@pytest.mark.parametrize("wanted", FILLED_UP, ids=str)
def test_it_takes_what_the_bitrate_says(wanted: Wanted) -> None:
    maker = wanted.maker()
    maker.next()
    size = len(pieces_of(maker, COUNT))
    # Pages and lacing, of which Vorbis in short blocks needs most, come on top of it.
    expected = wanted.format.bitrate / 8 * COUNT * maker.seconds
    assert 0.9 * expected - COUNT * 3 <= size <= 1.1 * expected + COUNT * 30


def test_no_more_is_filled_up_than_a_decoder_takes() -> None:
    frame = Wanted(aac(44100, 2)).at(1_000_000).maker().next()
    assert 1400 < len(frame) <= 2 * 768 + 7


@pytest.mark.parametrize("wanted", ALL, ids=str)
def test_the_same_arguments_give_the_same_bytes(wanted: Wanted) -> None:
    assert pieces_of(wanted.maker(), 5) == pieces_of(wanted.maker(), 5)


def mpeg_formats() -> st.SearchStrategy[AudioFormat]:
    rates = [(version, rate) for version, rates in MPEG_RATES.items() for rate in rates]
    return st.builds(
        lambda version_and_rate, layer, channels, bitrate: mpeg(
            version_and_rate[0], layer, version_and_rate[1], channels, bitrate
        ),
        st.sampled_from(rates),
        st.sampled_from(["I", "II", "III"]),
        st.integers(1, 2),
        st.integers(0, 500_000),
    )


LEGAL = st.one_of(
    mpeg_formats(),
    st.builds(aac, st.sampled_from(AAC_RATES), st.sampled_from(AAC_CHANNELS), st.sampled_from(["LC", "Main", "LTP"])),
    st.builds(flac, st.integers(1, (1 << 20) - 1), st.integers(1, 8), st.integers(4, 32)),
)


@settings(deadline=None)
@given(LEGAL)
def test_any_legal_format_gives_frames(wanted: AudioFormat) -> None:
    check_framed(Wanted(wanted))


@settings(deadline=None)
@example(mpeg("1", "III", 44100, 2), b"")
@example(aac(44100, 2), b"")
@example(flac(44100, 2, 16), b"")
@given(
    st.builds(
        AudioFormat,
        st.sampled_from(list(Codec)),
        st.integers(0, 1 << 21),
        st.integers(0, 1 << 21),
        st.integers(0, 300),
        st.sampled_from(["", "AAC LC", "MPEG-1 layer III", "16 bit", "0 bit", "33 bit", "nonsense"]),
    ),
    st.binary(max_size=100),
)
def test_any_other_format_is_refused_or_joins(wanted: AudioFormat, setup: bytes) -> None:
    try:
        maker = silence_maker(wanted, setup)
    except AudioError:
        return
    assert maker.format.joins(wanted)
    assert maker.next()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (AudioFormat(Codec.OGG, 16000, 16000, 1, "Speex"), "does not know"),
        (AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0), "does not know"),
        (AudioFormat(Codec.VORBIS, 44100, 44100, 2), "only with the headers"),
        (AudioFormat(Codec.OPUS, 48000, 48000, 6), "6 channels can be made only with the headers"),
        (mpeg("1", "III", 22050, 2), "no MPEG audio of 2 channels at 22050 Hz in MPEG-1 layer III"),
        (mpeg("1", "III", 44100, 0), "no MPEG audio of 0 channels"),
        (aac(44100, 0), "unknown channels"),
        (aac(44100, 7), "of 7 channels"),
        (aac(44000, 2), "44000 Hz"),
        (flac(44100, 2, 40), "40 bit"),
        (flac(44100, 9, 16), "9 channels"),
        (AudioFormat(Codec.FLAC, 44100, 44100, 2), "unknown number of bits"),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_said(wanted: AudioFormat, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        silence_maker(wanted)
