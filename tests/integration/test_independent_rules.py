"""The golden vectors of docs/protocol.md, as a second reader of the page understands them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.independent_lanes import Lanes, framed
from tests.support.independent_peer import Conversation, Peer
from tests.support.independent_quic import QuicCarrier
from tests.support.independent_rules import BrokenRule, checked
from tests.support.independent_wire import Message, Scram, Type, attributes, pack

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "protocol-vectors.json").read_text("utf-8"))
CONTROL, SETUP, FRAGMENT = (bytes.fromhex(vector["message"]) for vector in VECTORS["streams"])
MESSAGES = {vector["name"]: bytes.fromhex(vector["message"]) for vector in VECTORS["messages"]}
EPOCH, PING = (MESSAGES[name] for name in VECTORS["streams"][0]["messages"])
SETUP_MESSAGES, FRAGMENT_MESSAGES = ([MESSAGES[name] for name in VECTORS["streams"][at]["messages"]] for at in (1, 2))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_of_the_page_keeps_its_rules(name: str) -> None:
    assert checked(MESSAGES[name]) is not None


@pytest.mark.parametrize("vector", VECTORS["errors"], ids=lambda vector: vector["name"])
def test_every_error_of_the_page_breaks_one(vector: dict[str, Any]) -> None:
    with pytest.raises(BrokenRule) as caught:
        checked(bytes.fromhex(vector["message"]))
    assert caught.value.code == vector["code"]


def test_what_the_page_ignores_is_ignored() -> None:
    assert [checked(bytes.fromhex(vector["message"])) for vector in VECTORS["ignored"]] == [None]


async def test_the_scram_vector_of_quic() -> None:
    given = VECTORS["scram_over_quic"]
    carrier = QuicCarrier()
    carrier.binding = bytes.fromhex(given["certificate_sha256"])
    conversation = Conversation(carrier, Peer(given["password"]), "receiver")
    flag = conversation.binding_flag()
    bare = given["client_first"].removeprefix(flag)
    nonce = attributes(given["server_first"])["r"]
    scram = Scram(given["password"], bare, given["server_first"], f"c={conversation.bound()},r={nonce}")
    assert flag + bare == given["client_first"]
    assert (scram.client_final(), scram.server_final()) == (given["client_final"], given["server_final"])


ORDERS = list(itertools.permutations([("control", CONTROL), (1, SETUP), (2, FRAGMENT)]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(str(stream) for stream, _ in order))
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_the_streams_of_the_page_make_one_conversation_in_whatever_order_they_come(
    order: tuple[tuple[str | int, bytes], ...], step: int
) -> None:
    lanes = Lanes()
    heard: list[bytes] = []
    for stream, data in order:
        for at in range(0, len(data), step):
            part = data[at : at + step]
            if isinstance(stream, str):
                heard += lanes.hear_control(part)
            else:
                heard += lanes.hear_body(stream, part, ended=at + step >= len(data))
    place = heard.index(PING)
    assert heard[:place] + heard[place + 1 :] == [EPOCH, *SETUP_MESSAGES, *FRAGMENT_MESSAGES]
    assert [(body.control_needed, body.setup_needed) for body in lanes.taken] == [(1, 0), (1, 1)]
    assert lanes.epochs == [1]


def test_a_body_that_is_reset_holds_up_nothing() -> None:
    lanes = Lanes()
    lanes.hear_control(CONTROL)
    second = SETUP[:4] + bytes(4) + SETUP[8:]
    assert lanes.hear_body(2, second, ended=True) == []
    assert lanes.hear_reset(1) == SETUP_MESSAGES
    assert [body.number for body in lanes.taken] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        SETUP[:5],
        SETUP[:-1],
        SETUP + framed(SETUP_MESSAGES[1]),
        SETUP + b"\0",
        SETUP[:4] + (1).to_bytes(4, "big") + SETUP[8:],
        SETUP[:8] + framed(pack(Message(Type.PING, {"id": 1}))),
        SETUP[:8] + (65_537).to_bytes(4, "big"),
    ],
)
def test_a_stream_that_is_no_body_breaks_a_rule(data: bytes) -> None:
    lanes = Lanes()
    lanes.hear_control(CONTROL)
    with pytest.raises(BrokenRule):
        lanes.hear_body(1, data, ended=True)


def test_no_more_is_held_than_the_page_asks_for() -> None:
    lanes = Lanes()
    with pytest.raises(BrokenRule):
        lanes.hear_body(258, b"", ended=False)
    for number in range(1, 5):
        lanes.hear_body(number, bytes(2_097_152), ended=False)
    with pytest.raises(BrokenRule):
        lanes.hear_body(5, b"x", ended=False)
