"""Fragments in any order, with holes, from sources that come and go, and lists that contradict them."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.icy import encode_metadata
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import NO_STREAM, Listing, title_text
from distreamer.protocol.legacy.parser import FragmentParser
from tests.protocol.legacy.reception import Received

SIZE = 50
ICYINT = 30


def stream(letter: str, blocks: int, titles: dict[int, str]) -> bytes:
    """Interleaved: the n-th run of audio is 30 bytes of a character of its own."""
    out = bytearray()
    for index in range(blocks):
        out += bytes([ord(letter) + index % 26]) * ICYINT
        out += encode_metadata(Title(titles[index])) if index in titles else b"\0"
    return bytes(out)


class Sender:
    """A store of DiStreamer 2 with all of a stream in it."""

    def __init__(self, data: bytes, sourcegen: int = 1, first: int = 1) -> None:
        self.fragments = {first + at // SIZE: data[at : at + SIZE] for at in range(0, len(data) - SIZE + 1, SIZE)}
        self.sourcegen = sourcegen
        self.icylist: dict[int, tuple[int, ...]] = {}
        self.block = b""
        place = ICYINT
        while place < len(data):
            number = first + place // SIZE
            self.icylist[number] = (*self.icylist.get(number, ()), place % SIZE)
            size = 16 * data[place]
            self.block = data[place + 1 : place + 1 + size] if size else self.block
            place += 1 + size + ICYINT

    def listing(self, *numbers: int) -> Listing:
        wanted = numbers or tuple(self.fragments)
        return Listing(
            fragmentslist=wanted,
            icylist={number: self.icylist.get(number, ()) for number in (*wanted, max(wanted) + 1)},
            icyint=ICYINT,
            icytitle=title_text(self.block),
            icyheaders={"icy-name": f"Generation {self.sourcegen}"},
            sourcegen=self.sourcegen,
        )


FIRST = Sender(stream("A", 26, {3: "one", 9: "two"}))
AUDIO = b"".join(bytes([65 + index]) * ICYINT for index in range(26))


def test_fragments_wait_for_the_list_that_names_them() -> None:
    parser, received = FragmentParser(list_closes_round=True), Received()
    parser.take_fragment(1, FIRST.fragments[1])
    assert not received.take(parser).sources
    parser.take_list(FIRST.listing(1))
    assert bytes(received.take(parser).audio) == AUDIO[:49]
    assert parser.holdings == (1,)


def test_fragments_may_come_behind_their_list() -> None:
    parser, received = FragmentParser(list_closes_round=False), Received()
    parser.take_list(FIRST.listing(1, 2, 3))
    parser.take_fragment(2, FIRST.fragments[2])
    assert not received.take(parser).sources
    parser.take_fragment(1, FIRST.fragments[1])
    assert len(received.take(parser).audio) > 60
    parser.take_fragment(1, FIRST.fragments[1])
    assert parser.duplicates == 1
    assert parser.holdings == (1, 2)
    assert parser.held_listing == FIRST.listing(1, 2, 3).model_copy(update={"fragmentslist": (1, 2)})


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_order_gives_the_same(data: st.DataObject) -> None:
    numbers = data.draw(st.permutations(sorted(FIRST.fragments)))
    parser, received = FragmentParser(list_closes_round=False), Received()
    parser.take_list(FIRST.listing())
    for number in numbers:
        parser.take_fragment(number, FIRST.fragments[number])
        received.take(parser)
    assert AUDIO.startswith(bytes(received.audio))
    assert len(received.audio) > len(AUDIO) - 2 * SIZE
    assert [title.text for _, title in received.titles] == ["one", "two"]
    assert [place for place, _ in received.titles] == [4 * ICYINT, 10 * ICYINT]


@settings(deadline=None, max_examples=60)
@given(st.sets(st.sampled_from(sorted(FIRST.fragments)), min_size=1))
def test_what_is_lost_leaves_a_gap_and_nothing_else(lost: set[int]) -> None:
    parser, received = FragmentParser(list_closes_round=True), Received()
    for number in sorted(FIRST.fragments.keys() - lost):
        parser.take_fragment(number, FIRST.fragments[number])
        parser.take_list(FIRST.listing())
        received.take(parser)
    places = [0, *(place for place, _ in received.gaps), len(received.audio)]
    runs = [bytes(received.audio[start:end]) for start, end in pairwise(places)]
    assert all(run in AUDIO for run in runs)
    assert all(missing > 0 for _, missing in received.gaps)


def test_the_stream_may_be_joined_inside_a_metadata_block() -> None:
    block = encode_metadata(Title("x" * 60))
    sender = Sender(b"A" * ICYINT + block + b"B" * ICYINT + b"\0" + b"C" * ICYINT + b"\0" + b"D" * ICYINT + b"\0")
    assert ICYINT + 1 < SIZE < ICYINT + len(block)
    parser = FragmentParser(list_closes_round=True)
    parser.take_fragment(2, sender.fragments[2])
    parser.take_fragment(3, sender.fragments[3])
    parser.take_list(sender.listing(2, 3))
    received = Received().take(parser)
    assert bytes(received.audio).startswith(b"B" * ICYINT + b"C")
    assert received.titles == [(0, Title("x" * 60))]


def test_another_generation_begins_another_source() -> None:
    second = Sender(stream("a", 6, {0: "new"}), sourcegen=2)
    parser, received = FragmentParser(list_closes_round=True), Received()
    for sender in (FIRST, second):
        for number in (1, 2, 3):
            parser.take_fragment(number, sender.fragments[number])
        parser.take_list(sender.listing(1, 2, 3))
        received.take(parser)
    (_, begin), (place, other) = received.sources
    assert (begin.headers.get("icy-name"), other.headers.get("icy-name")) == ("Generation 1", "Generation 2")
    assert bytes(received.audio[place:]).startswith(b"a" * ICYINT + b"b")
    assert received.titles == [(place, Title("new"))] or received.titles == [(place + ICYINT, Title("new"))]
    assert received.gaps == []


def test_numbers_that_went_back_begin_another_source() -> None:
    parser, received = FragmentParser(list_closes_round=True), Received()
    for number in FIRST.fragments:
        parser.take_fragment(number, FIRST.fragments[number])
    parser.take_list(FIRST.listing())
    restarted = Sender(stream("a", 6, {}))
    received.take(parser)
    parser.take_fragment(1, restarted.fragments[1])
    parser.take_list(restarted.listing(1))
    received.take(parser)
    assert len(received.sources) == 2
    assert received.audio.endswith(b"a" * ICYINT + b"b" * 19)


def test_what_was_fetched_for_the_old_generation_is_not_taken_for_the_new() -> None:
    second = Sender(stream("a", 12, {}), sourcegen=2)
    parser = FragmentParser(list_closes_round=False)
    parser.take_list(FIRST.listing(1, 2, 3))
    parser.take_fragment(3, FIRST.fragments[3])
    parser.take_list(second.listing(1, 2, 3))
    assert parser.holdings == ()
    assert parser.dropped == 1


def test_what_no_list_named_is_dropped_at_a_reconnection() -> None:
    parser = FragmentParser(list_closes_round=True)
    parser.take_fragment(1, FIRST.fragments[1])
    parser.take_list(FIRST.listing(1))
    received = Received().take(parser)
    parser.take_fragment(2, FIRST.fragments[2])
    parser.reconnected()
    assert parser.holdings == (1,)
    parser.take_fragment(2, FIRST.fragments[2])
    parser.take_list(FIRST.listing(1, 2))
    received.take(parser)
    assert bytes(received.audio) == AUDIO[: len(received.audio)]
    assert (len(received.sources), received.gaps) == (1, [])


def test_while_there_is_no_stream_nothing_comes() -> None:
    parser = FragmentParser(list_closes_round=True)
    parser.take_fragment(1, FIRST.fragments[1])
    parser.take_list(NO_STREAM)
    assert parser.next_event() is None
    assert parser.held_listing == NO_STREAM


def test_a_fragment_that_cannot_be_had_is_passed_by() -> None:
    parser, received = FragmentParser(list_closes_round=False), Received()
    parser.take_list(FIRST.listing(1, 2, 3))
    parser.take_fragment(1, FIRST.fragments[1])
    parser.take_fragment(3, FIRST.fragments[3])
    received.take(parser)
    parser.give_up(2)
    assert [missing for _, missing in received.take(parser).gaps] == [1]


def test_the_ogg_header_comes_first_and_behind_each_gap() -> None:
    parser, received = FragmentParser(list_closes_round=True), Received()
    parser.take_ogg_header(b"HEADER")
    for numbers in ((1,), (3,)):
        for number in numbers:
            parser.take_fragment(number, b"<%d>" % number)
        parser.take_list(Listing(fragmentslist=numbers, icyint=0, sourcegen=1))
        received.take(parser)
    assert bytes(received.audio) == b"HEADER<1>HEADER<3>"
    assert received.gaps == [(9, 1)]


def test_bytes_that_are_not_those_of_the_list_are_aligned_anew() -> None:
    """The peer was restarted, counts from 1 again, and has come just as far."""
    parser, received = FragmentParser(list_closes_round=True), Received()
    parser.take_fragment(1, FIRST.fragments[1])
    parser.take_list(FIRST.listing(1))
    received.take(parser)
    restarted = Sender(stream("a", 12, {0: "moves the blocks"}))
    parser.take_fragment(2, restarted.fragments[2])
    parser.take_list(restarted.listing(1, 2))
    received.take(parser)
    ((place, missing),) = received.gaps
    assert missing == 0
    assert set(received.audio[place:]) <= set(b"bc")


@pytest.mark.parametrize("number", [0, -1, 2**53])
def test_a_number_that_cannot_be_is_refused(number: int) -> None:
    with pytest.raises(ProtocolError, match=f"fragment number {number}; it must lie between 1 and {2**53 - 1}"):
        FragmentParser(list_closes_round=True).take_fragment(number, b"x")


@pytest.mark.parametrize("size", [0, limits.FRAGMENT_BYTES + 1])
def test_a_size_that_cannot_be_is_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match=f"fragment 1 has {size} bytes; it must have between 1 and 4194304"):
        FragmentParser(list_closes_round=True).take_fragment(1, bytes(size))


def test_too_long_an_ogg_header_is_refused() -> None:
    with pytest.raises(ProtocolError, match="1048577 bytes; the limit is 1048576"):
        FragmentParser(list_closes_round=True).take_ogg_header(bytes(limits.OGG_HEADER_BYTES + 1))


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        ((30, 90), "the list puts a metadata block at byte 90 of fragment 2, which has 50"),
        ((3, 7), "fragment 2 has metadata blocks at bytes 3, 34; the list says 3, 7"),
    ],
)
def test_a_contradiction_is_told_and_costs_only_its_fragment(offsets: tuple[int, ...], words: str) -> None:
    zeros = {number: bytes(SIZE) for number in (1, 2, 3)}
    parser, received = FragmentParser(list_closes_round=True), Received()
    for number, data in zeros.items():
        parser.take_fragment(number, data)
    icylist = {1: (30,), 2: offsets, 3: (4, 35)}
    parser.take_list(Listing(fragmentslist=(1, 2, 3), icylist=icylist, icyint=ICYINT, sourcegen=1))
    with pytest.raises(ProtocolError, match=words):
        received.take(parser)
    assert len(received.audio) == 49
    received.take(parser)
    assert len(received.audio) == 49 + 48
    assert [missing for _, missing in received.gaps] == [0]


def test_a_first_block_too_far_away_is_told() -> None:
    parser = FragmentParser(list_closes_round=True)
    parser.take_fragment(1, bytes(10_000))
    parser.take_list(Listing(fragmentslist=(1,), icylist={1: (5_000,)}, icyint=10, sourcegen=1))
    with pytest.raises(
        ProtocolError, match="5000 bytes behind the beginning of fragment 1; the limit is icyint, 10, and 4080"
    ):
        parser.next_event()


def test_without_places_of_blocks_fragments_wait_for_a_better_list() -> None:
    parser, received = FragmentParser(list_closes_round=True), Received()
    parser.take_fragment(1, FIRST.fragments[1])
    parser.take_list(FIRST.listing(1).model_copy(update={"icylist": {}}))
    assert not received.take(parser).sources
    parser.take_list(FIRST.listing(1))
    assert len(received.take(parser).audio) == 49


def test_fragments_that_no_list_ever_names_do_not_fill_the_memory() -> None:
    parser = FragmentParser(list_closes_round=True)
    data = bytes(limits.FRAGMENT_BYTES)
    for number in range(1, 40):
        parser.take_fragment(number, data)
    assert len(parser.holdings) * len(data) <= limits.HELD_BYTES
    assert parser.dropped == 39 - limits.HELD_BYTES // limits.FRAGMENT_BYTES
    assert parser.holdings[-1] == 39


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_a_hostile_peer_meets_only_protocol_errors(data: st.DataObject) -> None:
    parser, received = FragmentParser(data.draw(st.booleans())), Received()
    numbers = st.integers(1, 8)
    for _ in range(data.draw(st.integers(1, 15))):
        with suppress(ProtocolError):
            step = data.draw(st.integers(0, 4))
            if step == 0:
                icylist = data.draw(st.dictionaries(numbers, st.lists(st.integers(0, 60), max_size=3), max_size=4))
                parser.take_list(
                    Listing(
                        fragmentslist=tuple(data.draw(st.sets(numbers))),
                        icylist={number: tuple(offsets) for number, offsets in icylist.items()},
                        icyint=data.draw(st.sampled_from([-1, 0, 1, 30])),
                        icytitle=data.draw(st.sampled_from(["", "%", title_text(b"StreamTitle='x';")])),
                        sourcegen=data.draw(st.integers(0, 2)),
                    )
                )
            elif step == 1:
                parser.reconnected()
            elif step == 2:
                parser.give_up(data.draw(numbers))
            else:
                parser.take_fragment(data.draw(numbers), data.draw(st.binary(min_size=1, max_size=60)))
            received.take(parser)
    held = parser.holdings
    assert list(held) == sorted(set(held))
