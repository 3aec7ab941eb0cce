"""Streams of a QUIC connection: whatever overtakes what, the messages come in an order in which they could have been
said."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.protocol.native import lanes, limits
from distreamer.protocol.native.faults import ConversationError
from distreamer.protocol.native.lanes import CONTROL, MOST_LANES_AHEAD, LaneJoiner, LaneSplitter, Part
from distreamer.protocol.native.messages import FragmentHead, Have, Message, Piece, Ping, SetupHead, decode, encode
from distreamer.protocol.native.shapes import epoch_description
from tests.support.native_programme import INFO

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "protocol-vectors.json").read_text(encoding="utf-8")
)
SAID = (
    "epoch",
    "ping of a sender",
    "setup",
    "piece of the setup",
    "fragment with set-up headers",
    "piece of that fragment",
)
"""By the sender of the golden streams."""


@dataclass
class Speech:
    """What one side says, and on which lanes it goes out."""

    messages: list[bytes] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    splitter: LaneSplitter = field(default_factory=LaneSplitter)
    bodies: int = 0
    setups: set[int] = field(default_factory=set)
    """Their lanes."""

    def say(self, message: Message, payload: bytes = b"") -> None:
        data = encode(message, payload)
        self.messages.append(data)
        self.parts.append(self.splitter.split(data))

    def body(self, kind: str, size: int) -> None:
        self.bodies += 1
        digest = f"{self.bodies:032x}"
        if kind == "setup":
            self.setups.add(self.bodies - 1)
            self.say(SetupHead(size=size, digest=digest))
        else:
            self.say(fragment_head(self.bodies, size, digest, setup=kind == "needs setup" and bool(self.setups)))
        while size > 0:
            payload = bytes([self.bodies % 256]) * min(size, 40)
            self.say(Piece(), payload)
            size -= len(payload)

    def lanes(self) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for part in self.parts:
            found[part.lane] = found.get(part.lane, b"") + part.data
        return found


def fragment_head(number: int, size: int = 10, digest: str = "0" * 32, *, setup: bool = False) -> FragmentHead:
    return FragmentHead(
        epoch=7, number=number, start=0, duration=1, captured_at=1.0, setup=setup, size=size, digest=digest
    )


def speech(items: list[tuple[str, int]]) -> Speech:
    made = Speech()
    for index, (kind, size) in enumerate(items):
        if kind == "epoch":
            made.say(epoch_description(index, INFO, None))
        elif kind == "ping":
            made.say(Ping(id=index))
        else:
            made.body(kind, size)
    return made


SPEECH = st.lists(
    st.tuples(st.sampled_from(["epoch", "ping", "setup", "fragment", "needs setup"]), st.integers(1, 100)),
    min_size=1,
    max_size=8,
).map(speech)


def check_order(given_messages: list[bytes], said: Speech, abandoned: frozenset[int] = frozenset()) -> None:
    """Bodies are in one piece, control messages in their order, and what a body needs is there before it."""
    assert not abandoned or len(given_messages) <= len(said.messages)
    if not abandoned:
        assert sorted(given_messages) == sorted(said.messages)
    control = [message for message, part in zip(said.messages, said.parts, strict=True) if part.lane == CONTROL]
    bodies: dict[bytes, list[bytes]] = {}
    needs: dict[bytes, tuple[bytes | None, bytes | None]] = {}
    epoch, setup, head = None, None, b""
    for message, part in zip(said.messages, said.parts, strict=True):
        kind = decode(message)[0]
        if part.lane == CONTROL:
            epoch = message if not isinstance(kind, Ping) else epoch
            continue
        if not isinstance(kind, Piece):
            head = message
            needs[head] = (epoch, setup if isinstance(kind, FragmentHead) and kind.setup else None)
            setup = head if isinstance(kind, SetupHead) else setup
        bodies.setdefault(head, []).append(message)
    at, given_control, in_force, was_said = 0, [], None, set()
    while at < len(given_messages):
        message = given_messages[at]
        was_said.add(message)
        if message not in bodies:
            given_control.append(message)
            at += 1
            continue
        assert given_messages[at : at + len(bodies[message])] == bodies[message]
        at += len(bodies[message])
        needed_epoch, needed_setup = needs[message]
        assert needed_epoch is None or needed_epoch in was_said
        assert needed_setup is None or needed_setup == in_force
        in_force = message if isinstance(decode(message)[0], SetupHead) else in_force
    assert given_control == control


def arrive(data: st.DataObject, said: Speech) -> list[bytes]:
    """Feeds the lanes in any order to one another, cut anywhere; each in its own order, as QUIC gives them."""
    joiner, given_messages = LaneJoiner(), []
    waiting = said.lanes()
    largest = data.draw(st.sampled_from([1, 7, 40, 10_000]))
    while waiting:
        lane = data.draw(st.sampled_from(sorted(waiting)))
        size = data.draw(st.integers(1, largest))
        piece, waiting[lane] = waiting[lane][:size], waiting[lane][size:]
        ends = not waiting[lane]
        if ends:
            del waiting[lane]
        given_messages += joiner.receive(Part(lane, piece, ends and lane != CONTROL))
    assert joiner.waiting_bytes == 0
    return given_messages


@pytest.mark.timeout(900)  # of work: a slow machine takes some minutes
@settings(deadline=None, max_examples=100)
@given(data=st.data(), said=SPEECH)
def test_in_whatever_order_the_lanes_arrive_nothing_comes_before_what_it_needs(
    data: st.DataObject, said: Speech
) -> None:
    check_order(arrive(data, said), said)


@pytest.mark.parametrize("size", [100_000, 9, 1], ids=["whole", "in small parts", "byte by byte"])
@pytest.mark.parametrize("backwards", [True, False])
def test_one_lane_after_the_other_in_parts_of_any_size(size: int, backwards: bool) -> None:
    said = speech(
        [("epoch", 0), ("setup", 50), ("needs setup", 90), ("ping", 0), ("setup", 45), ("epoch", 0), ("needs setup", 1)]
    )
    joiner, given_messages = LaneJoiner(), []
    for lane in sorted(said.lanes(), reverse=backwards):
        stream = said.lanes()[lane]
        for at in range(0, len(stream), size):
            part = Part(lane, stream[at : at + size], lane != CONTROL and at + size >= len(stream))
            given_messages += joiner.receive(part)
    check_order(given_messages, said)


def test_the_end_of_a_lane_may_come_by_itself() -> None:
    said = speech([("epoch", 0), ("fragment", 30)])
    joiner = LaneJoiner()
    given_messages = joiner.receive(Part(0, said.lanes()[0]))
    given_messages += joiner.receive(Part(CONTROL, said.lanes()[CONTROL]))
    assert given_messages == said.messages[:1]
    assert given_messages + joiner.receive(Part(0, b"", ends=True)) == said.messages


def test_a_body_waits_for_its_epoch_and_not_for_a_ping_that_was_lost() -> None:
    said = speech([("epoch", 0), ("ping", 0), ("ping", 0), ("fragment", 30)])
    joiner = LaneJoiner()
    assert joiner.receive(Part(0, said.lanes()[0], ends=True)) == []
    epoch = said.parts[0].data
    assert joiner.receive(Part(CONTROL, epoch)) == [said.messages[0], *said.messages[3:]]


def test_a_body_overtakes_one_that_is_not_whole_yet() -> None:
    said = speech([("fragment", 30), ("fragment", 30)])
    joiner = LaneJoiner()
    assert joiner.receive(Part(0, said.lanes()[0][:-1])) == []
    assert joiner.receive(Part(1, said.lanes()[1], ends=True)) == said.messages[2:]
    assert joiner.receive(Part(0, said.lanes()[0][-1:], ends=True)) == said.messages[:2]


def test_set_up_headers_do_not_overtake_a_fragment_that_was_said_before_them() -> None:
    said = speech([("setup", 5), ("needs setup", 30), ("setup", 5), ("needs setup", 30)])
    joiner = LaneJoiner()
    for lane in (3, 2, 0):
        joiner.receive(Part(lane, said.lanes()[lane], ends=True))
    assert joiner.receive(Part(1, said.lanes()[1], ends=True)) == said.messages[2:]


def test_a_lane_that_the_sender_gave_up_holds_up_nothing() -> None:
    said = speech([("fragment", 90), ("setup", 5), ("needs setup", 30)])
    joiner = LaneJoiner()
    assert joiner.receive(Part(0, said.lanes()[0][:50])) == []
    assert joiner.receive(Part(1, said.lanes()[1], ends=True)) == []
    assert joiner.receive(Part(2, said.lanes()[2], ends=True)) == []
    assert joiner.abandon(0) == said.messages[4:]
    assert joiner.waiting_bytes == 0
    assert joiner.abandon(0) == []


@settings(deadline=None, max_examples=60)
@given(data=st.data(), said=SPEECH)
def test_lanes_that_were_given_up_are_left_out_and_all_others_come(data: st.DataObject, said: Speech) -> None:
    # Nobody gives up set-up headers that are needed later.
    bodies = sorted({part.lane for part in said.parts if part.lane != CONTROL} - said.setups)
    gone = frozenset(data.draw(st.sets(st.sampled_from(bodies)))) if bodies else frozenset()
    joiner, given_messages = LaneJoiner(), []
    for lane in data.draw(st.permutations(sorted(said.lanes()))):
        if lane in gone:
            joiner.receive(Part(lane, said.lanes()[lane][:5]))
            given_messages += joiner.abandon(lane)
        else:
            given_messages += joiner.receive(Part(lane, said.lanes()[lane], ends=lane != CONTROL))
    expected = [m for m, part in zip(said.messages, said.parts, strict=True) if part.lane not in gone]
    assert sorted(given_messages) == sorted(expected)
    check_order(given_messages, said, gone)


def test_the_golden_streams_are_written_and_read() -> None:
    by_name = {vector["name"]: bytes.fromhex(vector["message"]) for vector in VECTORS["messages"]}
    splitter = LaneSplitter()
    streams: dict[int, bytes] = {}
    ended = set()
    for name in SAID:
        part = splitter.split(by_name[name])
        streams[part.lane] = streams.get(part.lane, b"") + part.data
        ended |= {part.lane} if part.ends else set()
    golden = {vector["lane"]: bytes.fromhex(vector["message"]) for vector in VECTORS["streams"]}
    assert streams == golden
    assert ended == {vector["lane"] for vector in VECTORS["streams"] if vector["ends"]}
    for vector in VECTORS["streams"]:
        framed = golden[vector["lane"]][0 if vector["lane"] == CONTROL else 8 :]
        messages = [by_name[name] for name in vector["messages"]]
        assert framed == b"".join(struct.pack(">I", len(message)) + message for message in messages)


WRONG = {
    "no bytes at all": b"",
    "cut off in its counters": bytes(7),
    "counters and no message": bytes(8),
    "a message cut off": bytes(8) + struct.pack(">I", 100) + b"\x22\x00",
    "bytes behind the last message": bytes(8) + struct.pack(">I", 3) + b"\x22\x00\x02" + b"\x00",
    "a message without a byte": bytes(12),
    "a message that is too long": bytes(8) + struct.pack(">I", limits.MESSAGE_BYTES + 1) + b"\x22",
    "no body": bytes(8) + struct.pack(">I", 10) + encode(Ping(id=1))[:10],
    "a body that needs a later one": struct.pack(">II", 0, 1) + struct.pack(">I", 3) + b"\x22\x00\x02",
}


HEAD, PIECE = (struct.pack(">I", len(one)) + one for one in (encode(fragment_head(1, 10)), encode(Piece(), bytes(5))))
WHOLE = HEAD + PIECE + PIECE
PING = struct.pack(">I", len(encode(Ping(id=1)))) + encode(Ping(id=1))
WRONG |= {
    "a body that ends between two messages": bytes(8) + HEAD + PIECE,
    "a body that ends before its first piece": bytes(8) + HEAD,
    "a body with a piece more": bytes(8) + WHOLE + PIECE,
    "two bodies": bytes(8) + WHOLE + WHOLE,
    "a ping in a body": bytes(8) + HEAD + PIECE + PING + PIECE,
}


@pytest.mark.parametrize("stream", WRONG.values(), ids=WRONG.keys())
def test_a_stream_that_holds_no_body_breaks_the_rules(stream: bytes) -> None:
    with pytest.raises(ConversationError, match=r"body|message"):
        LaneJoiner().receive(Part(0, stream, ends=True))


@pytest.mark.parametrize("length", [*range(1, len(HEAD)), len(HEAD + PIECE), len(WHOLE) - 1])
def test_a_body_that_ends_anywhere_before_its_end_breaks_the_rules(length: int) -> None:
    with pytest.raises(ConversationError, match="body 1"):
        LaneJoiner().receive(Part(0, (bytes(8) + WHOLE)[: 8 + length], ends=True))


def test_what_is_wrong_in_messages_of_a_whole_stream_is_left_to_the_conversation() -> None:
    unknown, wrong_head = b"\x41\x00\x00", b"\x22\x00\x02{}"
    framed = [struct.pack(">I", len(one)) + one for one in (unknown, wrong_head)]
    assert len(LaneJoiner().receive(Part(0, bytes(8) + HEAD + PIECE + framed[0] + PIECE, ends=True))) == 4
    assert LaneJoiner().receive(Part(0, bytes(8) + framed[1] + PIECE, ends=True))[0] == wrong_head


@pytest.mark.parametrize("data", [WHOLE, PIECE, bytes.fromhex("0000000121")])
def test_a_body_on_the_control_stream_breaks_the_rules(data: bytes) -> None:
    with pytest.raises(ConversationError, match="on the control stream"):
        LaneJoiner().receive(Part(CONTROL, data))


def test_a_body_must_name_the_setup_that_it_needs() -> None:
    """The bodies 1 and 3 are one, 2, 4 and 5 fragments."""
    said = speech([("setup", 5), ("needs setup", 30), ("setup", 5), ("needs setup", 30), ("needs setup", 30)])
    for named, words in {0: "does not say which", 1: "body 1, which is not", 2: "body 2, ", 4: "body 4, "}.items():
        joiner = LaneJoiner()
        for lane in range(4):
            joiner.receive(Part(lane, said.lanes()[lane], ends=True))
        wrong = struct.pack(">II", 0, named) + said.lanes()[4][8:]
        with pytest.raises(ConversationError, match=f"body 5 needs .*{words}"):
            joiner.receive(Part(4, wrong, ends=True))


def test_a_setup_that_was_given_up_is_none_that_a_body_may_need() -> None:
    said = speech([("setup", 5), ("needs setup", 30)])
    joiner = LaneJoiner()
    assert joiner.abandon(0) == []
    with pytest.raises(ConversationError, match="body 2 needs body 1, which is not the setup in force"):
        joiner.receive(Part(1, said.lanes()[1], ends=True))


def test_a_stream_that_goes_on_behind_its_end_breaks_the_rules() -> None:
    said = speech([("epoch", 0), ("fragment", 30), ("fragment", 30)])
    for first in (False, True):
        joiner = LaneJoiner()
        if first:
            joiner.receive(Part(CONTROL, said.lanes()[CONTROL]))
        joiner.receive(Part(0, said.lanes()[0], ends=True))
        with pytest.raises(ConversationError, match="behind its end"):
            joiner.receive(Part(0, b"more"))


def test_a_control_message_that_is_too_long_is_refused_before_it_has_come() -> None:
    with pytest.raises(ConversationError, match="65537 bytes is not within 1 to 65536"):
        LaneJoiner().receive(Part(CONTROL, struct.pack(">I", limits.MESSAGE_BYTES + 1)))


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MOST_WAITING_BYTES", 1_000)
    joiner = LaneJoiner()
    joiner.receive(Part(0, bytes(600)))
    joiner.receive(Part(1, bytes(400)))
    assert joiner.waiting_bytes == 1_000
    with pytest.raises(ConversationError, match="more than 1000 bytes wait"):
        joiner.receive(Part(0, b"x"))


def test_lanes_far_ahead_of_one_that_does_not_come_are_refused() -> None:
    body = speech([("fragment", 1)]).lanes()[0]
    joiner = LaneJoiner()
    for lane in range(1, MOST_LANES_AHEAD):
        assert joiner.receive(Part(lane, body, ends=True))
    with pytest.raises(ConversationError, match="is 32 ahead, and not less than 32"):
        joiner.receive(Part(MOST_LANES_AHEAD, b"x"))
    with pytest.raises(ConversationError, match="is 32 ahead, and not less than 32"):
        joiner.abandon(MOST_LANES_AHEAD)
    joiner.receive(Part(0, body, ends=True))
    assert joiner.receive(Part(MOST_LANES_AHEAD, body, ends=True))


def test_control_messages_are_not_slower_for_bodies_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's tiny messages must not have all that waits looked at, each of them."""
    joiner, looks = LaneJoiner(), []
    for lane in range(1, MOST_LANES_AHEAD):
        needs_much = struct.pack(">II", 1_000, 0) + speech([("fragment", 1)]).lanes()[0][8:]
        assert not joiner.receive(Part(lane, needs_much, ends=True))
    look = LaneJoiner._may_come
    monkeypatch.setattr(LaneJoiner, "_may_come", lambda *one: looks.append(one) or look(*one))  # type: ignore[func-returns-value]
    pong = struct.pack(">I", 1) + b"\x41"
    assert len(joiner.receive(Part(CONTROL, pong * 999))) == 999
    assert not looks
    assert len(joiner.receive(Part(CONTROL, pong))) == 1 + 2 * (MOST_LANES_AHEAD - 1)


def test_a_day_of_bodies_leaves_nothing_behind() -> None:
    said, joiner = Speech(), LaneJoiner()
    for number in range(1, 2_001):
        said.say(fragment_head(number, 1))
        said.say(Piece(), b"x")
    for first, second in pairwise(said.lanes().items()):
        if first[0] % 2:
            continue
        for lane, stream in (second, first):
            joiner.receive(Part(lane, stream, ends=True))
    assert joiner.waiting_bytes == 0
    assert (joiner._given, joiner._bodies) == (set(), {})


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.integers(-1, 5),
            st.binary(max_size=40) | st.just(struct.pack(">I", 6) + encode(Have(epoch=1, ranges=()))[:6]),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_garbage_gives_only_conversation_errors(parts: list[tuple[int, bytes, bool]]) -> None:
    joiner = LaneJoiner()
    for lane, stream, ends in parts:
        try:
            joiner.receive(Part(lane, stream, ends and lane != CONTROL))
        except ConversationError:
            return
        assert joiner.waiting_bytes <= lanes.MOST_WAITING_BYTES
