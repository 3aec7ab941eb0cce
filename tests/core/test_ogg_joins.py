"""The programme in Ogg behind filler and behind another input: as listeners are sent it."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from distreamer.core.filler import Filler, FillerRules
from distreamer.core.played import Played
from distreamer.core.playout import Playout
from distreamer.core.rendition import Rendition
from distreamer.core.splicer import Splicer
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader
from distreamer.media.ogg_serial import OggSerialShift
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.decoding import heard
from tests.support.framing import framed

CODECS = ["libvorbis", "libopus"]
DELAY = 5.0
OUTAGES = [(15, 35), (50, 70)]
SECONDS = 60
"""Of programme: more than comes."""


def programme(codec: str) -> tuple[list[Fragment], StreamInfo]:
    """A fragment for each frame, of about a second."""
    frames = framed(AutoFramer(), [encoded(codec, seconds=SECONDS, sample_rate=48000)])
    fragments, start = [], 0
    for number, frame in enumerate(frames, 1):
        fragments.append(Fragment(1, number, start, frame.duration, frame.data, 0.0, setup=frame.setup))
        start = fragments[-1].end
    return fragments, StreamInfo(frames[0].format)


def sequences_in(data: bytes) -> dict[int, list[int]]:
    """The page sequence numbers of each logical stream, in order of appearance."""
    found: dict[int, list[int]] = {}
    for page in PageReader().feed(data):
        found.setdefault(page.serial, []).append(page.sequence)
    return found


def sent(fragments: list[Fragment], info: StreamInfo) -> bytes:
    """What a listener gets who was there from the beginning."""
    rendition = Rendition(info)
    cursor = rendition.enter(0, icy=False)
    data = b""
    for fragment in fragments:
        rendition.add(Played(fragment, info, 0.0, discontinuity=False))
        data += rendition.take(cursor, 1 << 20) or b""
    return data


def played_through_outages(fragments: list[Fragment], info: StreamInfo) -> list[Fragment]:
    store = Store()
    store.open_epoch(1, info)
    playout = Playout(store, lambda info: DELAY, filler=FillerRules(Filler()))
    to_come, played = list(fragments), []
    for quarter in range(4 * 90):
        now = quarter / 4
        if not any(begins <= now < ends for begins, ends in OUTAGES) and quarter % 4 == 0:
            store.add(to_come.pop(0))
        played += [one.fragment for one in playout.advance(now)]
    return played


@pytest.mark.parametrize("codec", CODECS)
def test_behind_filler_the_programme_is_a_stream_of_its_own_each_time(codec: str) -> None:
    fragments, info = programme(codec)
    played = played_through_outages(fragments, info)
    data = sent(played, info)
    sequences = sequences_in(data)
    assert next(iter(sequences)) == PageReader().feed(fragments[0].setup)[0].serial
    assert len(sequences) == 1 + 2 * len(OUTAGES)
    assert all(found == list(range(len(found))) for found in sequences.values())
    seconds = sum(one.duration for one in played) / info.format.clock_rate
    assert len(heard(data, "ogg")) / 48_000 == pytest.approx(seconds, abs=0.3)


def test_flac_and_its_filler_are_one_stream() -> None:
    fragments, info = programme("flac")
    played = played_through_outages(fragments, info)
    data = sent(played, info)
    (found,) = sequences_in(data).values()
    assert found == list(range(len(found)))
    samples, seconds = heard(data, "ogg"), sum(one.duration for one in played) / info.format.clock_rate
    assert len(samples) / 48_000 == seconds
    is_silent = ~samples[: len(samples) // 48_000 * 48_000].reshape(-1, 48_000 * 2).any(axis=1)
    assert 25 < is_silent.sum() < 40
    # Players that buffer by bytes would stand still otherwise.
    rates = [len(one.audio) / one.duration for one in played]
    assert min(rates) > 0.7 * max(rates)


def test_flac_of_another_input_goes_on_in_the_running_stream() -> None:
    fragments, info = programme("flac")
    shift = OggSerialShift(1)
    other = [replace(one, setup=shift.feed(one.setup), audio=shift.feed(one.audio)) for one in fragments[:5]]
    store = Store()
    store.open_epoch(1, info)
    store.add(fragments[0])
    epochs = count(2)
    splicer = Splicer(store, lambda: next(epochs))
    splicer.go_on_in(1)
    on_air = [*fragments[1:10], *other, *fragments[15:20]]
    kept = [splicer.append(one, info, is_cut=one in (other[0], fragments[15])) for one in on_air]
    data = sent([fragments[0], *kept], info)
    (found,) = sequences_in(data).values()
    assert found == list(range(len(found)))
    assert len(heard(data, "ogg")) == sum(one.duration for one in [fragments[0], *kept])


@pytest.mark.parametrize("codec", CODECS)
def test_an_input_that_is_on_air_again_begins_anew(codec: str) -> None:
    fragments, info = programme(codec)
    shift = OggSerialShift(1)
    other = [replace(one, setup=shift.feed(one.setup), audio=shift.feed(one.audio)) for one in fragments[:5]]
    store = Store()
    store.open_epoch(1, info)
    for one in fragments[:5]:
        store.add(one)
    epochs = count(2)
    splicer = Splicer(store, lambda: next(epochs))
    splicer.go_on_in(1)
    on_air = [*fragments[5:10], *other, *fragments[15:20]]
    kept = [splicer.append(one, info, is_cut=one in (other[0], fragments[15])) for one in on_air]
    assert all(
        new.audio is old.audio and new.setup is old.setup for new, old in zip(kept[:10], on_air[:10], strict=True)
    )
    sequences = sequences_in(sent([*fragments[:5], *kept], info))
    assert len(sequences) == 3
    assert all(found == list(range(len(found))) for found in sequences.values())
    assert [one.duration for one in kept] == [one.duration for one in on_air]
