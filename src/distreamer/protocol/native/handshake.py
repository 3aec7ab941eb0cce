"""Who dials and who accepts: version, roles and password, until both sides are welcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.messages import Challenge, Hello, Message, Proof, Role, Welcome
from distreamer.protocol.native.scram import NEEDS_PASSWORD, WRONG_PASSWORD, ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.shapes import clipped
from distreamer.protocol.native.states import State


@dataclass(frozen=True, slots=True)
class Identity:
    """How a side presents itself."""

    node: str
    """Random, the same in all conversations of a module: by it a sender knows a receiver that returns."""
    agent: str
    """Program and version."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a message of the handshake leads to."""

    state: State
    answer: Message | None = None
    peer: Hello | Welcome | None = None
    """Given when the handshake is done."""


class Guard(Protocol):
    """Bounds how many passwords can be tried."""

    def check(self) -> None:
        """Raises ConversationError when this one has to wait."""
        ...

    def wrong(self) -> None: ...

    def right(self) -> None: ...


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

    def __init__(
        self,
        identity: Identity,
        verifier: Verifier | None,
        nonce: str,
        binding: bytes | None = None,
        *,
        is_always_bound: bool = True,
        guard: Guard | None = None,
    ) -> None:
        """``verifier`` is None when there is no password; ``nonce`` is random, new for each carrier; ``binding`` is
        the carrier's own, when it has one, and ``is_always_bound`` whether a dialler must use it; ``guard`` is told
        what came of the password."""
        self._guard = guard
        self._identity = identity
        self._scram = ScramAcceptor(verifier, nonce, binding, is_always_bound=is_always_bound) if verifier else None
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
            if self._guard is not None:
                self._guard.check()
            return Step(State.EXPECTS_PROOF, Challenge(scram=self._scram.challenge(message.scram)))
        assert isinstance(message, Proof)
        return self._welcome(self._verified(message.scram))

    def _verified(self, proof: str) -> str:
        assert self._scram is not None
        if self._guard is None:
            return self._scram.verify(proof)
        # Once more, for many may have been asked for their proofs meanwhile.
        self._guard.check()
        try:
            verified = self._scram.verify(proof)
        except ConversationError as error:
            if str(error) == WRONG_PASSWORD:
                self._guard.wrong()
            raise
        self._guard.right()
        return verified

    def _welcome(self, scram: str | None) -> Step:
        welcome = Welcome(node=self._identity.node, agent=clipped(self._identity.agent), scram=scram)
        return Step(State.TALKS, welcome, self._hello)


Handshake = Dialler | Acceptor
HANDSHAKE_MESSAGES = (Hello, Challenge, Proof, Welcome)


def handshake_seconds(shortest_round_trip: float | None) -> float:
    """How long a dialler waits for its welcome: longer on a path that is known to be long."""
    usual = limits.Timing().dialler_handshake
    return usual if shortest_round_trip is None else max(usual, 6 * shortest_round_trip + 2)
