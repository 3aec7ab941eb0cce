"""What a source client says to a server (Icecast, SHOUTcast, Liquidsoap's harbor), and how it understands the answer.

    protocol    we send                      the server answers           then
    put         PUT head, Expect             100, or 200, or nothing      the audio, unframed
    source      SOURCE head                  200                          the audio
    shoutcast   the password, a line         OK2, a line                  icy headers, the audio

A refusal may also come behind ``100 Continue``, in the same packet even (Icecast with a mount that is in use).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from urllib.parse import quote, urlencode

from distreamer.errors import ProtocolError
from distreamer.model.audio import AudioFormat, Station, Title
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import HeadBuffer, parse_response, request_bytes, shown

LONGEST_LINE = 256
"""Bytes of a SHOUTcast server's answer to the password."""
BROWSER = "Mozilla/5.0 (compatible; {agent})"
"""SHOUTcast 1 takes titles from browsers only."""


class SourceProtocol(StrEnum):
    """How audio is sent."""

    PUT = "put"
    SOURCE = "source"
    SHOUTCAST = "shoutcast"


@dataclass(frozen=True, slots=True)
class SourceLogin:
    """Who sends what to where."""

    host_field: str
    """The value of the Host header."""
    mount: str
    """Path with its first slash, percent-encoded; not used by SHOUTcast."""
    user: str
    password: str = field(repr=False)
    audio: AudioFormat
    station: Station
    agent: str
    """User-Agent."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The audio may follow."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The server does not want it."""

    status: int
    """Of HTTP; 401 for a wrong password of SHOUTcast, 0 where there is no better number."""
    reason: str


class _State(Enum):
    ANSWER = auto()
    """The answer to the head or password is awaited."""
    SENDING = auto()
    REFUSED = auto()


class SourceClient:
    """One connection. ``data_to_send`` first; then what the server says goes in."""

    def __init__(self, protocol: SourceProtocol, login: SourceLogin) -> None:
        self._protocol = protocol
        self._login = login
        self._state = _State.ANSWER
        self._head = HeadBuffer("answer")
        self._line = b""
        self._out = f"{login.password}\r\n".encode() if protocol is SourceProtocol.SHOUTCAST else self._request()

    @property
    def may_go_unanswered(self) -> bool:
        """Whether a server that says nothing is to be sent the audio all the same (PUT, as libshout does)."""
        return self._protocol is SourceProtocol.PUT and self._state is _State.ANSWER

    def data_to_send(self) -> bytes:
        """What goes before the audio; given once."""
        data, self._out = self._out, b""
        return data

    def receive_data(self, data: bytes) -> LoggedIn | Refused | None:
        """What the server's bytes mean; None while that is open, and for what it says beside the audio. Raises
        ProtocolError for what is no answer at all."""
        if self._state is _State.REFUSED:
            return None
        if self._protocol is SourceProtocol.SHOUTCAST:
            return self._read_line(data)
        self._head.add(data)
        found: LoggedIn | Refused | None = None
        while not isinstance(found, Refused) and (lines := self._head.take()) is not None:
            found = self._judge(lines) or found
            self._head.add(self._head.rest())
        return found

    def _judge(self, lines: list[bytes]) -> LoggedIn | Refused | None:
        head = parse_response(lines)
        if head.status >= 300:
            self._state = _State.REFUSED
            return Refused(head.status, head.reason)
        if self._state is _State.SENDING or (head.status < 200 and head.status != 100):
            return None
        self._state = _State.SENDING
        return LoggedIn()

    def _read_line(self, data: bytes) -> LoggedIn | Refused | None:
        if self._state is _State.SENDING:
            return None
        self._line += data
        line, end, _ = self._line.partition(b"\n")
        if len(line) > LONGEST_LINE:
            raise ProtocolError(f"this is no SHOUTcast server; it answers {shown(line)}")
        if not end:
            return None
        text = line.strip()
        if text.upper().startswith(b"OK"):
            self._state = _State.SENDING
            self._out = self._icy_headers()
            return LoggedIn()
        self._state = _State.REFUSED
        said = text.decode("latin-1")
        return Refused(401 if b"password" in text.lower() or b"denied" in text.lower() else 0, said)

    def _request(self) -> bytes:
        login, audio, station = self._login, self._login.audio, self._login.station
        is_put = self._protocol is SourceProtocol.PUT
        credentials = base64.b64encode(f"{login.user}:{login.password}".encode()).decode("ascii")
        fields = [
            ("Host", login.host_field),
            ("Authorization", f"Basic {credentials}"),
            ("User-Agent", login.agent),
            ("Content-Type", audio.content_type),
            ("Ice-Public", "1" if station.public else "0"),
            *_texts("Ice", station),
            *((("Ice-Bitrate", str(audio.bitrate // 1000)),) if audio.bitrate else ()),
            ("Ice-Audio-Info", ";".join(_audio_info(audio))),
            *((("Expect", "100-continue"),) if is_put else ()),
        ]
        version = "1.1" if is_put else "1.0"
        return request_bytes("PUT" if is_put else "SOURCE", login.mount, fields, version=version, charset="utf-8")

    def _icy_headers(self) -> bytes:
        audio, station = self._login.audio, self._login.station
        fields = [
            *_texts("icy", station),
            ("icy-pub", "1" if station.public else "0"),
            *((("icy-br", str(audio.bitrate // 1000)),) if audio.bitrate else ()),
            ("content-type", audio.content_type),
        ]
        return ("".join(f"{name}:{value}\r\n" for name, value in fields) + "\r\n").encode()


def title_request(protocol: SourceProtocol, login: SourceLogin, title: Title) -> bytes:
    """A request that sets the title, on a connection of its own and for SHOUTcast on the port below."""
    if protocol is SourceProtocol.SHOUTCAST:
        query = {"mode": "updinfo", "pass": login.password, "song": title.text, "url": title.url}
        target = "/admin.cgi?" + urlencode(query, quote_via=quote, errors="replace")
        return request_bytes(
            "GET", target, [("Host", login.host_field), ("User-Agent", BROWSER.format(agent=login.agent))]
        )
    query = {"mode": "updinfo", "charset": "UTF-8", "song": title.text}
    if title.url:
        query["url"] = title.url
    target = f"/admin/metadata?mount={quote(login.mount, safe='%')}&" + urlencode(
        query, quote_via=quote, errors="replace"
    )
    credentials = base64.b64encode(f"{login.user}:{login.password}".encode()).decode("ascii")
    fields = [("Host", login.host_field), ("User-Agent", login.agent), ("Authorization", f"Basic {credentials}")]
    return request_bytes("GET", target, fields)


def _texts(prefix: str, station: Station) -> list[tuple[str, str]]:
    texts = {"Name": station.name, "Description": station.description, "Genre": station.genre, "URL": station.url}
    named = {f"{prefix}-{name if prefix == 'Ice' else name.lower()}": text for name, text in texts.items()}
    return [(name, " ".join(one_line(text).split())) for name, text in named.items() if text]


def _audio_info(audio: AudioFormat) -> list[str]:
    facts = {"ice-samplerate": audio.sample_rate, "ice-bitrate": audio.bitrate // 1000, "ice-channels": audio.channels}
    return [f"{name}={value}" for name, value in facts.items() if value]
