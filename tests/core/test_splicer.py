"""Appending fragments of any origin to one store."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from distreamer.core.splicer import Splicer
from distreamer.core.store import Store, StoreLimits
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader, with_label
from distreamer.model.audio import Station, StreamInfo, Title
from tests.support.audio_samples import encoded
from tests.support.made_audio import AAC, INFO, fragment

VORBIS = encoded("vorbis", seconds=6, container_options=(("page_duration", "100000"),))
STREAMS = [INFO, replace(INFO, format=AAC), replace(INFO, station=Station("Other"))]


def spliced() -> tuple[Store, Splicer]:
    """Its store keeps all epochs that a test can make."""
    store, epochs = Store(StoreLimits(epochs=100)), count(1)
    return store, Splicer(store, lambda: next(epochs))


def test_what_can_be_joined_goes_on_in_the_same_epoch_under_new_numbers() -> None:
    store, splicer = spliced()
    splicer.append(fragment(7, epoch=70), INFO, is_cut=True)
    splicer.append(fragment(8, epoch=70), INFO, is_cut=False)
    splicer.append(fragment(3, epoch=30), INFO, is_cut=True)
    assert [(one.epoch, one.number, one.start, one.discontinuity) for one in store] == [
        (1, 1, 0, False),
        (1, 2, 44100, False),
        (1, 3, 88200, True),
    ]
    assert [one.audio for one in store] == [fragment(7).audio, fragment(8).audio, fragment(3).audio]


def test_audio_is_shared_with_its_origin() -> None:
    store, splicer = spliced()
    origin = fragment(1)
    splicer.append(origin, INFO, is_cut=False)
    kept = store.newest()
    assert kept is not None
    assert kept.audio is origin.audio


def test_a_station_that_is_called_otherwise_changes_no_epoch() -> None:
    store, splicer = spliced()
    splicer.append(fragment(1), INFO, is_cut=False)
    splicer.append(fragment(2), STREAMS[2], is_cut=False)
    assert len(store.epochs) == 1
    assert store.epochs[0].info.station == Station("Other")


@example([(1, STREAMS[number % 2], False) for number in range(40)])
@given(st.lists(st.tuples(st.integers(1, 1000), st.sampled_from(STREAMS), st.booleans()), max_size=40))
def test_numbers_and_times_have_no_hole_whatever_comes(origin: list[tuple[int, StreamInfo, bool]]) -> None:
    store, splicer = spliced()
    for number, info, is_cut in origin:
        splicer.append(fragment(number, epoch=number % 5), info, is_cut=is_cut)
    assert len(store) == len(origin)
    for epoch in store.epochs:
        held = [epoch.fragments[number] for number in epoch.numbers]
        assert [one.number for one in held] == list(range(1, len(held) + 1))
        assert not held[0].discontinuity
        assert all(a.end == b.start for a, b in pairwise(held))


def test_mp3_frames_that_lean_on_what_was_cut_off_are_muted_and_keep_their_place() -> None:
    """The clip's frames from the 20th on: the first of them refer to bytes of the 19th (the bit reservoir)."""
    frames = AutoFramer().feed(encoded("libmp3lame", seconds=3))
    audio = b"".join(frame.data for frame in frames[20:40])
    tail = b"".join(frame.data for frame in frames[40:60])
    store, splicer = spliced()
    info = StreamInfo(frames[0].format)
    duration = sum(frame.duration for frame in frames[20:40])
    origin = replace(fragment(1), audio=audio, duration=duration)
    splicer.append(origin, info, is_cut=True)
    splicer.append(origin, info, is_cut=True)
    splicer.append(replace(origin, audio=tail), info, is_cut=False)
    first, joined, after = store
    assert first.audio is audio
    assert joined.audio != audio
    assert len(joined.audio) == len(audio)
    assert joined.audio[-10 * len(frames[30].data) :] == audio[-10 * len(frames[30].data) :]
    assert after.audio is tail


def test_ogg_pages_of_another_relay_go_on_in_the_stream_of_the_first() -> None:
    """Both hold the same, with other serial numbers, and count their pages from elsewhere."""
    frames = AutoFramer().feed(VORBIS)
    info = StreamInfo(frames[0].format)
    header = frames[0].setup
    other_header = b"".join(with_label(one.data, 9, one.sequence) for one in PageReader().feed(header))
    parts = [b"".join(frame.data for frame in frames[begin : begin + 5]) for begin in (2, 7, 12)]
    others = [
        b"".join(with_label(one.data, 9, one.sequence + 1000) for one in PageReader().feed(part)) for part in parts
    ]
    store, splicer = spliced()
    origin = replace(fragment(1), setup=header)
    splicer.append(replace(origin, audio=parts[0]), info, is_cut=False)
    splicer.hand_over(None)
    for other in others[1:]:
        splicer.append(replace(origin, audio=other, setup=other_header), info, is_cut=False)
    assert [one.audio for one in store] == parts
    assert {one.setup for one in store} == {header}
    # Behind a cut it is a stream of its own, from its first page on.
    splicer.append(replace(origin, audio=others[0], setup=other_header), info, is_cut=True)
    newest = store.newest()
    assert newest is not None
    pages = PageReader().feed(newest.setup + newest.audio)
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert len({page.serial for page in pages}) == 1
    assert pages[0].serial not in {page.serial for page in PageReader().feed(header)}


def test_a_title_that_is_over_is_not_taken_from_who_takes_over() -> None:
    store, splicer = spliced()
    old, present, next_one = Title("Old"), Title("Present"), Title("Next")
    splicer.append(replace(fragment(1), title=old), INFO, is_cut=False)
    splicer.append(replace(fragment(2), title=present), INFO, is_cut=False)
    splicer.hand_over(old)
    for title in (old, old, next_one, old):
        splicer.append(replace(fragment(3), title=title), INFO, is_cut=False)
    assert [one.title for one in store] == [old, present, present, present, next_one, old]
