"""What the bytes of a stream are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.measure.bitrates import Bitrates
from distreamer.measure.formats import spoken_audio, type_fault
from distreamer.measure.page_gaps import PageGaps
from distreamer.measure.stream_reading import MOST_KEPT_BYTES, Damage, StreamReading
from distreamer.model.audio import Frame, Title
from distreamer.protocol.icy import encode_metadata
from tests.support.audio_samples import encoded
from tests.support.made_audio import AAC, MP3, frame, mp3_frame, mp3_stream
from tests.support.splitting import Split, every_split, pieces

TAG = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
BAD = b"this is no frame" * 6


def events(parts: list[bytes], metaint: int = 0) -> list[Frame | Title | Damage]:
    reading = StreamReading("audio/mpeg", metaint=metaint)
    return [event for part in parts for event in reading.receive(part)]


def damaged(found: list[Frame | Title | Damage]) -> list[int]:
    return [event.size for event in found if isinstance(event, Damage)]


SPOILT = mp3_stream(0, 5) + BAD + mp3_stream(5, 5)


@pytest.mark.parametrize("split", every_split(SPOILT), ids=str)
def test_bytes_between_frames_are_damage(split: Split) -> None:
    found = events(split)
    assert damaged(found) == [len(BAD)]
    assert b"".join(event.data for event in found if isinstance(event, Frame)) == mp3_stream(0, 10)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_however_it_is_cut(data: st.DataObject) -> None:
    assert damaged(events(data.draw(pieces(SPOILT)))) == [len(BAD)]


def test_what_stands_before_the_first_frame_is_none() -> None:
    assert damaged(events([mp3_frame(0)[100:] + mp3_stream(1, 6)])) == []


def test_tags_are_none() -> None:
    assert damaged(events([mp3_stream(0, 5) + TAG + mp3_stream(5, 5)])) == []


def test_a_frame_whose_header_is_damaged() -> None:
    broken = b"\0" + mp3_frame(5)[1:]
    assert damaged(events([mp3_stream(0, 5) + broken + mp3_stream(6, 6)])) == [len(broken)]


def test_titles_come_once() -> None:
    audio, metaint = mp3_stream(0, 8), 417
    block, none = encode_metadata(Title("A song")), b"\0"
    parts = [audio[at * metaint : (at + 1) * metaint] + (none if at % 2 else block) for at in range(8)]
    found = events([b"".join(parts)], metaint)
    assert [event for event in found if isinstance(event, Title)] == [Title("A song")]
    assert sum(isinstance(event, Frame) for event in found) == 8


def test_headers_of_ogg_are_no_damage() -> None:
    once = encoded("libvorbis", seconds=2, sample_rate=48_000)
    found = events([once + once])
    assert damaged(found) == []
    assert any(isinstance(event, Frame) for event in found)


def test_endless_garbage_is_not_kept() -> None:
    reading = StreamReading("audio/mpeg", bitrate=128_000)
    list(reading.receive(mp3_stream(0, 5)))
    for _ in range(40):
        list(reading.receive(bytes(100_000)))
    assert len(reading._kept) <= MOST_KEPT_BYTES


def test_a_metaint_that_nobody_can_mean() -> None:
    with pytest.raises(ProtocolError, match="icy-metaint"):
        StreamReading(metaint=10**9)


# -- what is measured of frames


def test_ogg_pages_that_are_missing() -> None:
    found = events([encoded("libvorbis", seconds=10, sample_rate=48_000)])
    frames = [event for event in found if isinstance(event, Frame)]
    assert len(frames) > 4
    whole, holed = PageGaps(), PageGaps()
    assert sum(whole.frame(one) for one in frames) == 0
    del frames[2]
    assert sum(holed.frame(one) for one in frames) >= 1


def test_frames_without_pages_have_no_gaps() -> None:
    assert PageGaps().frame(frame(1)) == 0


def test_a_constant_bitrate() -> None:
    rates = Bitrates()
    for number in range(1000):
        rates.frame(frame(number))
    assert rates.varies is False
    assert rates.measured == pytest.approx(128_000, rel=0.01)


def test_a_varying_one_is_known_by_its_headers() -> None:
    rates = Bitrates()
    rates.frame(frame(1))
    other = bytes.fromhex("fffba000") + bytes(518)
    rates.frame(Frame(other, 1152, MP3, 0))
    assert rates.varies is True
    assert Bitrates().varies is None
    assert Bitrates().measured == 0


def test_without_bitrates_in_headers_windows_say_it() -> None:
    rates, steady = Bitrates(), Bitrates()
    for number in range(2000):
        size = 300 if number // 250 % 2 else 200
        rates.frame(Frame(bytes(size), 1024, AAC, 0))
        steady.frame(Frame(bytes(200 + number % 3), 1024, AAC, 0))
    assert (rates.varies, steady.varies) == (True, False)
    assert rates.lowest < rates.measured < rates.highest


# -- what the server says


@pytest.mark.parametrize("said", ["audio/mpeg", "audio/mp3; charset=utf-8", "AUDIO/MPEG"])
def test_types_that_are_right(said: str) -> None:
    assert type_fault(said, MP3) == ""


@pytest.mark.parametrize("said", ["audio/aac", "text/html", "", "application/ogg"])
def test_types_that_are_wrong(said: str) -> None:
    fault = type_fault(said, MP3)
    assert (said or "nothing") in fault
    assert "128 kbit/s MP3" in fault


def test_a_format_in_words() -> None:
    assert spoken_audio(MP3) == "128 kbit/s MP3, 44100 Hz, stereo"
