"""The codec: golden vectors, round trips, and nothing but documented errors for anything else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError
from distreamer.protocol.native.messages import (
    MESSAGES,
    FragmentHead,
    Have,
    Hello,
    Message,
    Piece,
    Ping,
    SetupHead,
    Want,
    Welcome,
    decode,
    encode,
)
from distreamer.protocol.native.scram import ScramAcceptor, ScramDialler, Verifier
from tests.support.native_messages import MESSAGE, TEXT

DOCS = Path(__file__).parents[3] / "docs"
VECTORS: dict[str, Any] = json.loads((DOCS / "protocol-vectors.json").read_text(encoding="utf-8"))
PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[kind], ids=lambda vector: vector["name"])


def framed(kind: type[Message], header: object) -> bytes:
    """A message with any header, right or wrong."""
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    return bytes((kind.TYPE,)) + len(written).to_bytes(2, "big") + written


@named("messages")
def test_golden_vectors_are_read_and_written_as_documented(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["message"])
    message, payload = decode(data)
    assert message is not None
    assert vector["type"] == message.NAME
    assert json.loads(message.model_dump_json(exclude_none=True)) == vector["header"]
    assert payload.hex() == vector["payload"]
    assert encode(message, payload) == data


@named("errors")
def test_golden_errors_end_the_conversation_with_their_code(vector: dict[str, Any]) -> None:
    with pytest.raises(ConversationError) as caught:
        decode(bytes.fromhex(vector["message"]))
    assert caught.value.code == vector["code"]


@named("ignored")
def test_unknown_messages_without_the_critical_bit_are_ignored(vector: dict[str, Any]) -> None:
    assert decode(bytes.fromhex(vector["message"])) == (None, b"")


@pytest.mark.parametrize("kind", ["scram", "scram_over_quic"])
def test_the_golden_handshake_is_what_both_sides_say(kind: str) -> None:
    golden = VECTORS[kind]
    binding = bytes.fromhex(golden.get("certificate_sha256", "")) or None
    verifier = Verifier.of(golden["password"], bytes.fromhex(golden["salt"]), golden["iterations"])
    dialler = ScramDialler(golden["password"], golden["dialler_nonce"], binding)
    acceptor = ScramAcceptor(verifier, golden["acceptor_nonce"], binding)
    assert dialler.first == golden["client_first"]
    assert acceptor.challenge(dialler.first) == golden["server_first"]
    assert dialler.prove(golden["server_first"]) == golden["client_final"]
    assert acceptor.verify(golden["client_final"]) == golden["server_final"]
    dialler.check(golden["server_final"])


def test_the_page_shows_exactly_the_vectors() -> None:
    examples = PAGE[PAGE.index("## Examples") :]
    found = {
        name: "".join(block.split())
        for name, block in re.findall(r"^\*\*(.+?)\*\*.*\n\n((?:    [0-9a-f]+\n?)+)", examples, re.MULTILINE)
    }
    kinds = ("messages", "errors", "ignored", "streams")
    assert found == {vector["name"]: vector["message"] for kind in kinds for vector in VECTORS[kind]}


def test_the_page_shows_the_handshake_over_quic() -> None:
    for said in ("client_first", "server_first", "client_final", "server_final"):
        assert f"`{VECTORS['scram_over_quic'][said]}`" in PAGE


def test_the_page_names_every_message_and_its_type() -> None:
    table = dict(re.findall(r"^\| (0x[0-9a-f]{2}) \| `(\w+)` \|", PAGE, re.MULTILINE))
    assert table == {f"0x{message.TYPE:02x}": message.NAME for message in MESSAGES}


@settings(deadline=None, max_examples=150)
@given(message=MESSAGE, payload=st.binary(max_size=100))
def test_every_message_comes_back_as_it_was(message: Message, payload: bytes) -> None:
    assert decode(encode(message, payload)) == (message, payload)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), message=MESSAGE)
def test_a_message_that_is_cut_off_in_its_header_is_refused(data: st.DataObject, message: Message) -> None:
    whole = encode(message)
    with pytest.raises(ProtocolError):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=64)
    | st.builds(
        lambda kind, header: bytes((kind,)) + len(header).to_bytes(2, "big") + header,
        st.sampled_from([message.TYPE for message in MESSAGES]),
        st.binary(max_size=80) | TEXT.map(str.encode),
    )
)
def test_garbage_gives_only_protocol_errors(data: bytes) -> None:
    try:
        message, payload = decode(data)
    except ProtocolError:
        return
    assert message is None or decode(encode(message, payload)) == (message, payload)


HOSTILE = {
    "deep nesting": b'{"id":' + b"[" * 20_000 + b"]" * 12_000 + b"}",
    "endless integer": b'{"id":' + b"9" * 30_000 + b"}",
    "not a number": b'{"id":1,"budget_seconds":NaN}',
    "infinite": b'{"id":1,"budget_seconds":1e999}',
    "half a surrogate": b'{"id":1,"newest":{"epoch":"\\ud800","number":1}}',
    "fraction": b'{"id":1.5}',
    "truth": b'{"id":true}',
    "not UTF-8": b'{"id":1,"x":"\xff"}',
    "long epoch": b'{"id":1,"newest":{"epoch":"9223372036854775808","number":1}}',
    "zero-padded epoch": b'{"id":1,"newest":{"epoch":"07","number":1}}',
    "other digits": '{"id":1,"newest":{"epoch":"٧","number":1}}'.encode(),
}


@pytest.mark.parametrize("header", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_headers_are_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(framed(Ping, header))


@pytest.mark.parametrize("wrong", [((3, 2),), ((1, 4), (4, 6)), ((5, 6), (1, 2))])
def test_ranges_that_do_not_ascend_are_refused(wrong: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ProtocolError, match="ascending"):
        decode(framed(Have, {"epoch": "1", "ranges": wrong}))


FRAGMENT_HEADER = next(vector["header"] for vector in VECTORS["messages"] if vector["name"] == "fragment")
MANY_RANGES = [
    {"epoch": str(epoch), "ranges": [[2 * i + 1, 2 * i + 1] for i in range(count)]}
    for epoch, count in ((1, 256), (2, 1))
]
HELLO_HEADER = next(vector["header"] for vector in VECTORS["messages"] if vector["type"] == "hello")
WANT_HEADER = {"holdings": [], "back_seconds": 1, "resume_seconds": 1}
BEYOND = {
    "65537 bytes is above the limit of 65536": bytes(limits.MESSAGE_BYTES + 1),
    "ping: a header of 32769 bytes is above the limit of 32768": framed(Ping, bytes(limits.HEADER_BYTES + 1)),
    r"size.*2097152.*it is 2097153": framed(FragmentHead, FRAGMENT_HEADER | {"size": limits.FRAGMENT_BYTES + 1}),
    r"size.*1048576.*it is 1048577": framed(SetupHead, {"size": limits.SETUP_BYTES + 1, "digest": "0" * 32}),
    "rank.*less than 64": framed(
        Hello,
        HELLO_HEADER | {"path": {"party": "a", "name": "", "rank": 64, "multipath": "share"}},
    ),
    "parts are integers below 2, ascending": framed(Want, WANT_HEADER | {"share": {"of": 2, "parts": [0, 2]}}),
    "parts are integers below 3, ascending": framed(Want, WANT_HEADER | {"share": {"of": 3, "parts": [1, 0]}}),
    "share.of.*less than or equal to 64": framed(Want, WANT_HEADER | {"share": {"of": 65, "parts": []}}),
    "257 ranges are more than 256": framed(Want, {"holdings": MANY_RANGES, "back_seconds": 1, "resume_seconds": 1}),
}


@pytest.mark.parametrize(("words", "data"), BEYOND.items(), ids=BEYOND.keys())
def test_limits_are_named_with_the_value(words: str, data: bytes) -> None:
    with pytest.raises(ProtocolError, match=words):
        decode(data)


def test_nothing_beyond_the_limits_is_written() -> None:
    with pytest.raises(ProtocolError, match="above the limit of 65536"):
        encode(Piece(), bytes(limits.MESSAGE_BYTES))


def test_a_later_minor_version_may_add_fields_and_messages() -> None:
    header = b'{"version":[3,1],"role":"receiver","node":"n","agent":"a","colour":{"of":["the","sky"]}}'
    message, payload = decode(framed(Hello, header) + b"and a payload")
    assert isinstance(message, Hello)
    assert message.version == (3, 1)
    assert payload == b"and a payload"


def test_another_major_version_names_both_even_when_nothing_else_can_be_read() -> None:
    with pytest.raises(ConversationError, match=r"version 4\.2 there and 3\.0 here"):
        decode(framed(Welcome, {"version": [4, 2], "node": 7}))
