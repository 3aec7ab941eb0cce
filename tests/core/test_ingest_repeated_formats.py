"""What a source repeats when it is connected to again, in every format."""

from __future__ import annotations

from itertools import accumulate, count, pairwise

import pytest

from distreamer.core.ingest import Ingest
from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader, with_label
from tests.support.audio_samples import encoded
from tests.support.framing import framed, pieces
from tests.support.input_context import stored_audio
from tests.support.ogg_samples import OPUS_20_MS, opus_headers, page, split_pages
from tests.support.repeating_source import SERVER

CLIPS = {
    "mp3": encoded("libmp3lame", seconds=8),
    "mp3 vbr": encoded("libmp3lame", seconds=8, bitrate=0, options=(("q", "3"),)),
    "mp2": encoded("mp2", seconds=8),
    "aac": encoded("aac", seconds=8),
    "vorbis": encoded("vorbis", seconds=8, container_options=(("page_duration", "200000"),)),
    "opus": encoded("libopus", seconds=8, sample_rate=48000, container_options=(("page_duration", "200000"),)),
    "flac": encoded("flac", seconds=8),
}


@pytest.mark.parametrize("size", [700, 4096, 1_000_000])
@pytest.mark.parametrize("kind", list(CLIPS))
def test_real_audio_is_joined_to_the_byte(kind: str, size: int) -> None:
    """Cut at any byte; the burst begins at any byte too, in Ogg behind the headers, as Icecast does it."""
    clip = CLIPS[kind]
    header = b""
    starts = list(range(len(clip)))
    if clip.startswith(b"OggS"):
        clip_pages = split_pages(clip)
        header = AutoFramer().feed(clip)[0].setup
        starts = [place for place in accumulate(map(len, clip_pages)) if place >= len(header)]
    store = Store()
    epochs = count(1)
    ingest = Ingest(store, lambda: next(epochs))
    cuts = [len(clip) * part // 100 + 11 for part in (40, 47, 71)] + [len(clip)]
    begin = len(header)
    for at, cut in enumerate(cuts):
        ingest.connected(SERVER, at)
        for part in pieces(header + clip[begin:cut], size):
            ingest.audio(part, at)
        ingest.disconnected(at + 1)
        begin = max(start for start in starts if start <= cut * 6 // 10)
    whole = b"".join(frame.data for frame in framed(AutoFramer(), [clip]))
    assert stored_audio(store) == whole
    assert not any(one.discontinuity for one in store)
    assert all(a.end == b.start for a, b in pairwise(store))


@pytest.mark.parametrize("kind", ["vorbis", "opus"])
def test_another_server_that_counts_ogg_pages_otherwise_goes_on_in_the_same_stream(kind: str) -> None:
    """As Icecast does it with Vorbis: serial and numbers are its own, from when its source came."""
    frames = framed(AutoFramer(), [CLIPS[kind]])
    headers = frames[0].setup
    store, epochs = Store(), count(1)
    ingest = Ingest(store, lambda: next(epochs))
    for number, (first, last) in enumerate([(0, 20), (12, 24), (20, 30), (35, len(frames))]):
        ingest.connected(SERVER, number)
        data = headers + b"".join(frame.data for frame in frames[first:last])
        labelled = (with_label(one.data, 500 + number, one.sequence + 7 * number) for one in PageReader().feed(data))
        ingest.audio(b"".join(labelled), number)
        ingest.disconnected(number + 1)
    pages = PageReader().feed(stored_audio(store))
    assert [with_label(one.data, 0, 0) for one in pages] == [
        with_label(frame.data, 0, 0) for frame in [*frames[:30], *frames[35:]]
    ]
    # Behind the gap it is a stream of its own.
    assert [one.serial for one in pages] == [500] * 30 + [503] * (len(frames) - 35)
    assert all(b.sequence == a.sequence + 1 for a, b in pairwise(pages[:30]))
    assert [one.discontinuity for one in store].count(True) == 1
    assert len({one.setup for one in store}) == 2


def test_one_ogg_page_is_enough_to_go_on_at_once() -> None:
    frames = framed(AutoFramer(), [CLIPS["opus"]])
    store, epochs = Store(), count(1)
    ingest = Ingest(store, lambda: next(epochs), 0.1)
    for first, last in ((0, 20), (19, 30)):
        ingest.connected(SERVER, 0.0)
        ingest.audio(frames[0].setup + b"".join(frame.data for frame in frames[first:last]), 0.0)
        assert stored_audio(store) == b"".join(frame.data for frame in frames[:last])
        ingest.disconnected(0.0)


def test_an_ogg_server_that_is_behind_is_waited_for_from_its_first_page_on() -> None:
    """A page a second, and no burst."""
    frames = framed(AutoFramer(), [CLIPS["vorbis"]])
    store, epochs = Store(), count(1)
    ingest = Ingest(store, lambda: next(epochs))
    for first, last in ((0, 20), (8, 30)):
        ingest.connected(SERVER, float(first))
        ingest.audio(frames[0].setup, float(first))
        for at in range(first, last):
            ingest.audio(frames[at].data, float(at))
        ingest.disconnected(float(last))
    assert stored_audio(store) == b"".join(frame.data for frame in frames[:30])


def test_an_ogg_page_that_was_waited_with_goes_on_with_its_rest() -> None:
    """A packet goes on on the next page when the connection breaks: the page is in the store already."""
    half = bytes([31 << 3 | 1 << 2]) + bytes(254)
    rest = b"x" * 100
    pages = [page([OPUS_20_MS] * 10, sequence=2 + number, granule=9600 * (number + 1)) for number in range(5)]
    open_page = page([*[OPUS_20_MS] * 9, half], sequence=7, granule=9600 * 6, open_end=True)
    closing = page([rest, *[OPUS_20_MS] * 9], sequence=8, granule=9600 * 7, flags=1)
    after = [page([OPUS_20_MS] * 10, sequence=9 + number, granule=9600 * (number + 8)) for number in range(5)]
    store = Store()
    epochs = count(1)
    ingest = Ingest(store, lambda: next(epochs))
    # The third connection breaks there too, and brings nothing new.
    for number, brought in enumerate(
        ([*pages, open_page], [*pages[3:], open_page, closing, *after[:2]], [*pages[4:], open_page], [closing, *after])
    ):
        ingest.connected(SERVER, number)
        ingest.audio(opus_headers() + b"".join(brought), number)
        ingest.disconnected(number)
    assert stored_audio(store) == b"".join([*pages, open_page, closing, *after])
    assert not any(one.discontinuity for one in store)
