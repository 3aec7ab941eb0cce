"""Every message in every state: what the table allows is taken, everything else ends the conversation."""

from __future__ import annotations

import pytest

from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, PeerReport
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Dialler
from distreamer.protocol.native.messages import (
    MESSAGES,
    Challenge,
    Goodbye,
    Have,
    Hello,
    Message,
    Piece,
    Ping,
    Pong,
    Proof,
    Role,
    SetupHead,
    Want,
    Welcome,
    encode,
)
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.scram import ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.sender import SenderRole
from distreamer.protocol.native.shapes import epoch_description, fragment_head
from distreamer.protocol.native.states import (
    CONVERSATION,
    RECEIVER,
    SENDER,
    AnyState,
    ReceiverState,
    SenderState,
    State,
)
from tests.support.native_programme import INFO, RECEIVER_IDENTITY, SALT, SENDER_IDENTITY, fragment, verifier

PASSWORD = "right"
WANT = Want(holdings=(), back_seconds=30, resume_seconds=300)
HEAD = fragment_head(fragment(5, 1))
DIALLER_SCRAM = ScramDialler(PASSWORD, "dialler-nonce")
ACCEPTOR_SCRAM = ScramAcceptor(Verifier.of(PASSWORD, SALT, 4096), "acceptor-nonce")
CHALLENGE = ACCEPTOR_SCRAM.challenge(DIALLER_SCRAM.first)
PROOF = DIALLER_SCRAM.prove(CHALLENGE)
FINAL = ACCEPTOR_SCRAM.verify(PROOF)

SAMPLES: dict[type[Message], bytes] = {
    Hello: encode(Hello(role=Role.RECEIVER, node="n", agent="a", scram=ScramDialler(PASSWORD, "dialler-nonce").first)),
    Challenge: encode(Challenge(scram=CHALLENGE)),
    Proof: encode(Proof(scram=PROOF)),
    Welcome: encode(Welcome(node="n", agent="a", scram=FINAL)),
    Goodbye: encode(Goodbye(code="shutdown", reason="over")),
    Ping: encode(Ping(id=1)),
    Pong: encode(Pong(id=1)),
    Want: encode(WANT),
    Have: encode(Have(epoch=5, ranges=((1, 1),))),
    type(epoch_description(5, INFO, None)): encode(epoch_description(5, INFO, None)),
    SetupHead: encode(SetupHead(size=4, digest="0" * 32)),
    type(HEAD): encode(HEAD),
    Piece: encode(Piece(), b"some"),
}


def acceptor() -> Conversation:
    return Conversation(SenderRole(Store()), Acceptor(SENDER_IDENTITY, verifier(PASSWORD), "acceptor-nonce"), 0.0)


def dialler(password: str) -> tuple[Conversation, ReceiverRole]:
    role = ReceiverRole(PeerReport)
    return Conversation(role, Dialler(RECEIVER_IDENTITY, password, "dialler-nonce"), 0.0), role


def fed(conversation: Conversation, *messages: type[Message]) -> Conversation:
    for message in messages:
        for event in conversation.receive_data(SAMPLES[message], 0.0):
            assert not isinstance(event, Ended), event
    return conversation


def in_state(state: AnyState, password: str = PASSWORD) -> Conversation:
    """A conversation that got there by the protocol's own way; ``password`` is the dialler's."""
    conversation, role = dialler(password)
    match state:
        case State.EXPECTS_HELLO:
            return acceptor()
        case State.EXPECTS_PROOF:
            return fed(acceptor(), Hello)
        case State.EXPECTS_ANSWER:
            return conversation
        case State.EXPECTS_WELCOME:
            return fed(conversation, Challenge)
        case SenderState.IDLE:
            return fed(acceptor(), Hello, Proof)
        case SenderState.STREAMS:
            return fed(acceptor(), Hello, Proof, Want)
        case ReceiverState.IDLE:
            return fed(conversation, Challenge, Welcome)
        case ReceiverState.LISTENS:
            fed(conversation, Challenge, Welcome)
            role.ask(WANT)
            return fed(conversation, type(epoch_description(5, INFO, None)))
        case ReceiverState.IN_BODY:
            fed(conversation, Challenge, Welcome)
            role.ask(WANT)
            return fed(conversation, type(epoch_description(5, INFO, None)), type(HEAD))
        case _:
            conversation.say_goodbye(GoodbyeCode.SHUTDOWN, "over")
            return conversation


HANDSHAKE_STATES = (State.EXPECTS_HELLO, State.EXPECTS_ANSWER, State.EXPECTS_PROOF, State.EXPECTS_WELCOME)
ROLE_STATES: tuple[AnyState, ...] = (*SenderState, *ReceiverState)


def allowed(state: AnyState) -> set[type[Message]]:
    if isinstance(state, State):
        return set(CONVERSATION[state])
    return set(CONVERSATION[State.TALKS]) | set(SENDER.get(state, {})) | set(RECEIVER.get(state, {}))


def test_there_is_a_sample_of_every_message() -> None:
    assert set(SAMPLES) == set(MESSAGES)


def test_the_tables_know_every_state() -> None:
    assert set(CONVERSATION) == set(State)
    assert set(SENDER) == set(SenderState)
    assert set(RECEIVER) == set(ReceiverState)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.NAME)
@pytest.mark.parametrize("state", [*HANDSHAKE_STATES, *ROLE_STATES], ids=str)
def test_every_message_in_every_state(state: AnyState, message: type[Message]) -> None:
    # A dialler with a password takes no welcome without a challenge; the table's row is for one without.
    unasked_welcome = state is State.EXPECTS_ANSWER and message is Welcome
    conversation = in_state(state, "" if unasked_welcome else PASSWORD)
    events = conversation.receive_data(SAMPLES[message], 1.0)
    ended = [event for event in events if isinstance(event, Ended)]
    if message is Goodbye:
        assert ended == [Ended(GoodbyeCode.SHUTDOWN, "over", by_peer=True)]
        assert conversation.state is State.CLOSED
        assert conversation.data_to_send(1.0) is None
    elif message in allowed(state):
        assert ended == []
        if isinstance(state, State):
            assert conversation.state in CONVERSATION[state][message]
        else:
            assert conversation.state is State.TALKS
            after = (SENDER.get(state) or RECEIVER.get(state) or {}).get(message, frozenset({state}))
            assert conversation.role.state in after
    else:
        [only] = ended
        assert only.code is GoodbyeCode.PROTOCOL
        assert message.NAME in only.reason
        assert not only.by_peer
        assert conversation.state is State.CLOSED
        assert (conversation.data_to_send(1.0) or b"")[0] == Goodbye.TYPE
        assert conversation.data_to_send(1.0) is None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.NAME)
def test_after_the_end_everything_is_ignored(message: type[Message]) -> None:
    conversation = in_state(State.CLOSED)
    assert conversation.receive_data(SAMPLES[message], 1.0) == []
    assert conversation.handle_timer(100.0) == []
    assert conversation.next_timer() is None
    assert conversation.say_goodbye(GoodbyeCode.PROTOCOL, "again") == []
