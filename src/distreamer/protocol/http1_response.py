"""Reads the response to an HTTP/1 request: head, body, end.

The head is read by the tolerant reader of ``http1``. What it says about the length of the body is then given to
h11, which does the framing (RFC 9112, section 6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

import h11

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import HeadBuffer, Headers, ResponseHead, parse_response, shown

_FIRST_WORDS = (b"HTTP/", b"HTTP ", b"ICY ", b"ICY\t")


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes of the body, in order, freed from chunking."""

    data: bytes


@dataclass(frozen=True, slots=True)
class EndOfBody:
    """Nothing follows."""

    problem: str = ""
    """Why the body is not complete, in words; empty when it is."""


ResponseEvent = ResponseHead | Body | EndOfBody


class _State(Enum):
    HEAD = auto()
    BODY = auto()
    ENDED = auto()


class ResponseReader:
    """Reads the one response on a connection that is used once.

    ``receive_data`` and ``receive_eof`` give the events that the bytes complete: one ResponseHead, any number of
    Body, one EndOfBody. Interim responses (1xx) are skipped; what a server sends behind the end is ignored.
    """

    def __init__(self, method: str = "GET") -> None:
        self._method = method
        self._state = _State.HEAD
        self._head = HeadBuffer("answer")
        self._framing = h11.Connection(h11.CLIENT)

    def receive_data(self, data: bytes) -> list[ResponseEvent]:
        """Raises ProtocolError for what is no HTTP answer; a fault in the body only ends it, so that nothing
        is lost."""
        events: list[ResponseEvent] = []
        if self._state is _State.HEAD:
            self._head.add(data)
            data = self._read_head(events)
        if self._state is _State.BODY and data:
            self._read_body(data, events)
        return events

    def receive_eof(self) -> list[ResponseEvent]:
        """The server ended the connection. Raises ProtocolError when it did so before the head was whole."""
        events: list[ResponseEvent] = []
        if self._state is _State.HEAD:
            where = "without an answer" if self._head.is_empty else "in the middle of the head of its answer"
            raise ProtocolError(f"the server closed the connection {where}")
        if self._state is _State.BODY:
            self._read_body(b"", events)
        return events

    def _read_head(self, events: list[ResponseEvent]) -> bytes:
        """Gives what follows the head."""
        while True:
            beginning = self._head.beginning.upper()
            if not any(beginning[: len(word)] == word[: len(beginning)] for word in _FIRST_WORDS):
                raise ProtocolError(f"this is no HTTP answer; it begins with {shown(self._head.beginning)}")
            lines = self._head.take()
            if lines is None:
                return b""
            head = parse_response(lines)
            rest = self._head.rest()
            if head.status < 200:
                self._head.add(rest)
                continue
            events.append(head)
            self._state = _State.BODY
            self._frame_like(head, events)
            return rest

    def _frame_like(self, head: ResponseHead, events: list[ResponseEvent]) -> None:
        """Puts h11 behind a head with the same status and length, without what it would refuse."""
        self._framing.send(h11.Request(method=self._method, target="/", headers=[("Host", "peer")]))
        self._framing.send(h11.EndOfMessage())
        lines = [f"HTTP/1.1 {head.status} ", *_length_fields(head.headers), "", ""]
        self._framing.receive_data("\r\n".join(lines).encode("ascii"))
        self._framing.next_event()
        self._next_events(events, at_eof=False)

    def _read_body(self, data: bytes, events: list[ResponseEvent]) -> None:
        self._framing.receive_data(data)
        self._next_events(events, at_eof=not data)

    def _next_events(self, events: list[ResponseEvent], at_eof: bool) -> None:
        while self._state is _State.BODY:
            try:
                event = self._framing.next_event()
            except h11.RemoteProtocolError as error:
                fault = "it ended before its announced length" if at_eof else f"its chunks are broken ({error})"
                self._end(events, fault)
                return
            if isinstance(event, h11.Data):
                events.append(Body(bytes(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                self._end(events)
            else:
                return

    def _end(self, events: list[ResponseEvent], problem: str = "") -> None:
        events.append(EndOfBody(problem))
        self._state = _State.ENDED


def _length_fields(headers: Headers) -> list[str]:
    """Only what is valid: a live stream with a nonsensical length goes on until the connection ends."""
    if headers.tokens("transfer-encoding") == ["chunked"]:
        return ["Transfer-Encoding: chunked"]
    lengths = set(headers.tokens("content-length"))
    if len(lengths) == 1 and re.fullmatch(r"[0-9]{1,20}", length := lengths.pop()):
        return [f"Content-Length: {length}"]
    return []
