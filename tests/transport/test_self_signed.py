"""The certificate of DiStreamer's own, and what is taken of it for the password."""

from __future__ import annotations

import datetime
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from distreamer.transport.self_signed import certificate_binding, make_key_pair

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


def test_it_is_valid_for_the_time_that_a_machine_runs_even_when_its_clock_is_a_day_off() -> None:
    certificate = make_key_pair(NOW).certificate
    assert certificate.not_valid_before_utc < NOW - datetime.timedelta(days=1)
    assert certificate.not_valid_after_utc > NOW + datetime.timedelta(days=20 * 365)


def test_it_is_signed_in_the_way_that_the_protocol_says() -> None:
    pair = make_key_pair(NOW)
    assert isinstance(pair.certificate.signature_hash_algorithm, hashes.SHA256)
    public = pair.key.public_key()
    public.verify(pair.certificate.signature, pair.certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    der = pair.certificate.public_bytes(Encoding.DER)
    assert pair.binding == certificate_binding(der) == hashlib.sha256(der).digest()


def test_each_is_another_one() -> None:
    assert len({make_key_pair(NOW).binding for _ in range(3)}) == 3
