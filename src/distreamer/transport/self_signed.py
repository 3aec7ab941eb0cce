"""Certificates with their keys; above all one that nobody vouches for: it encrypts, and the password proves who is at
the other end of it."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

YEARS = 30
"""Its lifetime: nobody looks at it, and nobody would renew it."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: PrivateKeyTypes
    chain: tuple[x509.Certificate, ...] = ()
    """Of those who vouch for it."""

    @property
    def binding(self) -> bytes:
        """What binds a password to it (RFC 5929, tls-server-end-point)."""
        return certificate_binding(self.certificate.public_bytes(Encoding.DER))

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of it."""
        return certificate_fingerprint(self.certificate.public_bytes(Encoding.DER))

    def pem(self) -> bytes:
        """The key and the certificate, as a file has them."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


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


def read_key_pair(certificate: bytes, key: bytes) -> KeyPair:
    """Of two files in PEM. Raises ValueError when they are none, or do not belong together."""
    try:
        first, *chain = x509.load_pem_x509_certificates(certificate)
        pair = KeyPair(first, load_pem_private_key(key, None), tuple(chain))
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    if pair.key.public_key() != first.public_key():
        raise ValueError("the key is not the certificate's")
    return pair


def certificate_binding(der: bytes) -> bytes:
    """The hash of a certificate, by the hash function with which it was signed. SHA-256 takes the place of MD5 and
    SHA-1 (RFC 5929, section 4.1), and of none, as with Ed25519."""
    try:
        signed_with = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        signed_with = None
    name = signed_with.name.replace("-", "_") if signed_with else ""
    return hashlib.new(name if name not in {"", "md5", "sha1"} else "sha256", der).digest()


def certificate_fingerprint(der: bytes) -> bytes:
    """What names a certificate to people, whatever it was signed with."""
    return hashlib.sha256(der).digest()


def spoken_fingerprint(fingerprint: bytes) -> str:
    """As OpenSSL writes it: ``3F:0A:…``."""
    return fingerprint.hex(":").upper()
