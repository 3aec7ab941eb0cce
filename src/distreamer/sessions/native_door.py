"""Who is let in by a module that accepts the link."""

from __future__ import annotations

import secrets

from structlog.typing import FilteringBoundLogger

from distreamer import __version__
from distreamer.core.ports import Clock, MessageStream
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor, Identity
from distreamer.protocol.native.resumption import SessionTable
from distreamer.protocol.native.scram import Verifier
from distreamer.sessions.wrong_passwords import WrongPasswords

AGENT = f"DiStreamer/{__version__}"


class NativeDoor:
    """What all conversations of an accepting module have in common."""

    def __init__(self, password: str, clock: Clock, log: FilteringBoundLogger) -> None:
        """Raises ConfigError for a password that cannot be used."""
        self.wrong_passwords = WrongPasswords()
        self._sessions = SessionTable()
        self._clock = clock
        self._log = log
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
            guard=_Guard(self, stream.peer.rpartition(":")[0].strip("[]")),
            sessions=self._sessions,
            now=self._clock.now(),
        )

    def must_wait(self, host: str) -> str:
        """Why no password from ``host`` is looked at now; empty when it is."""
        seconds = self.wrong_passwords.pause(host, self._clock.now())
        return f"too many wrong passwords came from {host}; the next is looked at in {seconds:.0f} s" if seconds else ""

    def note(self, host: str, *, is_right: bool) -> None:
        """A password came from ``host``, on whichever wire."""
        if is_right:
            self.wrong_passwords.note_right(host)
        elif self.wrong_passwords.note_wrong(host, self._clock.now()):
            self._log.warning(
                "many wrong passwords come from one address; it has to wait longer and longer for its next try",
                peer=host,
            )


class _Guard:
    """For one carrier."""

    def __init__(self, door: NativeDoor, host: str) -> None:
        self._door = door
        self._host = host

    def check(self) -> None:
        if reason := self._door.must_wait(self._host):
            raise ConversationError(GoodbyeCode.BUSY, reason)

    def wrong(self) -> None:
        self._door.note(self._host, is_right=False)

    def right(self) -> None:
        self._door.note(self._host, is_right=True)
