"""Who dials and who accepts: version, roles and password, until both sides are welcome."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.messages import Challenge, Hello, Message, PathFields, Proof, Role, Welcome
from distreamer.protocol.native.scram import NEEDS_PASSWORD, ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.shapes import clipped
from distreamer.protocol.native.states import State


@dataclass(frozen=True, slots=True)
class Identity:
    """How a side presents itself."""

    node: str
    """Random, the same in all conversations of a module: by it a sender knows a receiver that returns."""
    agent: str
    """Program and version."""
    path: PathFields | None = None
    """Of a dialler that has several paths: which one this is."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a message of the handshake leads to."""

    state: State
    answer: Message | None = None
    peer: Hello | Welcome | None = None
    """Given when the handshake is done."""


class Dialler:
    """The side that opened the carrier and speaks first."""

    first_state = State.EXPECTS_ANSWER

    def __init__(self, identity: Identity, password: str, nonce: str, binding: bytes | None = None) -> None:
        """An empty ``password`` is none; ``nonce`` is random, new for each carrier; ``binding`` is the carrier's own,
        when it has one. Raises ConfigError for a password that cannot be used."""
        self._identity = identity
        self._scram = ScramDialler(password, nonce, binding) if password else None

    def opening(self, role: Role) -> Message | None:
        return Hello(
            role=role,
            node=self._identity.node,
            agent=clipped(self._identity.agent),
            scram=self._scram.first if self._scram else None,
            path=self._identity.path,
        )

    def receive(self, message: Message, role: Role) -> Step:
        """Raises ConversationError."""
        del role
        if isinstance(message, Challenge):
            if self._scram is None:
                raise ConversationError(
                    GoodbyeCode.AUTHENTICATION, "the other side asks for a PASSWORD, and none is set here"
                )
            return Step(State.EXPECTS_WELCOME, Proof(scram=self._scram.prove(message.scram)))
        assert isinstance(message, Welcome)
        if self._scram is not None:
            if message.scram is None:
                raise ConversationError(GoodbyeCode.AUTHENTICATION, NEEDS_PASSWORD)
            self._scram.check(message.scram)
        return Step(State.TALKS, peer=message)


class Acceptor:
    """The side to which the carrier was opened."""

    first_state = State.EXPECTS_HELLO

    def __init__(self, identity: Identity, verifier: Verifier | None, nonce: str, binding: bytes | None = None) -> None:
        """``verifier`` is None when there is no password; ``nonce`` is random, new for each carrier; ``binding`` is
        the carrier's own, when it has one."""
        self._identity = identity
        self._scram = ScramAcceptor(verifier, nonce, binding) if verifier else None
        self._hello: Hello | None = None

    def opening(self, role: Role) -> Message | None:
        del role
        return None

    def receive(self, message: Message, role: Role) -> Step:
        """Raises ConversationError."""
        if isinstance(message, Hello):
            if message.role is role:
                raise ConversationError(GoodbyeCode.ROLE, f"both sides are {role.value}s")
            self._hello = message
            if self._scram is None:
                return self._welcome(None)
            if message.scram is None:
                raise ConversationError(GoodbyeCode.AUTHENTICATION, NEEDS_PASSWORD)
            return Step(State.EXPECTS_PROOF, Challenge(scram=self._scram.challenge(message.scram)))
        assert isinstance(message, Proof)
        assert self._scram is not None
        return self._welcome(self._scram.verify(message.scram))

    def _welcome(self, scram: str | None) -> Step:
        welcome = Welcome(node=self._identity.node, agent=clipped(self._identity.agent), scram=scram)
        return Step(State.TALKS, welcome, self._hello)


Handshake = Dialler | Acceptor
HANDSHAKE_MESSAGES = (Hello, Challenge, Proof, Welcome)


def handshake_seconds(shortest_round_trip: float | None) -> float:
    """How long a dialler waits for its welcome: longer on a path that is known to be long."""
    usual = limits.Timing().dialler_handshake
    return usual if shortest_round_trip is None else max(usual, 6 * shortest_round_trip + 2)
