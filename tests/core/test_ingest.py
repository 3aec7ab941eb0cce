"""From an input's bytes to fragments: reconnections, format changes and titles."""

from __future__ import annotations

import itertools

import pytest

from distreamer.core.ingest import MAXIMUM_PENDING_TITLES, Ingest, SourceDescription
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Codec, Frame, Station, Title
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame, mp3_stream
from tests.support.ogg_samples import OPUS_20_MS, opus_headers, page

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


def test_a_format_that_changes_back_and_forth_within_a_connection_loses_nothing() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    stereo = [mp3_stream(first, 10) for first in (0, 20)]
    mono = b"".join(mp3_frame(number)[:3] + b"\xc0" + mp3_frame(number)[4:] for number in range(10, 20))
    ingest.audio(stereo[0] + mono + stereo[1], 2.0)
    ingest.disconnected(3.0)
    assert audio_of(store) == stereo[0] + mono + stereo[1]
    assert [epoch.info.format.channels for epoch in store.epochs] == [2, 1, 2]


def test_seconds_of_audio_are_those_of_the_present_connection() -> None:
    _, ingest = made()
    for count in (50, 20):
        ingest.connected(SOURCE, 1.0)
        ingest.audio(mp3_stream(0, count), 2.0)
        ingest.disconnected(3.0)
        assert ingest.audio_seconds == pytest.approx(count * 1152 / 44100)


def test_an_epoch_that_somebody_opened_meanwhile_is_not_gone_behind() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 60), 2.0)
    info = ingest.info
    assert info is not None
    store.open_epoch(99, info)
    ingest.audio(mp3_stream(60, 60), 3.0)
    ingest.disconnected(4.0)
    assert [epoch.id for epoch in store.epochs] == [1, 99, 2]
    assert audio_of(store) == mp3_stream(0, 120)


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


def test_an_epoch_that_brings_its_own_title_begins_with_it() -> None:
    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.title(Title("Before"))
    ingest.audio(mp3_stream(0, 60), 2.0)
    ingest.disconnected(3.0)
    ingest.connected(SourceDescription("application/ogg"), 4.0)
    seconds = [page([OPUS_20_MS] * 50, sequence=2 + number, granule=48_000 * (number + 1)) for number in range(3)]
    ingest.audio(opus_headers("TITLE=After") + b"".join(seconds), 5.0)
    ingest.disconnected(6.0)
    newest = store.newest_epoch
    assert newest is not None
    assert {one.title for one in newest.fragments.values()} == {Title("After")}


def test_a_framer_that_breaks_down_costs_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(AutoFramer):
        def close(self) -> list[Frame]:
            raise ZeroDivisionError("a defect")

    store, ingest = made()
    ingest.connected(SOURCE, 1.0)
    ingest.audio(mp3_stream(0, 60), 2.0)
    ingest.disconnected(3.0)
    with monkeypatch.context() as patch:
        patch.setattr("distreamer.core.ingest.AutoFramer", Broken)
        ingest.connected(SOURCE, 4.0)
        ingest.audio(mp3_stream(60, 60), 5.0)
        with pytest.raises(ZeroDivisionError):
            ingest.disconnected(6.0)
    ingest.connected(SOURCE, 7.0)
    ingest.audio(mp3_stream(120, 60), 8.0)
    ingest.disconnected(9.0)
    assert audio_of(store) == mp3_stream(0, 180)
    assert sum(one.discontinuity for one in store) == 2
