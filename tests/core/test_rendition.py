"""The rendition: whoever joins, whenever, gets whole frames and the right titles at the right places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.played import RECENT_BYTES, RECENT_SECONDS, Played
from distreamer.core.rendition import FORWARD_SECONDS, SMALLEST_TAG, Cursor, Rendition, empty_tag, title_at
from distreamer.media.id3 import tag_size
from distreamer.model.audio import AudioFormat, Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.icy import parse_metadata
from distreamer.protocol.listener_http import METADATA_INTERVAL
from tests.support.made_audio import AAC, INFO, MP3_FRAME_BYTES, MP3_HEADER, fragment, mp3_stream

OGG = StreamInfo(AudioFormat(Codec.VORBIS, 44100, 44100, 2, content_type="application/ogg"))
OPAQUE = StreamInfo(AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0, content_type="audio/x-unknown"))
ALL = 1_000_000_000


def played(one: Fragment, info: StreamInfo = INFO) -> Played:
    return Played(one, info, starts_at=0.0, discontinuity=False)


def rendition_of(fragments: Iterable[Fragment], info: StreamInfo = INFO) -> Rendition:
    rendition = Rendition(info)
    for one in fragments:
        rendition.add(played(one, info))
    return rendition


def opaque(number: int, size: int = 24_007) -> Fragment:
    """Bytes without frames, each a function of its place in the stream."""
    start = (number - 1) * size
    audio = b"".join((place // 4).to_bytes(4, "big") for place in range(start - start % 4, start + size + 4, 4))
    return Fragment(1, number, start, 1_000_000, audio[start % 4 :][:size], 0.0)


@dataclass
class Heard:
    """What a player makes of the bytes."""

    audio: bytes = b""
    titles: list[tuple[int, Title | None]] = field(default_factory=list)
    """For each metadata block: bytes of audio before it, and what it says."""


def heard(data: bytes) -> Heard:
    """Counts as a player does; the last block must be whole."""
    result = Heard()
    place = 0
    while place < len(data):
        audio = data[place : place + METADATA_INTERVAL]
        result.audio += audio
        place += len(audio)
        if place < len(data):
            size = 16 * data[place]
            block = data[place + 1 : place + 1 + size]
            assert len(block) == size
            result.titles.append((len(result.audio), parse_metadata(block)))
            place += 1 + size
    return result


def without_tag(audio: bytes) -> tuple[bytes, int]:
    """Audio without the tag that it begins with, and the tag's size."""
    size = tag_size(audio) or 0
    return audio[size:], size


def frames_and_tags(audio: bytes) -> tuple[list[int], int]:
    """The numbers of the frames, and how many tags stand between them; fails on anything else."""
    numbers: list[int] = []
    tags = place = 0
    while place < len(audio):
        size = tag_size(audio, place)
        if size:
            tags += 1
            place += size
            continue
        assert audio[place : place + 4] == MP3_HEADER, f"neither a frame nor a tag at {place} of {len(audio)}"
        numbers.append(int.from_bytes(audio[place + 4 : place + 12], "big"))
        place += MP3_FRAME_BYTES
    return numbers, tags


def test_those_who_are_up_to_date_share_one_object() -> None:
    rendition = Rendition(INFO)
    cursors = [rendition.enter(0, icy=icy) for icy in (False, False, True, True)]
    for number in (1, 2, 3):
        one = fragment(number)
        rendition.add(played(one))
        clean, clean_too, icy, icy_too = (rendition.take(cursor, ALL) for cursor in cursors)
        assert clean is one.audio
        assert clean_too is one.audio
        assert icy is icy_too
    assert [rendition.take(cursor, ALL) for cursor in cursors] == [None] * 4


def test_those_who_join_at_one_place_share_one_object() -> None:
    rendition = rendition_of(fragment(number) for number in range(1, 12))
    first, second = (rendition.take(rendition.enter(5, icy=True), ALL) for _ in range(2))
    assert first is not None
    assert first is second
    rendition.add(played(fragment(12)))
    assert rendition.take(rendition.enter(5, icy=True), ALL) != first


@pytest.mark.parametrize(
    ("burst", "expected"), [(0, 0), (0.5, 1), (1, 1), (2.5, 2), (10, 10), (25, 20)], ids=lambda value: str(value)
)
def test_burst_is_as_long_as_asked_and_at_least_a_fragment(burst: float, expected: int) -> None:
    rendition = rendition_of(fragment(number) for number in range(1, 21))
    data = rendition.take(rendition.enter(burst, icy=False), ALL)
    assert (data or b"") == b"".join(fragment(number).audio for number in range(21 - expected, 21))


@pytest.mark.parametrize(
    ("since", "burst", "expected"),
    [(0, 10, 10), (5, 10, 10), (6, 10, 10), (7, 10, 11), (13, 10, 17), (13, 2, 15), (13, 0.5, 14), (13, 0, 0)],
)
def test_behind_a_restart_the_burst_reaches_back_to_what_was_given_out_before(
    since: int, burst: float, expected: int
) -> None:
    rendition = Rendition(INFO)
    for number in range(1, 41):
        rendition.add(replace(played(fragment(number)), by_earlier_run=number <= 40 - since))
    data = rendition.take(rendition.enter(burst, icy=False), ALL)
    assert (data or b"") == b"".join(fragment(number).audio for number in range(41 - expected, 41))


def test_the_burst_is_as_ever_when_the_ring_holds_nothing_from_before_a_restart() -> None:
    rendition = Rendition(INFO)
    for number in range(1, 41):
        rendition.add(replace(played(fragment(number)), by_earlier_run=number <= 40 - RECENT_SECONDS))
    assert rendition.next - rendition.enter(10, icy=False).number == 10


def test_the_limit_ends_a_take_behind_a_whole_chunk() -> None:
    rendition = rendition_of(fragment(number) for number in range(1, 11))
    cursor = rendition.enter(10, icy=False)
    size = len(fragment(1).audio)
    assert len(rendition.take(cursor, size) or b"") == size
    assert len(rendition.take(cursor, size + 1) or b"") == 2 * size
    assert len(rendition.take(cursor, ALL) or b"") == 7 * size


def test_the_ring_is_bounded_in_seconds() -> None:
    rendition = rendition_of(fragment(number) for number in range(1, 100))
    assert rendition.next - rendition.first == RECENT_SECONDS
    assert rendition.next == 99


def test_the_ring_is_bounded_in_bytes() -> None:
    big = bytes(RECENT_BYTES // 4)
    rendition = rendition_of((replace(fragment(number), audio=big) for number in range(1, 10)), INFO)
    assert rendition.next - rendition.first == 4


@pytest.mark.parametrize("size", [10, 11, 137, 138, 15_999, 16_009])
def test_an_empty_tag_has_exactly_its_size(size: int) -> None:
    tag = empty_tag(size)
    assert len(tag) == size
    assert tag_size(tag) == size


titles = st.one_of(st.none(), st.sampled_from(["Ärger – im „Paradies“", "a", "x" * 70]).map(Title))


class Programme(list[Fragment]):
    """Fragments that show only their sizes when a test fails."""

    def __repr__(self) -> str:
        return f"Programme({[len(one.audio) // MP3_FRAME_BYTES for one in self]} frames)"


@st.composite
def programmes(draw: st.DrawFn) -> Programme:
    """Fragments of 1 to 90 frames with titles anywhere."""
    fragments = Programme()
    frame, title = 0, draw(titles)
    for number in range(1, draw(st.integers(2, 14)) + 1):
        count = draw(st.integers(1, 90))
        marked = sorted(draw(st.sets(st.integers(0, count - 1), max_size=3)))
        marks = [TitleMark(index * MP3_FRAME_BYTES, Title(f"{number}:{index}")) for index in marked]
        fragments.append(
            Fragment(1, number, frame, count, mp3_stream(frame, count), 0.0, title=title, title_marks=tuple(marks))
        )
        frame += count
        title = fragments[-1].last_title
    return fragments


def title_in_force(fragments: list[Fragment], place: int) -> Title | None:
    for one in fragments:
        if place < len(one.audio):
            return title_at(one, place)
        place -= len(one.audio)
    raise AssertionError("no block stands behind the last byte")


@given(programmes(), st.integers(0, 13), st.floats(0, 3))
@settings(deadline=None, max_examples=80)
def test_whoever_joins_hears_frames_and_titles_in_their_places(
    programme: Programme, joined_after: int, burst: float
) -> None:
    info = StreamInfo(replace(INFO.format, clock_rate=38))
    rendition = Rendition(info)
    joined_after = min(joined_after, len(programme) - 1)
    data = b""
    cursor: Cursor | None = None
    first = 0
    for index, one in enumerate(programme):
        if index == joined_after:
            cursor = rendition.enter(burst, icy=True)
            first = cursor.number
        rendition.add(played(one, info))
        if cursor is not None:
            data += rendition.take(cursor, ALL) or b""
    result = heard(data)
    audio, filled = without_tag(result.audio)
    wanted = programme[first:]
    assert audio == b"".join(one.audio for one in wanted)
    assert filled == 0 or SMALLEST_TAG <= filled < METADATA_INTERVAL + SMALLEST_TAG
    assert [place for place, _ in result.titles] == [
        METADATA_INTERVAL * count for count in range(1, len(result.titles) + 1)
    ]
    for place, title in result.titles:
        assert title == title_in_force(wanted, max(place - filled, 0))


@given(programmes(), st.data())
@settings(deadline=None, max_examples=80)
def test_who_is_too_slow_goes_on_with_a_valid_stream(programme: Programme, data: st.DataObject) -> None:
    info = StreamInfo(replace(INFO.format, clock_rate=38 * 9))  # so that many fragments fit into the ring
    rendition = Rendition(info)
    cursor = rendition.enter(0, icy=True)
    got = b""
    for _ in range(data.draw(st.integers(1, 3))):
        long_absence = data.draw(st.booleans())
        for one in programme:
            rendition.add(played(one, info))
        if long_absence:
            for _ in range(3):
                rendition.add(played(replace(fragment(1), duration=15 * info.format.clock_rate), info))
            assert rendition.first > cursor.number
        got += rendition.take(cursor, ALL) or b""
    result = heard(got)
    _, tags = frames_and_tags(result.audio)
    assert tags <= cursor.moved_forward + 1
    assert [place for place, _ in result.titles] == [
        METADATA_INTERVAL * count for count in range(1, len(result.titles) + 1)
    ]


@pytest.mark.parametrize("icy", [False, True])
def test_who_fell_out_of_the_ring_goes_on_near_the_newest(icy: bool) -> None:
    rendition = rendition_of(fragment(number) for number in range(1, 4))
    cursor = rendition.enter(3, icy=icy)
    before = rendition.take(cursor, ALL) or b""
    for number in range(4, 61):
        rendition.add(played(fragment(number)))
    data = before + (rendition.take(cursor, ALL) or b"")
    numbers, tags = frames_and_tags(heard(data).audio if icy else data)
    kept = round(FORWARD_SECONDS)
    assert numbers == [*range(3 * 38), *range((60 - kept) * 38, 60 * 38)]
    assert tags == (1 if icy else 0)
    assert cursor.moved_forward == 1


def test_ogg_begins_with_the_set_up_headers_and_sends_them_again_when_they_change() -> None:
    fragments = [replace(fragment(number), setup=b"<one>" if number < 4 else b"<two>") for number in range(1, 7)]
    rendition = rendition_of(fragments[:2], OGG)
    cursor = rendition.enter(1, icy=False)
    assert rendition.take(cursor, ALL) == b"<one>" + fragments[1].audio
    rendition.add(played(fragments[2], OGG))
    assert rendition.take(cursor, ALL) is fragments[2].audio
    for one in fragments[3:]:
        rendition.add(played(one, OGG))
    assert rendition.take(cursor, ALL) == b"<two>" + b"".join(one.audio for one in fragments[3:])


def test_ogg_that_was_skipped_over_a_change_gets_the_headers_in_force() -> None:
    rendition = rendition_of([replace(fragment(1), setup=b"<one>")], OGG)
    cursor = rendition.enter(1, icy=False)
    rendition.take(cursor, ALL)
    later = [replace(fragment(number), setup=b"<two>") for number in range(2, 60)]
    for one in later:
        rendition.add(played(one, OGG))
    data = rendition.take(cursor, ALL) or b""
    assert data.startswith(b"<two>" + later[-10].audio)
    assert data.count(b"<two>") == 1


def test_ogg_is_never_interleaved() -> None:
    rendition = rendition_of([fragment(1)], OGG)
    assert rendition.take(rendition.enter(1, icy=True), ALL) == fragment(1).audio


@given(st.integers(0, 9), st.integers(1, 40_000), st.booleans())
@settings(deadline=None, max_examples=40)
def test_opaque_audio_is_joined_where_the_grid_is(joined_after: int, size: int, is_late: bool) -> None:
    fragments = [replace(opaque(number, size), title=Title(f"{number}")) for number in range(1, 12)]
    rendition = Rendition(OPAQUE)
    cursor: Cursor | None = None
    data = b""
    for index, one in enumerate(fragments):
        if index == joined_after:
            cursor = rendition.enter(0, icy=True)
        rendition.add(played(one, OPAQUE))
        if cursor is not None and not is_late:
            data += rendition.take(cursor, ALL) or b""
    assert cursor is not None
    data += rendition.take(cursor, ALL) or b""
    result = heard(data)
    everything = b"".join(one.audio for one in fragments)
    begun = -(-joined_after * size // METADATA_INTERVAL) * METADATA_INTERVAL
    assert result.audio == everything[begun:]
    for place, title in result.titles:
        assert title == fragments[(begun + place) // size].title


def test_another_codec_or_type_needs_another_rendition() -> None:
    rendition = Rendition(INFO)
    assert rendition.accepts(StreamInfo(replace(INFO.format, bitrate=64_000, sample_rate=22_050)))
    assert not rendition.accepts(StreamInfo(AAC))


OTHER_RATE = replace(INFO, format=replace(INFO.format, clock_rate=48000, sample_rate=48000))


@pytest.mark.parametrize("icy", [False, True])
def test_who_listens_goes_on_over_a_change_of_rate_and_counts_on(icy: bool) -> None:
    rendition = rendition_of([fragment(1)])
    cursor = rendition.enter(10, icy=icy)
    data = rendition.take(cursor, ALL) or b""
    for number in range(2, 9):
        info = INFO if number < 5 else OTHER_RATE
        title = Title("old" if number < 5 else "new")
        assert rendition.accepts(info)
        rendition.add(played(replace(fragment(number), title=title), info))
        if number % 2:
            data += rendition.take(cursor, ALL) or b""
    data += rendition.take(cursor, ALL) or b""
    audio = b"".join(fragment(number).audio for number in range(1, 9))
    if not icy:
        assert data == audio
        return
    got = heard(data)
    assert got.audio == audio
    change = len(fragment(1).audio) * 4
    assert {title.text for place, title in got.titles if title and place >= change} == {"new"}
    assert {title.text for place, title in got.titles if title and place < change} == {"old"}


@pytest.mark.parametrize("icy", [False, True])
def test_who_joins_behind_a_change_of_rate_hears_nothing_of_the_old(icy: bool) -> None:
    rendition = rendition_of([fragment(number) for number in range(1, 9)])
    rendition.add(played(fragment(9), OTHER_RATE))
    rendition.add(played(fragment(10), OTHER_RATE))
    data = rendition.take(rendition.enter(10, icy=icy), ALL) or b""
    audio, _ = without_tag(heard(data).audio if icy else data)
    assert audio == fragment(9).audio + fragment(10).audio
    assert rendition.take(rendition.enter(0, icy=icy), ALL) is None
    louder = replace(OTHER_RATE, format=replace(OTHER_RATE.format, bitrate=320_000))
    rendition.add(played(fragment(11), louder))
    data = rendition.take(rendition.enter(10, icy=False), ALL) or b""
    assert data == b"".join(fragment(number).audio for number in (9, 10, 11))
