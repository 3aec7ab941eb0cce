"""From an input's bytes to fragments: reconnections, format changes and titles."""

from __future__ import annotations

import itertools

from distreamer.core.ingest import MAXIMUM_PENDING_TITLES, Ingest, SourceDescription
from distreamer.core.store import Store
from distreamer.model.audio import Codec, Station, Title
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame, mp3_stream

SOURCE = SourceDescription("audio/mpeg", 128_000, Station("Radio"))


def made() -> tuple[Store, Ingest]:
    """A store and its ingest, with epochs 1, 2, …"""
    store = Store()
    numbers = itertools.count(1)
    return store, Ingest(store, lambda: next(numbers), legacy_fragment_bytes=81920)


def audio_of(store: Store) -> bytes:
    return b"".join(one.audio for one in store)


def test_all_whole_frames_reach_the_store() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 100) + mp3_frame(100)[:50], 5.0)
    ingest.disconnected(6.0)
    assert audio_of(store) == mp3_stream(0, 100)
    assert ingest.audio_seconds == 100 * 1152 / 44100
    epoch = store.newest_epoch
    assert epoch is not None
    assert (epoch.info.station.name, epoch.info.legacy_fragment_bytes) == ("Radio", 81920)


def test_a_source_that_returns_goes_on_in_the_same_epoch() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 60), 2.0)
    ingest.disconnected(3.0)
    ingest.connected(SourceDescription("audio/mpeg", 128_000, Station("Radio by night")), 4.0)
    ingest.audio(mp3_stream(1000, 60), 5.0)
    ingest.disconnected(6.0)
    (epoch,) = store.epochs
    assert epoch.info.station.name == "Radio by night"
    assert audio_of(store) == mp3_stream(0, 60) + mp3_stream(1000, 60)
    assert [one.discontinuity for one in store] == [False, False, True, False]
    assert [one.number for one in store] == [1, 2, 3, 4]


def test_another_format_begins_another_epoch() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 60), 2.0)
    ingest.title(Title("Goes on"))
    ingest.audio(mp3_stream(60, 10), 2.0)
    ingest.disconnected(3.0)
    mono = b"".join(mp3_frame(number)[:3] + b"\xc0" + mp3_frame(number)[4:] for number in range(60))
    ingest.connected(SOURCE, 4.0)
    ingest.audio(mono, 5.0)
    ingest.disconnected(6.0)
    first, second = store.epochs
    assert (first.info.format.channels, second.info.format.channels) == (2, 1)
    assert first.info.format.codec is second.info.format.codec is Codec.MPEG
    newest = store.get(second.id, 1)
    assert newest is not None
    assert newest.title == Title("Goes on")


def test_a_title_begins_with_the_first_frame_behind_its_place() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    stream = mp3_stream(0, 80)
    place = 20 * MP3_FRAME_BYTES + 100
    ingest.title(Title("A"))
    ingest.audio(stream[:place], 2.0)
    ingest.title(Title("B"))
    ingest.audio(stream[place:], 3.0)
    ingest.disconnected(4.0)
    first = next(iter(store))
    assert first.title == Title("A")
    assert [(mark.offset, mark.title) for mark in first.title_marks] == [(21 * MP3_FRAME_BYTES, Title("B"))]


def test_titles_without_audio_are_bounded_and_the_newest_wins() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    for number in range(MAXIMUM_PENDING_TITLES + 5):
        ingest.title(Title(str(number)))
    assert ingest.dropped_titles == 5
    ingest.audio(mp3_stream(0, 40), 2.0)
    ingest.disconnected(3.0)
    assert next(iter(store)).title == Title(str(MAXIMUM_PENDING_TITLES + 4))


def test_a_title_that_came_before_the_cut_begins_after_it() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 40), 2.0)
    ingest.title(Title("Late"))
    ingest.disconnected(3.0)
    ingest.connected(SOURCE, 4.0)
    ingest.audio(mp3_stream(40, 40), 5.0)
    ingest.disconnected(6.0)
    assert [one.title for one in store] == [None, None, Title("Late"), Title("Late")]
