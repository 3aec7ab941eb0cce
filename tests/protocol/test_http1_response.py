"""Answers of every kind of server: Icecast, DNAS, CDNs, proxies, and what is broken."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import Headers, ResponseHead
from distreamer.protocol.http1_response import Body, EndOfBody, ResponseEvent, ResponseReader
from tests.support.splitting import every_split, pieces


def read(parts: list[bytes], method: str = "GET") -> list[ResponseEvent]:
    """All events of a connection that ends behind ``parts``, with neighbouring Body events made one."""
    reader = ResponseReader(method)
    events = [event for part in parts for event in reader.receive_data(part)]
    events += reader.receive_eof()
    out: list[ResponseEvent] = []
    for event in events:
        if isinstance(event, Body) and out and isinstance(out[-1], Body):
            out[-1] = Body(out[-1].data + event.data)
        else:
            out.append(event)
    return out


AUDIO = bytes(range(256))


def head(status: int = 200, reason: str = "OK", version: str = "1.0", **fields: str) -> ResponseHead:
    named = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return ResponseHead(status, reason, version, Headers(named))


@pytest.mark.parametrize(
    ("data", "events"),
    [
        pytest.param(
            b"HTTP/1.0 200 OK\r\nicy-br: 128\r\n\r\n" + AUDIO,
            [head(icy_br="128"), Body(AUDIO), EndOfBody()],
            id="icecast",
        ),
        pytest.param(
            b"ICY 200 OK\r\nicy-br:128\r\n\r\n" + AUDIO,
            [head(icy_br="128"), Body(AUDIO), EndOfBody()],
            id="dnas",
        ),
        pytest.param(
            b"icy 200 OK\nicy-br:128\n\n" + AUDIO,
            [head(icy_br="128"), Body(AUDIO), EndOfBody()],
            id="bare-line-feeds",
        ),
        pytest.param(
            b"\r\n\r\nHTTP/1.1 200\r\n\r\n\n\n" + AUDIO,
            [head(reason="", version="1.1"), Body(b"\n\n" + AUDIO), EndOfBody()],
            id="no-reason-and-audio-that-begins-with-line-feeds",
        ),
        pytest.param(b"HTTP 200 OK\r\n\r\nx", [head(), Body(b"x"), EndOfBody()], id="no-version"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef",
            [head(version="1.1", content_length="3"), Body(b"abc"), EndOfBody()],
            id="content-length",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
            [
                head(version="1.1", content_length="9"),
                Body(b"abc"),
                EndOfBody("it ended before its announced length"),
            ],
            id="cut-off",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nmore",
            [head(version="1.1", transfer_encoding="Chunked"), Body(b"abcde"), EndOfBody()],
            id="chunked",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nabc",
            [head(version="1.1", transfer_encoding="identity"), Body(b"abc"), EndOfBody()],
            id="identity",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\ncontent-length: -1\r\n\r\nabc",
            [head(content_length="-1"), Body(b"abc"), EndOfBody()],
            id="nonsensical-length",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\ncontent-length: 1, 2\r\n\r\nabc",
            [head(content_length="1, 2"), Body(b"abc"), EndOfBody()],
            id="two-lengths",
        ),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc",
            [head(version="1.1"), Body(b"abc"), EndOfBody()],
            id="interim",
        ),
        pytest.param(
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
            [head(304, "Not Modified", "1.1", content_length="9"), EndOfBody()],
            id="no-body",
        ),
    ],
)
def test_answers(data: bytes, events: list[ResponseEvent]) -> None:
    for split in every_split(data):
        assert read(split) == events, str(split)


def test_broken_chunks_end_the_body_and_keep_what_came() -> None:
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
    for split in every_split(data):
        events = read(split)
        assert events[1] == Body(b"abc")
        assert isinstance(events[2], EndOfBody)
        assert "chunks are broken" in events[2].problem


def test_a_head_request_has_no_body() -> None:
    assert read([b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n"], "HEAD")[1:] == [EndOfBody()]


@pytest.mark.parametrize("data", [b"HTTP/1.0 2x0 OK\r\n\r\n", b"HTTP/1.0\r\n\r\n", b"HTTPS/1 200 OK\r\n\r\n"])
def test_what_is_no_status_line(data: bytes) -> None:
    for split in every_split(data):
        with pytest.raises(ProtocolError, match="no HTTP"):
            read(split)


@pytest.mark.parametrize("data", [b"\xff\xfb\x90\x00", b"<html>", b"invalid password\r\n", b"HTML", b"ICYX"])
def test_another_protocol_is_told_at_once(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="no HTTP answer; it begins with"):
        ResponseReader().receive_data(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "without an answer"),
        (b"\r\n", "without an answer"),
        (b"HTT", "in the middle of the head"),
        (b"HTTP/1.0 200 OK\r\nicy-br: 128\r\n", "in the middle of the head"),
    ],
)
def test_a_connection_that_ends_too_soon(data: bytes, words: str) -> None:
    for split in every_split(data):
        with pytest.raises(ProtocolError, match=words):
            read(split)


def test_a_head_has_a_bound() -> None:
    with pytest.raises(ProtocolError, match="the head of the answer is longer than 65536 bytes"):
        ResponseReader().receive_data(b"HTTP/1.0 200 OK\r\nX: " + b"a" * 65_536)


def test_audio_may_come_with_the_head_in_any_amount() -> None:
    audio = b"a" * 200_000
    assert read([b"HTTP/1.0 200 OK\r\n\r\n" + audio])[1] == Body(audio)


FRAGMENTS = [b"HTTP/1.1 ", b"200 OK", b"100", b"\r\n", b"\n", b"\r\n\r\n", b"Transfer-Encoding: chunked", b"5\r\nabcde"]
FRAGMENTS += [b"Content-Length: 3", b"0\r\n", b"\x00\xff", b"ICY 200 OK\r\n", b"ffffffffffffffffffff", b"abc", b": "]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=20)), max_size=12), st.data())
def test_any_bytes_give_events_or_a_documented_error_however_cut(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"HTTP/1.1 200 OK\r\n" + b"".join(parts)

    def outcome(split: list[bytes]) -> object:
        try:
            events = read(split)
        except ProtocolError:
            return "refused"
        # The words of h11 about a broken chunk may depend on the cut; that it is broken may not.
        problems = [bool(event.problem) for event in events if isinstance(event, EndOfBody)]
        return [event for event in events if not isinstance(event, EndOfBody)], problems

    assert outcome(data.draw(pieces(stream))) == outcome([stream])


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_beginning_gives_events_or_a_documented_error(stream: bytes) -> None:
    with suppress(ProtocolError):
        read([stream])
