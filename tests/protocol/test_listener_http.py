"""What players are answered, as a table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo
from distreamer.protocol.http1 import RequestReader, ResponseHead, parse_response
from distreamer.protocol.listener_http import METADATA_INTERVAL, Answer, StreamBegins, answer, bad_request
from distreamer.protocol.listener_replies import MAXIMUM_VALUE_CHARACTERS, Reply
from distreamer.protocol.server_view import Refusal, ServerView
from tests.support.made_audio import INFO

STATION = Station("Radio Ünder", "All of it", "talk", "http://radio.example/", public=True)
PLAYING = ServerView(info=replace(INFO, station=STATION), connected=7, fragment_numbers=[8, 9, 10])
SILENT = replace(PLAYING, info=None)
OGG = replace(PLAYING, info=StreamInfo(AudioFormat(Codec.VORBIS, 44100, 44100, 2, "", 0, "application/ogg"), STATION))


def ask(request: str, view: ServerView = PLAYING) -> Answer:
    head = RequestReader().receive_data(request.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
    assert head is not None
    return answer(head, view)


def split(data: bytes) -> tuple[ResponseHead, bytes]:
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator
    return parse_response(head.split(b"\r\n")), body


def told(answered: Answer) -> tuple[ResponseHead, bytes]:
    return split(answered.data if isinstance(answered, Reply) else answered.head)


@pytest.mark.parametrize(
    ("request_line", "view", "status", "body"),
    [
        ("GET / HTTP/1.0", PLAYING, 200, b""),
        ("GET / HTTP/1.1\nHost: x", PLAYING, 200, b""),
        ("GET /; HTTP/1.0", PLAYING, 200, b""),
        ("GET /;stream.mp3 HTTP/1.0", PLAYING, 200, b""),
        ("GET /any/path.mp3?x=1 HTTP/1.0", PLAYING, 200, b""),
        ("GET http://elsewhere:80/live HTTP/1.0", PLAYING, 200, b""),
        ("get / http/1.0", PLAYING, 200, b""),
        ("GET / HTTP/1.0\nRange: bytes=0-1", PLAYING, 200, b""),
        ("HEAD / HTTP/1.0", PLAYING, 200, b""),
        ("OPTIONS / HTTP/1.1\nOrigin: http://page.example", PLAYING, 204, b""),
        ("OPTIONS * HTTP/1.1", SILENT, 204, b""),
        ("GET / HTTP/1.0", SILENT, 404, b"No stream yet\n"),
        ("HEAD / HTTP/1.0", SILENT, 404, b""),
        ("GET / HTTP/1.0", replace(PLAYING, refusal=Refusal.FULL), 503, b"Too many listeners\n"),
        ("POST / HTTP/1.0", PLAYING, 405, b"POST is not served here\n"),
        ("SOURCE /live ICE/1.0", PLAYING, 405, b"SOURCE is not served here\n"),
    ],
)
def test_status_and_body(request_line: str, view: ServerView, status: int, body: bytes) -> None:
    head, got = told(ask(request_line, view))
    assert (head.status, got, head.version) == (status, body, "1.0")
    assert head.headers.get("connection") == "close"
    assert head.headers.get("server").startswith("Icecast 2.4")
    assert head.headers.get("access-control-allow-origin") == "*"
    assert "no-store" in head.headers.get("cache-control")


@pytest.mark.parametrize(
    ("required", "path", "status"),
    [
        ("live.mp3", "/live.mp3", 200),
        ("live.mp3", "/live.mp3?session=1", 200),
        ("/live.mp3", "/live.mp3", 200),
        ("ä b", "/%C3%A4%20b", 200),
        ("%C3%A4", "/%c3%a4", 200),
        ("live.mp3", "/", 403),
        ("live.mp3", "//live.mp3", 403),
        ("live.mp3", "/live.mp3/", 403),
        ("live.mp3", "/LIVE.mp3", 403),
        ("live.mp3", "/stats", 200),
        ("/", "/any", 200),
        ("live?key=1", "/live?key=1", 200),
        ("live?key=1", "/live?key=2", 403),
        ("live?key=ä", "/live?key=%C3%A4", 200),
        ("live?key=%41", "/live?key=A", 200),
        ("live?key=1", "/live", 403),
        ("/?key=1", "/", 403),
        ("?key=1", "/stream", 403),
        ("?key=1", "/stream?key=2", 403),
        ("?key=1", "/?key=1", 200),
        ("/?key=1", "/;stream.mp3?key=1", 200),
    ],
)
def test_required_path(required: str, path: str, status: int) -> None:
    head, body = told(ask(f"GET {path} HTTP/1.0", replace(PLAYING, required_path=required)))
    assert head.status == status
    if status == 403:
        assert body == b"Not authorized\n"


def test_the_wrong_path_is_refused_even_without_a_stream() -> None:
    head, _ = told(ask("GET / HTTP/1.0", replace(SILENT, required_path="live")))
    assert head.status == 403


def test_a_stream_is_described() -> None:
    answered = ask("GET / HTTP/1.0")
    assert isinstance(answered, StreamBegins)
    assert answered.head.startswith(b"HTTP/1.0 200 OK\r\n")
    head, _ = split(answered.head)
    expected = {
        "content-type": b"audio/mpeg",
        "icy-name": "Radio Ünder".encode(),
        "icy-description": b"All of it",
        "icy-genre": b"talk",
        "icy-url": b"http://radio.example/",
        "icy-pub": b"1",
        "icy-br": b"128",
        "ice-audio-info": b"ice-samplerate=44100;ice-bitrate=128;ice-channels=2",
    }
    assert {name: head.headers.raw(name) for name in expected} == expected
    for name in ("content-length", "transfer-encoding", "accept-ranges", "content-range", "icy-metaint"):
        assert name not in head.headers
    exposed = head.headers.tokens("access-control-expose-headers")
    assert {"icy-metaint", "icy-name", "icy-br", "icy-genre", "icy-description", "icy-url"} == set(exposed)


@pytest.mark.parametrize(
    ("wish", "view", "icy"),
    [
        ("Icy-MetaData: 1", PLAYING, True),
        ("icy-metadata:1", PLAYING, True),
        ("Icy-MetaData: 0", PLAYING, False),
        ("Accept: */*", PLAYING, False),
        ("Icy-MetaData: 1", OGG, False),
    ],
)
def test_titles_only_for_those_who_ask_and_never_inside_ogg(wish: str, view: ServerView, icy: bool) -> None:
    answered = ask(f"GET / HTTP/1.0\n{wish}", view)
    assert isinstance(answered, StreamBegins)
    assert answered.icy is icy
    head, _ = split(answered.head)
    assert head.headers.get("icy-metaint") == (str(METADATA_INTERVAL) if icy else "")


def test_head_tells_the_same_as_get() -> None:
    wish = "/ HTTP/1.0\nIcy-MetaData: 1"
    got, peeked = ask(f"GET {wish}"), ask(f"HEAD {wish}")
    assert isinstance(got, StreamBegins)
    assert peeked == Reply(got.head)


@pytest.mark.parametrize(
    ("given_type", "told_type"),
    [("audio/aacp", "audio/aac"), ("audio/aac", "audio/aac"), ("audio/mpeg", "audio/mpeg")],
)
def test_content_type(given_type: str, told_type: str) -> None:
    view = replace(PLAYING, info=StreamInfo(replace(INFO.format, content_type=given_type)))
    head, _ = told(ask("GET / HTTP/1.0", view))
    assert head.headers.get("content-type") == told_type


def test_what_is_not_known_is_not_told() -> None:
    view = ServerView(info=StreamInfo(AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0)))
    head, _ = told(ask("GET / HTTP/1.0", view))
    names = {name.lower() for name, _ in head.headers}
    assert not names & {"icy-name", "icy-description", "icy-genre", "icy-url", "icy-br", "ice-audio-info"}
    assert head.headers.get("icy-pub") == "0"


def test_a_sources_words_cannot_break_the_head() -> None:
    station = Station("two\r\nSet-Cookie: x\r\n\r\nlines", "\x00\x1b[31m\u2028", "long " * 1000)
    head, body = told(ask("GET / HTTP/1.0", replace(PLAYING, info=replace(INFO, station=station))))
    assert head.headers.get("icy-name") == "two Set-Cookie: x lines"
    assert "set-cookie" not in head.headers
    assert head.headers.get("icy-description") == "[31m"
    assert len(head.headers.get("icy-genre")) <= MAXIMUM_VALUE_CHARACTERS
    assert body == b""


def test_preflight_allows_what_players_in_pages_send() -> None:
    head, _ = told(ask("OPTIONS / HTTP/1.1\nAccess-Control-Request-Headers: icy-metadata"))
    assert {"icy-metadata", "range"} <= set(head.headers.tokens("access-control-allow-headers"))
    assert head.headers.tokens("access-control-allow-methods") == ["get", "head", "options"]
    # RFC 9110, section 8.6: a 204 must not have one.
    assert "content-length" not in head.headers


def test_stats_are_those_of_distreamer_2() -> None:
    head, body = told(ask("GET /stats HTTP/1.0", replace(PLAYING, store_age_seconds=1.23456)))
    assert json.loads(body) == {"connectedClients": 7, "fragmentsList": [8, 9, 10], "storeAge": 1.235}
    assert head.headers.get("content-type") == "application/json"
    assert head.headers.get("content-length") == str(len(body))
    peeked, nothing = told(ask("HEAD /stats HTTP/1.0"))
    assert (peeked.status, nothing) == (200, b"")


def test_stats_answer_without_a_stream() -> None:
    _, body = told(ask("GET /stats HTTP/1.0", ServerView(info=None)))
    assert json.loads(body) == {"connectedClients": 0, "fragmentsList": [], "storeAge": 0.0}


def test_what_is_no_request_is_told_why() -> None:
    head, body = split(bad_request("this is no HTTP request").data)
    assert (head.status, body) == (400, b"this is no HTTP request\n")


@given(st.binary(max_size=200), st.sampled_from([PLAYING, SILENT, OGG]))
@settings(deadline=None, max_examples=200)
def test_any_request_gets_a_well_formed_answer(noise: bytes, view: ServerView) -> None:
    for data in (noise + b"\r\n\r\n", b"GET /" + noise + b" HTTP/1.1\r\n\r\n"):
        try:
            head = RequestReader().receive_data(data)
        except ProtocolError:
            continue
        if head is not None:
            assert told(answer(head, view))[0].status in {200, 204, 404, 405}
