"""Ogg framing: real streams to the exact sample, and every accident of live streams by hand."""

from __future__ import annotations

from typing import Any

import pytest

from distreamer.media import ogg
from distreamer.media.ogg import OggFramer
from distreamer.model.audio import Codec, Frame, Title
from tests.support.audio_samples import demuxed, encoded
from tests.support.framing import framed, frames_of, halves, pieces, same_objects, shape
from tests.support.ogg_samples import (
    BEGINS,
    CONTINUED,
    ENDS,
    OPUS_20_MS,
    OPUS_HEAD,
    SPEEX_HEAD,
    comments,
    opus_headers,
    page,
    split_pages,
)

SECONDS = 1.3
SHORT_PAGES = (("page_duration", "100000"),)
CLIPS: list[dict[str, Any]] = [
    {"codec": "libopus", "sample_rate": 48000},
    {
        "codec": "libopus",
        "sample_rate": 48000,
        "container_options": SHORT_PAGES,
        "options": (("frame_duration", "2.5"),),
    },
    {"codec": "libopus", "sample_rate": 16000, "channels": 1, "options": (("frame_duration", "60"),)},
    {"codec": "flac", "sample_rate": 44100},
    {"codec": "flac", "sample_rate": 32000, "channels": 1, "container_options": SHORT_PAGES},
]
OPUS = encoded("libopus", seconds=1.0, sample_rate=48000, channels=1, bitrate=24_000, container_options=SHORT_PAGES)


def opus_page(number: int, *, sequence: int | None = None, serial: int = 7, flags: int = 0) -> bytes:
    """The data page ``number`` (from 0) of a hand-made stream: two packets of 20 ms, different in each page."""
    packet = OPUS_20_MS + number.to_bytes(2, "big")
    return page(
        [packet, packet],
        serial=serial,
        sequence=2 + number if sequence is None else sequence,
        granule=1920 * (number + 1),
        flags=flags,
    )


PAGES = [opus_page(number) for number in range(8)]


def data_of(frames: list[Frame]) -> list[bytes]:
    return [frame.data for frame in frames]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: f"{clip['codec']}-{clip['sample_rate']}")
def test_durations_add_up_to_the_samples_encoded(clip: dict[str, Any]) -> None:
    frames = frames_of(OggFramer, encoded(**clip, seconds=SECONDS))
    assert sum(frame.duration for frame in frames) == round(SECONDS * frames[0].format.clock_rate)


@pytest.mark.parametrize("clip", [*CLIPS, {"codec": "vorbis", "sample_rate": 44100}], ids=lambda clip: clip["codec"])
def test_pages_are_frames_and_headers_are_the_set_up(clip: dict[str, Any]) -> None:
    data = encoded(**clip, seconds=SECONDS)
    framer = OggFramer()
    frames = framed(framer, pieces(data, 1000))
    assert frames[0].setup + b"".join(data_of(frames)) == data
    assert all(frame.data == data[frame.position :][: len(frame.data)] for frame in frames)
    assert same_objects(frame.setup for frame in frames)
    assert same_objects(frame.format for frame in frames)
    assert (framer.dropped, framer.setup_bytes) == (0, len(frames[0].setup))
    assert frames[0].format.codec == clip["codec"].removeprefix("lib")
    assert frames[0].format.channels == clip.get("channels", 2)


@pytest.mark.parametrize("clip", [*CLIPS, {"codec": "vorbis", "sample_rate": 44100}], ids=lambda clip: clip["codec"])
def test_frames_hold_the_packets_that_libavformat_finds(clip: dict[str, Any]) -> None:
    data = encoded(**clip, seconds=SECONDS)
    frames = frames_of(OggFramer, data)
    again = demuxed(frames[0].setup + b"".join(data_of(frames)), "ogg")
    packets = demuxed(data, "ogg")
    assert [packet.data for packet in again] == [packet.data for packet in packets]
    clock_rate = frames[0].format.clock_rate
    total = sum(packet.seconds for packet in packets)
    assert sum(frame.duration for frame in frames) / clock_rate == pytest.approx(total, abs=0.025)


def test_vorbis_lasts_as_long_as_its_granules_say() -> None:
    frames = frames_of(OggFramer, encoded("vorbis", seconds=SECONDS))
    last_granule = int.from_bytes(frames[-1].data[6:14], "little")
    assert sum(frame.duration for frame in frames) == last_granule
    assert frames[0].format.clock_rate == 44100


def test_any_split_gives_the_same_frames() -> None:
    data = b"Ogg" + OPUS[:3000] + b"OggS" + OPUS[3000:]
    whole = shape(frames_of(OggFramer, data))
    assert len(whole) >= 8
    assert shape(framed(OggFramer(), pieces(data, 1))) == whole
    for at in range(0, len(data), 3):
        assert shape(framed(OggFramer(), halves(data, at))) == whole


def test_a_page_is_given_with_its_last_byte() -> None:
    framer = OggFramer()
    framer.feed(opus_headers())
    assert framer.feed(PAGES[0][:-1]) == []
    assert data_of(framer.feed(PAGES[0][-1:])) == [PAGES[0]]


def test_the_title_comes_with_the_first_frame_only() -> None:
    frames = frames_of(OggFramer, opus_headers("artist=Ärzte", "title=Song") + PAGES[0] + PAGES[1])
    assert [frame.title for frame in frames] == [Title("Ärzte - Song"), None]


def test_a_chained_stream_brings_its_own_set_up_and_title() -> None:
    first = opus_headers("title=one") + PAGES[0] + opus_page(1, flags=ENDS)
    second = opus_headers("title=two", serial=8) + opus_page(0, serial=8) + opus_page(1, serial=8)
    framer = OggFramer()
    frames = framed(framer, [first + second])
    assert [frame.title for frame in frames] == [Title("one"), None, Title("two"), None]
    assert [frame.setup for frame in frames] == [opus_headers("title=one")] * 2 + [
        opus_headers("title=two", serial=8)
    ] * 2
    assert same_objects(frame.format for frame in frames)
    assert framer.setup_bytes == len(frames[0].setup) + len(frames[2].setup)


def test_every_link_of_a_chain_is_exact() -> None:
    links = [
        encoded("libopus", seconds=seconds, sample_rate=48000, metadata=(("title", "x"),)) for seconds in (0.5, 0.71)
    ]
    frames = frames_of(OggFramer, b"".join(links))
    assert sum(frame.duration for frame in frames) == round(1.21 * 48000)


def test_a_chain_may_change_its_codec() -> None:
    clips = [encoded("libopus", seconds=0.5, sample_rate=48000), encoded("flac", seconds=0.5)]
    frames = frames_of(OggFramer, b"".join(clips))
    codecs = [frame.format.codec for frame in frames]
    assert codecs == sorted(codecs, reverse=True)
    assert set(codecs) == {Codec.OPUS, Codec.FLAC}


def test_the_same_headers_again_are_the_same_set_up() -> None:
    frames = frames_of(OggFramer, opus_headers() + PAGES[0] + opus_headers() + PAGES[3])
    assert data_of(frames) == [PAGES[0], PAGES[3]]
    assert same_objects(frame.setup for frame in frames)


def test_headers_then_pages_from_the_middle_as_icecast_sends_them() -> None:
    frames = frames_of(OggFramer, opus_headers() + b"".join(opus_page(number) for number in range(5000, 5003)))
    assert [frame.duration for frame in frames] == [1920 - 312, 1920, 1920]


def test_without_headers_nothing_is_given_until_a_stream_begins() -> None:
    framer = OggFramer()
    frames = framed(framer, [b"".join(PAGES[:3]) + opus_headers() + PAGES[0]])
    assert data_of(frames) == [PAGES[0]]
    assert framer.dropped == sum(map(len, PAGES[:3]))


def test_a_missing_page_costs_only_itself() -> None:
    frames = frames_of(OggFramer, opus_headers() + PAGES[0] + PAGES[2] + PAGES[3])
    assert data_of(frames) == [PAGES[0], PAGES[2], PAGES[3]]
    assert [frame.duration for frame in frames] == [1608, 1920, 1920]


def test_a_damaged_page_costs_only_itself() -> None:
    broken = bytearray(PAGES[1])
    broken[40] ^= 0x10
    framer = OggFramer()
    frames = framed(framer, [opus_headers() + PAGES[0] + bytes(broken) + PAGES[2]])
    assert data_of(frames) == [PAGES[0], PAGES[2]]
    assert framer.dropped == len(broken)


def test_a_granule_jump_does_not_change_durations() -> None:
    jump = page([OPUS_20_MS] * 2, sequence=3, granule=10**12)
    back = page([OPUS_20_MS] * 2, sequence=4, granule=5, flags=ENDS)
    frames = frames_of(OggFramer, opus_headers() + PAGES[0] + jump + back)
    assert [frame.duration for frame in frames] == [1608, 1920, 1920]


def test_a_packet_over_several_pages_makes_one_frame() -> None:
    big = OPUS_20_MS + b"x" * (255 * 4 - len(OPUS_20_MS))
    begin = page([OPUS_20_MS, big[:510]], sequence=2, granule=960, open_end=True)
    middle = page([big[510:765]], sequence=3, granule=-1, flags=CONTINUED, open_end=True)
    end = page([big[765:], OPUS_20_MS], sequence=4, granule=2880, flags=CONTINUED)
    frames = frames_of(OggFramer, opus_headers() + begin + b"noise" + middle + end + opus_page(3))
    assert data_of(frames) == [begin + middle + end, opus_page(3)]
    assert [frame.duration for frame in frames] == [3 * 960 - 312, 1920]


def test_a_packet_whose_end_is_lost_leaves_the_packets_before_it() -> None:
    begin = page([OPUS_20_MS, OPUS_20_MS + b"x" * (255 - len(OPUS_20_MS))], sequence=2, granule=960, open_end=True)
    end = page([b"lost beginning", OPUS_20_MS], sequence=4, granule=2880, flags=CONTINUED)
    framer = OggFramer()
    frames = framed(framer, [opus_headers() + begin + end + opus_page(3)])
    assert data_of(frames) == [begin, opus_page(3)]
    assert frames[0].duration == 960 - 312
    assert framer.dropped == len(end)


def test_pages_that_never_end_with_a_packet_are_cut_all_the_same() -> None:
    """Each page: the end of a packet, a whole one, and the beginning of a third."""
    body = OPUS_20_MS + b"x" * (255 * 120 - len(OPUS_20_MS))
    stream = [page([OPUS_20_MS, body], sequence=2, granule=960, open_end=True)]
    for number in range(20):
        parts = [b"x" * 100, OPUS_20_MS, body]
        stream.append(page(parts, sequence=3 + number, granule=960 * (3 + 2 * number), flags=CONTINUED, open_end=True))
    stream.append(page([b"x" * 100], sequence=23, granule=960 * 42, flags=CONTINUED))
    framer = OggFramer()
    frames = framed(framer, [opus_headers() + b"".join(stream)])
    assert b"".join(data_of(frames)) == b"".join(stream)
    assert all(len(frame.data) <= ogg.MERGE_LIMIT + 65_307 for frame in frames)
    assert sum(frame.duration for frame in frames) == 960 * 42 - 312


def test_one_endless_packet_is_dropped_at_the_limit() -> None:
    first = page([OPUS_20_MS + b"x" * (255 * 200 - len(OPUS_20_MS))], sequence=2, granule=-1, open_end=True)
    more = [
        page([b"x" * 255 * 200], sequence=3 + number, granule=-1, flags=CONTINUED, open_end=True)
        for number in range(30)
    ]
    framer = OggFramer()
    frames = framed(framer, [opus_headers(), first, *more, opus_page(40)], close=False)
    assert data_of(frames) == [opus_page(40)]
    assert framer.buffered == 0


def test_headers_may_span_pages() -> None:
    tags = b"OpusTags" + comments("title=long", "cover=" + "x" * 2000)
    setup = (
        page([OPUS_HEAD], flags=BEGINS)
        + page([tags[:510]], sequence=1, granule=-1, open_end=True)
        + page([tags[510:]], sequence=2, flags=CONTINUED)
    )
    frames = frames_of(OggFramer, setup + opus_page(0, sequence=3))
    assert (frames[0].setup, frames[0].title) == (setup, Title("long"))


def test_a_missing_header_page_costs_the_stream_until_the_next_begins() -> None:
    head, tags = split_pages(opus_headers())
    framer = OggFramer()
    assert framed(framer, [head + PAGES[0] + PAGES[1]]) == []
    assert framed(framer, [tags + PAGES[0]]) == []
    assert data_of(framed(framer, [opus_headers() + PAGES[0]], close=False)[-1:]) == [PAGES[0]]


def test_data_before_the_audio_headers_are_complete_ends_the_set() -> None:
    head, tags = split_pages(opus_headers())
    theora = page([b"\x80theora"], serial=99, flags=BEGINS)
    more = page([b"\x81theora", b"\x82theora"], serial=99, sequence=1)
    picture = page([b"picture"], serial=99, sequence=2, granule=64)
    framer = OggFramer()
    assert framed(framer, [theora + head + more + picture + tags + PAGES[0]], close=False) == []
    assert framer.buffered == 0


def test_a_set_up_larger_than_the_limit_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogg, "SETUP_LIMIT", 300)
    framer = OggFramer()
    frames = framed(framer, [opus_headers("cover=" + "x" * 400) + PAGES[0] + opus_headers() + PAGES[1]])
    assert data_of(frames) == [PAGES[1]]


def test_a_flood_of_streams_is_refused() -> None:
    framer = OggFramer()
    flood = b"".join(page([OPUS_HEAD], serial=serial, flags=BEGINS) for serial in range(1000))
    framed(framer, [flood], close=False)
    assert framer.buffered <= (ogg.STREAMS_LIMIT + 1) * 100


def test_pages_of_other_streams_travel_along() -> None:
    video = 99
    theora = [b"\x80theora...", b"\x81theora...", b"\x82theora..."]
    head, tags = split_pages(opus_headers())
    setup = page([theora[0]], serial=video, flags=BEGINS) + head + page(theora[1:], serial=video, sequence=1) + tags
    pictures = [page([b"picture" * 100], serial=video, sequence=2 + n, granule=(n + 1) << 6) for n in range(3)]
    stream = pictures[0] + PAGES[0] + PAGES[1] + pictures[1] + pictures[2] + PAGES[2]
    frames = frames_of(OggFramer, setup + stream)
    assert data_of(frames) == [pictures[0] + PAGES[0], PAGES[1], pictures[1] + pictures[2] + PAGES[2]]
    assert [frame.duration for frame in frames] == [1608, 1920, 1920]
    assert frames[0].setup == setup


def test_a_skeleton_is_set_up_only() -> None:
    head, tags = split_pages(opus_headers())
    setup = (
        page([b"fishead\0" + bytes(56)], serial=1, flags=BEGINS)
        + head
        + page([b"fisbone\0" + bytes(44)], serial=1, sequence=1)
        + tags
        + page([], serial=1, sequence=2, flags=ENDS)
    )
    frames = frames_of(OggFramer, setup + PAGES[0])
    assert [(frame.setup, frame.data) for frame in frames] == [(setup, PAGES[0])]


def test_an_unknown_codec_is_framed_by_its_pages_and_timed_by_the_bitrate() -> None:
    setup = page([b"CELT    " + bytes(50)], flags=BEGINS) + page([comments("title=x")], sequence=1)
    data = [page([b"d" * 200] * 4, sequence=2 + number, granule=256 * (number + 1)) for number in range(3)]
    frames = frames_of(lambda: OggFramer(bitrate=64_000), setup + b"".join(data))
    assert data_of(frames) == data
    assert frames[0].setup == setup
    assert (frames[0].format.codec, frames[0].format.clock_rate) == (Codec.OGG, 1_000_000)
    assert frames[0].duration == len(data[0]) * 125


def test_headers_that_break_the_codecs_rules_make_it_an_unknown_one() -> None:
    setup = page([b"OpusHead\x01\x02"], flags=BEGINS) + page([b"OpusTags" + comments("title=x")], sequence=1)
    frames = frames_of(OggFramer, setup + PAGES[0])
    assert [(frame.setup, frame.data) for frame in frames] == [(setup, PAGES[0])]
    assert frames[0].format.codec == Codec.OGG


def test_speex_is_timed_by_its_granules_and_has_a_title() -> None:
    setup = page([SPEEX_HEAD], flags=BEGINS) + page([comments("title=talk")], sequence=1)
    data = [page([b"s" * 40] * 5, sequence=2 + number, granule=1600 * (number + 1)) for number in range(3)]
    frames = frames_of(OggFramer, setup + b"".join(data))
    assert [(frame.data, frame.duration) for frame in frames] == [(one, 1600) for one in data]
    assert frames[0].title == Title("talk")
    assert frames[0].format.clock_rate == 16000


def test_pages_of_a_stream_that_never_began_are_dropped() -> None:
    framer = OggFramer()
    stranger = opus_page(0, serial=1000)
    assert data_of(framed(framer, [opus_headers() + stranger + PAGES[0] + stranger])) == [PAGES[0]]
    assert framer.dropped == 2 * len(stranger)


def test_an_empty_page_waits_for_the_next() -> None:
    empty = page([], sequence=2, granule=0)
    frames = frames_of(OggFramer, opus_headers() + empty + opus_page(1))
    assert data_of(frames) == [empty + opus_page(1)]


def test_after_close_the_framer_starts_afresh_and_positions_go_on() -> None:
    framer = OggFramer()
    first = framed(framer, [opus_headers() + PAGES[0] + PAGES[1][:20]])
    assert framer.feed(PAGES[1]) == []
    second = framer.feed(opus_headers() + PAGES[0])
    assert second[0].position == framer.fed - len(PAGES[0])
    assert second[0].setup is not first[0].setup
