"""HLS on paper: the playlist, the tag in front of a segment, and which segments there are (RFC 8216)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distreamer.media.id3 import tag_size
from distreamer.model.audio import AudioFormat, Codec, Title
from distreamer.model.fragment import Fragment
from distreamer.protocol.hls import Segment, packing_of, segment_tag
from distreamer.protocol.hls_window import MOST_KEPT_FACTOR, MOST_SEGMENT_BYTES, SegmentWindow
from tests.support.made_audio import AAC, MP3, fragment

START = 1_764_108_957.25
MP3_48 = replace(MP3, clock_rate=48_000, sample_rate=48_000)
PRIV = b"PRIV\0\0\0\x35\0\0com.apple.streaming.transportStreamTimestamp\0"


class Playing:
    """A window, and what is played into it."""

    def __init__(self, segment_seconds: float = 2, segments: int = 3) -> None:
        self.window = SegmentWindow(START, segment_seconds, segments)
        self.now = 0.0
        self.number = 0
        self.every: dict[str, Segment] = {}
        """All segments that were ever listed."""

    def play(self, seconds: float = 1.0, audio: AudioFormat = MP3, *, jump: bool = False, title: str = "") -> Fragment:
        self.number += 1
        duration = round(seconds * audio.clock_rate)
        one = replace(fragment(self.number), duration=duration, title=Title(title) if title else None)
        self.window.add(one, audio, START + self.now, self.now, is_discontinuous=jump)
        self.now += seconds
        self.every |= {segment.name: segment for segment in self.window.segments}
        return one

    def names(self) -> list[str]:
        return [one.name for one in self.window.segments]

    def held(self) -> int:
        return sum(self.window.segment(name, self.now) is not None for name in self.every)


def timestamp(segment: Segment) -> int:
    place = segment.body.index(PRIV) + len(PRIV)
    return int.from_bytes(segment.body[place : place + 8], "big")


def audio_of(segment: Segment) -> bytes:
    size = tag_size(segment.body)
    assert size
    return segment.body[size:]


def test_the_playlist_to_the_letter() -> None:
    playing = Playing()
    for _ in range(6):
        playing.play()
    playing.play(audio=AAC)
    playing.play(1.5, audio=AAC)
    assert playing.window.playlist() == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:3\n"
        "#EXT-X-TARGETDURATION:3\n"
        "#EXT-X-MEDIA-SEQUENCE:1764108957\n"
        "#EXT-X-DISCONTINUITY-SEQUENCE:1764108957\n"
        "#EXT-X-PROGRAM-DATE-TIME:2025-11-25T22:15:57.250Z\n"
        "#EXTINF:2.000000,\n"
        "1764108957-0.mp3\n"
        "#EXT-X-PROGRAM-DATE-TIME:2025-11-25T22:15:59.250Z\n"
        "#EXTINF:2.000000,\n"
        "1764108957-1.mp3\n"
        "#EXT-X-PROGRAM-DATE-TIME:2025-11-25T22:16:01.250Z\n"
        "#EXTINF:2.000000,\n"
        "1764108957-2.mp3\n"
        "#EXT-X-DISCONTINUITY\n"
        "#EXT-X-PROGRAM-DATE-TIME:2025-11-25T22:16:03.250Z\n"
        "#EXTINF:2.500000,\n"
        "1764108957-3.aac\n"
    )


def test_there_is_no_playlist_before_a_whole_segment() -> None:
    playing = Playing()
    playing.play(1.9)
    assert playing.window.playlist() is None


def test_the_sequence_counts_what_left_and_the_discontinuities_among_it() -> None:
    playing = Playing()
    for turn in range(40):
        playing.play(jump=turn == 3)
    lines = (playing.window.playlist() or "").splitlines()
    first = playing.window.segments[0]
    assert first.number > 1764108957 + 3
    assert f"#EXT-X-MEDIA-SEQUENCE:{first.number}" in lines
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1764108958" in lines
    assert "#EXT-X-DISCONTINUITY" not in lines


def test_a_discontinuity_is_counted_only_when_its_tag_has_left() -> None:
    playing = Playing()
    for turn in range(30):
        playing.play(jump=turn == 2)
        text = playing.window.playlist() or ""
        has_left = "\n1764108957-1.mp3\n" not in text and turn > 3
        assert ("#EXT-X-DISCONTINUITY-SEQUENCE:1764108958\n" in text) is has_left
        assert ("#EXT-X-DISCONTINUITY\n" in text) is (turn >= 3 and not has_left)


@pytest.mark.parametrize("change", [AAC, MP3_48, replace(MP3, channels=1)])
def test_another_format_begins_a_segment_of_its_own(change: AudioFormat) -> None:
    playing = Playing()
    old = [playing.play() for _ in range(3)]
    new = [playing.play(audio=change) for _ in range(2)]
    segments = playing.window.segments
    assert [one.is_discontinuous for one in segments] == [False, False, True]
    assert audio_of(segments[1]) == old[2].audio
    assert audio_of(segments[2]) == new[0].audio + new[1].audio
    assert segments[2].content_type == ("audio/aac" if change is AAC else "audio/mpeg")
    assert [timestamp(one) for one in segments] == [0, 180_000, 270_000]


def test_another_bitrate_is_no_other_format() -> None:
    playing = Playing()
    playing.play()
    playing.play(audio=replace(MP3, bitrate=64_000))
    assert [one.seconds for one in playing.window.segments] == [2.0]


def test_a_fragment_that_does_not_fit_raises_the_target_for_good() -> None:
    playing = Playing()
    playing.play(1.0)
    playing.play(9.5)
    assert [one.seconds for one in playing.window.segments] == [1.0, 9.5]
    assert playing.window.target_seconds == 10
    for _ in range(100):
        playing.play()
    assert playing.window.target_seconds == 10


def test_a_segment_of_many_bytes_ends_early() -> None:
    window = SegmentWindow(START, 20, 3)
    for number in range(1, 4):
        one = replace(fragment(number), audio=bytes(MOST_SEGMENT_BYTES // 2))
        window.add(one, MP3, START, 0.0, is_discontinuous=False)
    assert [len(audio_of(one)) for one in window.segments] == [MOST_SEGMENT_BYTES]


def test_the_tag_is_what_the_standard_wants() -> None:
    tag = segment_tag(0x1_2345_6789, None)
    assert tag == b"ID3\x04\0\0\0\0\0\x3f" + PRIV + bytes.fromhex("0000000123456789")
    assert tag_size(tag) == len(tag)


def test_the_time_stamp_has_33_bits() -> None:
    assert segment_tag((1 << 33) + 5, None) == segment_tag(5, None)
    assert segment_tag((1 << 33) - 1, None).endswith(bytes.fromhex("00000001ffffffff"))


def test_the_title_on_air_stands_in_the_tag() -> None:
    playing = Playing()
    playing.play(title="Žofie")
    playing.play(title="a later one")
    body = playing.window.segments[0].body
    assert body[: tag_size(body)].endswith(b"TIT2\0\0\0\x07\0\0\x03" + "Žofie".encode())


def test_a_long_title_is_cut() -> None:
    tag = segment_tag(0, Title("ü" * 10_000))
    assert tag_size(tag) == len(tag) < 1200


def test_only_mp3_and_aac_can_be_packed() -> None:
    assert {codec for codec in Codec if packing_of(codec)} == {Codec.MPEG, Codec.AAC}


def test_a_segment_stays_as_long_as_someone_may_come_for_it() -> None:
    playing = Playing()
    for _ in range(12):
        assert playing.names()[:1] in ([], ["1764108957-0.mp3"])
        playing.play()
    assert playing.names()[0] == "1764108957-1.mp3"
    # The list lasted 12 s with it (five remain, for three targets of 3 s), and it lasts 2 s itself.
    left_at = playing.now - 1
    window = playing.window
    assert window.segment("1764108957-0.mp3", left_at + 13.9) is not None
    assert window.segment("1764108957-0.mp3", left_at + 14.0) is None
    assert window.left_early == 0


def test_a_storm_of_short_segments_is_bounded_and_counted() -> None:
    playing = Playing()
    for seconds in [9.0] * 7 + [0.01] * 200:
        playing.play(seconds, jump=True)
    assert playing.held() <= MOST_KEPT_FACTOR * 3
    assert playing.window.left_early > 0


FORMATS = st.sampled_from([MP3, MP3, MP3, AAC, MP3_48])
PIECES = st.lists(st.tuples(st.floats(0.2, 10), FORMATS, st.integers(0, 9).map(lambda n: n == 0)), max_size=120)


@example(pieces=[(2.5, MP3, False)] * 40, segment_seconds=2.0, count=3)
@example(pieces=[(9.0, MP3, False), *[(2.0, MP3, False)] * 60], segment_seconds=2.0, count=3)
@given(pieces=PIECES, segment_seconds=st.floats(2, 20), count=st.integers(3, 10))
def test_whatever_is_played_the_list_keeps_its_promises(
    pieces: list[tuple[float, AudioFormat, bool]], segment_seconds: float, count: int
) -> None:
    playing = Playing(segment_seconds, count)
    played, before_sequence, before_target = b"", (0, 0), 0
    for seconds, audio, jump in pieces:
        before = set(playing.names())
        played += playing.play(seconds, audio, jump=jump).audio
        window = playing.window
        segments = window.segments
        assert playing.held() <= MOST_KEPT_FACTOR * count + 1
        if not segments:
            continue
        assert all(int(one.seconds + 0.5) <= window.target_seconds for one in segments)
        assert window.target_seconds >= before_target
        before_target = window.target_seconds
        if before - set(playing.names()) and len(segments) < 2 * count:
            assert sum(one.seconds for one in segments) >= 3 * window.target_seconds - 1e-6
        numbers = [one.number for one in segments]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        sequence = (numbers[0], segments[0].discontinuities - segments[0].is_discontinuous)
        assert sequence >= before_sequence
        before_sequence = sequence
    every = sorted(playing.every.values(), key=lambda one: one.number)
    assert played.startswith(b"".join(audio_of(one) for one in every))
    for one, following in pairwise(every):
        assert following.discontinuities - one.discontinuities == following.is_discontinuous
        if not following.is_discontinuous:
            assert abs(timestamp(following) - timestamp(one) - one.seconds * 90_000) <= 1
