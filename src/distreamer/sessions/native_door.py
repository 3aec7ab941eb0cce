"""Who is let in by a module that accepts the link."""

from __future__ import annotations

import secrets

from structlog.typing import FilteringBoundLogger

from distreamer import AGENT
from distreamer.core.ports import Clock, MessageStream
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Identity
from distreamer.protocol.native.resumption import SessionTable
from distreamer.protocol.native.scram import Verifier
from distreamer.sessions.password_gate import PasswordGate
from distreamer.transport.tcp import host_of


class NativeDoor:
    """What all conversations of an accepting module have in common."""

    def __init__(self, password: str, clock: Clock, log: FilteringBoundLogger) -> None:
        """Raises ConfigError for a password that cannot be used."""
        self.gate = PasswordGate(clock, log)
        self._sessions = SessionTable()
        self._clock = clock
        self._identity = Identity(secrets.token_hex(8), AGENT)
        self._verifier = Verifier.of(password, secrets.token_bytes(16)) if password else None

    def acceptor(self, stream: MessageStream) -> Acceptor:
        """For a carrier that just came up."""
        return Acceptor(
            self._identity,
            self._verifier,
            secrets.token_urlsafe(18),
            stream.binding,
            is_always_bound=stream.kind.is_always_bound,
            guard=_Guard(self.gate, host_of(stream.peer)),
            sessions=self._sessions,
            now=self._clock.now(),
        )


class _Guard:
    """For one carrier."""

    def __init__(self, gate: PasswordGate, host: str) -> None:
        self._gate = gate
        self._host = host

    def check(self) -> None:
        if reason := self._gate.must_wait(self._host):
            raise ConversationError(GoodbyeCode.BUSY, reason)

    def wrong(self) -> None:
        self._gate.note(self._host, is_right=False)

    def right(self) -> None:
        self._gate.note(self._host, is_right=True)
