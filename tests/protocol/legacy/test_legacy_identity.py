"""Our fragments, rendered for DiStreamer 2 and parsed again: the same audio, and each title at the block behind it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.legacy.listing import parse_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.persistent import ListMessage, MessageReader, NumberedFragment, OggHeader
from distreamer.protocol.legacy.renderer import FragmentRenderer, Rendering, headers_of
from distreamer.protocol.legacy.rounds import RoundWriter
from tests.protocol.legacy.reception import Received
from tests.support.splitting import pieces

MP3 = AudioFormat(Codec.MPEG, 44_100, 44_100, 2, bitrate=128_000, content_type="audio/mpeg")
VORBIS = AudioFormat(Codec.VORBIS, 44_100, 44_100, 2, content_type="application/ogg")
SETUP = b"OggS" + bytes(60)
NOISE = b"".join(hashlib.blake2b(bytes([number])).digest() for number in range(40))
"""Whose every part stands in one place only."""
TITLES = st.builds(Title, st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=40))


@st.composite
def programmes(draw: st.DrawFn, setup: bytes = b"") -> list[Fragment]:
    """One epoch: fragments with titles at any place."""
    title: Title | None = None
    fragments = []
    start = 0
    for number in range(1, draw(st.integers(1, 12)) + 1):
        audio = NOISE[start : start + draw(st.integers(1, 200))]
        start += len(audio)
        places = sorted(draw(st.sets(st.integers(0, len(audio) - 1), max_size=2)))
        marks = []
        for place in places:
            new = draw(TITLES)
            if place:
                marks.append(TitleMark(place, new))
            else:
                title = new
        fragments.append(Fragment(7, number, number, 1, audio, 0.0, title, tuple(marks), setup))
        title = marks[-1].title if marks else title
    return fragments


def title_at(fragments: list[Fragment], place: int) -> Title | None:
    """The title in force at that byte of audio."""
    title, start = None, 0
    for fragment in fragments:
        changes = [(0, fragment.title), *((mark.offset, mark.title) for mark in fragment.title_marks)]
        for offset, changed in changes:
            if start + offset <= place:
                title = changed
        start += len(fragment.audio)
    return title


def expected_titles(fragments: list[Fragment], icyint: int, size: int) -> list[tuple[int, Title]]:
    """At each block of the first ``size`` bytes of audio the title in force, where it is another than before."""
    found: list[tuple[int, Title]] = []
    for place in range(icyint, size, icyint):
        title = title_at(fragments, place)
        if title is not None and (not found or found[-1][1] != title):
            found.append((place, title))
    return found


def over_persistent_wire(stores: list[Rendering], data: st.DataObject) -> Received:
    """Everything that reaches the far end, with the bytes cut anywhere."""
    writer, reader = RoundWriter(), MessageReader()
    parser, received = FragmentParser(list_closes_round=True), Received()
    for store in stores:
        for piece in data.draw(pieces(b"".join(writer.round(store)))):
            reader.receive_data(piece)
            while (message := reader.next_message()) is not None:
                if isinstance(message, NumberedFragment):
                    parser.take_fragment(message.number, message.data)
                elif isinstance(message, OggHeader):
                    parser.take_ogg_header(message.data)
                elif isinstance(message, ListMessage):
                    parser.take_list(message.listing)
                received.take(parser)
    assert reader.is_between_messages
    return received


@settings(deadline=None, max_examples=60)
@given(st.data())
@pytest.mark.parametrize("ogg", [False, True], ids=["mp3", "ogg"])
def test_the_persistent_wire_gives_audio_and_titles_again(ogg: bool, data: st.DataObject) -> None:
    setup = SETUP if ogg else b""
    fragments = data.draw(programmes(setup))
    icyint = data.draw(st.integers(1, 300))
    renderer = FragmentRenderer(data.draw(st.integers(1, 300)), 100_000, 0 if ogg else icyint, first_sourcegen=3)
    info = StreamInfo(VORBIS if ogg else MP3, Station("Test FM"))
    stores = [renderer.rendering()]
    for fragment in fragments:
        renderer.add(info, fragment)
        stores.append(renderer.rendering())
    received = over_persistent_wire(stores, data)
    sent = b"".join(fragment.audio for fragment in fragments)
    if not received.sources:
        assert not received.audio
        return
    assert bytes(received.audio[: len(setup)]) == setup
    audio = bytes(received.audio[len(setup) :])
    assert sent.startswith(audio)
    assert received.gaps == []
    assert len(received.sources) == 1
    if not ogg:
        wanted = expected_titles(fragments, icyint, len(audio))
        titles = [(place, title) for place, title in received.titles if place < len(audio)]
        if titles and titles[0][0] == 0:
            # The newest title was in the list before its block came.
            assert titles[0][1] == expected_titles(fragments, icyint, len(sent) + 1)[0][1]
            del titles[0], wanted[:1]
        assert titles == wanted
    # All but what was not full, or of the last block not whole, has arrived.
    listing = stores[-1].listing
    if listing.fragmentslist:
        full = sum(len(block) for block in stores[-1].fragments.values())
        overhead = sum(1 + 16 * 16 for offsets in listing.icylist.values() for _ in offsets)
        assert len(audio) >= full - overhead


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_receiver_that_comes_late_hears_the_end_of_it(data: st.DataObject) -> None:
    fragments = data.draw(programmes())
    icyint, size = data.draw(st.integers(1, 200)), data.draw(st.integers(20, 200))
    renderer = FragmentRenderer(size, 3, icyint)
    for fragment in fragments:
        renderer.add(StreamInfo(MP3), fragment)
    received = over_persistent_wire([renderer.rendering()], data)
    sent = b"".join(fragment.audio for fragment in fragments)
    start = sent.index(bytes(received.audio))
    titles = [(place, title) for place, title in received.titles if 0 < place < len(received.audio) - 8]
    assert titles == [(place, title) for place, title in titles if title_at(fragments, start + place) == title]


def rendered(renderer: FragmentRenderer, fragment: Fragment, info: StreamInfo | None = None) -> Rendering:
    renderer.add(info or StreamInfo(MP3), fragment)
    return renderer.rendering()


def fragment_of(number: int, audio: bytes, epoch: int = 1, title: Title | None = None, setup: bytes = b"") -> Fragment:
    return Fragment(epoch, number, number, 1, audio, 0.0, title, (), setup)


def test_fragments_are_numbered_from_1_and_the_newest_are_kept() -> None:
    renderer = FragmentRenderer(10, 2, 0)
    assert renderer.rendering().listing.icyint == -1
    store = rendered(renderer, fragment_of(1, bytes(range(35))))
    assert dict(store.fragments) == {2: bytes(range(10, 20)), 3: bytes(range(20, 30))}
    assert store.listing.fragmentslist == (2, 3)
    assert parse_listing(store.encoded_listing) == store.listing
    assert renderer.rendering() is store


def test_a_fragment_that_was_added_already_is_left_out() -> None:
    renderer = FragmentRenderer(10, 5, 0)
    store = rendered(renderer, fragment_of(2, bytes(20)))
    renderer.add(StreamInfo(MP3), fragment_of(2, bytes(20)))
    renderer.add(StreamInfo(MP3), fragment_of(1, bytes(20)))
    assert renderer.rendering() is store


def test_the_list_names_the_block_of_the_fragment_that_is_being_filled() -> None:
    renderer = FragmentRenderer(20, 5, 8)
    store = rendered(renderer, fragment_of(1, bytes(30), title=Title("A")))
    assert store.listing.fragmentslist == (1, 2)
    # 8 of audio, a block of 17, 8, an empty block, 8, an empty block: 43; the sixth byte of the last run is here.
    assert store.listing.icylist == {1: (8,), 2: (13,), 3: (2,)}
    assert store.listing.title_block == b"StreamTitle='A';"
    assert store.listing.icytitle.endswith("\n")


def test_a_new_epoch_is_a_new_generation_and_numbers_go_on() -> None:
    renderer = FragmentRenderer(10, 5, 4, first_sourcegen=1_800_000_000)
    first = rendered(renderer, fragment_of(1, bytes(30), title=Title("A")))
    second = rendered(renderer, fragment_of(1, b"x" * 30, epoch=2))
    assert (first.listing.sourcegen, second.listing.sourcegen) == (1_800_000_000, 1_800_000_001)
    assert second.listing.icytitle == ""
    assert min(second.listing.fragmentslist) == max(first.listing.fragmentslist) + 1
    assert second.fragments[min(second.fragments)] == b"xxxx\0xxxx\0"


def test_a_chained_ogg_stream_is_a_new_generation() -> None:
    renderer = FragmentRenderer(10, 5)
    info = StreamInfo(VORBIS)
    first = rendered(renderer, fragment_of(1, b"OggS" + bytes(30), setup=b"one", title=Title("A")), info)
    second = rendered(renderer, fragment_of(2, b"OggS" + bytes(30), setup=b"two", title=Title("B")), info)
    assert (first.ogg_header, second.ogg_header) == (b"one", b"two")
    assert second.listing.sourcegen == first.listing.sourcegen + 1
    assert first.listing.icyint == second.listing.icyint == 0
    assert second.fragments[min(second.fragments)].startswith(b"OggS")


def test_ogg_has_metadata_from_when_titles_come_beside_it() -> None:
    renderer = FragmentRenderer(10, 5, 8)
    info = StreamInfo(VORBIS)
    rendered(renderer, fragment_of(1, bytes(30), setup=b"one", title=Title("A")), info)
    changed = rendered(renderer, fragment_of(2, bytes(30), setup=b"one", title=Title("B")), info)
    assert (changed.listing.sourcegen, changed.listing.icyint) == (2, 8)
    chained = rendered(renderer, fragment_of(3, bytes(30), setup=b"two", title=Title("B")), info)
    assert (chained.listing.sourcegen, chained.listing.icyint) == (3, 8)


def test_the_station_is_told_in_ascii() -> None:
    info = StreamInfo(MP3, Station("Café 7 — Радио", "", "Jazz", "http://example.org/", public=False))
    assert headers_of(info) == {
        "icy-name": "Cafe 7 ? ?????",
        "icy-genre": "Jazz",
        "icy-url": "http://example.org/",
        "icy-pub": "0",
        "icy-br": "128",
        "content-type": "audio/mpeg",
    }
