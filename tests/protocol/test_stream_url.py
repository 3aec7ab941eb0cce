"""Addresses of streams: what is sent, to whom, and that passwords stay where they belong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.stream_url import StreamUrl


@pytest.mark.parametrize(
    ("text", "address", "host_field", "target"),
    [
        ("http://a.example/live", "a.example:80", "a.example", "/live"),
        ("http://a.example:8000", "a.example:8000", "a.example:8000", "/"),
        ("https://a.example/x?y=1;2", "a.example:443", "a.example", "/x?y=1;2"),
        ("https://a.example:80/", "a.example:80", "a.example:80", "/"),
        ("http://[::1]:8000/;", "[::1]:8000", "[::1]:8000", "/;"),
        ("http://[2001:db8::1]/;stream.mp3#top", "[2001:db8::1]:80", "[2001:db8::1]", "/;stream.mp3"),
        ("HTTP://A.Example/Live", "a.example:80", "a.example", "/Live"),
        ("http://a.example/caf\u00e9 1?q=ü&r=%20", "a.example:80", "a.example", "/caf%C3%A9%201?q=%C3%BC&r=%20"),
        ("http://münchen.example/", "xn--mnchen-3ya.example:80", "xn--mnchen-3ya.example", "/"),
        ("http://a.example?sid=1", "a.example:80", "a.example", "/?sid=1"),
    ],
)
def test_an_address_is_taken_apart(text: str, address: str, host_field: str, target: str) -> None:
    url = StreamUrl.parse(text)
    assert (url.address, url.host_field, url.target) == (address, host_field, target)
    assert StreamUrl.parse(str(url)) == url


def test_credentials_are_decoded_and_never_shown() -> None:
    url = StreamUrl.parse("http://us%40er:p%C3%A4ss%3A@a.example/live")
    assert url.credentials == "us@er:päss:".encode()
    assert url.authorization == "Basic dXNAZXI6cMOkc3M6"
    assert str(url) == "http://a.example/live"
    assert repr(url) == "StreamUrl(http://a.example/live)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://a/", "not ftp"),
        ("a.example:8000/live", "only http and https"),
        ("/live", "an address without either"),
        ("http:///live", "names no host"),
        ("http://a:0/", "port 0"),
        ("http://user:secret@a:99999/", "host or port is broken"),
        ("http://user:secret@[::1/", "host or port is broken"),
        ("http://" + "ü" * 70 + "/", "host or port is broken"),
        ("http://u:secret@a.example/x\udcff", "no text"),
        ("http://u:secret\udcff@a.example/x", "no text"),
    ],
)
def test_what_cannot_be_fetched_is_refused_without_its_password(text: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        StreamUrl.parse(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "expected", "credentials"),
    [
        ("/b", "http://a.example:8000/b", b"u:p"),
        ("b", "http://a.example:8000/dir/b", b"u:p"),
        ("/;", "http://a.example:8000/;", b"u:p"),
        ("http://b.example/;?x=;", "http://b.example/;?x=;", b""),
        ("../;x", "http://a.example:8000/;x", b"u:p"),
        ("?x", "http://a.example:8000/dir/live?x", b"u:p"),
        ("http://a.example:8000/b", "http://a.example:8000/b", b"u:p"),
        ("//b.example/c", "http://b.example/c", b""),
        ("https://a.example:8000/b", "https://a.example:8000/b", b""),
        ("http://a.example/b", "http://a.example/b", b""),
        ("http://x:y@b.example/c", "http://b.example/c", b"x:y"),
    ],
)
def test_credentials_stay_with_their_server(reference: str, expected: str, credentials: bytes) -> None:
    url = StreamUrl.parse("http://u:p@a.example:8000/dir/live").follow(reference)
    assert (str(url), url.credentials) == (expected, credentials)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_reference_is_followed_or_refused(reference: str) -> None:
    base = StreamUrl.parse("http://a.example/live")
    for text in (reference, "http://" + reference, "//" + reference):
        with suppress(ProtocolError):
            str(base.follow(text)).encode("ascii")
