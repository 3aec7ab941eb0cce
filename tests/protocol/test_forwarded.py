"""Who asks, when proxies stand in between: the operator's are believed, nobody else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.protocol.forwarded import TrustedProxies, Visitor, household, visitor_of
from distreamer.protocol.http1 import Headers

PROXY = "127.0.0.1"
TRUSTED = TrustedProxies.parse("127.0.0.1, 10.0.0.0/8 ,2001:db8:ffff::/48,")


def visitor(*fields: tuple[str, str], peer: str = PROXY, trusted: TrustedProxies = TRUSTED) -> Visitor:
    return visitor_of(Headers([("Host", "inside:8080"), *fields]), peer, trusted)


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:51234", "203.0.113.5"),
        ("2001:db8::5", "2001:db8::5"),
        ("[2001:db8::5]:51234", "2001:db8::5"),
        ("[2001:DB8::5]", "2001:db8::5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        # Through two of ours, the outer one on the network 10.
        ("203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("203.0.113.5, 2001:db8:ffff::1, 10.1.2.3", "203.0.113.5"),
        # What stands before the first stranger is only that stranger's word.
        ("1.1.1.1, 203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("127.0.0.1, 203.0.113.5", "203.0.113.5"),
        ("10.1.1.1", "10.1.1.1"),
        ("10.1.1.1, 10.1.2.3", "10.1.1.1"),
        ("unknown", PROXY),
        ("203.0.113.5, unknown", PROXY),
        ("203.0.113.5, unknown, 10.1.2.3", "10.1.2.3"),
        ("203.0.113.999", PROXY),
        ("", PROXY),
        (", ,", PROXY),
    ],
)
def test_the_player_is_the_first_that_is_no_proxy_of_ours(told: str, address: str) -> None:
    assert visitor(("X-Forwarded-For", told)).address == address


def test_the_field_may_come_in_pieces() -> None:
    fields = [("X-Forwarded-For", "1.1.1.1, 203.0.113.5"), ("x-forwarded-for", "10.1.2.3")]
    assert visitor(*fields).address == "203.0.113.5"


def test_addresses_on_pages_are_those_under_which_the_proxy_was_asked() -> None:
    found = visitor(("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "radio.example"))
    assert found.base_url == "https://radio.example"
    assert visitor(("X-Forwarded-Proto", "HTTPS, http")).base_url == "https://inside:8080"
    assert visitor(("X-Forwarded-Host", "radio.example:8443, inner")).base_url == "http://radio.example:8443"
    assert visitor(("X-Forwarded-Proto", "gopher")).base_url == "http://inside:8080"
    assert visitor(("X-Forwarded-Host", "<script>")).base_url == "http://localhost"


@pytest.mark.parametrize("trusted", [TRUSTED, TrustedProxies()])
def test_others_are_not_believed(trusted: TrustedProxies) -> None:
    fields = [("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    assert visitor(*fields, peer="198.51.100.7", trusted=trusted) == Visitor("198.51.100.7", "http://inside:8080")


def test_a_peer_without_an_address_is_nobody() -> None:
    assert visitor(("X-Forwarded-For", "203.0.113.5"), peer="unknown").address == "unknown"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_proxy_says_the_base_is_an_address(one: str, two: str, three: str) -> None:
    fields = [("X-Forwarded-For", one), ("X-Forwarded-Proto", two), ("X-Forwarded-Host", three)]
    assert re.fullmatch(r"https?://[A-Za-z0-9.\-_~:\[\]]+", visitor(*fields).base_url)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1, 10.0.0.0/33", "10.0.0.0/33"),
        ("127.0.0.1 10.0.0.1", "127.0.0.1 10.0.0.1"),
    ],
)
def test_what_is_no_network_is_named(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=rf"^must be addresses or networks .*{re.escape(repr(wrong))} is neither$"):
        TrustedProxies.parse(text)


def test_a_network_may_be_written_as_one_of_its_addresses() -> None:
    assert TrustedProxies.parse("192.168.1.7/24").trusts("192.168.1.200")
    assert not TrustedProxies.parse("").trusts("192.168.1.200")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.5", "203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.5", "203.0.113.5", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::1", "::2", True),
    ],
)
def test_a_household_is_an_address_or_a_network_of_ipv6(one: str, other: str, is_same: bool) -> None:
    assert (household(one) == household(other)) is is_same
