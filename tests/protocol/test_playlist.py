"""Playlists in the three formats, recognised however their server labels them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.playlist import PlaylistFormat, parse_playlist, recognised, says_little
from distreamer.protocol.stream_url import StreamUrl

BASE = StreamUrl.parse("http://a.example:8000/dir/live.m3u")
M3U, PLS, XSPF = PlaylistFormat.M3U, PlaylistFormat.PLS, PlaylistFormat.XSPF


@pytest.mark.parametrize(
    ("content_type", "target", "beginning", "form"),
    [
        ("audio/x-mpegurl", "/live", b"", M3U),
        ("Audio/X-Scpls; charset=utf-8", "/live", b"", PLS),
        ("application/xspf+xml", "/live", b"", XSPF),
        ("audio/mpeg", "/live.m3u", b"#EXTM3U", None),
        ("audio/aacp", "/live.pls", b"", None),
        ("", "/live.M3U?x=1", b"", M3U),
        ("text/plain", "/live.pls", b"", PLS),
        ("text/html", "/live.m3u8", b"", M3U),
        ("application/octet-stream", "/live", b"#EXTM3U\r\n", M3U),
        ("", "/live", b"\xef\xbb\xbf[Playlist]\n", PLS),
        ("text/xml", "/live", b"<?xml version=", XSPF),
        ("text/html", "/", b"<?xml version=", None),
        ("text/plain", "/live", b"http://b.example", M3U),
        ("text/html", "/", b"<!DOCTYPE html>", None),
        ("", "/live", b"\xff\xfb\x90\x00", None),
        ("", "/live", b"", None),
    ],
)
def test_recognition(content_type: str, target: str, beginning: bytes, form: PlaylistFormat | None) -> None:
    assert recognised(content_type, target, beginning) == form


@pytest.mark.parametrize("content_type", ["", "text/html", "application/octet-stream", "application/xml"])
def test_types_that_say_little(content_type: str) -> None:
    assert says_little(content_type)


@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/ogg", "audio/aac; x=y", "video/mp2t"])
def test_types_that_say_enough(content_type: str) -> None:
    assert not says_little(content_type)


XSPF_BODY = b"""<?xml version="1.0" encoding="UTF-8"?>
<playlist version="1" xmlns="http://xspf.org/ns/0/"><location>http://a.example/this-list</location>
<trackList><track><title>x</title><location> http://b.example/1?a=1&amp;b=2 </location></track>
<track><location/></track><track><location>two</location></track></trackList></playlist>"""


@pytest.mark.parametrize(
    ("form", "body", "urls"),
    [
        (M3U, b"http://b.example/1\n", ["http://b.example/1"]),
        (
            M3U,
            b"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:-1,Caf\xe9\r\nhttp://b.example/1\r\n\r\n two.mp3 \r\n/three",
            ["http://b.example/1", "http://a.example:8000/dir/two.mp3", "http://a.example:8000/three"],
        ),
        (M3U, b"mms://b.example/1\nhttp://[broken\nhttp://b.example/2\n", ["http://b.example/2"]),
        (M3U, b"http://b.example/1\nhttp://b.example/1\n", ["http://b.example/1"]),
        (
            PLS,
            b"[playlist]\nFile2=http://b.example/2\nTitle1=x\nfile1 = http://b.example/1=;\nFile10=/ten\nLength1=-1",
            ["http://b.example/1=;", "http://b.example/2", "http://a.example:8000/ten"],
        ),
        (XSPF, XSPF_BODY, ["http://b.example/1?a=1&b=2", "http://a.example:8000/dir/two"]),
    ],
)
def test_entries(form: PlaylistFormat, body: bytes, urls: list[str]) -> None:
    assert [str(url) for url in parse_playlist(form, body, BASE)] == urls


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<playlist><trackList><track><location>&b;</location></track></trackList></playlist>"""


@pytest.mark.parametrize(
    ("form", "body", "words"),
    [
        (M3U, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=128000\nlow.m3u8\n", "HLS playlist"),
        (M3U, b"#EXTM3U\n# nothing\n", "names no http or https address"),
        (PLS, b"[playlist]\nNumberOfEntries=0\n", "names no http or https address"),
        (XSPF, BOMB, "document type"),
        (XSPF, BOMB.decode().encode("utf-16"), "no XML"),
        (XSPF, b"<playlist><trackList>", "no XML"),
        (XSPF, b"<playlist/>", "names no http or https address"),
        (M3U, b"a" * 262_145, "longer than 262144 bytes"),
    ],
)
def test_what_is_refused(form: PlaylistFormat, body: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        parse_playlist(form, body, BASE)


def test_only_so_many_entries_are_used() -> None:
    body = b"\n".join(b"http://b.example/%d" % number for number in range(1000))
    assert len(parse_playlist(M3U, body, BASE)) == 20


@settings(deadline=None)
@given(st.sampled_from(PlaylistFormat), st.binary(max_size=200))
def test_any_bytes_give_addresses_or_a_documented_error(form: PlaylistFormat, body: bytes) -> None:
    with suppress(ProtocolError):
        assert parse_playlist(form, b"http://b.example/\n" + body, BASE)
    with suppress(ProtocolError):
        assert parse_playlist(form, body, BASE)
