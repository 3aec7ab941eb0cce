"""Who may ask what."""

from __future__ import annotations

from itertools import count

import pytest

from distreamer.admin.guard import (
    FORGIVEN_SECONDS,
    FREE_FAILURES,
    LONGEST_PENALTY_SECONDS,
    MOST_ADDRESSES,
    MOST_SESSIONS,
    PROXY_HEADERS,
    SESSION_SECONDS,
    Guard,
    Penalties,
    Sessions,
)
from distreamer.admin.problem import ProblemError
from tests.support.admin_client import basic_auth

HERE = {"Host": "127.0.0.1:8090"}


def guard(password: str = "geheim") -> Guard:
    numbers = count()
    return Guard("127.0.0.1", password, lambda: f"token {next(numbers)}")


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {**HERE, **basic_auth(password or " ", user)}


def asked(
    one: Guard,
    headers: dict[str, str],
    method: str = "GET",
    *,
    cookie: str = "",
    now: float = 0.0,
    address: str = "192.0.2.1",
    is_open: bool = False,
) -> int:
    """The status code of the refusal; 200 when there is none."""
    try:
        one.check(method, headers, cookie, address, now, is_open=is_open)
    except ProblemError as problem:
        return problem.answer.status
    return 200


def test_the_password_opens_with_any_user() -> None:
    one = guard("päss:wörd")
    assert asked(one, basic("päss:wörd")) == 200
    assert asked(one, basic("päss:wörd", "")) == 200
    for headers in (
        HERE,
        basic(""),
        basic("päss"),
        {**HERE, "Authorization": "Basic ???"},
        {"Authorization": "Bearer x"},
    ):
        assert asked(one, headers, address=str(headers)) == 401
    assert asked(one, HERE, is_open=True) == 200


def test_where_none_is_set_every_password_is_right() -> None:
    one = guard("")
    assert one.is_password(b"anything", "192.0.2.1", 0.0)
    assert one.penalties.remaining("192.0.2.1", 0.0) == 0.0


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_a_proxy_lets_nobody_in_where_there_is_no_password(name: str) -> None:
    passed_on = {name: "192.0.2.9"}
    assert asked(guard(""), HERE) == 200
    assert asked(guard(""), HERE | passed_on) == 403
    assert asked(guard(""), HERE | passed_on, is_open=True) == 200
    assert asked(guard("geheim"), basic("geheim") | passed_on) == 200


def test_the_browser_is_told_how_but_a_page_is_not_interrupted() -> None:
    for headers, is_told in ((HERE, True), ({**HERE, "X-DiStreamer-Request": "1"}, False)):
        with pytest.raises(ProblemError) as caught:
            guard().check("GET", headers, "", "192.0.2.1", 0.0, is_open=False)
        assert ("WWW-Authenticate" in caught.value.headers) is is_told


def test_who_guesses_is_slowed_down_and_nobody_else() -> None:
    one = guard()
    for _ in range(FREE_FAILURES + 1):
        assert asked(one, basic("wrong")) == 401
    assert asked(one, basic("geheim")) == 429
    assert asked(one, basic("geheim"), address="192.0.2.2") == 200
    assert asked(one, HERE) == 401  # who gives none does not guess
    assert asked(one, basic("wrong"), now=1.1) == 401
    assert asked(one, basic("geheim"), now=2.9) == 429
    assert asked(one, basic("geheim"), now=3.2) == 200
    # Which is forgiven.
    assert asked(one, basic("wrong"), now=3.2) == 401
    assert asked(one, basic("geheim"), now=3.2) == 200


def test_the_penalty_has_an_end_and_so_have_the_addresses() -> None:
    penalties = Penalties()
    for number in range(100):
        penalties.failed("192.0.2.1", float(number))
    assert penalties.remaining("192.0.2.1", 99.0) == LONGEST_PENALTY_SECONDS
    assert penalties.remaining("192.0.2.1", 99.0 + LONGEST_PENALTY_SECONDS) == 0.0
    penalties.failed("192.0.2.1", 100 + FORGIVEN_SECONDS)
    assert penalties.remaining("192.0.2.1", 100 + FORGIVEN_SECONDS) == 0.0
    for number in range(MOST_ADDRESSES):
        penalties.failed(f"10.0.{number // 256}.{number % 256}", 800.0)
    assert len(penalties._by_address) == MOST_ADDRESSES
    # A network of IPv6 is one address.
    for number in range(10):
        penalties.failed(f"2001:db8::{number}", 800.0)
    assert penalties.remaining("2001:db8::ffff", 800.0) > 0


def test_a_session_takes_the_place_of_the_password_for_a_while() -> None:
    one = guard()
    cookie = one.sessions.begin(0.0)
    assert asked(one, HERE, cookie=cookie) == 200
    assert asked(one, HERE, cookie="token 99") == 401
    assert asked(one, HERE, cookie=cookie, now=SESSION_SECONDS) == 401
    one.sessions.end(cookie)
    assert asked(one, HERE, cookie=cookie) == 401


def test_sessions_are_bounded() -> None:
    numbers = count()
    sessions = Sessions(lambda: str(next(numbers)))
    for _ in range(MOST_SESSIONS + 1):
        sessions.begin(0.0)
    assert not sessions.knows("0", 1.0)
    assert sessions.knows("1", 1.0)


@pytest.mark.parametrize("password", ["", "geheim"])
def test_what_changes_something_comes_from_nowhere_else(password: str) -> None:
    one = guard(password)
    own = basic(password)
    for more, status in (
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8091"}, 403),
        ({"Origin": "http://127.0.0.1:8090"}, 200),
        ({"Origin": "https://127.0.0.1:8090"}, 200),
        ({"X-DiStreamer-Request": "1"}, 200),
    ):
        assert asked(one, {**own, **more}, "POST") == status
        assert asked(one, {**own, **more}, "DELETE") == status
        assert asked(one, {**own, **more}, "GET") == 200


def test_without_a_password_no_foreign_name_leads_here() -> None:
    one = guard("")
    for name in ("127.0.0.1:8090", "localhost:8090", "LOCALHOST", "[::1]:8090", "[::1]", "127.0.0.1"):
        assert asked(one, {"Host": name}) == 200, name
    for name in ("evil.example", "evil.example:8090", "127.0.0.1.evil.example", "192.168.1.1:8090", "", ":8090"):
        assert asked(one, {"Host": name}) == 421, name
        assert asked(one, {"Host": name}, is_open=True) == 421, name
    assert asked(one, {}) == 200  # HTTP/1.0; no browser
    assert asked(guard(), {**basic("geheim"), "Host": "radio.example"}) == 200
