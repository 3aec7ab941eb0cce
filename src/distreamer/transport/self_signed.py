"""A certificate that nobody vouches for: it encrypts, and the password proves who is at the other end of it."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

YEARS = 30
"""Its lifetime: nobody looks at it, and nobody would renew it."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def binding(self) -> bytes:
        """What binds a password to it (RFC 5929, tls-server-end-point)."""
        return certificate_binding(self.certificate.public_bytes(Encoding.DER))


def make_key_pair(now: datetime.datetime) -> KeyPair:
    """A new one; takes less than a millisecond."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DiStreamer")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate, key)


def certificate_binding(der: bytes) -> bytes:
    """The hash of a certificate that was signed with SHA-256 (or with MD5 or SHA-1), as all of today are."""
    return hashlib.sha256(der).digest()
