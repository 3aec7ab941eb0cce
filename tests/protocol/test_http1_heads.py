"""Heads as they really come: every oddity of servers, encoders and players, however the bytes are cut."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import (
    MAXIMUM_HEAD_BYTES,
    Headers,
    RequestHead,
    RequestReader,
    request_bytes,
)
from tests.support.splitting import every_split, pieces


def read_request(parts: list[bytes]) -> tuple[RequestHead | None, bytes]:
    """The request and what followed it."""
    reader = RequestReader()
    for index, part in enumerate(parts):
        request = reader.receive_data(part)
        if request is not None:
            return request, reader.rest() + b"".join(parts[index + 1 :])
    return None, reader.rest()


PLAYER = b"GET /;stream.mp3?x=1&y HTTP/1.1\r\nHost: a:8000\r\nIcy-MetaData: 1\r\nRange: bytes=0-\r\n\r\nrest"


@pytest.mark.parametrize("parts", every_split(PLAYER), ids=str)
def test_a_player_asks(parts: list[bytes]) -> None:
    request, rest = read_request(parts)
    assert request is not None
    assert (request.method, request.target) == ("GET", b"/;stream.mp3?x=1&y")
    assert (request.path, request.query) == (b"/;stream.mp3", b"x=1&y")
    assert (request.protocol, request.version) == ("HTTP", "1.1")
    assert list(request.headers) == [("Host", "a:8000"), ("Icy-MetaData", "1"), ("Range", "bytes=0-")]
    assert rest == b"rest"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"SOURCE /live ICE/1.0\nice-name: x\n\n", ("SOURCE", b"/live", "ICE", "1.0")),
        (b"\r\n\r\nGET / HTTP/1.0\r\n\r\n", ("GET", b"/", "HTTP", "1.0")),
        (b"get /a http/1.0\r\n\r\n", ("GET", b"/a", "HTTP", "1.0")),
        (b"GET /a b\xe9 c HTTP/1.0\n\n", ("GET", b"/a b\xe9 c", "HTTP", "1.0")),
        (b"GET  /two  HTTP/1.1 \r\n\r\n", ("GET", b"/two", "HTTP", "1.1")),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", ("OPTIONS", b"*", "HTTP", "1.1")),
    ],
)
def test_odd_request_lines(data: bytes, expected: tuple[str, bytes, str, str]) -> None:
    for split in every_split(data):
        request, _ = read_request(split)
        assert request is not None
        assert (request.method, request.target, request.protocol, request.version) == expected


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"http://host:80/a?b", b"/a", b"b"),
        (b"HTTPS://host", b"/", b""),
        (b"http://host?q", b"/", b"q"),
        (b"?q", b"/", b"q"),
    ],
)
def test_the_target_is_taken_apart(target: bytes, path: bytes, query: bytes) -> None:
    request = RequestHead("GET", target, "HTTP", "1.0")
    assert (request.path, request.query) == (path, query)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n\r\n",
        b"GET /old\r\n",
        b"password\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/x\r\n\r\n",
        b"GET HTTP/1.0\r\n\r\n",
        b"G@T / HTTP/1.0\r\n\r\n",
        b"GET / RTSP/1.0\r\n\r\n",
        b"A" * 100,
    ],
)
def test_what_is_no_http_request_is_refused(data: bytes) -> None:
    for split in every_split(data):
        with pytest.raises(ProtocolError, match="no HTTP request"):
            read_request([*split, b"\r\n"])


def test_a_tls_hello_is_refused_at_its_first_byte() -> None:
    with pytest.raises(ProtocolError, match="begins with"):
        RequestReader().receive_data(b"\x16")


@pytest.mark.parametrize("size", [1, 1000, 65_536])
def test_a_head_has_a_bound(size: int) -> None:
    parts = [b"GET / HTTP/1.0\r\nX: ", *[b"a" * size] * (MAXIMUM_HEAD_BYTES // size + 1)]
    with pytest.raises(ProtocolError, match="longer than 65536 bytes"):
        read_request(parts)


def test_a_head_is_read_once() -> None:
    reader = RequestReader()
    assert reader.receive_data(b"GET / HTTP/1.0\r\n\r\n") is not None
    with pytest.raises(ProtocolError, match="read already"):
        reader.receive_data(b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (b"A: 1\r\nno colon here\r\nB: 2\r\n", [("A", "1"), ("B", "2")]),
        (b"icy-name:no space\n", [("icy-name", "no space")]),
        (b"icy-name : spaces \t\r\n", [("icy-name", "spaces")]),
        (b"icy-url: http://a:80/\r\n", [("icy-url", "http://a:80/")]),
        (b"long: one\r\n two\r\n\tthree\r\n", [("long", "one two three")]),
        (b"empty:\r\n: nameless\r\n", [("empty", "")]),
        (b"icy-name: Caf\xe9\r\n", [("icy-name", "Caf\xe9")]),
        (b" folded onto nothing: x\r\n", [("folded onto nothing", "x")]),
    ],
)
def test_odd_fields(lines: bytes, fields: list[tuple[str, str]]) -> None:
    request, _ = read_request([b"GET / HTTP/1.0\r\n" + lines + b"\r\n"])
    assert request is not None
    assert list(request.headers) == fields


def test_headers_are_found_in_any_case_and_number() -> None:
    headers = Headers([("ICY-Name", "a"), ("icy-name", "b"), ("Connection", "Close, x"), ("connection", "y")])
    assert headers.get("Icy-Name") == "a"
    assert headers.get_all("icy-NAME") == ["a", "b"]
    assert headers.tokens("connection") == ["close", "x", "y"]
    assert "ICY-NAME" in headers
    assert "icy-br" not in headers
    assert headers.get("icy-br", "128") == "128"
    assert headers.raw("icy-br") == b""
    assert len(headers) == 4


def test_headers_do_not_show_their_values() -> None:
    assert repr(Headers([("Authorization", "Basic c2VjcmV0")])) == "Headers(Authorization)"


def test_a_request_is_written() -> None:
    assert request_bytes("GET", "/;", [("Host", "a"), ("Icy-MetaData", "1")]) == (
        b"GET /; HTTP/1.0\r\nHost: a\r\nIcy-MetaData: 1\r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\0b"])
def test_a_line_break_cannot_be_smuggled_into_a_request(value: str) -> None:
    with pytest.raises(ProtocolError, match="line break"):
        request_bytes("GET", "/", [("Host", value)])


@settings(deadline=None)
@given(st.binary(max_size=300).flatmap(pieces))
def test_any_bytes_give_a_request_or_a_documented_error(parts: list[bytes]) -> None:
    for stream in (parts, [b"GET / HTTP/1.0\r\n", *parts, b"\r\n\r\n"]):
        with suppress(ProtocolError):
            read_request(stream)


@settings(deadline=None)
@given(st.data())
def test_the_cut_does_not_matter(data: st.DataObject) -> None:
    line = st.sampled_from([b"GET / HTTP/1.0", b"A: 1", b"\xff", b" x", b"", b"y", b"Z : 2", b"\r"])
    stream = b"".join(one + end for one, end in data.draw(st.lists(st.tuples(line, LINE_ENDS), max_size=8)))

    def outcome(parts: list[bytes]) -> object:
        try:
            return read_request(parts)
        except ProtocolError:
            return "refused"

    assert outcome(data.draw(pieces(stream))) == outcome([stream])


LINE_ENDS = st.sampled_from([b"\r\n", b"\n"])
