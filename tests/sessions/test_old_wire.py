"""When the wire of DiStreamer 2 may be used where a DiStreamer 3 does not answer."""

from __future__ import annotations

import pytest

from distreamer.errors import ConfigError, OtherWireError
from distreamer.sessions.old_wire import check_old_wire, check_told_password

NOT_FOUND = OtherWireError("far:1", "answered 404")


def refusal(url: str, password: str, *, verify_tls: bool = True, fingerprint: str = "", proxy: str = "") -> str:
    """Why it must not be tried; empty when it may."""
    try:
        check_old_wire(NOT_FOUND, url, password, verify_tls=verify_tls, fingerprint=fingerprint, proxy=proxy)
    except OtherWireError as error:
        return str(error).removeprefix("far:1: answered 404; ")
    return ""


@pytest.mark.parametrize("password", ["", "secret"])
def test_it_may_where_nothing_speaks_against_it(password: str) -> None:
    assert refusal("http://far:1", password) == ""
    assert refusal("https://far:1", password) == ""


@pytest.mark.parametrize("url", ["http://far:1", "https://far:1"])
@pytest.mark.parametrize("password", ["", "secret"])
def test_never_through_a_proxy(url: str, password: str) -> None:
    said = "with PROXY only a DiStreamer 3 is talked to"
    assert refusal(url, password, proxy="http://proxy:3128") == said


def test_never_where_a_fingerprint_says_who_is_there() -> None:
    assert refusal("https://far:1", "", fingerprint="ab" * 32) == "with FINGERPRINT only a DiStreamer 3 is talked to"


def test_whoever_is_there_is_not_told_the_password() -> None:
    assert refusal("https://far:1", "secret", verify_tls=False).startswith("with TLSVERIFY = no it is not sent the ")
    assert refusal("https://far:1", "", verify_tls=False) == ""


def test_a_password_that_it_cannot_carry_is_a_fault_of_the_configuration() -> None:
    check_told_password("output", "secret")
    with pytest.raises(ConfigError, match=r"^output: a password with spaces .*, which the server is$"):
        check_told_password("output", "two words")
