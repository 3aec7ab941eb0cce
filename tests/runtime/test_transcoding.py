"""Files become streams of any format: joined by decoders, as loud as they were, and no longer than is allowed."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.clip import clip_of
from distreamer.media.flac import FlacCodec
from distreamer.media.mpeg import MpegFramer
from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from distreamer.media.ogg_writer import header_packets
from distreamer.media.opus import OpusCodec
from distreamer.media.vorbis import VorbisCodec
from distreamer.model.audio import AudioFormat, Codec, Title
from distreamer.runtime import transcoding
from distreamer.runtime.transcoding import check_audio, heard_rate, transcoded
from tests.support.audio_samples import demuxed, encoded
from tests.support.clips import rounds_of
from tests.support.decoding import CONTAINERS, ffmpeg_says, heard, mpg123_says
from tests.support.silences import aac, flac, mpeg, opus
from tests.support.silent_aac import silent_pair
from tests.support.tones import LEVEL, tone_levels, write_tone


def vorbis(sample_rate: int, channels: int, bitrate: int) -> AudioFormat:
    """Ogg Vorbis as the framer describes it."""
    return AudioFormat(Codec.VORBIS, sample_rate, sample_rate, channels, "", bitrate)


def at(bitrate: int, audio: AudioFormat) -> AudioFormat:
    """The same with another bitrate."""
    return replace(audio, bitrate=bitrate)


FORMATS = [
    *(mpeg("1", "III", 44100, 2, 128_000), mpeg("1", "III", 48000, 1, 64_000), mpeg("1", "III", 32000, 2, 320_000)),
    *(mpeg("2", "III", 22050, 2, 56_000), mpeg("2", "III", 24000, 1, 24_000), mpeg("2.5", "III", 11025, 1, 16_000)),
    *(mpeg("1", "II", 48000, 2, 192_000), mpeg("2", "II", 24000, 1, 64_000)),
    *(at(96_000, aac(44100, 2)), at(64_000, aac(48000, 1)), at(48_000, aac(22050, 2)), at(300_000, aac(48000, 6))),
    *(vorbis(44100, 2, 128_000), vorbis(48000, 1, 64_000), vorbis(22050, 2, 48_000)),
    *(at(96_000, opus(2)), at(32_000, opus(1)), at(256_000, opus(6))),
    *(flac(44100, 2, 16), flac(48000, 1, 24), flac(96000, 2, 24)),
]
FILES: dict[str, Callable[[], bytes]] = {
    "MP3 with tags": lambda: encoded(
        "libmp3lame", seconds=3, container_options=(("write_xing", "1"), ("id3v2_version", "3")), metadata=(("a", "b"),)
    ),
    "AAC": lambda: encoded("aac", seconds=3, sample_rate=32000, channels=1),
    "M4A": lambda: encoded("aac", seconds=3, container="ipod"),
    "Opus": lambda: encoded("libopus", seconds=3, sample_rate=48000),
    "Vorbis": lambda: encoded("vorbis", seconds=3, sample_rate=22050),
    "FLAC": lambda: encoded("flac", seconds=3, container="flac", sample_rate=96000, channels=6),
}


def id_of(value: object) -> str | None:
    """A format in a few words."""
    if not isinstance(value, AudioFormat):
        return None
    return f"{value.codec.value} {value.profile} {value.sample_rate} {value.channels} {value.bitrate}"


def tone_file(folder: Path, seconds: float = 3, *, sample_rate: int = 44100, channels: int = 2) -> io.BytesIO:
    path = write_tone(folder / "tone.wav", seconds, sample_rate=sample_rate, channels=channels)
    return io.BytesIO(path.read_bytes())


def middle(wanted: AudioFormat, stream: bytes) -> list[float]:
    """How loud the tone is in each channel, away from the stream's ends."""
    samples = heard(stream, CONTAINERS[wanted.codec.value])
    return [
        float(np.median(tone_levels(samples, wanted.sample_rate, channel)[5:25])) for channel in range(wanted.channels)
    ]


@pytest.mark.integration
@pytest.mark.parametrize("wanted", FORMATS, ids=id_of)
def test_rounds_of_it_are_heard_and_no_decoder_complains(tmp_path: Path, wanted: AudioFormat) -> None:
    clip = clip_of(transcoded(tone_file(tmp_path), wanted), wanted)
    assert clip.seconds == pytest.approx(3, abs=0.25)
    data = rounds_of(clip, 3.5)
    container = CONTAINERS[wanted.codec.value]
    assert ffmpeg_says(data, container) == ""
    assert container != "mp3" or mpg123_says(data) == ""
    levels = tone_levels(heard(data, container), wanted.sample_rate)
    assert len(levels) >= 9 / 0.1
    if wanted.channels <= 2:
        # As loud as in the file, but for the moments in which an encoder begins and ends.
        assert np.count_nonzero(abs(levels / LEVEL - 1) > 0.15) <= 3 * 5
        assert levels.max() < LEVEL * 1.15


@pytest.mark.parametrize("wanted", [wanted for wanted in FORMATS if wanted.codec is Codec.MPEG], ids=id_of)
def test_no_mpeg_frame_leans_on_another(tmp_path: Path, wanted: AudioFormat) -> None:
    clip = clip_of(transcoded(tone_file(tmp_path), wanted), wanted)
    for frame in clip.pieces():
        header = MpegFramer.header(frame, 0)
        assert header is not None
        assert (header.bitrate, len(frame)) == (wanted.bitrate, header.size)
        assert mended_run(ReservoirJoin(), frame) == frame


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("wanted", [FORMATS[0], opus(1)], ids=id_of)
def test_files_of_all_kinds_are_taken(kind: str, wanted: AudioFormat) -> None:
    file = io.BytesIO(FILES[kind]())
    check_audio(file)
    file.seek(0)
    assert clip_of(transcoded(file, wanted), wanted).seconds == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [
        (1, 1, [1]),
        (2, 2, [1, 1]),
        (1, 2, [1, 1]),
        (2, 1, [1]),
        (1, 6, [0, 0, 1, 0, 0, 0]),
        (2, 6, [1, 1, 0, 0, 0, 0]),
    ],
)
def test_loudness_does_not_change(tmp_path: Path, before: int, after: int, levels: list[int]) -> None:
    wanted = flac(44100, after, 16)
    stream = transcoded(tone_file(tmp_path, channels=before), wanted)
    assert middle(wanted, stream) == pytest.approx([level * LEVEL for level in levels], abs=0.01)


def test_a_mix_of_many_channels_does_not_clip() -> None:
    file = io.BytesIO(encoded("flac", seconds=3, channels=6, container="flac"))
    samples = heard(transcoded(file, flac(44100, 2, 16)), "ogg")
    assert 0.05 < np.abs(samples / (1 << 31)).max() < 0.6


@pytest.mark.parametrize(
    "wanted", [vorbis(44100, 2, 96_000), at(64_000, opus(2)), at(80_000, aac(44100, 2))], ids=id_of
)
def test_the_bitrate_is_about_that_of_the_stream(wanted: AudioFormat) -> None:
    """Noise is the hardest to encode; without being told, all would take more."""
    clip = clip_of(transcoded(io.BytesIO(encoded("flac", seconds=5)), wanted), wanted)
    assert clip.format.bitrate == pytest.approx(wanted.bitrate, rel=0.15)


@pytest.mark.parametrize(
    ("wanted", "bitrate"),
    [
        (mpeg("1", "III", 44100, 2, 131_000), 128_000),
        (mpeg("2", "III", 22050, 2, 300_000), 160_000),
        (mpeg("1", "II", 44100, 2, 33_000), 64_000),
    ],
    ids=id_of,
)
def test_a_measured_bitrate_becomes_one_that_mpeg_has(tmp_path: Path, wanted: AudioFormat, bitrate: int) -> None:
    clip = clip_of(transcoded(tone_file(tmp_path), wanted), wanted)
    assert clip.format.bitrate == bitrate


@pytest.mark.parametrize(
    ("bitrate", "options", "sample_rate", "channels"),
    [
        (128_000, (), 44100, 2),
        (64_000, (), 48000, 1),
        (0, (("flags", "+qscale"), ("global_quality", "400")), 44100, 2),
        (0, (("flags", "+qscale"), ("global_quality", "-118")), 48000, 2),
        (96_000, (("minrate", "64000"), ("maxrate", "160000")), 22050, 2),
    ],
)
def test_vorbis_gets_the_code_books_of_the_stream(
    tmp_path: Path, bitrate: int, options: tuple[tuple[str, str], ...], sample_rate: int, channels: int
) -> None:
    rates = {"bitrate": bitrate, "sample_rate": sample_rate, "channels": channels}
    frame = AutoFramer().feed(encoded("libvorbis", seconds=2, options=options, **rates))[0]
    wanted = replace(frame.format, bitrate=77_000)
    clip = clip_of(transcoded(tone_file(tmp_path), wanted, frame.setup), wanted, frame.setup)
    running = header_packets(frame.setup, VorbisCodec.MAGIC)
    assert (clip.headers[2], clip.headers[0][28]) == (running[2], running[0][28])


def test_vorbis_with_other_code_books_is_refused(tmp_path: Path) -> None:
    """Many players would go on with those that they have, and play noise."""
    frame, other = (AutoFramer().feed(encoded("libvorbis", bitrate=bitrate))[0] for bitrate in (64_000, 192_000))
    stream = transcoded(tone_file(tmp_path), frame.format, frame.setup)
    with pytest.raises(AudioError, match="it cannot be encoded by the code books of the stream"):
        clip_of(stream, other.format, other.setup)


@pytest.mark.parametrize(("size", "blocks"), [("1152", 1152), ("4608", 4608), ("16384", 4096)])
def test_flac_keeps_to_the_blocks_of_the_stream(tmp_path: Path, size: str, blocks: int) -> None:
    frame = AutoFramer().feed(encoded("flac", seconds=2, options=(("frame_size", size),)))[0]
    clip = clip_of(transcoded(tone_file(tmp_path), frame.format, frame.setup), frame.format, frame.setup)
    codec = FlacCodec(clip.headers[0])
    assert {codec.packet_ticks(piece) for piece in clip.pieces()} == {blocks}
    assert heard(rounds_of(clip, 2), "ogg").size


def test_a_short_file_is_filled_up(tmp_path: Path) -> None:
    wanted = vorbis(44100, 2, 96_000)
    clip = clip_of(transcoded(tone_file(tmp_path, 0.01), wanted), wanted)
    assert clip.seconds == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("wanted", [FORMATS[0], opus(2), flac(44100, 2, 16)], ids=id_of)
def test_of_a_long_file_the_beginning_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: AudioFormat
) -> None:
    monkeypatch.setattr(transcoding, "LARGEST_BYTES", 200_000)
    few = clip_of(transcoded(tone_file(tmp_path, 20), wanted), wanted)
    assert 150_000 < len(few.audio) < 300_000
    assert few.seconds < 18


def test_no_more_than_ten_minutes_are_taken(tmp_path: Path) -> None:
    wanted = at(6_000, opus(1))
    file = tone_file(tmp_path, transcoding.LONGEST_SECONDS + 20, sample_rate=8000, channels=1)
    clip = clip_of(transcoded(file, wanted), wanted)
    assert clip.seconds == pytest.approx(transcoding.LONGEST_SECONDS, abs=1)


def test_what_is_damaged_is_left_out() -> None:
    stream = encoded("libmp3lame", seconds=4)
    third = len(stream) // 3
    file = io.BytesIO(stream[:third] + bytes(range(256)) * 20 + stream[third : 2 * third] + stream[2 * third + 100 :])
    assert 3 < clip_of(transcoded(file, FORMATS[0]), FORMATS[0]).seconds < 5


@pytest.mark.parametrize("left", range(1, 9))
def test_a_file_may_end_inside_a_header(left: int) -> None:
    """libavformat calls that an input error, of ADTS."""
    stream = encoded("aac", seconds=3)
    begin_of_a_frame = demuxed(stream, "aac")[-1].position
    clip = clip_of(transcoded(io.BytesIO(stream[: begin_of_a_frame + left]), FORMATS[0]), FORMATS[0])
    assert 2.8 < clip.seconds < 3.2


def test_a_file_may_change_its_format_on_the_way() -> None:
    parts = [encoded("libmp3lame", seconds=2, channels=channels) for channels in (2, 1, 2)]
    clip = clip_of(transcoded(io.BytesIO(b"".join(parts)), FORMATS[0]), FORMATS[0])
    assert clip.seconds == pytest.approx(6, abs=0.5)


def test_ogg_says_the_title(tmp_path: Path) -> None:
    stream = transcoded(tone_file(tmp_path), opus(2), title=Title("We are back soon"))
    clip = clip_of(stream, opus(2))
    assert b"title=We are back soon" in clip.headers[1]
    assert OpusCodec.MAGIC in clip.headers[0]
    assert header_packets(stream, OpusCodec.MAGIC)[:2] == list(clip.headers)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (mpeg("1", "I", 44100, 2, 192_000), "no encoder for MPEG-1 layer I"),
        (AudioFormat(Codec.OGG, 16000, 16000, 1, "Speex"), "no encoder for Speex"),
        (AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0), "no encoder for opaque"),
        (aac(44100, 0), "no encoder for 0 channels"),
        (opus(11), "no encoder for 11 channels"),
    ],
    ids=id_of,
)
def test_formats_without_an_encoder_are_refused(tmp_path: Path, wanted: AudioFormat, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        transcoded(tone_file(tmp_path), wanted)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello " * 1000, bytes(100_000), b"\x89PNG\r\n\x1a\n" + bytes(1000)],
    ids=["empty", "text", "0", "PNG"],
)
def test_files_without_audio_are_refused(data: bytes) -> None:
    with pytest.raises(AudioError, match="it holds no audio that can be decoded"):
        check_audio(io.BytesIO(data))
    with pytest.raises(AudioError, match=r"libavcodec cannot convert it|holds no audio"):
        transcoded(io.BytesIO(data), FORMATS[0])


def test_a_decoder_knows_he_aac() -> None:
    assert heard_rate(40 * silent_pair(sbr=False), "aac") == 22050
    assert heard_rate(40 * silent_pair(sbr=True), "aac") == 44100
    with pytest.raises(AudioError, match="cannot be decoded"):
        heard_rate(bytes(10_000), "aac")
