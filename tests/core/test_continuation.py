"""Finding where a programme goes on in what another input has brought."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.continuation import Continuation, Place
from distreamer.core.ingest import Ingest, SourceDescription
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.framing import framed
from tests.support.made_audio import AAC, INFO, MP3_FRAME_BYTES, fragment, mp3_stream

CLIPS = {
    "mp3": encoded("libmp3lame", seconds=12),
    "aac": encoded("aac", seconds=12),
    "vorbis": encoded("vorbis", seconds=12, container_options=(("page_duration", "100000"),)),
    "opus": encoded("libopus", seconds=12, sample_rate=48000, container_options=(("page_duration", "100000"),)),
}


def filled(clip: bytes, first: int, last: int, fragment_seconds: float) -> Store:
    """What an input holds that was given the frames from the ``first`` to before the ``last``."""
    frames = framed(AutoFramer(), [clip])[first:last]
    store, epochs = Store(), count(1)
    ingest = Ingest(store, lambda: next(epochs), fragment_seconds)
    ingest.connected(SourceDescription(), 0.0)
    ingest.audio(frames[0].setup + b"".join(frame.data for frame in frames), 0.0)
    ingest.disconnected(0.0)
    return store


def what_follows(store: Store, place: Place) -> list[Fragment]:
    following = [place.rest] if place.rest else []
    position = store.position_of(place.fragment)
    while (one := store.after(position)) is not None:
        following.append(one)
        position = store.position_of(one)
    return following


@pytest.mark.parametrize("kind", list(CLIPS))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_it_goes_on_with_the_very_next_frame(kind: str, data: st.DataObject) -> None:
    frames = framed(AutoFramer(), [CLIPS[kind]])
    most = len(frames)
    end = data.draw(st.integers(most // 2, most - 10))
    begin = data.draw(st.integers(0, most // 2 - 10))
    other_begin = data.draw(st.integers(0, most // 2 - 10))
    seconds = data.draw(st.sampled_from([0.3, 1.0, 2.5]))
    programme = filled(CLIPS[kind], begin, end, 1.0)
    other = filled(CLIPS[kind], other_begin, most, seconds)
    place = Continuation(programme, other).find()
    assert place is not None
    following = what_follows(other, place)
    assert b"".join(one.audio for one in following) == b"".join(frame.data for frame in frames[end:])
    rate = frames[0].format.clock_rate
    lasts = sum(one.duration for one in following) / rate
    assert lasts == pytest.approx(sum(frame.duration for frame in frames[end:]) / rate, abs=0.1)


def test_who_is_behind_says_by_how_much_until_it_is_there() -> None:
    programme, other = Store(), Store()
    for store in (programme, other):
        store.open_epoch(1, INFO)
    for number in range(1, 21):
        programme.add(fragment(number))
    for number in range(1, 11):
        other.add(fragment(number))
    continuation = Continuation(programme, other)
    assert continuation.find() is None
    assert continuation.behind_seconds == pytest.approx(10)
    for number in range(11, 20):
        other.add(fragment(number))
        assert continuation.find() is None
        assert continuation.behind_seconds == pytest.approx(20 - number)
    other.add(fragment(20))
    place = continuation.find()
    assert place is not None
    assert (place.fragment.number, place.rest) == (20, None)


def test_a_fragment_that_is_missing_is_no_place_to_go_on_at() -> None:
    programme, other = Store(), Store()
    for store in (programme, other):
        store.open_epoch(1, INFO)
    for number in range(1, 11):
        programme.add(fragment(number))
    for number in (*range(1, 10), 11, 12):
        other.add(fragment(number))
    continuation = Continuation(programme, other)
    assert continuation.find() is None
    assert continuation.behind_seconds is None
    assert other.after(continuation.known_to) == fragment(11)


def test_what_is_no_audio_or_of_another_format_is_never_the_same() -> None:
    programme, other = Store(), Store()
    programme.open_epoch(1, INFO)
    other.open_epoch(1, INFO)
    for number in range(1, 11):
        programme.add(fragment(number))
        other.add(Fragment(1, number, 0, 44100, b"no audio at all", 0.0))
    assert Continuation(programme, other).find() is None
    assert Continuation(other, programme).find() is None
    assert Continuation(Store(), programme).find() is None
    aac = Store()
    aac.open_epoch(1, type(INFO)(AAC))
    for number in range(1, 11):
        aac.add(fragment(number))
    assert Continuation(programme, aac).find() is None


def test_what_was_sent_last_must_be_known_to_go_on_behind_it() -> None:
    """A fragment that nobody understands stands at the end of the programme."""
    programme, other = Store(), Store()
    for store in (programme, other):
        store.open_epoch(1, INFO)
        for number in range(1, 11):
            store.add(fragment(number))
    programme.add(Fragment(1, 11, 0, 44100, b"no audio at all", 0.0))
    assert Continuation(programme, other).find() is None


def test_of_digital_silence_nobody_can_tell() -> None:
    programme, other = Store(), Store()
    silence = mp3_stream(0, 1) * 38
    for store in (programme, other):
        store.open_epoch(1, INFO)
        for number in range(1, 11):
            store.add(Fragment(1, number, 0, 44100, silence, 0.0))
    assert Continuation(programme, other).find() is None
    # But behind something else.
    for number in range(11, 14):
        programme.add(fragment(number))
    for number in range(11, 15):
        other.add(fragment(number))
    place = Continuation(programme, other).find()
    assert place is not None
    assert len(what_follows(other, place)[0].audio) == 38 * MP3_FRAME_BYTES
