"""The password over an encrypted carrier: who stands between the two sides with another certificate is found out."""

from __future__ import annotations

import base64

import pytest

from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event, PeerReport, Welcomed
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Dialler
from distreamer.protocol.native.messages import Challenge, Proof, Welcome, decode, encode
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.scram import WRONG_CHANNEL, WRONG_PASSWORD, ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.sender import SenderRole
from tests.support.native_programme import RECEIVER_IDENTITY, SALT, SENDER_IDENTITY, verifier

HERE, ELSEWHERE = b"h" * 32, b"e" * 32
"""What two certificates hash to."""
VERIFIER = Verifier.of("right", SALT, 4096)


def dialler(password: str, binding: bytes | None) -> Conversation:
    handshake = Dialler(RECEIVER_IDENTITY, password, "dialler-nonce", binding)
    return Conversation(ReceiverRole(PeerReport), handshake, 0.0)


def acceptor(password: str, binding: bytes | None) -> Conversation:
    handshake = Acceptor(SENDER_IDENTITY, verifier(password), "acceptor-nonce", binding)
    return Conversation(SenderRole(Store()), handshake, 0.0)


def talk(first: Conversation, second: Conversation) -> tuple[list[Event], list[Event]]:
    """Until both are silent; the events of both."""
    events: tuple[list[Event], list[Event]] = ([], [])
    for _ in range(10):
        for speaker, hearer, heard in ((first, second, events[1]), (second, first, events[0])):
            while (message := speaker.data_to_send(0.0)) is not None:
                heard += hearer.receive_data(message, 0.0)
    return events


def end_of(events: list[Event]) -> Ended:
    [ended] = [event for event in events if isinstance(event, Ended)]
    return ended


@pytest.mark.parametrize("password", ["right", ""])
@pytest.mark.parametrize("binding", [HERE, None])
def test_both_are_welcome_when_they_see_the_same_certificate_or_none(password: str, binding: bytes | None) -> None:
    at_dialler, at_acceptor = talk(dialler(password, binding), acceptor(password, binding))
    assert isinstance(at_dialler[0], Welcomed)
    assert isinstance(at_acceptor[0], Welcomed)


def test_another_certificate_is_noticed_by_the_acceptor_and_told_to_the_dialler() -> None:
    """Somebody terminates the encryption on both sides and passes on what is said."""
    at_dialler, at_acceptor = talk(dialler("right", ELSEWHERE), acceptor("right", HERE))
    assert end_of(at_acceptor) == Ended(GoodbyeCode.AUTHENTICATION, WRONG_CHANNEL, by_peer=False)
    assert end_of(at_dialler) == Ended(GoodbyeCode.AUTHENTICATION, WRONG_CHANNEL, by_peer=True)
    assert not any(isinstance(event, Welcomed) for event in at_dialler)


@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_wrong_password_is_not_taken_for_a_wrong_certificate(password: str) -> None:
    at_dialler, _ = talk(dialler(password, HERE), acceptor("right", HERE))
    if password == "wrong":
        assert end_of(at_dialler).reason == WRONG_PASSWORD
    else:
        assert isinstance(at_dialler[0], Welcomed)


@pytest.mark.parametrize("flag", ["n", "y", "p=tls-unique", "p=tls-exporter"])
def test_a_dialler_that_would_do_without_the_certificate_is_refused_on_an_encrypted_carrier(flag: str) -> None:
    with pytest.raises(ConversationError) as caught:
        ScramAcceptor(VERIFIER, "acceptor-nonce", HERE).challenge(f"{flag},,n=distreamer,r=dialler-nonce")
    assert caught.value.code is GoodbyeCode.AUTHENTICATION


def test_a_proof_for_an_encrypted_carrier_is_refused_on_any_other() -> None:
    """Somebody takes what is said over QUIC to the acceptor's WebSocket."""
    here = ScramDialler("right", "dialler-nonce", ELSEWHERE)
    with pytest.raises(ConversationError, match="not encrypted"):
        ScramAcceptor(VERIFIER, "acceptor-nonce").challenge(here.first)


@pytest.mark.parametrize("vouched", [True, False], ids=["somebody vouches", "nobody does"])
def test_where_it_may_be_left_out_the_dialler_decides(vouched: bool) -> None:
    """Over TLS: a dialler to whom the certificate authorities vouch for the certificate does without."""
    handshake = Acceptor(SENDER_IDENTITY, verifier("right"), "acceptor-nonce", HERE, is_always_bound=False)
    there = Conversation(SenderRole(Store()), handshake, 0.0)
    at_dialler, at_acceptor = talk(dialler("right", None if vouched else HERE), there)
    assert isinstance(at_dialler[0], Welcomed)
    assert isinstance(at_acceptor[0], Welcomed)


@pytest.mark.parametrize("first", ["n", "y", "p=tls-server-end-point"])
def test_where_it_may_be_left_out_nobody_on_the_way_can_leave_it_out(first: str) -> None:
    """Between the two sides somebody rewrites the first message, and the proof in all ways that he could try."""
    bound = base64.b64encode(b"p=tls-server-end-point,," + ELSEWHERE).decode()

    def pass_on(final: bytes) -> None:
        here = ScramDialler("right", "dialler-nonce", ELSEWHERE)
        there = ScramAcceptor(VERIFIER, "acceptor-nonce", HERE, is_always_bound=False)
        proof = here.prove(there.challenge(here.first.replace("p=tls-server-end-point", first)))
        assert f"c={bound}," in proof
        there.verify(proof.replace(bound, base64.b64encode(final).decode() if final else bound))

    for final in (b"", b"n,,", b"y,,", b"p=tls-server-end-point,," + HERE):
        with pytest.raises(ConversationError) as caught:
            pass_on(final)
        assert caught.value.code is GoodbyeCode.AUTHENTICATION


@pytest.mark.parametrize("rewrites_proof", [False, True])
def test_words_that_were_rewritten_on_the_way_are_refused(rewrites_proof: bool) -> None:
    here = ScramDialler("right", "dialler-nonce", ELSEWHERE)
    there = ScramAcceptor(VERIFIER, "acceptor-nonce")
    challenge = there.challenge(here.first.replace("p=tls-server-end-point", "n"))
    proof = here.prove(challenge)
    if rewrites_proof:
        bound = base64.b64encode(b"p=tls-server-end-point,," + ELSEWHERE).decode()
        assert f"c={bound}," in proof
        proof = proof.replace(f"c={bound},", "c=biws,")
    with pytest.raises(ConversationError) as caught:
        there.verify(proof)
    assert caught.value.code is GoodbyeCode.AUTHENTICATION
    assert str(caught.value) == (WRONG_PASSWORD if rewrites_proof else WRONG_CHANNEL)


@pytest.mark.parametrize("claims", ["a proof of its own", "no proof at all"])
def test_an_impostor_who_welcomes_the_dialler_himself_is_refused_by_it(claims: str) -> None:
    here = dialler("right", ELSEWHERE)
    hello, _ = decode(here.data_to_send(0.0) or b"")
    assert hello is not None
    impostor = ScramAcceptor(Verifier.of("guessed", SALT, 4096), "acceptor-nonce", ELSEWHERE)
    first = hello.model_dump()["scram"]
    events = here.receive_data(encode(Challenge(scram=impostor.challenge(first))), 0.0)
    assert events == []
    proof, _ = decode(here.data_to_send(0.0) or b"")
    assert isinstance(proof, Proof)
    with pytest.raises(ConversationError, match="PASSWORD"):
        impostor.verify(proof.scram)
    forged = "v=" + base64.b64encode(bytes(32)).decode() if claims == "a proof of its own" else None
    events = here.receive_data(encode(Welcome(node="n", agent="a", scram=forged)), 0.0)
    assert end_of(events).code is GoodbyeCode.AUTHENTICATION
    assert not any(isinstance(event, Welcomed) for event in events)
