"""The states of a conversation, and what may happen in each: the table in ``docs/protocol.md`` as a value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from distreamer.protocol.native.faults import broken_rule
from distreamer.protocol.native.messages import (
    Challenge,
    EpochDescription,
    FragmentHead,
    Goodbye,
    Have,
    Hello,
    Message,
    Piece,
    Ping,
    Pong,
    Proof,
    SetupHead,
    Want,
    Welcome,
)


class State(StrEnum):
    """Of the conversation itself."""

    EXPECTS_HELLO = "expects hello"
    EXPECTS_ANSWER = "expects challenge or welcome"
    EXPECTS_PROOF = "expects proof"
    EXPECTS_WELCOME = "expects welcome"
    TALKS = "talks"
    CLOSED = "closed"


class SenderState(StrEnum):
    """Of a sender that talks."""

    IDLE = "before a want"
    STREAMS = "streams"


class ReceiverState(StrEnum):
    """Of a receiver that talks."""

    IDLE = "before its want"
    LISTENS = "listens"
    IN_BODY = "in a body"


AnyState = State | SenderState | ReceiverState
Table = Mapping[AnyState, Mapping[type[Message], frozenset[AnyState]]]


def _then(*states: AnyState) -> frozenset[AnyState]:
    return frozenset(states)


CONVERSATION: Final[Table] = {
    State.EXPECTS_HELLO: {Hello: _then(State.EXPECTS_PROOF, State.TALKS), Goodbye: _then(State.CLOSED)},
    State.EXPECTS_ANSWER: {
        Challenge: _then(State.EXPECTS_WELCOME),
        Welcome: _then(State.TALKS),
        Goodbye: _then(State.CLOSED),
    },
    State.EXPECTS_PROOF: {Proof: _then(State.TALKS), Goodbye: _then(State.CLOSED)},
    State.EXPECTS_WELCOME: {Welcome: _then(State.TALKS), Goodbye: _then(State.CLOSED)},
    State.TALKS: {Ping: _then(State.TALKS), Pong: _then(State.TALKS), Goodbye: _then(State.CLOSED)},
    State.CLOSED: {},
}

SENDER: Final[Table] = {
    SenderState.IDLE: {Want: _then(SenderState.STREAMS)},
    SenderState.STREAMS: {Want: _then(SenderState.STREAMS), Have: _then(SenderState.STREAMS)},
}

RECEIVER: Final[Table] = {
    ReceiverState.IDLE: {},
    ReceiverState.LISTENS: {
        EpochDescription: _then(ReceiverState.LISTENS),
        SetupHead: _then(ReceiverState.IN_BODY),
        FragmentHead: _then(ReceiverState.IN_BODY),
    },
    ReceiverState.IN_BODY: {Piece: _then(ReceiverState.IN_BODY, ReceiverState.LISTENS)},
}


def check_allowed(table: Table, state: AnyState, message: Message) -> None:
    """Raises ConversationError when ``message`` may not arrive in ``state``."""
    if type(message) not in table[state]:
        raise broken_rule(f"{message.NAME} came in the state “{state.value}”")
