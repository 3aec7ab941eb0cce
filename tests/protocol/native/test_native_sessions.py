"""A session that goes on over another carrier: a round trip less, and no way in for anybody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.protocol.native import resumption
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event, PeerReport, Welcomed
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Dialler
from distreamer.protocol.native.messages import (
    Challenge,
    Goodbye,
    Hello,
    KnownSession,
    Message,
    Welcome,
    decode,
    encode,
)
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.resumption import (
    SESSION_SECONDS,
    SessionMemory,
    SessionTable,
    acceptor_proof,
    dialler_proof,
    session_key,
)
from distreamer.protocol.native.sender import SenderRole
from tests.support.native_programme import RECEIVER_IDENTITY, SENDER_IDENTITY, verifier

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs" / "protocol-vectors.json").read_text(encoding="utf-8")
)
HERE, ELSEWHERE = b"h" * 32, b"e" * 32
"""What two certificates hash to."""


class Peers:
    """A dialler and an acceptor that remember, and carriers between them."""

    def __init__(self, *, knows: bool = True, remembers: bool = True) -> None:
        self.table = SessionTable() if knows else None
        self.memory = SessionMemory() if remembers else None
        self.carriers = 0
        self.now = 0.0

    def dialler(self, password: str = "secret", binding: bytes | None = None) -> Conversation:
        self.carriers += 1
        nonce = f"dialler-{self.carriers}"
        handshake = Dialler(RECEIVER_IDENTITY, password, nonce, binding, self.memory)
        return Conversation(ReceiverRole(PeerReport), handshake, 0.0)

    def acceptor(self, password: str = "secret", binding: bytes | None = None) -> Conversation:
        nonce = f"acceptor-{self.carriers}-{id(self)}"
        handshake = Acceptor(SENDER_IDENTITY, verifier(password), nonce, binding, sessions=self.table, now=self.now)
        return Conversation(SenderRole(Store()), handshake, 0.0)

    def shake(self, binding: bytes | None = None, **there: Any) -> tuple[list[str], Event]:
        """What was said until both were welcome or one said goodbye, and what the dialler heard in the end."""
        here, other = self.dialler(binding=binding), self.acceptor(**({"binding": binding} | there))
        return talk(here, other)


def said_by(speaker: Conversation) -> Message | None:
    data = speaker.data_to_send(0.0)
    return decode(data)[0] if data is not None else None


def talk(here: Conversation, there: Conversation) -> tuple[list[str], Event]:
    words: list[str] = []
    for _ in range(6):
        for speaker, hearer in ((here, there), (there, here)):
            message = said_by(speaker)
            if message is None:
                continue
            words.append(message.NAME)
            for event in hearer.receive_data(encode(message), 0.0):
                if hearer is here and isinstance(event, (Ended, Welcomed)):
                    return words, event
    raise AssertionError("it did not come to an end")


LONG = ["hello", "challenge", "proof", "welcome"]
SHORT = ["hello", "welcome"]


@pytest.mark.parametrize("binding", [None, HERE])
def test_each_further_carrier_needs_one_round_trip(binding: bytes | None) -> None:
    peers = Peers()
    assert peers.shake(binding)[0] == LONG
    for _ in range(20):
        words, end = peers.shake(binding)
        assert words == SHORT
        assert isinstance(end, Welcomed)
        assert end.node == SENDER_IDENTITY.node


@pytest.mark.parametrize(("knows", "remembers"), [(False, True), (True, False), (False, False)])
def test_a_peer_that_knows_no_sessions_is_talked_to_as_before(knows: bool, remembers: bool) -> None:
    peers = Peers(knows=knows, remembers=remembers)
    for _ in range(3):
        words, end = peers.shake()
        assert words == LONG
        assert isinstance(end, Welcomed)


def test_one_that_is_over_costs_no_attempt() -> None:
    peers = Peers()
    peers.shake()
    peers.now = SESSION_SECONDS
    words, end = peers.shake()
    assert words == LONG
    assert isinstance(end, Welcomed)
    assert peers.shake()[0] == SHORT
    # Started anew: it knows nobody.
    peers.table = SessionTable()
    assert peers.shake()[0] == LONG
    assert peers.shake()[0] == SHORT


def test_its_uses_and_their_table_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumption, "USES", 3)
    monkeypatch.setattr(resumption, "MOST_SESSIONS", 2)
    peers = Peers()
    assert [peers.shake()[0] for _ in range(6)] == [LONG, SHORT, SHORT, SHORT, LONG, SHORT]
    for _ in range(5):
        peers.memory = SessionMemory()
        peers.shake()
    assert peers.table is not None
    assert len(peers.table._sessions) == 2


@pytest.mark.parametrize(("first", "then"), [(None, HERE), (HERE, None), (HERE, ELSEWHERE)])
def test_it_goes_over_to_another_carrier_that_has_another_certificate_or_none(
    first: bytes | None, then: bytes | None
) -> None:
    peers = Peers()
    peers.shake(first)
    assert peers.shake(then)[0] == SHORT


def test_whoever_stands_between_with_a_certificate_of_his_own_falls_back_to_scram_which_finds_him_out() -> None:
    peers = Peers()
    peers.shake(HERE)
    words, end = talk(peers.dialler(binding=ELSEWHERE), peers.acceptor(binding=HERE))
    assert words[:2] == ["hello", "challenge"]
    assert isinstance(end, Ended)
    assert end.code is GoodbyeCode.AUTHENTICATION


def test_a_hello_that_was_overheard_is_good_for_nothing() -> None:
    peers = Peers()
    peers.shake()
    hello = said_by(peers.dialler())
    assert isinstance(hello, Hello)
    assert hello.session is not None
    changes: list[dict[str, Any]] = [
        {"node": "another"},
        {"scram": "n,,n=distreamer,r=another"},
        {"session": hello.session.model_copy(update={"use": 7})},
        {"session": hello.session.model_copy(update={"id": "another"})},
        {"session": hello.session.model_copy(update={"proof": "no base64"})},
        {"session": KnownSession(id=hello.session.id, use=1 << 40, proof=hello.session.proof)},
    ]
    for change in changes:
        there = peers.acceptor()
        there.receive_data(encode(hello.model_copy(update=change)), 0.0)
        assert isinstance(said_by(there), Challenge)
    for answer in (Welcome, Challenge):
        there = peers.acceptor()
        there.receive_data(encode(hello), 0.0)
        assert isinstance(said_by(there), answer)


@pytest.mark.parametrize("resumed", ["", "AAAA", "no base64", None])
def test_an_impostor_who_does_not_know_the_session_is_refused_by_the_dialler(resumed: str | None) -> None:
    peers = Peers()
    peers.shake()
    here = peers.dialler()
    said_by(here)
    here.receive_data(encode(Welcome(node="impostor", agent="a", resumed=resumed)), 0.0)
    refusal = said_by(here)
    assert isinstance(refusal, Goodbye)
    assert refusal.code == GoodbyeCode.AUTHENTICATION.value


def test_an_answer_is_taken_only_on_its_own_carrier_and_only_if_it_was_asked_for() -> None:
    peers = Peers()
    peers.shake()
    one, other, there = peers.dialler(), peers.dialler(), peers.acceptor()
    there.receive_data(one.data_to_send(0.0) or b"", 0.0)
    welcome = there.data_to_send(0.0) or b""
    said_by(other)
    stranger = Peers().dialler()
    said_by(stranger)
    for wrong in (other, stranger):
        [end] = wrong.receive_data(welcome, 0.0)
        assert isinstance(end, Ended)
        assert end.code is GoodbyeCode.AUTHENTICATION
    assert isinstance(one.receive_data(welcome, 0.0)[0], Welcomed)


def test_the_golden_session_is_what_both_sides_say() -> None:
    golden = GOLDEN["session"]
    key = session_key(bytes.fromhex(golden["server_key"]), golden["id"])
    assert key.hex() == golden["key"]
    hellos = [vector for vector in GOLDEN["messages"] if vector["name"] == "hello that goes on with a session"]
    hello, _ = decode(bytes.fromhex(hellos[0]["message"]))
    assert isinstance(hello, Hello)
    assert hello.session is not None
    proof = dialler_proof(key, hello.session, hello, None)
    assert proof.hex() == golden["proof"]
    assert acceptor_proof(key, proof, golden["acceptor_node"]).hex() == golden["resumed"]
    binding = bytes.fromhex(GOLDEN["scram_over_quic"]["certificate_sha256"])
    bound = hello.model_copy(update={"scram": golden["client_first_over_quic"]})
    assert dialler_proof(key, hello.session, bound, binding).hex() == golden["proof_over_quic"]
    page = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
    for said in ("key", "server_key", "proof_over_quic", "client_first_over_quic"):
        assert golden[said] in page
    table = SessionTable()
    table.issue(golden["id"], bytes.fromhex(golden["server_key"]), 0.0)
    resumed = table.resume(hello, None, golden["acceptor_node"], 1.0)
    assert resumed == resumption.written(bytes.fromhex(golden["resumed"]))
