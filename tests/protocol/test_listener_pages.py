"""Playlists and the figures beside the stream, read as their readers do."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.model.audio import Station
from distreamer.protocol.forwarded import TrustedProxies, visitor_of
from distreamer.protocol.http1 import Headers, RequestHead
from distreamer.protocol.listener_http import Answer, StreamBegins, answer
from distreamer.protocol.listener_replies import Reply
from distreamer.protocol.playlist import PlaylistFormat, parse_playlist
from distreamer.protocol.server_view import ServerView
from distreamer.protocol.stream_url import StreamUrl
from tests.support.made_audio import INFO

STATION = Station("Radio <Ünder> & Co", "All of it", "talk", "http://radio.example/", public=True)
PLAYING = ServerView(
    info=replace(INFO, station=STATION),
    connected=7,
    unique=6,
    peak=9,
    maximum=100,
    title=lambda: "Žofie – <Ólafur>, & Co",
)
FORMATS = {".m3u": PlaylistFormat.M3U, ".pls": PlaylistFormat.PLS, ".xspf": PlaylistFormat.XSPF}


def ask(path: str, view: ServerView = PLAYING, host: str = "radio.example:8000", method: str = "GET") -> Answer:
    headers = Headers([("Host", host)])
    base_url = visitor_of(headers, "192.0.2.1", TrustedProxies()).base_url
    return answer(RequestHead(method, path.encode(), "HTTP", "1.1", headers), replace(view, base_url=base_url))


def data_of(answered: Answer) -> bytes:
    return answered.data if isinstance(answered, Reply) else answered.head


def body(answered: Answer) -> bytes:
    assert isinstance(answered, Reply)
    head, _, found = answered.data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    length = re.search(rb"Content-Length: (\d+)\r\n", head)
    assert length
    assert int(length[1]) == len(found)
    return found


@pytest.mark.parametrize("ending", list(FORMATS))
@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/live", "http://radio.example:8000/live"),
        ("/deep/er.mp3", "http://radio.example:8000/deep/er.mp3"),
        ("/with space/ü?", "http://radio.example:8000/with%20space/%C3%BC"),
        ("/listen", "http://radio.example:8000/stream.mp3"),
        ("/", "http://radio.example:8000/stream.mp3"),
    ],
)
def test_a_playlist_leads_to_the_stream(ending: str, path: str, url: str) -> None:
    text = body(ask(path.replace("?", "") + ending))
    base = StreamUrl.parse("http://radio.example:8000/x")
    assert [str(entry) for entry in parse_playlist(FORMATS[ending], text, base)] == [url]


def test_shoutcast_s_own_name_of_its_playlist_works() -> None:
    assert b"File1=http://radio.example:8000/stream.mp3\r\n" in body(ask("/listen.pls?sid=1"))


@pytest.mark.parametrize("ending", list(FORMATS))
def test_where_only_one_path_is_served_the_playlist_leads_there(ending: str) -> None:
    text = body(ask("/anything" + ending, replace(PLAYING, required_path="live.mp3"))).decode()
    assert "http://radio.example:8000/live.mp3" in text
    stream = ask("/list.m3u", replace(PLAYING, required_path="list.m3u"))
    assert isinstance(stream, StreamBegins)


@pytest.mark.parametrize("ending", list(FORMATS))
def test_a_key_is_told_to_nobody_who_does_not_give_it(ending: str) -> None:
    view = replace(PLAYING, required_path="live.mp3?key=1&b=2")
    text = body(ask(f"/anything{ending}?key=1&b=2", view))
    base = StreamUrl.parse("http://radio.example:8000/x")
    urls = [str(entry) for entry in parse_playlist(FORMATS[ending], text, base)]
    assert urls == ["http://radio.example:8000/live.mp3?key=1&b=2"]
    for path in (f"/anything{ending}", f"/live.mp3{ending}?key=2", "/status-json.xsl", "/stats?sid=1"):
        answered = ask(path, view)
        assert isinstance(answered, Reply)
        assert b"key=1" not in answered.data
    assert b"Not authorized" in data_of(ask(f"/anything{ending}", view))


def test_a_key_without_a_path_stands_in_the_playlist_of_who_gives_it() -> None:
    view = replace(PLAYING, required_path="/?key=1")
    assert b"http://radio.example:8000/stream.mp3?key=1\r\n" in body(ask("/anything.m3u?key=1", view))
    for path in ("/anything.m3u", "/stream.mp3", "/"):
        answered = ask(path, view)
        assert isinstance(answered, Reply)
        assert b"Not authorized" in answered.data


@pytest.mark.parametrize("host", ["evil.example/\r\nx", "a b", "", "<script>", "[::1"])
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    assert b"http://localhost/live\r\n" in body(ask("/live.m3u", host=host))


def test_an_address_of_ipv6_is_one() -> None:
    assert b"http://[2001:db8::1]:8000/live\r\n" in body(ask("/live.m3u", host="[2001:db8::1]:8000"))


def test_xspf_is_xml_with_the_station_s_name() -> None:
    tree = ElementTree.fromstring(body(ask("/live.xspf")))
    titles = [element.text for element in tree.iter("{http://xspf.org/ns/0/}title")]
    assert titles == ["Radio <Ünder> & Co"]


def test_seven() -> None:
    found = body(ask("/7.html")).decode()
    assert found == "<html><body>7,1,9,100,6,128,Žofie – &lt;Ólafur&gt;, &amp; Co</body></html>"
    assert body(ask("/7.html", replace(PLAYING, info=None))).startswith(b"<html><body>7,0,9,100,6,0,")


def test_the_current_song() -> None:
    assert body(ask("/currentsong?sid=1")).decode() == "Žofie – <Ólafur>, & Co"


@pytest.mark.parametrize("path", ["/7.html", "/live.m3u", "/status-json.xsl"])
def test_head_gives_the_same_head_and_no_body(path: str) -> None:
    whole, head = ask(path), ask(path, method="HEAD")
    assert isinstance(whole, Reply)
    assert isinstance(head, Reply)
    assert whole.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" == head.data


@given(st.binary(max_size=40).map(lambda tail: b"/" + tail), st.text(max_size=40))
def test_whatever_is_asked_is_one_answer(path: bytes, host: str) -> None:
    fields = Headers([("Host", host)])
    for ending in (b"", b".m3u", b".pls", b".xspf"):
        found = answer(RequestHead("GET", path + ending, "HTTP", "1.1", fields), PLAYING)
        assert data_of(found).startswith(b"HTTP/1.0 ")
