"""Which certificate a dialler takes for that of its server, and what then vouches for it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from distreamer.errors import LinkError
from distreamer.transport.self_signed import certificate_binding, certificate_fingerprint, spoken_fingerprint
from distreamer.transport.tcp import client_tls


@dataclass(frozen=True, slots=True)
class LinkTrust:
    """The settings TLSVERIFY and FINGERPRINT, for both kinds of carriers."""

    verify: bool = True
    """Whether the system must trust the certificate; without effect where there is a fingerprint."""
    fingerprint: bytes | None = None
    """The SHA-256 of the only certificate that is taken."""

    @property
    def asks_the_system(self) -> bool:
        """Whether those that the system trusts vouch for the certificate."""
        return self.verify and self.fingerprint is None

    @property
    def asks_the_password(self) -> bool:
        """Whether nobody vouches for the certificate, so that the password must be bound to it."""
        return not self.verify and self.fingerprint is None

    def context(self) -> ssl.SSLContext:
        """How we are a TLS client."""
        return client_tls(verify=self.asks_the_system)

    def fault(self, der: bytes) -> str:
        """Why the certificate of a server is not taken, as far as the fingerprint goes; empty when it is."""
        if self.fingerprint is None or certificate_fingerprint(der) == self.fingerprint:
            return ""
        found = spoken_fingerprint(certificate_fingerprint(der))
        return f"its certificate has the fingerprint {found}, and FINGERPRINT is {spoken_fingerprint(self.fingerprint)}"

    def check(self, transport: asyncio.BaseTransport, peer: str) -> None:
        """Raises LinkError when the certificate of a TLS connection is not taken."""
        if fault := self.fault(_certificate(transport) or b""):
            raise LinkError(peer, fault)

    def binding_of(self, transport: asyncio.BaseTransport | None) -> bytes | None:
        """What the password is to be bound to: the certificate of a TLS connection for which nobody else vouches. A
        proxy, which has another than the acceptor, may stand before it only where somebody does."""
        certificate = _certificate(transport) if transport is not None and self.asks_the_password else None
        return None if certificate is None else certificate_binding(certificate)


def read_fingerprint(text: str) -> bytes | None:
    """Of 64 hexadecimal digits, with colons or without; None of nothing."""
    return bytes.fromhex(text.replace(":", "")) or None


def _certificate(transport: asyncio.BaseTransport) -> bytes | None:
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return tls.getpeercert(binary_form=True) if tls is not None else None
