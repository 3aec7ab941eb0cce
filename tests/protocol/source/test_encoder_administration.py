"""Titles, probes and questions: what encoders and automations ask, and what they are answered."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import ResponseHead
from distreamer.protocol.http1_response import Body, ResponseReader
from distreamer.protocol.source.admin_request import MAXIMUM_TITLE_CHARACTERS, parse_form, title_of
from distreamer.protocol.source.administration import NOTHING_TO_HEAR
from distreamer.protocol.source.encoder_connection import MAXIMUM_FORM_BYTES
from distreamer.protocol.source.events import Answered, Misunderstood, PasswordRefused, StatsAsked, TitleSet
from tests.support.encoder_conversation import PASSWORD, Conversation, basic
from tests.support.splitting import every_split

PASS = b"pass=" + quote(PASSWORD).encode()


def titles(heard: Conversation) -> list[Title]:
    return [event.title for event in heard.events if isinstance(event, TitleSet)]


def get(target: bytes, *lines: bytes, version: bytes = b"1.0") -> bytes:
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + b"".join(lines) + b"\r\n"


def post(target: bytes, form: bytes, *lines: bytes) -> bytes:
    fields = (b"Content-Type: application/x-www-form-urlencoded\r\n", b"Content-Length: %d\r\n" % len(form), *lines)
    return b"POST " + target + b" HTTP/1.1\r\n" + b"".join(fields) + b"\r\n" + form


REQUESTS = {
    "Icecast": get(b"/admin/metadata?mode=updinfo&mount=/live&song=A%20-%20B", basic()),
    "Icecast, another mount": get(b"/admin/metadata?mode=updinfo&mount=/other&song=A+-+B", basic()),
    "SHOUTcast": get(b"/admin.cgi?mode=updinfo&" + PASS + b"&song=A%20-%20B", b"User-Agent: x (Mozilla)\r\n"),
    "SHOUTcast, no agent": get(b"/admin.cgi?" + PASS + b"&mode=updinfo&song=A%20-%20B"),
    "DNAS 2": get(b"/admin.cgi?sid=1&mode=updinfo&pass=dj%3Ahack:me%3A%231&song=A%20-%20B"),
    "both at once": get(b"/admin.cgi?mode=updinfo&" + PASS + b"&song=A%20-%20B", basic(password="old")),
    "both at once, the other": get(b"/admin.cgi?mode=updinfo&pass=old&song=A%20-%20B", basic()),
    "password at Icecast's address": get(b"/admin/metadata?mode=updinfo&" + PASS + b"&song=A%20-%20B"),
    "artist and title": get(b"/admin/metadata?mode=updinfo&artist=A&title=B", basic()),
    "song before artist": get(b"/admin/metadata?artist=X&title=Y&song=A%20-%20B", basic()),
    "raw spaces": get(b"/admin/metadata?mode=updinfo&song=A - B", basic()),
    "form": post(b"/admin/metadata", b"mode=updinfo&mount=/live&song=A%20-%20B", basic()),
    "form, one part in the target": post(b"/admin.cgi?mode=updinfo&" + PASS, b"song=A+-+B"),
    "form, chunked": b"POST /admin/metadata HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    + basic()
    + b"\r\n7\r\nsong=A%\r\n8\r\n20-%20B\n\r\n0\r\n\r\n",
    "upper case": get(b"/ADMIN.CGI?MODE=updinfo&" + PASS.upper().replace(b"HACK%3AME", b"hack:me") + b"&SONG=A+-+B"),
}


@pytest.mark.parametrize("kind", list(REQUESTS))
def test_every_way_to_set_a_title(kind: str) -> None:
    for parts in every_split(REQUESTS[kind]):
        heard = Conversation().hear(parts)
        assert titles(heard) == [Title("A - B")]
        assert heard.status == 200
        assert b"<return>1</return>" in heard.sent


def test_a_form_that_is_expected_to_be_asked_for() -> None:
    form = b"song=A"
    request = post(b"/admin/metadata", form, basic(), b"Expect: 100-continue\r\n")
    heard = Conversation().hear([request[: -len(form)]])
    assert heard.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert titles(heard.hear([form])) == [Title("A")]


CHARSETS = [
    ("Žofie".encode(), b"", "Žofie"),
    ("Žofie".encode(), b"&charset=UTF-8", "Žofie"),
    ("Žofie".encode("cp1252"), b"", "Žofie"),
    ("Žofie".encode("iso-8859-2"), b"&charset=ISO-8859-2", "Žofie"),
    ("Привет".encode("cp1251"), b"&charset=windows-1251", "Привет"),
    ("Žofie".encode("cp1252"), b"&charset=utf8", "Žofie"),
    ("Ã¼".encode("latin-1"), b"&charset=latin-1", "Ã¼"),
    ("Žofie".encode(), b"&charset=klingon", "Žofie"),
    ("Žofie".encode(), b"&charset=hex", "Žofie"),
]


@pytest.mark.parametrize(("song", "charset", "text"), CHARSETS)
def test_titles_in_every_charset_escaped_or_raw(song: bytes, charset: bytes, text: str) -> None:
    for spelt in (song, quote_from_bytes(song).encode()):
        heard = Conversation().hear([get(b"/admin/metadata?song=" + spelt + charset, basic())])
        assert titles(heard) == [Title(text)]


def test_the_address_beside_a_title() -> None:
    heard = Conversation().hear([get(b"/admin/metadata?song=A&url=http%3A%2F%2Fa%2Fb", basic())])
    assert titles(heard) == [Title("A", "http://a/b")]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (b"a=1&b=2", {"a": b"1", "b": b"2"}),
        (b"song=Simon & Garfunkel&mode=updinfo", {"song": b"Simon & Garfunkel", "mode": b"updinfo"}),
        (b"a=1&a=2", {"a": b"1"}),
        (b"&&x&a=", {"a": b""}),
        (b"a=b=c", {"a": b"b=c"}),
        (b"a=%zz%4", {"a": b"%zz%4"}),
        (b"", {}),
    ],
)
def test_forms(query: bytes, fields: dict[str, bytes]) -> None:
    assert parse_form(query) == fields


@settings(deadline=None)
@given(st.text(max_size=50))
def test_any_title_comes_through(text: str) -> None:
    song = quote(text.encode("utf-8", "replace")).encode()
    expected = one_line(text.encode("utf-8", "replace").decode())
    assert title_of(parse_form(b"charset=utf-8&song=" + song), "cp1252").text == expected


@settings(deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"utf-8", b"utf-7", b"utf-16", b"idna", b"punycode", b"undefined", b"x\0y"]),
)
def test_any_bytes_are_some_title(song: bytes, charset: bytes) -> None:
    title = title_of({"song": song, "charset": charset}, "cp1251")
    assert title.text.encode() is not None
    assert title.text == one_line(title.text)


def test_a_title_has_a_bound() -> None:
    assert len(title_of({"song": b"a" * 60_000}, "cp1252").text) == MAXIMUM_TITLE_CHARACTERS


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (b"mode=updinfo", b"there is no title in it"),
        (b"mode=fallbacks&song=x", b"mode is 'fallbacks'; only updinfo"),
    ],
)
def test_what_sets_no_title_is_answered_all_the_same(query: bytes, words: bytes) -> None:
    heard = Conversation().hear([get(b"/admin/metadata?" + query, basic())])
    assert heard.status == 400
    assert words in heard.sent
    with pytest.raises(ProtocolError):
        title_of(parse_form(query), "cp1252")


@pytest.mark.parametrize(
    "request_bytes",
    [
        get(b"/admin/metadata?song=A", basic(password="wrong")),
        get(b"/admin.cgi?mode=updinfo&pass=wrong&song=A"),
        get(b"/admin.cgi?mode=updinfo&pass=&song=A"),
        post(b"/admin/metadata", b"song=A&pass=wrong"),
        get(b"/admin/stats", basic(password="wrong")),
    ],
)
def test_a_wrong_password_sets_nothing(request_bytes: bytes) -> None:
    heard = Conversation().hear([request_bytes])
    assert heard.status == 401
    assert [type(event) for event in heard.events] == [PasswordRefused]


UPGRADE = b"OPTIONS * HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n"


def test_no_password_at_all_is_a_question_and_no_attack() -> None:
    heard = Conversation().hear([get(b"/admin/metadata?song=A", version=b"1.1")])
    assert heard.events == [Answered("GET '/admin/metadata'", 401)]
    # libshout asks first without, and goes on on the same connection.
    assert titles(heard.hear([get(b"/admin/metadata?song=A", basic(), version=b"1.1")])) == [Title("A")]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (
            b"OPTIONS * HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n",
            200,
            b"Allow: SOURCE, PUT, ",
        ),
        (get(b"/admin/!POKE", version=b"1.1"), 401, b"Allow: SOURCE, PUT, "),
        (get(b"/"), 200, NOTHING_TO_HEAR.encode()),
        (get(b"/live"), 404, NOTHING_TO_HEAR.encode()),
        (get(b"/admin/listclients", basic()), 404, b"Not Found"),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405, b"DELETE is not served here"),
    ],
)
def test_questions(data: bytes, status: int, words: bytes) -> None:
    for parts in every_split(data):
        heard = Conversation().hear(parts)
        assert heard.status == status
        assert words in heard.sent
        assert [type(event) for event in heard.events] == [Answered]
        # Nobody is invited to RFC 2817, which is not spoken here.
        assert b"Upgrade" not in heard.sent


def test_several_requests_on_one_connection() -> None:
    first = get(b"/stats", version=b"1.1")
    stream = first + post(b"/admin/metadata", b"song=A", basic()) + b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n"
    for parts in every_split(stream):
        heard = Conversation().hear(parts)
        assert [type(event) for event in heard.events] == [StatsAsked, TitleSet, Answered]
        assert heard.sent.count(b"HTTP/1.1 200 OK") == 3
        assert heard.machine.is_over
        assert not heard.machine.may_have_unread


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_the_stats_are_those_of_distreamer_2(method: bytes) -> None:
    heard = Conversation().hear([method + b" /stats HTTP/1.0\r\n\r\n"])
    reader = ResponseReader(method.decode())
    head, *rest = reader.receive_data(heard.sent)
    assert isinstance(head, ResponseHead)
    assert head.headers.get("content-type") == "application/json"
    body = b"".join(event.data for event in rest if isinstance(event, Body))
    assert (json.loads(body) if body else None) == ({"sourceConnected": True} if method == b"GET" else None)
    assert heard.machine.is_over


@pytest.mark.parametrize(
    ("length", "status"),
    [(b"Content-Length: 10000000\r\n\r\n", 413), (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400)],
)
def test_bodies_that_are_not_taken(length: bytes, status: int) -> None:
    data = b"POST /admin/metadata HTTP/1.1\r\n" + basic() + length + b"x" * (MAXIMUM_FORM_BYTES + 1)
    heard = Conversation().hear([data])
    assert heard.status == status
    assert [type(event) for event in heard.events] == [Misunderstood]
    assert heard.machine.is_over


def test_a_request_that_breaks_off_brings_nothing() -> None:
    assert Conversation().hear([post(b"/admin/metadata", b"song=A", basic())[:-1]], eof=True).events == []
