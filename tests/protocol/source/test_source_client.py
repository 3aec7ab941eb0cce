"""What we say as a source client, and how servers' answers are understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.model.audio import AudioFormat, Codec, Station, Title
from distreamer.protocol.http1 import RequestReader
from distreamer.protocol.source.credentials import Credentials
from distreamer.protocol.source.encoder_connection import EncoderConnection
from distreamer.protocol.source.events import SourceAsks, SourceBegins, SourceEvent, TitleSet
from distreamer.protocol.source.source_client import (
    LoggedIn,
    Refused,
    SourceClient,
    SourceLogin,
    SourceProtocol,
    title_request,
)
from tests.support.splitting import every_split

AUDIO = AudioFormat(Codec.MPEG, 44100, 44100, 2, "MPEG-1 layer III", 128_000, "audio/mpeg")
STATION = Station("Žofie FM", "Ein  schönes\r\nRadio", "Chanson", "https://radio.example/", True)
LOGIN = SourceLogin("icecast.example:8000", "/live.mp3", "source", "geheim-ß", AUDIO, STATION, "DiStreamer/3")
TITLE = Title("Björk – Jóga & Co?", "https://radio.example/now")

PUT_HEAD = """\
PUT /live.mp3 HTTP/1.1
Host: icecast.example:8000
Authorization: Basic c291cmNlOmdlaGVpbS3Dnw==
User-Agent: DiStreamer/3
Content-Type: audio/mpeg
Ice-Public: 1
Ice-Name: Žofie FM
Ice-Description: Ein schönes Radio
Ice-Genre: Chanson
Ice-URL: https://radio.example/
Ice-Bitrate: 128
Ice-Audio-Info: ice-samplerate=44100;ice-bitrate=128;ice-channels=2
Expect: 100-continue

"""


def client(protocol: SourceProtocol, login: SourceLogin = LOGIN) -> SourceClient:
    made = SourceClient(protocol, login)
    assert made.data_to_send()
    assert made.data_to_send() == b""
    return made


def test_the_head_of_put() -> None:
    sent = SourceClient(SourceProtocol.PUT, LOGIN).data_to_send()
    assert sent.decode() == PUT_HEAD.replace("\n", "\r\n")


def test_the_head_of_source() -> None:
    sent = SourceClient(SourceProtocol.SOURCE, LOGIN).data_to_send().decode()
    assert sent.startswith("SOURCE /live.mp3 HTTP/1.0\r\n")
    assert "Expect" not in sent
    assert sent.replace("SOURCE", "PUT").replace("1.0", "1.1").splitlines()[1:-1] == PUT_HEAD.splitlines()[1:-2]


ANSWERS: dict[str, tuple[SourceProtocol, bytes, list[LoggedIn | Refused]]] = {
    "icecast to put": (SourceProtocol.PUT, b"HTTP/1.1 100 Continue\r\n\r\n", [LoggedIn()]),
    "harbor to put": (SourceProtocol.PUT, b"HTTP/1.1 200 OK\r\n\r\n", [LoggedIn()]),
    "to source": (SourceProtocol.SOURCE, b"HTTP/1.0 200 OK\r\n\r\n", [LoggedIn()]),
    "old server": (SourceProtocol.SOURCE, b"ICY 200 OK\r\n\r\n", [LoggedIn()]),
    "bare line feeds": (SourceProtocol.SOURCE, b"HTTP/1.0 200 OK\n\n", [LoggedIn()]),
    "wrong password": (
        SourceProtocol.PUT,
        b"HTTP/1.0 401 Authentication Required\r\nContent-Length: 4\r\n\r\nnone",
        [Refused(401, "Authentication Required")],
    ),
    "mount in use behind 100": (
        SourceProtocol.PUT,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 403 Mountpoint in use\r\n\r\n",
        [Refused(403, "Mountpoint in use")],
    ),
    "the end of put": (
        SourceProtocol.PUT,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n",
        [LoggedIn()],
    ),
    "shoutcast": (SourceProtocol.SHOUTCAST, b"OK2\r\nicy-caps:11\r\n\r\n", [LoggedIn()]),
    "shoutcast, wrong password": (
        SourceProtocol.SHOUTCAST,
        b"invalid password\r\n",
        [Refused(401, "invalid password")],
    ),
    "shoutcast, in use": (SourceProtocol.SHOUTCAST, b"stream in use\r\n", [Refused(0, "stream in use")]),
}


@pytest.mark.parametrize("name", list(ANSWERS))
def test_answers_however_they_are_split(name: str) -> None:
    protocol, answer, expected = ANSWERS[name]
    for pieces in every_split(answer):
        made = client(protocol)
        found = [event for event in map(made.receive_data, pieces) if event is not None]
        # 100 and a refusal in one piece are a refusal; apart, the server let us in for a moment.
        assert found[-len(expected) :] == expected, pieces
        assert all(event == LoggedIn() for event in found[: -len(expected)])


def test_shoutcast_sends_the_password_and_then_its_headers() -> None:
    made = SourceClient(SourceProtocol.SHOUTCAST, LOGIN)
    assert made.data_to_send() == "geheim-ß\r\n".encode()
    assert made.receive_data(b"OK2\r\nicy-caps:11\r\n\r\n") == LoggedIn()
    assert made.data_to_send().decode().split("\r\n") == [
        "icy-name:Žofie FM",
        "icy-description:Ein schönes Radio",
        "icy-genre:Chanson",
        "icy-url:https://radio.example/",
        "icy-pub:1",
        "icy-br:128",
        "content-type:audio/mpeg",
        "",
        "",
    ]


@pytest.mark.parametrize("protocol", list(SourceProtocol))
def test_an_answer_that_is_none_is_told(protocol: SourceProtocol) -> None:
    with pytest.raises(ProtocolError):
        client(protocol).receive_data(b"\x16\x03\x01" * 200 + b"\r\n\r\n")


def test_only_put_may_go_unanswered_and_only_before_its_answer() -> None:
    assert not client(SourceProtocol.SOURCE).may_go_unanswered
    made = client(SourceProtocol.PUT)
    assert made.may_go_unanswered
    made.receive_data(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert not made.may_go_unanswered


def test_a_request_for_a_title() -> None:
    head = RequestReader().receive_data(title_request(SourceProtocol.PUT, LOGIN, TITLE))
    assert head is not None
    assert head.target == (
        b"/admin/metadata?mount=%2Flive.mp3&mode=updinfo&charset=UTF-8"
        b"&song=Bj%C3%B6rk%20%E2%80%93%20J%C3%B3ga%20%26%20Co%3F&url=https%3A%2F%2Fradio.example%2Fnow"
    )
    assert head.headers.get("Authorization") == "Basic c291cmNlOmdlaGVpbS3Dnw=="


@pytest.mark.parametrize("protocol", list(SourceProtocol))
def test_our_own_source_server_understands_it(protocol: SourceProtocol) -> None:
    server = EncoderConnection(Credentials(LOGIN.password), "cp1252")
    made = SourceClient(protocol, LOGIN)
    server.receive_data(made.data_to_send())
    asks = server.next_event()
    assert isinstance(asks, SourceAsks)
    server.accept()
    events: list[SourceEvent] = []
    while not any(isinstance(event, SourceBegins) for event in events):
        answered = made.receive_data(server.data_to_send())
        assert answered in (LoggedIn(), None)
        server.receive_data(made.data_to_send())
        while (event := server.next_event()) is not None:
            events.append(event)
    (begins,) = events
    assert isinstance(begins, SourceBegins)
    assert begins.headers.get("content-type") == "audio/mpeg"


@pytest.mark.parametrize("protocol", list(SourceProtocol))
def test_our_own_source_server_takes_the_title(protocol: SourceProtocol) -> None:
    server = EncoderConnection(Credentials(LOGIN.password), "cp1252")
    server.receive_data(title_request(protocol, LOGIN, TITLE))
    set_ = server.next_event()
    assert isinstance(set_, TitleSet)
    assert set_.title == TITLE


@given(st.lists(st.binary(max_size=60), max_size=20), st.sampled_from(list(SourceProtocol)))
def test_whatever_a_server_says_ends_in_an_event_or_a_documented_error(
    pieces: list[bytes], protocol: SourceProtocol
) -> None:
    made = client(protocol)
    try:
        for piece in pieces:
            made.receive_data(piece)
    except ProtocolError:
        pass


def test_the_password_is_not_in_what_is_shown() -> None:
    assert "geheim" not in repr(LOGIN)
