"""The certificate of DiStreamer's own, and what is taken of it for the password."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from distreamer.transport.self_signed import (
    certificate_binding,
    certificate_fingerprint,
    make_key_pair,
    read_key_pair,
)

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


def test_it_is_valid_for_the_time_that_a_machine_runs_even_when_its_clock_is_a_day_off() -> None:
    certificate = make_key_pair(NOW).certificate
    assert certificate.not_valid_before_utc < NOW - datetime.timedelta(days=1)
    assert certificate.not_valid_after_utc > NOW + datetime.timedelta(days=20 * 365)


def test_it_is_signed_in_the_way_that_the_protocol_says() -> None:
    pair = make_key_pair(NOW)
    assert isinstance(pair.certificate.signature_hash_algorithm, hashes.SHA256)
    public = pair.key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(pair.certificate.signature, pair.certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    der = pair.certificate.public_bytes(Encoding.DER)
    assert pair.binding == certificate_binding(der) == hashlib.sha256(der).digest()


@pytest.mark.parametrize(
    ("signed_with", "bound_with"),
    [(hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"), (hashes.SHA512(), "sha512")],
)
def test_a_password_is_bound_by_the_hash_with_which_a_certificate_was_signed(
    signed_with: hashes.SHA256 | hashes.SHA384 | hashes.SHA512, bound_with: str
) -> None:
    """Let's Encrypt signs with SHA-384 what has an ECDSA key."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "radio.example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + datetime.timedelta(days=90))
    der = builder.sign(key, signed_with).public_bytes(Encoding.DER)
    assert certificate_binding(der) == hashlib.new(bound_with, der).digest()
    assert certificate_fingerprint(der) == hashlib.sha256(der).digest()


def test_what_is_written_is_read_again_and_files_that_do_not_belong_together_are_told() -> None:
    pair, other = make_key_pair(NOW), make_key_pair(NOW)
    assert read_key_pair(pair.pem(), pair.pem()).binding == pair.binding
    with pytest.raises(ValueError, match="not the certificate's"):
        read_key_pair(pair.pem(), other.pem())
    for damaged in (b"", b"no PEM", pair.pem()[:-40]):
        with pytest.raises(ValueError):
            read_key_pair(damaged, damaged)


def test_each_is_another_one() -> None:
    assert len({make_key_pair(NOW).binding for _ in range(3)}) == 3
