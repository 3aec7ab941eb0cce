"""Ogg streams that are taken up in their middle behind another one: they begin anew, and sound as before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_join import OggJoins
from distreamer.media.ogg_pages import NO_GRANULE, Page, PageReader
from distreamer.media.silence import silence_maker
from distreamer.model.audio import Frame
from tests.support.audio_samples import encoded
from tests.support.decoding import ffmpeg_says, heard
from tests.support.framing import framed
from tests.support.ogg_samples import (
    CONTINUED,
    ENDS,
    OPUS_20_MS,
    SPEEX_HEAD,
    comments,
    opus_headers,
    page,
    slow_checksum,
    split_pages,
)
from tests.support.silences import SERIAL, pieces_of

FORMATS = [("vorbis", 44100, 2), ("libvorbis", 44100, 2), ("libopus", 48000, 2), ("libopus", 48000, 6)]
VORBIS_BLOCK = 2048
PRE_SKIP = 312
OPUS_TICKS = 960


def programme(codec: str, sample_rate: int = 48000, channels: int = 2) -> list[Frame]:
    data = encoded(codec, seconds=4.0, sample_rate=sample_rate, channels=channels)
    return framed(AutoFramer(), [data])


def behind_silence(frames: list[Frame]) -> tuple[bytes, bytes]:
    """The header pages and the pages of ``frames``, of which the first half was played before the silence."""
    joins, half = OggJoins(), len(frames) // 2
    for frame in frames[:half]:
        assert joins.joined(frame.setup, frame.data) == (frame.setup, frame.data)
    audio = b""
    for index, frame in enumerate(frames[half:]):
        setup, data = joins.joined(frame.setup, frame.data, is_apart=index == 0)
        assert len(data) == len(frame.data)
        audio += data
    return setup, audio


def pages_of(data: bytes) -> list[Page]:
    pages = PageReader().feed(data)
    assert sum(len(page.data) for page in pages) == len(data)
    return pages


def opus_pages(numbers: range, serial: int = 7) -> bytes:
    """Pages of a packet each; the sound of the first one behind the headers has the number 0."""
    return b"".join(
        page([OPUS_20_MS], serial=serial, sequence=2 + number, granule=(number + 1) * OPUS_TICKS) for number in numbers
    )


@pytest.mark.parametrize("clip", FORMATS, ids=str)
def test_it_is_a_logical_stream_of_its_own_from_the_first_page_on(clip: tuple[str, int, int]) -> None:
    frames = programme(*clip)
    setup, audio = behind_silence(frames)
    pages, old = pages_of(setup + audio), pages_of(frames[0].setup)
    old += pages_of(b"".join(frame.data for frame in frames[len(frames) // 2 :]))
    assert len({one.serial for one in pages} | {old[0].serial}) == 2
    assert [one.sequence for one in pages] == list(range(len(pages)))
    assert [one.begins for one in pages] == [True] + [False] * (len(pages) - 1)
    assert all(
        int.from_bytes(one[22:26], "little") == slow_checksum(one[:22] + bytes(4) + one[26:])
        for one in split_pages(setup + audio)[:4]
    )
    assert [(list(one.packets()), one.continued, one.ends) for one in pages] == [
        (list(one.packets()), one.continued, one.ends) for one in old
    ]
    headers = len(pages_of(setup))
    assert [one.granule for one in pages[:headers]] == [one.granule for one in old[:headers]]
    steps, old_steps = ([b.granule - a.granule for a, b in pairwise(which[headers:])] for which in (pages, old))
    assert steps == old_steps


@pytest.mark.parametrize("clip", FORMATS, ids=str)
def test_its_time_begins_with_its_first_sample(clip: tuple[str, int, int]) -> None:
    frames = programme(*clip)
    setup, audio = behind_silence(frames)
    fresh = framed(AutoFramer(), [setup + audio])
    last = pages_of(audio)[-1].granule
    played = sum(frame.duration for frame in fresh) + (PRE_SKIP if "opus" in clip[0] else 0)
    # The first block of Vorbis gives no sound, and yet libavformat wants half a block of time for it.
    assert 0 <= last - played <= (VORBIS_BLOCK // 2 if "vorbis" in clip[0] else 0)
    samples = heard(setup + audio, "ogg")
    assert 0 <= last - len(samples) <= (VORBIS_BLOCK if "vorbis" in clip[0] else PRE_SKIP)


@pytest.mark.parametrize("clip", FORMATS, ids=str)
def test_it_sounds_as_before(clip: tuple[str, int, int]) -> None:
    frames = programme(*clip)
    setup, audio = behind_silence(frames)
    whole = heard(frames[0].setup + b"".join(frame.data for frame in frames), "ogg")
    samples = heard(setup + audio, "ogg")
    compared = clip[1]  # The last second, far from where a decoder begins.
    assert np.abs(samples[-compared:].astype(float) - whole[-compared:]).max() < 1 << 24


@pytest.mark.integration
@pytest.mark.parametrize("clip", FORMATS, ids=str)
def test_ffmpeg_has_nothing_to_say_of_the_chain(clip: tuple[str, int, int]) -> None:
    frames = programme(*clip)
    silence = pieces_of(silence_maker(frames[0].format, frames[0].setup, SERIAL), 12)
    setup, audio = behind_silence(frames)
    before = frames[0].setup + b"".join(frame.data for frame in frames[: len(frames) // 2])
    assert ffmpeg_says(before + silence + setup + audio, "ogg") == ""


@given(cuts=st.sets(st.integers(1, 19), max_size=8), lost=st.sets(st.integers(1, 19), max_size=4))
def test_it_does_not_matter_how_it_is_cut_into_fragments(cuts: set[int], lost: set[int]) -> None:
    """A page that is lost is missing behind the join too, and the others are where they were."""
    parts = [opus_pages(range(100 + number, 101 + number)) for number in range(20) if number not in lost]
    places = [place for place in (0, *sorted(cuts), len(parts)) if place <= len(parts)]
    joins, setup, audio = OggJoins(), b"", b""
    for first, last in pairwise(places):
        fragment = b"".join(parts[first:last])
        if fragment:
            setup, data = joins.joined(opus_headers(), fragment, is_apart=not audio)
            audio += data
    numbers = [number for number in range(20) if number not in lost]
    serial = pages_of(setup)[0].serial
    assert setup == opus_headers(serial=serial)
    assert audio == b"".join(opus_pages(range(number, number + 1), serial) for number in numbers)


def test_a_packet_whose_beginning_is_missing_has_no_time() -> None:
    """The first page ends a packet of before and begins one, which ends on the third."""
    rest, part = b"rest of it", OPUS_20_MS + bytes(510 - len(OPUS_20_MS))
    audio = page([rest, part], sequence=50, granule=9_000, flags=CONTINUED, open_end=True)
    audio += page([bytes(255)], sequence=51, granule=NO_GRANULE, flags=CONTINUED, open_end=True)
    audio += page([b"", OPUS_20_MS], sequence=52, granule=9_000 + 2 * OPUS_TICKS, flags=CONTINUED | ENDS)
    _, joined = OggJoins().joined(opus_headers(), audio, is_apart=True)
    pages = pages_of(joined)
    assert [one.granule for one in pages] == [0, NO_GRANULE, 2 * OPUS_TICKS]
    assert [one.sequence for one in pages] == [2, 3, 4]
    assert [one.continued for one in pages] == [True] * 3
    assert pages[-1].ends


def test_the_same_place_has_the_same_serial_and_others_have_others() -> None:
    setups = [
        OggJoins().joined(opus_headers(), opus_pages(range(first, first + 10)), is_apart=True)[0]
        for first in (100, 100, 101)
    ]
    assert setups[0] == setups[1] != setups[2]


def test_another_stream_in_its_middle_begins_anew_too() -> None:
    """A hole in which a logical stream ended, or a switch to another source."""
    joins = OggJoins()
    joins.joined(opus_headers(), opus_pages(range(10)))
    setup, audio = joins.joined(opus_headers(serial=8), opus_pages(range(90, 95), 8))
    assert setup not in {opus_headers(), opus_headers(serial=8)}
    assert [one.granule for one in pages_of(audio)] == [OPUS_TICKS * count for count in range(1, 6)]


def test_it_ends_where_the_source_begins_another() -> None:
    joins = OggJoins()
    assert joins.joined(opus_headers(), opus_pages(range(90, 95)), is_apart=True)[0] != opus_headers()
    unchanged = opus_headers("TITLE=Next", serial=9), opus_pages(range(5), 9)
    assert joins.joined(*unchanged) == unchanged
    unchanged = unchanged[0], opus_pages(range(5, 10), 9)
    assert joins.joined(*unchanged) == unchanged


def test_it_ends_where_the_source_gives_the_same_headers_again() -> None:
    """As an encoder with a fixed serial number does that was started anew."""
    joins = OggJoins()
    joins.joined(opus_headers(), opus_pages(range(90, 95)), is_apart=True)
    unchanged = opus_headers(), opus_pages(range(5))
    assert joins.joined(*unchanged) == unchanged


def test_a_sequence_that_overflows_goes_on() -> None:
    audio = page([OPUS_20_MS], sequence=2**32 - 1, granule=2**40)
    joins = OggJoins()
    setup, first = joins.joined(opus_headers(), audio, is_apart=True)
    after, second = joins.joined(opus_headers(), page([OPUS_20_MS], granule=2**40 + OPUS_TICKS))
    assert after == setup
    assert [(one.sequence, one.granule) for one in pages_of(first + second)] == [(2, OPUS_TICKS), (3, 2 * OPUS_TICKS)]


FLAC = programme("flac")
SPEEX = page([SPEEX_HEAD], flags=2) + page([comments()], sequence=1)
LEFT_ALONE = {
    "what is no Ogg": (b"", b"\xff\xfb audio"),
    "a stream from its first page on": (opus_headers(), opus_pages(range(5))),
    "FLAC behind what is not known": (FLAC[-2].setup, FLAC[-2].data),
    "Speex": (SPEEX, page([b"speech"], sequence=50, granule=9_000)),
    "two streams side by side": (
        page([b"\x80theora"], serial=1, flags=2) + opus_headers(),
        opus_pages(range(50, 55)),
    ),
    "another stream between its pages": (opus_headers(), opus_pages(range(50, 55)) + opus_pages(range(5), 3)),
    "damaged audio": (opus_headers(), opus_pages(range(50, 55))[:-1] + b"!"),
    "damaged headers": (opus_headers()[:-1] + b"!", opus_pages(range(50, 55))),
    "a header that is missing": (split_pages(opus_headers())[0], opus_pages(range(50, 55))),
    "no audio": (opus_headers(), b""),
}


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_what_is_left_as_it_is(kind: str) -> None:
    joins, unchanged = OggJoins(), LEFT_ALONE[kind]
    assert joins.joined(*unchanged, is_apart=True) == unchanged
    assert joins.joined(*unchanged) == unchanged


@given(setup=st.binary(max_size=80), audio=st.binary(max_size=80))
def test_no_bytes_are_too_strange(setup: bytes, audio: bytes) -> None:
    joins = OggJoins()
    joins.joined(opus_headers(), opus_pages(range(50, 55)), is_apart=True)
    assert joins.joined(opus_headers() + setup, audio) == (opus_headers() + setup, audio)
