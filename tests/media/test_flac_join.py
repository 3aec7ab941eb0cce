"""Ogg FLAC behind filler, a hole or another input: one logical stream, of which nothing jumps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.media.auto import AutoFramer
from distreamer.media.clip import endless
from distreamer.media.flac_frame import frame_number
from distreamer.media.ogg_join import OggJoins
from distreamer.media.ogg_pages import NO_GRANULE, Page, PageReader, with_serial
from distreamer.media.silence import silence_maker
from distreamer.model.audio import Frame
from tests.support.audio_samples import encoded
from tests.support.clips import clip
from tests.support.decoding import ffmpeg_says, heard
from tests.support.framing import framed
from tests.support.ogg_samples import CONTINUED, page

BLOCK = 4608
ONE_FRAME_A_PAGE = (("page_duration", "1000"),)
SEGMENT = 255


def programme(**keys: int) -> list[Frame]:
    frames = framed(AutoFramer(), [encoded("flac", seconds=4.0, container_options=ONE_FRAME_A_PAGE, **keys)])
    return frames[:-1]  # The last block is a short one.


FRAMES = programme()
SETUP, AUDIO = FRAMES[0].setup, [frame.data for frame in FRAMES]
SAMPLES = heard(SETUP + b"".join(AUDIO), "ogg")
SERIAL = PageReader().feed(SETUP)[0].serial


def filler(kind: str, count: int) -> list[tuple[bytes, bytes]]:
    """So many frames of it, and the header pages that they belong to."""
    pieces = (
        iter(silence_maker(FRAMES[0].format, SETUP, 99).next, b"")
        if kind == "silence"
        else endless(clip("flac", seconds=1.0, sample_rate=44100), 99)
    )
    framer, frames = AutoFramer(), list[Frame]()
    while len(frames) < count:
        frames += framer.feed(next(pieces))
    return [(frame.setup, frame.data) for frame in frames[:count]]


def pages_of(data: bytes) -> list[Page]:
    pages = PageReader().feed(data)
    assert sum(len(page.data) for page in pages) == len(data)
    return pages


def packets_of(data: bytes) -> list[bytes]:
    packets = [b""]
    for one in pages_of(data):
        for part in one.packets():
            packets[-1] += part.data
            packets += [b""] if part.ends else []
    return packets[:-1]


def check_that_nothing_jumps(audio: bytes) -> None:
    """Audio of blocks of one size, from the beginning of the programme on."""
    pages, packets = pages_of(audio), packets_of(audio)
    assert {one.serial for one in pages} == {SERIAL}
    assert all(b.sequence == a.sequence + 1 for a, b in pairwise(pages))
    granules = [one.granule for one in pages if one.granule != NO_GRANULE]
    assert granules[-1] == BLOCK * len(packets)
    assert granules == sorted(set(granules))
    assert [frame_number(packet) for packet in packets] == list(range(len(packets)))
    assert not any(one.ends for one in pages)


def played(joins: OggJoins, parts: Sequence[bytes], setup: bytes = SETUP, *, is_apart: bool = False) -> bytes:
    """The programme, fragment by fragment, all with the same header pages."""
    audio = b""
    for index, part in enumerate(parts):
        found, data = joins.joined(setup, part, is_apart=is_apart and index == 0)
        assert found == SETUP
        audio += data
    return audio


def filled(joins: OggJoins, kind: str, count: int) -> bytes:
    found = [joins.filling(*one) for one in filler(kind, count)]
    assert {setup for setup, _ in found} == {SETUP}
    return b"".join(audio for _, audio in found)


@pytest.mark.parametrize("kind", ["silence", "clip"])
def test_behind_filler_it_goes_on_to_the_sample(kind: str) -> None:
    joins = OggJoins()
    audio = played(joins, AUDIO[:10])
    assert audio == b"".join(AUDIO[:10])
    between = filled(joins, kind, 20)
    audio += between + played(joins, AUDIO[30:35], is_apart=True)
    check_that_nothing_jumps(audio)
    samples = heard(SETUP + audio, "ogg")
    ticks = BLOCK * (len(packets_of(audio)) - 5)
    assert np.array_equal(samples[: 10 * BLOCK], SAMPLES[: 10 * BLOCK])
    assert np.array_equal(samples[ticks:], SAMPLES[30 * BLOCK : 35 * BLOCK])
    assert samples[10 * BLOCK : ticks].any() == (kind == "clip")


@pytest.mark.integration
def test_ffmpeg_has_nothing_to_say() -> None:
    joins = OggJoins()
    audio = played(joins, AUDIO[:10]) + filled(joins, "silence", 300) + played(joins, AUDIO[30:], is_apart=True)
    assert ffmpeg_says(SETUP + audio, "ogg") == ""


def test_a_clip_that_comes_while_silence_is_played_follows_it() -> None:
    joins = OggJoins()
    audio = played(joins, AUDIO[:3]) + filled(joins, "silence", 3) + filled(joins, "clip", 3)
    check_that_nothing_jumps(audio + played(joins, AUDIO[3:5], is_apart=True))


def relaid(packets: Sequence[bytes], breaks: Sequence[int], first: int) -> list[bytes]:
    """Pages of a packet each, whose last segments, as many as ``breaks`` says, lie on the next one; no page begins with
    a fresh packet that can do otherwise. The last packet stays open if it is broken."""
    pages, rest = [], b""
    for index, packet in enumerate(packets):
        kept = max(0, len(packet) // SEGMENT - breaks[index % len(breaks)]) * SEGMENT
        is_broken = 0 < kept < len(packet) and breaks[index % len(breaks)] > 0
        own = [packet[:kept]] if is_broken else [packet]
        flags = CONTINUED if rest else 0
        whole = index + (0 if is_broken else 1)
        granule = (first + whole) * BLOCK if whole and (rest or not is_broken) else NO_GRANULE
        parts = [rest, *own] if rest else own
        pages.append(page(parts, serial=SERIAL, sequence=90 + index, granule=granule, flags=flags, open_end=is_broken))
        rest = packet[kept:] if is_broken else b""
    return pages


@settings(deadline=None, max_examples=25)
@given(
    breaks=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    before=st.integers(1, 6),
    first=st.integers(0, 20),
    cuts=st.lists(st.integers(1, 9), max_size=4),
)
def test_it_does_not_matter_how_it_is_laid_on_pages_and_cut(
    breaks: list[int], before: int, first: int, cuts: list[int]
) -> None:
    packets = packets_of(b"".join(AUDIO))
    pages = relaid(packets[first : first + 10], breaks, first)
    places = [0, *sorted(set(cuts)), len(pages)]
    joins = OggJoins()
    audio = played(joins, AUDIO[:before]) + filled(joins, "silence", 1)
    ticks = BLOCK * len(packets_of(audio))
    audio += played(joins, [b"".join(pages[a:b]) for a, b in pairwise(places)], is_apart=True)
    check_that_nothing_jumps(audio)
    whole = len(packets_of(b"".join(pages)))
    expected = SAMPLES[first * BLOCK : (first + whole) * BLOCK]
    assert np.array_equal(heard(SETUP + audio, "ogg")[ticks:], expected)


def test_a_frame_that_breaks_off_before_filler_looks_like_a_lost_page() -> None:
    packet = packets_of(AUDIO[2])[0]
    broken = page([packet[:SEGMENT]], serial=SERIAL, sequence=pages_of(AUDIO[2])[0].sequence, granule=-1, open_end=True)
    joins = OggJoins()
    audio = played(joins, [AUDIO[0] + AUDIO[1] + broken]) + filled(joins, "silence", 4)
    pages = pages_of(audio)
    assert [b.sequence - a.sequence for a, b in pairwise(pages)][:3] == [1, 1, 2]
    # A demuxer that heeds the gap hears all the rest.
    rest = b"".join(one.data for one in pages if one.sequence != pages[2].sequence)
    assert [frame_number(packet) for packet in packets_of(rest)] == list(range(len(packets_of(rest))))


def test_a_frame_whose_beginning_or_middle_is_lost_is_left_out() -> None:
    packet = packets_of(AUDIO[9])[0]
    pieces = [packet[:SEGMENT], packet[SEGMENT : 2 * SEGMENT], packet[2 * SEGMENT :]]
    broken = [
        page([piece], serial=SERIAL, sequence=90 + at, flags=CONTINUED if at else 0, granule=-1, open_end=at < 2)
        for at, piece in enumerate(pieces)
    ]
    after = with_serial(AUDIO[10], SERIAL)
    for lost in range(3):
        joins = OggJoins()
        played(joins, AUDIO[:2])
        filled(joins, "silence", 1)
        rest = broken[:lost] + broken[lost + 1 :]
        audio = played(joins, [b"".join(rest), after], is_apart=True)
        assert [packet[20:-2] for packet in packets_of(audio)] == [packets_of(AUDIO[10])[0][20:-2]]


def test_a_frame_without_end_is_not_kept() -> None:
    joins = OggJoins()
    played(joins, AUDIO[:2])
    filled(joins, "silence", 1)
    full = bytes(SEGMENT * SEGMENT)
    endless_pages = [
        page([full], serial=SERIAL, sequence=90 + at, flags=CONTINUED if at else 0, granule=-1, open_end=True)
        for at in range(20)
    ]
    end = page([b"end"], serial=SERIAL, sequence=110, flags=CONTINUED)
    assert played(joins, [*endless_pages, end], is_apart=True) == b""


def test_it_goes_on_behind_a_hole_too() -> None:
    joins = OggJoins()
    audio = played(joins, AUDIO[:4])
    for index, part in enumerate(AUDIO[20:24]):
        audio += joins.joined(SETUP, part, is_cut=index == 0)[1]
    check_that_nothing_jumps(audio)


def test_another_input_in_its_middle_goes_on_and_so_does_the_first_one_behind_it() -> None:
    joins, other = OggJoins(), SERIAL ^ 1
    setup, parts = (
        b"".join(with_serial(one.data, other) for one in pages_of(SETUP)),
        [with_serial(part, other) for part in AUDIO],
    )
    audio = played(joins, AUDIO[:4]) + played(joins, parts[20:24], setup) + played(joins, AUDIO[8:12])
    check_that_nothing_jumps(audio)


def test_a_source_that_begins_another_stream_begins_it() -> None:
    joins = OggJoins()
    played(joins, AUDIO[:4])
    filled(joins, "silence", 2)
    new = b"".join(with_serial(one.data, 5) for one in pages_of(SETUP))
    for part in AUDIO[:4]:
        assert joins.joined(new, with_serial(part, 5)) == (new, with_serial(part, 5))


def test_behind_filler_even_that_goes_on() -> None:
    """As an encoder does that was started anew: players would not take its first page."""
    joins = OggJoins()
    audio = played(joins, AUDIO[:4]) + filled(joins, "silence", 2)
    new = b"".join(with_serial(one.data, 5) for one in pages_of(SETUP))
    audio += played(joins, [with_serial(part, 5) for part in AUDIO[:4]], new, is_apart=True)
    check_that_nothing_jumps(audio)


def test_no_page_says_that_it_is_the_last() -> None:
    frames = framed(AutoFramer(), [encoded("flac", seconds=1.0)])
    assert pages_of(frames[-1].data)[-1].ends
    setup, audio = OggJoins().joined(frames[-1].setup, frames[-1].data)
    assert setup == frames[-1].setup
    assert [one.ends for one in pages_of(audio)] == [False] * len(pages_of(audio))
    assert packets_of(audio) == packets_of(frames[-1].data)


@pytest.mark.parametrize(
    "keys",
    [{"sample_rate": 48000}, {"channels": 1}, {"options": (("frame_size", "1152"),)}],
    ids=["rate", "channels", "blocks"],
)
def test_what_the_decoder_cannot_play_is_left_as_it_is(keys: dict[str, int]) -> None:
    other = programme(**keys)
    joins = OggJoins()
    played(joins, AUDIO[:4])
    for frame in other[5:10]:
        assert joins.joined(frame.setup, frame.data, is_cut=frame is other[5]) == (frame.setup, frame.data)


@given(audio=st.binary(max_size=80), setup=st.sampled_from([SETUP, SETUP[:-1], b"", SETUP + b"?"]))
def test_no_bytes_are_too_strange(audio: bytes, setup: bytes) -> None:
    joins = OggJoins()
    joins.joined(SETUP, AUDIO[0])
    joins.joined(setup, audio, is_cut=True)
    joins.joined(SETUP, AUDIO[5] + audio, is_apart=True)
    found, data = joins.joined(SETUP, AUDIO[6])
    assert (found, len(packets_of(data))) == (SETUP, 1)
    damaged = page([packets_of(AUDIO[7])[0][:4] + audio, audio], serial=SERIAL, sequence=4)
    assert packets_of(joins.joined(SETUP, damaged)[1])[1:] == [audio]
