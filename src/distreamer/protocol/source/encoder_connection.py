"""The server's end of an encoder's connection, from the first bytes to the last of the audio.

One machine speaks all dialects, told apart by the first line: SHOUTcast 1 (a password line), xaudiocast
(``SOURCE password /mount``) and HTTP (``SOURCE``, ``PUT``, titles, probes; any number of requests until one brings
audio). The names of the mount and of the stream are not looked at: there is one programme.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import (
    MAXIMUM_HEAD_BYTES,
    Headers,
    RequestHead,
    RequestReader,
    parse_fields,
)
from distreamer.protocol.source import replies
from distreamer.protocol.source.administration import Outcome, answer, answered, unauthorized
from distreamer.protocol.source.body import BodyReader
from distreamer.protocol.source.credentials import DEFAULT_USER, Credentials
from distreamer.protocol.source.events import (
    Answered,
    AudioData,
    Dialect,
    Misunderstood,
    PasswordRefused,
    SourceAsks,
    SourceBegins,
    SourceEnded,
    SourceEvent,
    StatsAsked,
)

MAXIMUM_FORM_BYTES = 65_536
"""Of a title that is posted."""

_HTTP_LINE = re.compile(rb"(?:GET|HEAD|POST|PUT|OPTIONS)\s+[/*].*|[A-Z]+\s.*\s(?:HTTP|ICE)/[0-9.]+\s*", re.IGNORECASE)
_XAUDIOCAST_LINE = re.compile(rb"SOURCE\s+(\S+)\s+/.*", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_POKE = b"!POKE"
"""libshout's first line when it only wants to know whether SHOUTcast 1 is spoken."""
_TLS_HANDSHAKE = b"\x16"


class _State(Enum):
    OPENING = auto()
    """The first line decides on the dialect."""
    FIELDS = auto()
    """icy or x-audiocast headers."""
    REQUEST = auto()
    """The head of an HTTP request."""
    FORM = auto()
    """The body of a request that brings no audio."""
    ASKED = auto()
    """The host has to answer."""
    BEGINS = auto()
    AUDIO = auto()
    OVER = auto()
    """Nothing that comes means anything any more."""


class _Need(Enum):
    """What a step needs before it can be done again."""

    BYTES = auto()
    NOTHING = auto()


_Step = SourceEvent | _Need
_MORE: Final = _Need.BYTES
_ON: Final = _Need.NOTHING


class EncoderConnection:
    """``receive_data`` takes bytes, ``next_event`` gives what they bring until it gives None, ``data_to_send`` what
    must be written. It raises nothing: bad input becomes an event and the fitting answer."""

    def __init__(self, credentials: Credentials, charset: str) -> None:
        self.may_have_unread = False
        """Whether the encoder may still be sending when the connection is over; closed at once, it might lose the
        answer."""
        self._credentials = credentials
        self._charset = charset
        self._state = _State.OPENING
        self._dialect = Dialect.SHOUTCAST
        self._buffer = bytearray()
        self._outgoing = bytearray()
        self._headers = Headers()
        self._user: str | None = None
        self._request: RequestHead | None = None
        self._reader = RequestReader()
        self._body: BodyReader | None = None
        self._form = bytearray()
        self._skips_blank = False

    @property
    def is_over(self) -> bool:
        """Whether the connection is to be closed, when all is written."""
        return self._state is _State.OVER

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def receive_eof(self) -> SourceEvent | None:
        """The encoder ended the connection; all that came before was taken out."""
        is_source = self._state is _State.AUDIO
        self._state = _State.OVER
        if not is_source:
            return None
        if self._body is None:
            return SourceEnded()
        self._body.end()
        return SourceEnded(self._body.problem)

    def next_event(self) -> SourceEvent | None:
        """What comes next; None when there is nothing more in what was received."""
        while True:
            step = _STEPS[self._state](self)
            if step is _MORE:
                return None
            if not isinstance(step, _Need):
                return step

    def data_to_send(self) -> bytes:
        """Given once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    # -- what the host answers

    def accept(self) -> None:
        """The one who asked becomes the source."""
        if self._dialect is Dialect.SHOUTCAST:
            self._outgoing += replies.SHOUTCAST_WELCOME
            self._state = _State.FIELDS
            return
        self._state = _State.BEGINS
        if self._dialect is Dialect.XAUDIOCAST:
            self._outgoing += replies.XAUDIOCAST_WELCOME
        elif self._dialect is Dialect.SOURCE:
            self._outgoing += replies.SOURCE_WELCOME
        elif "100-continue" in self._headers.tokens("expect"):
            # Without Expect nothing is sent before the end, as Icecast does it.
            self._outgoing += replies.CONTINUE

    def refuse(self) -> None:
        """Another source is on air. Never 401, after which encoders give up for good (butt)."""
        if self._dialect is Dialect.SHOUTCAST:
            self._outgoing += replies.SHOUTCAST_IN_USE
        elif self._dialect is Dialect.XAUDIOCAST:
            self._outgoing += replies.XAUDIOCAST_IN_USE
        else:
            self._outgoing += replies.reply(self._request, 403, "Mountpoint in use")
        self._end()

    def tell_stats(self, *, is_connected: bool) -> None:
        """Answers StatsAsked."""
        assert self._request is not None
        keep = replies.keeps_alive(self._request)
        self._outgoing += replies.stats(self._request, is_connected=is_connected, keep=keep)
        self._next_request(keep=keep)

    # -- steps

    def _open(self) -> _Step:
        if not self._credentials.is_open:
            _strip_blank(self._buffer)
        if self._buffer[:1] == _TLS_HANDSHAKE:
            self._end(may_have_unread=False)
            return Misunderstood("it speaks TLS, which needs CERTFILE and KEYFILE here")
        end = self._buffer.find(b"\n")
        if end < 0:
            return self._bounded("the first line is")
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        if _HTTP_LINE.fullmatch(line):
            self._state = _State.REQUEST
            return _ON
        del self._buffer[: end + 1]
        found = _XAUDIOCAST_LINE.fullmatch(line)
        if found is None:
            return self._password_line(line)
        self._dialect = Dialect.XAUDIOCAST
        self._user = self._credentials.of_line(found[1])
        if self._user is None:
            self._outgoing += replies.XAUDIOCAST_WRONG_PASSWORD
            self._end()
            return PasswordRefused("SOURCE (xaudiocast)")
        self._state = _State.FIELDS
        return _ON

    def _password_line(self, line: bytes) -> _Step:
        user = None if line == _POKE else self._credentials.of_line(line)
        if user is not None:
            return self._ask(user)
        self._outgoing += replies.SHOUTCAST_WRONG_PASSWORD
        self._end()
        return Answered("!POKE", 401) if line == _POKE else PasswordRefused("SHOUTcast 1")

    def _read_fields(self) -> _Step:
        end = _BLANK_LINE.search(self._buffer)
        if end is None:
            return self._bounded("the headers are")
        lines = bytes(self._buffer[: end.start()]).split(b"\n")
        del self._buffer[: end.end()]
        self._headers = parse_fields([line.rstrip(b"\r") for line in lines])
        if self._dialect is Dialect.XAUDIOCAST:
            renamed = ((name.lower().replace("x-audiocast-", "ice-"), value) for name, value in self._headers)
            self._headers = Headers(renamed)
            return self._ask(self._user or DEFAULT_USER)
        # Rocket Broadcaster sends one blank line more before its audio.
        self._skips_blank = True
        self._state = _State.BEGINS
        return _ON

    def _read_request(self) -> _Step:
        data = bytes(self._buffer)
        self._buffer.clear()
        try:
            request = self._reader.receive_data(data)
        except ProtocolError as error:
            # Without the line itself, in which a password may stand.
            return self._misunderstood(None, 400, re.split("[:;]", str(error))[0])
        if request is None:
            return _MORE
        self._buffer += self._reader.rest()
        self._request, self._headers = request, request.headers
        brings_audio = request.method in {"SOURCE", "PUT"}
        try:
            self._body = BodyReader(request, is_endless=brings_audio)
        except ProtocolError as error:
            return self._misunderstood(request, 501, str(error))
        if brings_audio:
            return self._source_request(request, self._body)
        if not self._body.is_empty and "100-continue" in request.headers.tokens("expect"):
            self._outgoing += replies.CONTINUE
        self._state = _State.FORM
        return _ON

    def _source_request(self, request: RequestHead, body: BodyReader) -> _Step:
        # libshout asks with no body and no password first, and looks at the answer's Allow.
        keep = body.is_empty and replies.keeps_alive(request)
        authorization = request.headers.get("authorization")
        user = self._credentials.of_basic(authorization)
        if user is None:
            # Who expects 100 gets 401 instead (RFC 9110, section 10.1.1): behind a 100, libshout would overlook it.
            return self._answered(request, unauthorized(request, request.method, given=bool(authorization), keep=keep))
        if body.is_empty:
            return self._answered(request, answered(request, 200, keep=keep))
        self._dialect = Dialect(request.method)
        return self._ask(user)

    def _read_form(self) -> _Step:
        assert self._request is not None
        assert self._body is not None
        data = bytes(self._buffer)
        self._buffer.clear()
        self._form += self._body.feed(data)
        if len(self._form) > MAXIMUM_FORM_BYTES:
            return self._misunderstood(
                self._request, 413, f"the body of a {self._request.method} is longer than {MAXIMUM_FORM_BYTES} bytes"
            )
        if self._body.problem:
            return self._misunderstood(self._request, 400, self._body.problem)
        if not self._body.has_ended:
            return _MORE
        self._buffer += self._body.rest
        return self._answer(self._request, bytes(self._form))

    def _answer(self, request: RequestHead, form: bytes) -> _Step:
        outcome = answer(request, form, self._credentials, self._charset)
        if isinstance(outcome, StatsAsked):
            self._state = _State.ASKED
            return outcome
        return self._answered(request, outcome)

    def _ask(self, user: str) -> _Step:
        self._state = _State.ASKED
        return SourceAsks(user, self._dialect)

    def _begin(self) -> _Step:
        self._state = _State.AUDIO
        return SourceBegins(self._headers, self._dialect)

    def _read_audio(self) -> _Step:
        if self._skips_blank:
            _strip_blank(self._buffer)
            self._skips_blank = not self._buffer
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._body is not None:
            data = self._body.feed(data)
        if data:
            return AudioData(data)
        if self._body is None or not self._body.has_ended:
            return _MORE
        if self._dialect is Dialect.PUT and not self._body.problem:
            self._outgoing += replies.reply(self._request, 200)
        self._end(may_have_unread=bool(self._body.problem))
        return SourceEnded(self._body.problem)

    def _wait(self) -> _Step:
        return _MORE

    def _ignore(self) -> _Step:
        self._buffer.clear()
        return _MORE

    # -- endings

    def _answered(self, request: RequestHead, outcome: Outcome) -> _Step:
        self._outgoing += outcome.reply
        self._next_request(keep=outcome.keep)
        return outcome.event

    def _misunderstood(self, request: RequestHead | None, status: int, reason: str) -> _Step:
        self._outgoing += replies.reply(request, status, reason)
        self._end()
        return Misunderstood(reason)

    def _bounded(self, what: str) -> _Step:
        if len(self._buffer) <= MAXIMUM_HEAD_BYTES:
            return _MORE
        self._end()
        return Misunderstood(f"{what} longer than {MAXIMUM_HEAD_BYTES} bytes")

    def _next_request(self, *, keep: bool) -> None:
        if not keep:
            self._end(may_have_unread=self._body is not None and not self._body.has_ended)
            return
        self._state = _State.REQUEST
        self._reader = RequestReader()
        self._form.clear()

    def _end(self, *, may_have_unread: bool = True) -> None:
        self.may_have_unread = may_have_unread
        self._state = _State.OVER


def _strip_blank(buffer: bytearray) -> None:
    del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]


_STEPS: dict[_State, Callable[[EncoderConnection], _Step]] = {
    _State.OPENING: EncoderConnection._open,
    _State.FIELDS: EncoderConnection._read_fields,
    _State.REQUEST: EncoderConnection._read_request,
    _State.FORM: EncoderConnection._read_form,
    _State.ASKED: EncoderConnection._wait,
    _State.BEGINS: EncoderConnection._begin,
    _State.AUDIO: EncoderConnection._read_audio,
    _State.OVER: EncoderConnection._ignore,
}
