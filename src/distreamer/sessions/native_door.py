"""Who is let in by a module that accepts the link."""

from __future__ import annotations

import secrets

from distreamer import __version__
from distreamer.core.ports import MessageStream
from distreamer.protocol.native.handshake import Acceptor, Identity
from distreamer.protocol.native.scram import Verifier

AGENT = f"DiStreamer/{__version__}"


class NativeDoor:
    """What all conversations of an accepting module have in common."""

    def __init__(self, password: str) -> None:
        """Raises ConfigError for a password that cannot be used."""
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
        )
