"""What goes over the wire between a sender and a receiver, with and without a carrier that fails."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store, StoreLimits
from distreamer.errors import ProtocolError
from distreamer.model.audio import Codec, Station, Title
from distreamer.model.fragment import TitleMark
from distreamer.protocol.native import limits
from distreamer.protocol.native.events import (
    Acknowledged,
    Ended,
    EpochDescribed,
    Event,
    PeerReport,
    Reported,
    Wanted,
)
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.messages import (
    FragmentHead,
    Piece,
    decode,
    encode,
)
from distreamer.protocol.native.ranges import NumberRanges
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.shapes import epoch_description, fragment_head, stream_info
from distreamer.protocol.native.states import State
from distreamer.protocol.native.wish import want_of
from tests.support.message_carrier import Carrier, connected
from tests.support.native_programme import INFO, Pair, fill, fragment, pair


def test_an_empty_receiver_gets_the_last_seconds_then_what_comes() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 50)
    carrier = connected(source, target)
    carrier.ask(back_seconds=9)
    carrier.run(1.0)
    assert carrier.fragments == [(5, number) for number in range(41, 51)]
    fill(source, 5, 51, 53)
    carrier.run(2.0)
    assert carrier.fragments[10:] == [(5, 51), (5, 52), (5, 53)]
    assert list(target) == [fragment(5, number) for number in range(41, 54)]
    assert target.newest_epoch is not None
    assert target.newest_epoch.info == INFO
    assert Wanted() in carrier.events
    assert sum(event.fragments for event in carrier.events if isinstance(event, Acknowledged)) == 13


def test_nothing_of_the_programme_is_sent_before_the_receiver_takes_the_carrier() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 50)
    carrier = connected(source, target)
    carrier.run(10.0)
    assert carrier.both.sender.state is State.TALKS
    assert carrier.fragments == []
    assert not any(isinstance(event, EpochDescribed) for event in carrier.events)


def test_a_receiver_that_returns_gets_what_it_lacks_and_its_late_holes() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 200)
    fill(target, 5, 1, 50)
    fill(target, 5, 52, 100)
    fill(target, 5, 190, 195)
    carrier = connected(source, target)
    carrier.ask(back_seconds=30, resume_seconds=300)
    carrier.run(1.0)
    # 51 and 101 to 169 are holes from too long ago; 170 to 189 lie within 30 s.
    assert carrier.fragments == [(5, number) for number in (*range(170, 190), *range(196, 201))]
    assert target.duplicates == 0


def test_resuming_goes_back_only_as_far_as_the_receiver_wants() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 200)
    fill(target, 5, 1, 50)
    carrier = connected(source, target)
    carrier.ask(back_seconds=10, resume_seconds=99)
    carrier.run(1.0)
    assert carrier.fragments == [(5, number) for number in range(101, 201)]


def test_a_new_epoch_follows_the_one_before_and_an_older_one_is_never_opened_behind_a_newer() -> None:
    source, target = Store(), Store()
    fill(source, 1, 1, 5)
    fill(source, 2, 1, 5)
    fill(source, 3, 1, 5)
    fill(target, 2, 1, 3)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    assert carrier.fragments == [(2, 4), (2, 5), *((3, number) for number in range(1, 6))]


def test_two_epochs_come_in_their_order() -> None:
    source, target = Store(), Store()
    fill(source, 9, 1, 5)
    fill(source, 2, 1, 5)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    assert [epoch.id for epoch in target.epochs] == [9, 2]
    assert list(target) == list(source)


def test_a_hole_that_fills_late_at_the_sender_is_sent_late() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 3)
    fill(source, 5, 6, 8)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    fill(source, 5, 4, 5)
    carrier.run(2.0)
    assert [number for _, number in carrier.fragments] == [1, 2, 3, 6, 7, 8, 4, 5]


def test_a_changed_station_is_described_again_without_a_new_epoch() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 3)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    source.describe(5, Station("Another name"))
    carrier.run(2.0)
    assert target.newest_epoch is not None
    assert target.newest_epoch.info.station == Station("Another name")
    assert len(target.epochs) == 1


def test_setup_headers_go_once_for_all_fragments_that_share_them() -> None:
    source, target = Store(), Store()
    source.open_epoch(5, INFO)
    first, second = bytes(range(256)) * 300, b"OggS second"
    for number in range(1, 10):
        source.add(fragment(5, number, setup=first if number < 6 else second))
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    assert list(target) == list(source)
    assert carrier.carried_bytes < 9 * 5_500 + len(first) * 1.05 + 1000


def test_the_window_bounds_what_is_under_way() -> None:
    source = Store()
    fill(source, 5, 1, 100)
    both = pair(source)
    carrier = Carrier(both, Store())
    carrier.run(0.0)
    carrier.ask(back_seconds=99)
    wish = both.receiver.data_to_send(0.0)
    assert wish is not None
    both.sender.receive_data(wish, 0.0)
    heads = []
    while (message := both.sender.data_to_send(0.0)) is not None:
        heads += [1 for _ in "x" if message[0] == FragmentHead.TYPE]
    assert len(heads) == limits.WINDOW_FRAGMENTS


def test_a_fragment_larger_than_the_window_goes_alone() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 3, size=limits.WINDOW_BYTES + 1)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    assert list(target) == list(source)


def test_what_the_wire_cannot_carry_is_left_out_and_counted() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 1)
    fill(source, 5, 2, 2, size=limits.FRAGMENT_BYTES + 1)
    fill(source, 5, 3, 3)
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    assert [number for _, number in carrier.fragments] == [1, 3]
    assert carrier.both.sender_role.unsendable == 1


def test_titles_beyond_the_limits_are_cut_and_the_latest_kept() -> None:
    long = Title("\x01" * 5000, "é" * 5000)
    marks = (*(TitleMark(offset, long) for offset in range(100)), TitleMark(200, Title("now\ud800")))
    source, target = Store(), Store()
    source.open_epoch(5, replace(INFO, station=Station("\x01" * 5000, "é" * 5000, "\x02" * 5000, '"' * 5000)))
    source.add(replace(fragment(5, 1), title=long, title_marks=marks))
    carrier = connected(source, target)
    carrier.ask()
    carrier.run(1.0)
    [got] = list(target)
    assert got.title == Title("\x01" * 1024, "é" * 1024)
    assert got.last_title == Title("now?")
    assert got.audio == fragment(5, 1).audio
    assert 1 <= len(got.title_marks) < 16


def test_an_unknown_codec_is_opaque() -> None:
    description = epoch_description(5, INFO, (1, 2)).model_copy(update={"codec": "xhe-aac"})
    assert stream_info(description).format.codec is Codec.OPAQUE
    assert stream_info(epoch_description(5, INFO, None)) == INFO


def in_the_body(head: FragmentHead) -> Pair:
    """A receiver to which ``head`` was announced, in an epoch that it knows."""
    carrier = connected(Store(), Store())
    carrier.ask()
    carrier.run(0.0)
    receiver = carrier.both.receiver
    receiver.receive_data(encode(epoch_description(5, INFO, None)), 0.0)
    assert receiver.receive_data(encode(head), 0.0) == []
    return carrier.both


HEAD = fragment_head(fragment(5, 9, size=3000))
BROKEN_BODIES: dict[str, tuple[FragmentHead, list[bytes], str]] = {
    "other audio": (HEAD, [bytes(2999) + b"\x01"], "its digest is"),
    "too much": (HEAD, [bytes(2999), bytes(2)], "a body of 3001 bytes was announced with 3000"),
    "an empty piece": (HEAD, [b""], "a piece of 0 bytes"),
    "a piece that is too large": (HEAD, [bytes(4097)], "a piece of 4097 bytes"),
    "another number": (
        HEAD.model_copy(update={"number": 10}),
        [fragment(5, 9, size=3000).audio],
        "fragment 10: its digest is",
    ),
    "a title outside": (
        HEAD.model_copy(update={"title_marks": (HEAD.title_marks[0].model_copy(update={"offset": 3000}),)}),
        [fragment(5, 9, size=3000).audio],
        "a title begins at byte 3000",
    ),
}


@pytest.mark.parametrize(("head", "pieces", "words"), BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_a_broken_body_ends_the_conversation_and_is_not_kept(
    head: FragmentHead, pieces: list[bytes], words: str
) -> None:
    receiver = in_the_body(head).receiver
    events = [event for piece in pieces for event in receiver.receive_data(encode(Piece(), piece), 0.0)]
    assert len(events) == 1
    assert isinstance(events[0], Ended)
    assert events[0].code is GoodbyeCode.PROTOCOL
    assert words in events[0].reason


def test_a_fragment_of_an_epoch_that_was_not_described_is_refused() -> None:
    carrier = connected(Store(), Store())
    carrier.ask()
    [ended] = carrier.both.receiver.receive_data(encode(HEAD), 0.0)
    assert isinstance(ended, Ended)
    assert "which was not described" in ended.reason
    with_setup = fragment_head(fragment(5, 9, setup=b"OggS"))
    carrier = connected(Store(), Store())
    carrier.ask()
    carrier.both.receiver.receive_data(encode(epoch_description(5, INFO, None)), 0.0)
    [ended] = carrier.both.receiver.receive_data(encode(with_setup), 0.0)
    assert isinstance(ended, Ended)
    assert "set-up headers" in ended.reason


def test_acknowledging_what_was_never_sent_does_no_harm() -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 3)
    carrier = connected(source, target)
    carrier.ask()
    header = b'{"epoch":"5","ranges":[[1,9007199254740991]]}'
    wish = carrier.both.receiver.data_to_send(0.0)
    assert wish is not None
    carrier.both.sender.receive_data(wish, 0.0)
    assert carrier.both.sender.receive_data(b"\x11" + len(header).to_bytes(2, "big") + header, 0.0) == [Acknowledged(0)]
    carrier.run(1.0)
    assert list(target) == list(source)


def test_life_signs_go_both_ways_and_carry_the_budget_and_the_round_trip() -> None:
    source = Store()
    fill(source, 5, 1, 3)
    both = pair(source, report=PeerReport(budget_seconds=24.5, buffer_seconds=25.0))
    carrier = Carrier(both, Store())
    carrier.run(0.0)
    assert Reported(PeerReport(budget_seconds=24.5, buffer_seconds=25.0)) in carrier.events
    assert Reported(PeerReport(newest=(5, 3))) in carrier.events
    assert both.receiver.next_timer() == pytest.approx(0.7)
    both.receiver.handle_timer(0.7)
    ping = both.receiver.data_to_send(0.7)
    assert ping is not None
    both.sender.receive_data(ping, 0.8)
    pong = both.sender.data_to_send(0.8)
    assert pong is not None
    both.receiver.receive_data(pong, 0.9)
    assert both.receiver.round_trip == pytest.approx(0.2)
    assert both.receiver.shortest_round_trip == 0.0


def test_a_peer_that_falls_silent_is_dead_after_two_and_a_half_seconds() -> None:
    carrier = connected(Store(), Store())
    for conversation in (carrier.both.sender, carrier.both.receiver):
        now = 0.0
        events: list[Event] = []
        while not events:
            timer = conversation.next_timer()
            assert timer is not None
            assert timer > now
            now = timer
            events = conversation.handle_timer(now)
            while conversation.data_to_send(now) is not None:
                pass
        assert now == pytest.approx(2.5)
        assert events == [Ended(GoodbyeCode.SILENCE, "nothing was heard for 2.5 s", by_peer=False)]


def test_on_a_long_path_a_peer_may_be_silent_for_longer() -> None:
    timing = limits.Timing()
    assert timing.dead_after(None) == timing.dead_after(0.1) == 2.5
    assert timing.dead_after(0.6) == pytest.approx(3.4)


@settings(deadline=None, max_examples=60)
@given(
    lives=st.lists(st.integers(0, 60), max_size=12),
    growth=st.lists(st.integers(0, 4), min_size=13, max_size=13),
    latency=st.integers(0, 12),
    change=st.integers(0, 13),
)
def test_whatever_is_cut_the_receiver_ends_with_exactly_the_sender_s_fragments(
    lives: list[int], growth: list[int], latency: int, change: int
) -> None:
    source, target = Store(), Store()
    number, epoch = 0, 77
    wasted = 0
    fill(source, epoch, 1, 0)
    for turn, grown in enumerate(growth):
        if turn == change:
            epoch, number = 66, 0
        fill(source, epoch, number + 1, number + grown, size=6000)
        number += grown
        life = lives[turn] if turn < len(lives) else None
        carrier = Carrier(pair(source), target, life, latency)
        carrier.ask()
        if not carrier.run(0.0):
            wasted += carrier.carried_bytes - 6000 * len(carrier.fragments)
    assert list(target) == list(source)
    assert target.duplicates == 0
    # Each cut wastes less than one fragment, its head, and the handshake.
    assert wasted <= len(lives) * (6000 + 3000)


@settings(deadline=None, max_examples=30)
@given(order=st.lists(st.integers(0, 1), min_size=30, max_size=120))
def test_two_carriers_at_once_lose_nothing_and_the_first_copy_wins(order: list[int]) -> None:
    source, target = Store(), Store()
    fill(source, 5, 1, 20)
    carriers = [connected(source, target), connected(source, target)]
    for carrier in carriers:
        carrier.ask()
    for turn in order:
        carriers[turn].life = 3
        carriers[turn].run(0.0)
    for carrier in carriers:
        carrier.life = None
        carrier.run(0.0)
    assert list(target) == list(source)
    assert target.added == 20
    assert target.duplicates == sum(len(carrier.fragments) for carrier in carriers) - 20


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)), max_size=25))
def test_number_ranges_hold_what_was_added(added: list[tuple[int, int]]) -> None:
    ranges = NumberRanges()
    model: set[int] = set()
    for first, more in added:
        ranges.add(first, first + more)
        model |= set(range(first, first + more + 1))
    assert {number for number in range(80) if number in ranges} == model
    assert all(after - before > 1 for (_, before), (after, _) in pairwise(ranges.ranges()))
    ranges.keep_highest(2)
    assert len(ranges.ranges()) <= 2


def test_a_wish_names_the_newest_holdings_as_far_as_a_message_goes() -> None:
    store = Store(StoreLimits(seconds=10_000))
    for epoch in range(1, 11):
        store.open_epoch(epoch, INFO)
        for number in range(1, 101, 2):
            store.add(fragment(epoch, number, size=20))
    want = want_of(store, 1e9, 1e9)
    assert [holding.epoch for holding in want.holdings] == [10, 9, 8, 7, 6, 5]
    assert sum(len(holding.ranges) for holding in want.holdings) == 256
    assert want.holdings[-1].ranges[-1] == (99, 99)
    assert decode(encode(want))[0] == want


def test_a_receiver_does_not_remember_without_bound_what_the_sender_does_not_want_to_hear() -> None:
    role = ReceiverRole(PeerReport)
    role.ask(want_of(Store(), 10, 10))
    role.receive(epoch_description(5, INFO, None), b"")
    said = 0

    def arrive(number: int) -> None:
        one = fragment(5, number, size=10)
        role.receive(fragment_head(one), b"")
        role.receive(Piece(), one.audio)

    for number in range(1, 8_000, 2):
        arrive(number)
        while role.next_message() is not None:
            said += 1
    assert said > 3_000
    for number in range(8_001, 8_001 + 2 * 4_096, 2):
        arrive(number)
    with pytest.raises(ProtocolError, match="sent 4097 fragments without waiting"):
        arrive(20_000)
