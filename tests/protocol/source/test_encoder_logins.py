"""How every kind of encoder logs in, however its bytes are cut: what it is answered, and what audio comes of it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.protocol.http1 import MAXIMUM_HEAD_BYTES, ResponseHead
from distreamer.protocol.http1_response import ResponseReader
from distreamer.protocol.source.credentials import Credentials
from distreamer.protocol.source.events import (
    AudioData,
    Dialect,
    Misunderstood,
    PasswordRefused,
    SourceEnded,
    SourceEvent,
)
from tests.support.encoder_conversation import AUDIO, Conversation, basic
from tests.support.splitting import every_split, pieces


def chunked(data: bytes, size: int = 100) -> bytes:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in cut) + b"0\r\n\r\n"


OK2 = b"OK2\r\nicy-caps:11\r\n\r\n"
SOURCE_OK = b"HTTP/1.0 200 OK\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PUT = b"PUT /live.mp3 HTTP/1.1\r\nHost: a\r\n"

LOGINS = {
    "shoutcast": (b"hack:me\r\nicy-name:N\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, bare line feeds (libshout)": (b"hack:me\nicy-name:N\n\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, a blank line more (Rocket Broadcaster)": (b"hack:me\r\nicy-name:N\r\n\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, user": (b"dj:hack:me\r\nicy-name:N\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, stream number (DNAS 2)": (b"hack:me:#1\r\nicy-name:N\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, user and stream number": (b"dj:hack:me:#12\r\nicy-name:N\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "shoutcast, mount (Icecast-KH)": (b"/live:hack:me\r\nicy-name:N\r\n\r\n", OK2, Dialect.SHOUTCAST),
    "xaudiocast": (b"SOURCE hack:me /live\nx-audiocast-name: N\n\n", b"OK\r\n", Dialect.XAUDIOCAST),
    "SOURCE": (b"SOURCE /l HTTP/1.0\r\n" + basic() + b"ice-name: N\r\n\r\n", SOURCE_OK, Dialect.SOURCE),
    "SOURCE, ICE": (b"SOURCE /l ICE/1.0\n" + basic() + b"ice-name: N\n\n", SOURCE_OK, Dialect.SOURCE),
    "SOURCE, mixed line ends (darkice)": (
        b"SOURCE /l HTTP/1.0\nContent-type: audio/mpeg\n" + basic().strip() + b"\nice-name: N\r\n\r\n",
        SOURCE_OK,
        Dialect.SOURCE,
    ),
    "PUT": (PUT + basic() + b"Ice-Name: N\r\n\r\n", b"", Dialect.PUT),
    "PUT, Expect (ffmpeg)": (PUT + basic() + b"Ice-Name: N\r\nExpect: 100-continue\r\n\r\n", CONTINUE, Dialect.PUT),
    "PUT, identity": (PUT + basic() + b"Ice-Name: N\r\nTransfer-Encoding: identity\r\n\r\n", b"", Dialect.PUT),
    "PUT, nonsensical length": (PUT + basic() + b"Ice-Name: N\r\nContent-Length: -1\r\n\r\n", b"", Dialect.PUT),
}


@pytest.mark.parametrize("kind", list(LOGINS))
def test_every_login(kind: str) -> None:
    login, answer, dialect = LOGINS[kind]
    for parts in every_split(login + AUDIO):
        heard = Conversation().hear(parts)
        assert heard.sent == answer
        assert [(one.dialect, one.headers.get("icy-name") or one.headers.get("ice-name")) for one in heard.begun] == [
            (dialect, "N")
        ]
        assert heard.audio == AUDIO
        assert heard.machine.receive_eof() == SourceEnded()
        assert heard.machine.is_over


@pytest.mark.parametrize("kind", list(LOGINS))
def test_an_encoder_that_waits_for_its_answer_before_it_goes_on(kind: str) -> None:
    login, answer, _ = LOGINS[kind]
    end = login.index(b"\n") + 1 if answer == OK2 else len(login)
    heard = Conversation().hear([login[:end]])
    assert heard.sent == answer
    assert heard.hear([login[end:], AUDIO]).audio == AUDIO


@pytest.mark.parametrize(
    ("login", "user"),
    [
        (b"hack:me\n\n", "source"),
        (b"dj:hack:me\n\n", "dj"),
        (b"dj:hack:me:#1\n\n", "dj"),
        (b"SOURCE dj:hack:me /live\n\n", "dj"),
        (b"SOURCE / HTTP/1.0\r\n" + basic("dj") + b"\r\n", "dj"),
        (b"SOURCE / HTTP/1.0\r\n" + basic("") + b"\r\n", "source"),
    ],
)
def test_the_user_tells_encoders_apart(login: bytes, user: str) -> None:
    assert Conversation().hear([login]).user == user


def test_icy_headers_that_concern_nobody_are_left_to_the_description() -> None:
    login = b"hack:me\nicy-metaint:8192\nicy-reset:1\nicy-prebuffer:0\nicy-br:128\ncontent-type:audio/aacp\n\n"
    heard = Conversation().hear([login + AUDIO])
    assert heard.begun[0].headers.get("content-type") == "audio/aacp"
    assert heard.audio == AUDIO


def test_a_shoutcast_encoder_without_any_header() -> None:
    assert Conversation().hear([b"hack:me\r\n", b"\r\n", AUDIO]).audio == AUDIO


FRAMED = {
    "chunked": (b"Transfer-Encoding: chunked\r\n\r\n" + chunked(AUDIO), b""),
    "chunked, capitals": (b"transfer-encoding: CHUNKED\r\n\r\n" + chunked(AUDIO, 7), b""),
    "length": (b"Content-Length: %d\r\n\r\n" % len(AUDIO) + AUDIO, b""),
    "chunked, Expect (curl)": (
        b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(AUDIO),
        CONTINUE,
    ),
}


@pytest.mark.parametrize("kind", list(FRAMED))
def test_a_put_with_a_framed_body_is_answered_at_its_end(kind: str) -> None:
    rest, answer = FRAMED[kind]
    for parts in every_split(PUT + basic() + rest):
        heard = Conversation().hear(parts)
        assert heard.audio == AUDIO
        assert heard.events[-1] == SourceEnded()
        assert heard.sent.startswith(answer + b"HTTP/1.1 200 OK\r\n")
        assert heard.machine.is_over


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", "it ended before its announced length"),
        (b"Content-Length: 10\r\n\r\nabc", "it ended before its announced length"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", "its chunks are broken"),
    ],
)
def test_a_framed_body_that_breaks_off_keeps_what_came(rest: bytes, problem: str) -> None:
    heard = Conversation().hear([PUT + basic() + rest], eof=True)
    assert heard.audio == b"abc"
    end = heard.events[-1]
    assert isinstance(end, SourceEnded)
    assert end.problem.startswith(problem)


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b"chunked, chunked"])
def test_other_transfer_encodings_are_not_served(coding: bytes) -> None:
    for parts in every_split(PUT + basic() + b"Transfer-Encoding: " + coding + b"\r\n\r\n"):
        heard = Conversation().hear(parts)
        assert heard.status == 501
        assert isinstance(heard.events[-1], Misunderstood)
        assert heard.machine.is_over


WRONG = {
    "shoutcast": (b"wrong\r\n", b"invalid password\r\n"),
    "shoutcast, user": (b"hack:you\r\n", b"invalid password\r\n"),
    "xaudiocast": (b"SOURCE wrong /live\n", b"ERROR - Bad Password\r\n"),
}


@pytest.mark.parametrize("kind", list(WRONG))
def test_a_wrong_password_in_a_line(kind: str) -> None:
    line, answer = WRONG[kind]
    for parts in every_split(line + b"icy-name:x\r\n\r\n" + AUDIO):
        heard = Conversation().hear(parts)
        assert heard.sent == answer
        assert [type(event) for event in heard.events] == [PasswordRefused]
        assert heard.machine.is_over
        assert heard.machine.may_have_unread


@pytest.mark.parametrize("method", [b"SOURCE / HTTP/1.0", b"SOURCE / ICE/1.0", b"PUT / HTTP/1.1"])
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_a_wrong_password_over_http(method: bytes, expect: bytes) -> None:
    for credentials in (basic(password="wrong"), b"Authorization: Basic %%%\r\n", b"Authorization: Digest x\r\n"):
        heard = Conversation().hear([method + b"\r\n" + credentials + expect + b"\r\n", AUDIO])
        # Nothing comes before the 401: behind "100 Continue", libshout would take itself for logged in.
        assert heard.status == 401
        assert heard.sent.count(b"HTTP/") == 1
        assert b"WWW-Authenticate: Basic" in heard.sent
        assert [type(event) for event in heard.events] == [PasswordRefused]
        assert heard.machine.is_over


@pytest.mark.parametrize(
    ("login", "answer"),
    [
        (b"hack:me\n", b"stream in use\r\n"),
        (b"SOURCE hack:me /live\n\n", b"ERROR - Mount Point Taken or Invalid\r\n"),
    ],
)
def test_another_source_is_on_air_in_a_line(login: bytes, answer: bytes) -> None:
    heard = Conversation(busy=True).hear([login, AUDIO])
    assert heard.sent == answer
    assert heard.begun == []
    assert heard.machine.is_over


@pytest.mark.parametrize("method", [b"SOURCE / HTTP/1.0", b"PUT / HTTP/1.1"])
def test_another_source_is_on_air_over_http(method: bytes) -> None:
    heard = Conversation(busy=True).hear([method + b"\r\nExpect: 100-continue\r\n" + basic() + b"\r\n", AUDIO])
    # 403 and never 401, after which butt gives up for good.
    assert heard.status == 403
    assert heard.sent.count(b"Mountpoint in use") == 2
    assert heard.begun == []
    assert heard.machine.is_over


PROBE = b"SOURCE /live HTTP/1.0\r\nHost: a:1\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\nice-public: 0\r\n\r\n"


@pytest.mark.parametrize("probe", [PROBE, PROBE.replace(b"SOURCE", b"PUT").replace(b"1.0", b"1.1")])
def test_the_probe_of_libshout_keeps_its_connection(probe: bytes) -> None:
    login = PUT + basic() + b"Expect: 100-continue\r\n\r\n"
    heard = Conversation().hear([probe])
    (head,) = [event for event in ResponseReader().receive_data(heard.sent) if isinstance(event, ResponseHead)]
    assert head.status == 401
    assert head.headers.tokens("allow") == ["source", "put", "post", "get", "head", "options"]
    assert head.headers.get("connection") == "keep-alive"
    assert int(head.headers.get("content-length")) == len(heard.sent.partition(b"\r\n\r\n")[2])
    answer = heard.sent
    for parts in every_split(probe + login + AUDIO):
        heard = Conversation().hear(parts)
        assert heard.sent == answer + CONTINUE
        assert heard.audio == AUDIO
        assert not any(isinstance(event, PasswordRefused) for event in heard.events)


def test_a_probe_with_the_password_does_not_take_the_air() -> None:
    heard = Conversation().hear([PUT + basic() + b"Content-Length: 0\r\n\r\n"])
    assert heard.status == 200
    assert heard.begun == []
    assert not heard.machine.is_over


def test_a_probe_that_cannot_be_kept_is_closed() -> None:
    heard = Conversation().hear([b"SOURCE /live HTTP/1.0\r\nContent-Length: 0\r\n\r\n"])
    assert heard.status == 401
    assert heard.machine.is_over
    assert not heard.machine.may_have_unread


def test_the_poke_of_libshout_is_no_password() -> None:
    for parts in every_split(b"!POKE\nicy-name:libshout server poke request\n\n"):
        heard = Conversation().hear(parts)
        assert heard.sent == b"invalid password\r\n"
        assert not any(isinstance(event, PasswordRefused) for event in heard.events)
        assert heard.machine.is_over


@pytest.mark.parametrize("line", [b"anything\n", b"\n"])
def test_no_password_is_needed_where_none_is_set(line: bytes) -> None:
    heard = Conversation(password="").hear([line + b"icy-name:N\n\n" + AUDIO])
    assert heard.sent == OK2
    assert heard.begun[0].headers.get("icy-name") == "N"
    assert Conversation(password="").hear([b"SOURCE / HTTP/1.0\r\n\r\n", AUDIO]).audio == AUDIO
    assert Conversation(password="").hear([PROBE]).status == 200


@pytest.mark.parametrize("given", ["pässword".encode(), "pässword".encode("latin-1")])
def test_a_password_beyond_ascii(given: bytes) -> None:
    assert Conversation(password="pässword").hear([given + b"\n\n", AUDIO]).audio == AUDIO
    authorization = b"Authorization: basic " + base64.b64encode(b"source:" + given) + b"\r\n"
    assert Conversation(password="pässword").hear([PUT + authorization + b"\r\n", AUDIO]).audio == AUDIO


def test_the_password_is_not_shown() -> None:
    assert repr(Credentials("secret")) == "Credentials()"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", "it speaks TLS, which needs CERTFILE and KEYFILE here"),
        (b"GET /old\r\n\r\n", "this is no HTTP request"),
        (b"a" * (MAXIMUM_HEAD_BYTES + 1), "the first line is longer than 65536 bytes"),
        (b"hack:me\n" + b"icy-name:x\n" * 6000, "the headers are longer than 65536 bytes"),
        (b"GET / HTTP/1.0\r\n" + b"x: y\r\n" * 12_000, "the head of the request is longer"),
    ],
)
def test_what_no_encoder_sends(data: bytes, reason: str) -> None:
    for size in (1000, len(data)):
        heard = Conversation().hear([data[at : at + size] for at in range(0, len(data), size)])
        assert isinstance(heard.events[-1], Misunderstood)
        assert reason in heard.events[-1].reason
        assert heard.machine.is_over


def test_nothing_is_kept_behind_the_end() -> None:
    heard = Conversation().hear([b"wrong\n", *[bytes(60_000)] * 3])
    assert [type(event) for event in heard.events] == [PasswordRefused]
    assert heard.machine.next_event() is None


BEGINNINGS = [
    b"hack:me\n",
    b"SOURCE hack:me /x\n",
    PUT,
    b"SOURCE / ICE/1.0\n",
    b"POST /admin.cgi HTTP/1.1\r\n",
    b"",
    PROBE,
]
LINES = [
    basic(),
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 3\r\n",
    b"Expect: 100-continue\r\n",
    b"\r\n",
    b"\n",
]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_bytes_in_any_cut_come_to_the_same(data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.sampled_from(LINES) | st.binary(max_size=20), max_size=8))
    stream = data.draw(st.sampled_from(BEGINNINGS)) + b"".join(parts)

    def outcome(cut: list[bytes]) -> tuple[bytes, bytes, list[SourceEvent]]:
        heard = Conversation().hear(cut, eof=True)
        return heard.audio, heard.sent, [event for event in heard.events if not isinstance(event, AudioData)]

    assert outcome(data.draw(pieces(stream))) == outcome([stream])
