"""Who dials and who accepts: version, roles and password, until both sides are welcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.messages import (
    Challenge,
    Hello,
    Message,
    NewSession,
    PathFields,
    Proof,
    Role,
    Welcome,
)
from distreamer.protocol.native.resumption import ResumeAttempt, SessionMemory, SessionTable
from distreamer.protocol.native.scram import NEEDS_PASSWORD, WRONG_PASSWORD, ScramAcceptor, ScramDialler, Verifier
from distreamer.protocol.native.shapes import clipped
from distreamer.protocol.native.states import State

PROBE_AGENT = "DiStreamer-probe/"
"""The agent of a receiver that only measures the link begins so: it is not listed among those that are served."""


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

    def __init__(
        self,
        identity: Identity,
        password: str,
        nonce: str,
        binding: bytes | None = None,
        sessions: SessionMemory | None = None,
    ) -> None:
        """An empty ``password`` is none; ``nonce`` is random, new for each carrier; ``binding`` is the carrier's own,
        when it has one; ``sessions`` is what all carriers to this acceptor share. Raises ConfigError for a password
        that cannot be used."""
        self._identity = identity
        self._binding = binding
        self._sessions = sessions
        self._resumes: ResumeAttempt | None = None
        self._is_challenged = False
        self._scram = ScramDialler(password, nonce, binding) if password else None

    def opening(self, role: Role) -> Message | None:
        hello = Hello(
            role=role,
            node=self._identity.node,
            agent=clipped(self._identity.agent),
            scram=self._scram.first if self._scram else None,
            path=self._identity.path,
        )
        if self._scram is not None and self._sessions is not None:
            hello, self._resumes = self._sessions.attempt(hello, self._binding)
        return hello

    def receive(self, message: Message, role: Role) -> Step:
        """Raises ConversationError."""
        del role
        if isinstance(message, Challenge):
            if self._scram is None:
                raise ConversationError(
                    GoodbyeCode.AUTHENTICATION, "the other side asks for a PASSWORD, and none is set here"
                )
            self._is_challenged = True
            return Step(State.EXPECTS_WELCOME, Proof(scram=self._scram.prove(message.scram)))
        assert isinstance(message, Welcome)
        if self._scram is not None:
            self._check(message, self._scram)
        return Step(State.TALKS, peer=message)

    def _check(self, welcome: Welcome, scram: ScramDialler) -> None:
        if self._resumes is not None and not self._is_challenged and welcome.resumed is not None:
            if not self._resumes.is_answered_by(welcome.resumed, welcome.node):
                raise ConversationError(GoodbyeCode.AUTHENTICATION, WRONG_PASSWORD)
            return
        if welcome.scram is None or not self._is_challenged:
            raise ConversationError(GoodbyeCode.AUTHENTICATION, NEEDS_PASSWORD)
        scram.check(welcome.scram)
        if welcome.session is not None and self._sessions is not None:
            self._sessions.keep(welcome.session, scram.server_key())


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
        sessions: SessionTable | None = None,
        now: float = 0.0,
    ) -> None:
        """``verifier`` is None when there is no password; ``nonce`` is random, new for each carrier; ``binding`` is
        the carrier's own, when it has one, and ``is_always_bound`` whether a dialler must use it; ``guard`` is told
        what came of the password; ``sessions`` are those with which diallers may go on, at the time ``now``."""
        self._guard = guard
        self._sessions = sessions
        self._now = now
        self._nonce = nonce
        self._verifier = verifier
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
            if self._sessions is not None and message.session is not None:
                binding = self._scram.binding_for(message.scram)
                resumed = self._sessions.resume(message, binding, self._identity.node, self._now)
                if resumed is not None:
                    return self._welcome(None, resumed=resumed)
            if self._guard is not None:
                self._guard.check()
            return Step(State.EXPECTS_PROOF, Challenge(scram=self._scram.challenge(message.scram)))
        assert isinstance(message, Proof)
        scram = self._verified(message.scram)
        session = None
        if self._sessions is not None and self._verifier is not None:
            # The nonce is random, and known to nobody before this handshake.
            session = self._sessions.issue(self._nonce, self._verifier.server_key, self._now)
        return self._welcome(scram, session)

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

    def _welcome(self, scram: str | None, session: NewSession | None = None, resumed: str | None = None) -> Step:
        node, agent = self._identity.node, clipped(self._identity.agent)
        welcome = Welcome(node=node, agent=agent, scram=scram, session=session, resumed=resumed)
        return Step(State.TALKS, welcome, self._hello)


Handshake = Dialler | Acceptor
HANDSHAKE_MESSAGES = (Hello, Challenge, Proof, Welcome)


def handshake_seconds(shortest_round_trip: float | None) -> float:
    """How long a dialler waits for its welcome: longer on a path that is known to be long."""
    usual = limits.Timing().dialler_handshake
    return usual if shortest_round_trip is None else max(usual, 6 * shortest_round_trip + 2)
