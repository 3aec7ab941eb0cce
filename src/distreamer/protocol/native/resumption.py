"""A session goes on over another carrier without a second SCRAM: one round trip less, when every one counts.

Both sides derive a key of what the password proved; only a name for it is said. Each carrier proves the key anew, for
what it says in its ``hello`` and for the certificate that it sees: a proof is good for nothing else, and only once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from distreamer.protocol.native.messages import Hello, KnownSession, NewSession

USES: Final = 256
"""How many carriers may go on with one session."""
SESSION_SECONDS: Final = 3_600.0
"""How long one is remembered."""
MOST_SESSIONS: Final = 256
"""The oldest is forgotten first; who had it proves the password again."""


def session_key(server_key: bytes, name: str) -> bytes:
    """``server_key`` is SCRAM's ServerKey (RFC 5802, section 3), which both sides know."""
    return _mac(server_key, "session", name)


def dialler_proof(key: bytes, known: KnownSession, hello: Hello, binding: bytes | None) -> bytes:
    """Over all that a carrier begins with; ``hello`` holds a new nonce in its ``scram``."""
    first = hello.scram or ""
    said = ("dialler", known.id, str(known.use), hello.role.value, hello.node, first)
    return _mac(key, *said, binding or b"")


def acceptor_proof(key: bytes, proof: bytes, node: str) -> bytes:
    """The answer to a dialler's ``proof``."""
    return _mac(key, "acceptor", proof, node)


def _mac(key: bytes, *parts: str | bytes) -> bytes:
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        mac.update(len(data).to_bytes(4, "big") + data)
    return mac.digest()


def written(proof: bytes) -> str:
    """As messages carry it."""
    return base64.b64encode(proof).decode()


def is_proof(text: str, proof: bytes) -> bool:
    """Whether ``text`` carries it."""
    try:
        return hmac.compare_digest(base64.b64decode(text, validate=True), proof)
    except (binascii.Error, ValueError):
        return False


@dataclass(slots=True)
class _Session:
    key: bytes = field(repr=False)
    until: float
    used: set[int] = field(default_factory=set)


class SessionTable:
    """What an acceptor remembers; all carriers of a module share it."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def issue(self, name: str, server_key: bytes, now: float) -> NewSession:
        """A new one, after the password was proven. ``name`` is random."""
        self._sessions[name] = _Session(session_key(server_key, name), now + SESSION_SECONDS)
        if len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return NewSession(id=name, uses=USES)

    def resume(self, hello: Hello, binding: bytes | None, node: str, now: float) -> str | None:
        """The acceptor's proof, when ``hello`` goes on with a session; None when it must prove the password."""
        known = hello.session
        session = self._sessions.get(known.id) if known else None
        if known is None or session is None or now >= session.until or known.use > USES or known.use in session.used:
            return None
        proof = dialler_proof(session.key, known, hello, binding)
        if not is_proof(known.proof, proof):
            return None
        session.used.add(known.use)
        return written(acceptor_proof(session.key, proof, node))


class SessionMemory:
    """What a dialler remembers; all carriers to one acceptor share it."""

    def __init__(self) -> None:
        self._session: NewSession | None = None
        self._key = b""
        self._use = 0

    def keep(self, session: NewSession, server_key: bytes) -> None:
        """A new one takes the place of the one before."""
        self._session, self._key, self._use = session, session_key(server_key, session.id), 0

    def attempt(self, hello: Hello, binding: bytes | None) -> tuple[Hello, ResumeAttempt | None]:
        """``hello`` with a proof in it, and what the acceptor must answer; as it is when nothing is known."""
        if self._session is None or self._use >= self._session.uses:
            return hello, None
        self._use += 1
        known = KnownSession(id=self._session.id, use=self._use, proof="")
        proof = dialler_proof(self._key, known, hello, binding)
        known = known.model_copy(update={"proof": written(proof)})
        return hello.model_copy(update={"session": known}), ResumeAttempt(self._key, proof)


@dataclass(frozen=True, slots=True)
class ResumeAttempt:
    """Of one carrier of a dialler."""

    key: bytes = field(repr=False)
    proof: bytes

    def is_answered_by(self, text: str, node: str) -> bool:
        """Whether ``text`` proves that the acceptor with that ``node`` knows the session too."""
        return is_proof(text, acceptor_proof(self.key, self.proof, node))
