"""Versions, roles and passwords, by messages alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.errors import ConfigError
from distreamer.protocol.native import limits
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event, Welcomed
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Dialler, handshake_seconds
from distreamer.protocol.native.messages import Hello, Proof, Role, decode, encode
from distreamer.protocol.native.scram import ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.sender import SenderRole
from distreamer.protocol.native.states import State
from tests.support.native_programme import RECEIVER_IDENTITY, SALT, SENDER_IDENTITY, Pair, pair, verifier


def talk(both: Pair, now: float = 0.0, rounds: int = 20) -> tuple[list[Event], list[Event]]:
    """Carries messages both ways until nobody says anything more; the events of the sender and of the receiver."""
    at_sender: list[Event] = []
    at_receiver: list[Event] = []
    for _ in range(rounds):
        quiet = True
        while (message := both.receiver.data_to_send(now)) is not None:
            quiet = False
            at_sender += both.sender.receive_data(message, now)
        while (message := both.sender.data_to_send(now)) is not None:
            quiet = False
            at_receiver += both.receiver.receive_data(message, now)
        if quiet:
            return at_sender, at_receiver
    raise AssertionError("they never stop talking")


@pytest.mark.parametrize("password", ["", "grün & leise"])
def test_both_are_welcome_with_the_same_password_or_none(password: str) -> None:
    both = pair(Store(), password=password)
    at_sender, at_receiver = talk(both)
    assert at_sender[0] == Welcomed("receiver-node", "DiStreamer/3.0.0", (3, 0))
    assert at_receiver[0] == Welcomed("sender-node", "DiStreamer/3.0.0", (3, 0))
    assert both.sender.state is both.receiver.state is State.TALKS


@pytest.mark.parametrize(
    ("acceptor", "dialler", "words", "noticed_by_acceptor"),
    [
        ("right", "wrong", "the PASSWORD of the other side is not the one here", True),
        ("right", "", "a PASSWORD is set here, and the other side has none", True),
        ("", "right", "a PASSWORD is set here, and the other side has none", False),
    ],
    ids=["wrong", "missing at the dialler", "missing at the acceptor"],
)
def test_another_password_is_refused_on_both_sides(
    acceptor: str, dialler: str, words: str, noticed_by_acceptor: bool
) -> None:
    both = pair(Store(), password=acceptor, dialler_password=dialler)
    at_sender, at_receiver = talk(both)
    expected = Ended(GoodbyeCode.AUTHENTICATION, words, by_peer=False)
    told = Ended(GoodbyeCode.AUTHENTICATION, words, by_peer=True)
    assert at_sender[-1] == (expected if noticed_by_acceptor else told)
    assert at_receiver[-1] == (told if noticed_by_acceptor else expected)
    assert not any(isinstance(event, Welcomed) for event in at_receiver)


def test_the_password_never_travels() -> None:
    both = pair(Store(), password="a secret", dialler_password="a secret")
    said = []
    for _ in range(3):
        for speaker, hearer in ((both.receiver, both.sender), (both.sender, both.receiver)):
            while (message := speaker.data_to_send(0.0)) is not None:
                said.append(message)
                hearer.receive_data(message, 0.0)
    assert both.sender.state is State.TALKS
    assert not any(b"a secret" in message for message in said)


def test_an_impostor_that_does_not_know_the_password_is_refused() -> None:
    both = pair(Store(), password="right")
    impostor = Conversation(SenderRole(Store()), Acceptor(SENDER_IDENTITY, verifier("guessed"), "acceptor-nonce"), 0.0)
    both.sender = impostor
    at_sender, _ = talk(both)
    assert isinstance(at_sender[-1], Ended)
    hello = decode(both.receiver.data_to_send(0.0) or b"\x41..")[0]
    assert hello is None


def test_a_forged_final_message_is_refused() -> None:
    dialler = ScramDialler("right", "dialler-nonce")
    dialler.prove(ScramAcceptor(Verifier.of("right", SALT, 4096), "acceptor-nonce").challenge(dialler.first))
    with pytest.raises(ConversationError, match="PASSWORD"):
        dialler.check("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")


@pytest.mark.parametrize("iterations", [1, 4095, limits.MOST_ITERATIONS + 1, 10**9, 10**30])
def test_too_little_or_too_much_work_is_refused(iterations: int) -> None:
    dialler = ScramDialler("right", "dialler-nonce")
    with pytest.raises(ConversationError) as caught:
        dialler.prove(f"r=dialler-nonce-and-more,s=AAECAwQFBgcICQoLDA0ODw==,i={iterations}")
    assert caught.value.code is GoodbyeCode.AUTHENTICATION


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=60) | st.from_regex(r"([nrsicpve]=[A-Za-z0-9+/=]{0,12},?){0,4}", fullmatch=True))
def test_garbage_in_the_handshake_gives_only_conversation_errors(garbage: str) -> None:
    acceptor = ScramAcceptor(Verifier(SALT, b"k" * 32, b"k" * 32, 4096), "acceptor-nonce")
    halfway = ScramAcceptor(Verifier(SALT, b"k" * 32, b"k" * 32, 4096), "acceptor-nonce")
    halfway.challenge("n,,n=distreamer,r=abc")
    for attempt in (acceptor.challenge, halfway.verify, ScramDialler("pw", "dialler-nonce").prove):
        with pytest.raises(ConversationError):
            attempt(garbage)


NONCE_TOO_LONG = [Ended(GoodbyeCode.AUTHENTICATION, "the authentication cannot be read: its nonce is too long", False)]


def test_a_nonce_for_which_the_answer_has_no_room_is_refused_by_both_sides() -> None:
    both = pair(Store(), password="right")
    hello = Hello(role=Role.RECEIVER, node="n", agent="a", scram="n,,n=distreamer,r=" + "a" * 1000)
    assert both.sender.receive_data(encode(hello), 0.0) == NONCE_TOO_LONG
    dialler = ScramDialler("right", "dialler-nonce")
    # A challenge that is as long as may be: a proof repeats its nonce, and is longer by some words.
    begin, end = "r=dialler-nonce", ",s=AAECAwQFBgcICQoLDA0ODw==,i=4096"
    challenge = begin + "a" * (limits.TEXT_CHARACTERS - len(begin + end)) + end
    with pytest.raises(ConversationError, match="its nonce is too long"):
        dialler.prove(challenge)


def test_a_password_that_cannot_be_used_is_the_configuration_s_fault() -> None:
    with pytest.raises(ConfigError, match="PASSWORD"):
        Verifier.of("bell\x07", SALT, 4096)
    with pytest.raises(ConfigError, match="PASSWORD"):
        ScramDialler("bell\x07", "dialler-nonce")


def test_two_receivers_have_nothing_to_say_to_each_other() -> None:
    acceptor = pair(Store()).sender
    events = acceptor.receive_data(encode(Hello(role=Role.SENDER, node="n", agent="a")), 0.0)
    assert events == [Ended(GoodbyeCode.ROLE, "both sides are senders", by_peer=False)]


def test_another_major_version_is_told_goodbye_and_both_versions() -> None:
    acceptor = pair(Store()).sender
    header = b'{"version":[4,0],"role":{"no longer":"a word"}}'
    [ended] = acceptor.receive_data(b"\x01" + len(header).to_bytes(2, "big") + header, 0.0)
    assert isinstance(ended, Ended)
    assert ended.code is GoodbyeCode.VERSION
    assert "4.0 there and 3.0 here" in ended.reason
    goodbye, _ = decode(acceptor.data_to_send(0.0) or b"")
    assert goodbye is not None
    assert "4.0 there and 3.0 here" in goodbye.model_dump()["reason"]


def test_a_later_minor_version_with_unknown_fields_and_messages_is_welcome() -> None:
    acceptor = pair(Store()).sender
    header = b'{"version":[3,1],"role":"receiver","node":"n","agent":"a","new":true}'
    assert acceptor.receive_data(b"\x51\x00\x02{}", 0.0) == []
    [welcomed] = acceptor.receive_data(b"\x01" + len(header).to_bytes(2, "big") + header, 0.0)
    assert welcomed == Welcomed("n", "a", (3, 1))
    assert acceptor.receive_data(b"\x51\x00\x02{}", 0.0) == []
    [ended] = acceptor.receive_data(b"\xd1\x00\x02{}", 0.0)
    assert ended == Ended(GoodbyeCode.UNSUPPORTED, "the message type 0xd1 is unknown here", by_peer=False)


def test_a_handshake_that_takes_too_long_is_given_up() -> None:
    both = pair(Store())
    assert both.receiver.next_timer() == 3.0
    assert both.sender.next_timer() == 5.0
    assert both.receiver.handle_timer(2.9) == []
    assert both.receiver.handle_timer(3.0) == [Ended(GoodbyeCode.SILENCE, "no handshake within 3 s", by_peer=False)]
    assert both.sender.handle_timer(5.0) == [Ended(GoodbyeCode.SILENCE, "no handshake within 5 s", by_peer=False)]
    assert both.receiver.next_timer() is both.sender.next_timer() is None
    assert handshake_seconds(None) == handshake_seconds(0.1) == 3.0
    assert handshake_seconds(0.6) == pytest.approx(5.6)


def test_a_dialler_without_a_password_says_so_when_it_is_challenged() -> None:
    dialler = Dialler(RECEIVER_IDENTITY, "", "dialler-nonce")
    acceptor = ScramAcceptor(Verifier.of("right", SALT, 4096), "acceptor-nonce")
    challenge = acceptor.challenge(ScramDialler("x", "other-nonce").first)
    conversation = Conversation(pair(Store()).receiver_role, dialler, 0.0)
    header = f'{{"scram":"{challenge}"}}'.encode()
    [ended] = conversation.receive_data(b"\x02" + len(header).to_bytes(2, "big") + header, 0.0)
    assert isinstance(ended, Ended)
    assert ended.code is GoodbyeCode.AUTHENTICATION


def test_a_proof_to_an_acceptor_that_asked_for_none_breaks_the_rules() -> None:
    acceptor = pair(Store()).sender
    [ended] = acceptor.receive_data(encode(Proof(scram="c=biws,r=x,p=AA==")), 0.0)
    assert ended == Ended(GoodbyeCode.PROTOCOL, "proof came in the state “expects hello”", by_peer=False)
