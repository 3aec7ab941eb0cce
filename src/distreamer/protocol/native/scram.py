"""The password proves itself: SCRAM-SHA-256 (RFC 5802, RFC 7677), done by scramp.

Nonces and salts come from outside, so that both sides are plain functions of what they are given. Where the carrier is
encrypted the proof is bound to the certificate that both sides see there (SCRAM-SHA-256-PLUS, RFC 5929): who stands
between them with a certificate of his own is found out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from scramp import ScramClient, ScramException, ScramMechanism
from scramp.utils import ServerError

from distreamer.errors import ConfigError
from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode

_MECHANISM: Final = "SCRAM-SHA-256"
_BOUND_MECHANISM: Final = "SCRAM-SHA-256-PLUS"
_BINDING: Final = "tls-server-end-point"
NEEDS_PASSWORD: Final = "a PASSWORD is set here, and the other side has none"
WRONG_PASSWORD: Final = "the PASSWORD of the other side is not the one here"
NO_CHANNEL: Final = (
    "the other side binds the PASSWORD to a certificate, but what arrives here is not encrypted: a proxy, or somebody, "
    "stands between the two sides. Behind a proxy the other side needs TLSVERIFY = yes, or the proxy's FINGERPRINT"
)
WRONG_CHANNEL: Final = "somebody stands between the two sides: they do not see the same certificate"


def check_password(password: str) -> str:
    """``password`` as it is; raises ValueError with a plain reason when SASLprep (RFC 4013) forbids it."""
    if password:
        try:
            ScramClient([_MECHANISM], limits.USER_NAME, password, c_nonce="check")
        except ScramException:
            raise ValueError("must not contain control characters or mix writing directions") from None
    return password


@dataclass(frozen=True, slots=True)
class Verifier:
    """What an acceptor keeps of its password. Costs some milliseconds to make: make it once."""

    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    iterations: int

    @classmethod
    def of(cls, password: str, salt: bytes, iterations: int = limits.ITERATIONS) -> Verifier:
        """``salt`` is random and at least 12 bytes. Raises ConfigError for a password that SASLprep forbids."""
        try:
            made = ScramMechanism(_MECHANISM).make_auth_info(password, iterations, salt)
        except ScramException as error:
            raise ConfigError([f"PASSWORD cannot be used: {error}"]) from None
        return cls(*made)


def _fitting(words: str) -> str:
    """``words``, in which the nonce of the other side is said once more. Raises ConversationError when that one is so
    long that no message can carry them."""
    if len(words) > limits.TEXT_CHARACTERS:
        raise ConversationError(GoodbyeCode.AUTHENTICATION, "the authentication cannot be read: its nonce is too long")
    return words


class ScramAcceptor:
    """The acceptor's side of one handshake."""

    def __init__(
        self, verifier: Verifier, nonce: str, binding: bytes | None = None, *, is_always_bound: bool = True
    ) -> None:
        """``binding`` is the hash of the certificate of an encrypted carrier; unless ``is_always_bound`` the dialler
        may do without it, for it knows whether anything else vouches for the certificate."""
        self._verifier = verifier
        self._nonce = nonce
        self._binding = binding
        self._is_always_bound = is_always_bound
        self._server: Any = None

    def binding_for(self, client_first: str) -> bytes | None:
        """What the dialler binds the password to. Raises ConversationError for a certificate where there is none."""
        if self._binding is None and client_first.startswith("p="):
            raise ConversationError(GoodbyeCode.AUTHENTICATION, NO_CHANNEL)
        return None if not self._is_always_bound and client_first.startswith("n,") else self._binding

    def challenge(self, client_first: str) -> str:
        """The server-first-message. Raises ConversationError."""
        self._server = self._make_server(self.binding_for(client_first))
        try:
            self._server.set_client_first(client_first)
            return _fitting(str(self._server.get_server_first()))
        except ScramException as error:
            raise ConversationError(GoodbyeCode.AUTHENTICATION, f"the authentication cannot be read: {error}") from None

    def _make_server(self, binding: bytes | None) -> Any:
        kept = self._verifier
        info = (kept.salt, kept.stored_key, kept.server_key, kept.iterations)
        return ScramMechanism(_BOUND_MECHANISM if binding else _MECHANISM).make_server(
            lambda user: info if user == limits.USER_NAME else None,
            channel_binding=(_BINDING, binding) if binding else None,
            s_nonce=self._nonce,
        )

    def verify(self, client_final: str) -> str:
        """The server-final-message, which proves that this side knows the password too. Raises ConversationError."""
        try:
            self._server.set_client_final(client_final)
            return str(self._server.get_server_final())
        except ScramException as error:
            is_channel = error.server_error == ServerError.CHANNEL_BINDINGS_DONT_MATCH
            reason = WRONG_CHANNEL if is_channel else WRONG_PASSWORD
            raise ConversationError(GoodbyeCode.AUTHENTICATION, reason) from None


class ScramDialler:
    """The dialler's side of one handshake."""

    def __init__(self, password: str, nonce: str, binding: bytes | None = None) -> None:
        """``binding`` is the hash of the server's certificate on an encrypted carrier. Raises ConfigError for a
        password that SASLprep forbids."""
        self._password = password
        try:
            self._client = ScramClient(
                [_BOUND_MECHANISM if binding else _MECHANISM],
                limits.USER_NAME,
                password,
                channel_binding=(_BINDING, binding) if binding else None,
                c_nonce=nonce,
            )
        except ScramException as error:
            raise ConfigError([f"PASSWORD cannot be used: {error}"]) from None
        self.first = str(self._client.get_client_first())

    def prove(self, server_first: str) -> str:
        """The client-final-message. Raises ConversationError, also when too little or too much work is asked for."""
        try:
            self._client.set_server_first(server_first)
            iterations = int(self._client.iterations)
            if not limits.FEWEST_ITERATIONS <= iterations <= limits.MOST_ITERATIONS:
                raise ConversationError(
                    GoodbyeCode.AUTHENTICATION,
                    f"{iterations} SCRAM iterations are asked for; "
                    f"{limits.FEWEST_ITERATIONS} to {limits.MOST_ITERATIONS} are allowed",
                )
            return _fitting(str(self._client.get_client_final()))
        except ScramException as error:
            raise ConversationError(GoodbyeCode.AUTHENTICATION, f"the challenge cannot be read: {error}") from None

    def server_key(self) -> bytes:
        """SCRAM's ServerKey, which the acceptor knows too; once ``prove`` was called. Takes as long as that."""
        client = self._client
        info = ScramMechanism(_MECHANISM).make_auth_info(self._password, int(client.iterations), bytes(client.salt))
        return bytes(info[2])

    def check(self, server_final: str) -> None:
        """Raises ConversationError when the acceptor did not prove that it knows the password."""
        try:
            self._client.set_server_final(server_final)
        except ScramException:
            raise ConversationError(GoodbyeCode.AUTHENTICATION, WRONG_PASSWORD) from None
