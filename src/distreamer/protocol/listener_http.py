"""What players are answered. Pure: a request and a view of the server in, bytes out.

Players are older than any specification of what they speak, so each choice here names who needs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from distreamer.model.audio import StreamInfo
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.listener_pages import page_of
from distreamer.protocol.server_view import SERVER, ServerView

METADATA_INTERVAL = 16_000
"""Bytes of audio between two ICY metadata blocks (``icy-metaint``); what Icecast uses."""
MAXIMUM_VALUE_CHARACTERS = 400
"""What is kept of a source's self-description in a header."""
_EXPOSED = "Icy-MetaInt, Icy-Name, Icy-Br, Icy-Genre, Icy-Description, Icy-Url"
_METHODS = "GET, HEAD, OPTIONS"
_COMMON = (
    ("Server", SERVER),
    ("Connection", "close"),
    ("Cache-Control", "no-cache, no-store"),
    ("Pragma", "no-cache"),
    ("Expires", "Mon, 26 Jul 1997 05:00:00 GMT"),
    ("Access-Control-Allow-Origin", "*"),
    # Browsers hide the icy headers from a page's script without this (eshaz/icecast-metadata-js).
    ("Access-Control-Expose-Headers", _EXPOSED),
)
_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}
_CONTENT_TYPES = {"audio/aacp": "audio/aac"}
"""Types that some players do not know, and what they know instead (Icecast-KH rewrites the same)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer; the connection is closed behind it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StreamBegins:
    """The head of an endless answer; the audio follows."""

    head: bytes
    icy: bool
    """Whether ICY metadata goes between the audio, every METADATA_INTERVAL bytes."""


Answer = Reply | StreamBegins


def answer(request: RequestHead, view: ServerView) -> Answer:
    """What a player that sent ``request`` gets. ``Range`` is not looked at: who answers 206 to a live stream
    makes Safari and ffmpeg believe that it can be sought in (karlheyes/icecast-kh#441)."""
    if request.method == "OPTIONS":
        return _preflight()
    if request.method not in {"GET", "HEAD"}:
        return _reply(request, 405, f"{request.method} is not served here", (("Allow", _METHODS),))
    return _ROUTES.get(request.path, _page_or_stream)(request, view)


def bad_request(reason: str) -> Reply:
    """The answer to what is no HTTP request."""
    return _text(400, reason, (), with_body=True)


def _page_or_stream(request: RequestHead, view: ServerView) -> Answer:
    """A station whose stream's own name ends like a playlist is asked for by REQUIREURL."""
    found = page_of(request.path)
    required = view.required_path.removeprefix("/").encode()
    if found is None or (required and _is_required(request, required)):
        return _stream(request, view)
    content_type, page = found
    return _whole(request, content_type, page(request, view).encode())


def _stream(request: RequestHead, view: ServerView) -> Answer:
    required = view.required_path.removeprefix("/").encode()
    if required and not _is_required(request, required):
        return _reply(request, 403, "Not authorized")
    if view.info is None:
        return _reply(request, 404, "No stream yet")
    if not view.has_room:
        return _reply(request, 503, "Too many listeners", (("Retry-After", "30"),))
    # Titles of Ogg streams travel inside the container; Icecast does not interleave there either.
    icy = request.headers.get("icy-metadata").strip() == "1" and not view.info.format.codec.is_ogg
    head = _head(200, _stream_fields(view.info, icy))
    return Reply(head) if request.method == "HEAD" else StreamBegins(head, icy)


def _is_required(request: RequestHead, required: bytes) -> bool:
    path, question_mark, query = required.partition(b"?")
    if question_mark and request.query != query:
        return False
    return unquote_to_bytes(request.path).removeprefix(b"/") == unquote_to_bytes(path)


def _stats(request: RequestHead, view: ServerView) -> Answer:
    values = {
        "connectedClients": view.connected,
        "fragmentsList": list(view.fragment_numbers),
        "storeAge": round(view.store_age_seconds, 3),
    }
    return _whole(request, "application/json", json.dumps(values).encode())


_ROUTES: dict[bytes, Callable[[RequestHead, ServerView], Answer]] = {
    b"/stats": _stats,
}
"""Paths with an answer of their own; every other one plays (SHOUTcast players ask for ``/;``, ``/;stream.mp3``)."""


def _stream_fields(info: StreamInfo, icy: bool) -> list[tuple[str, str]]:
    station, audio = info.station, info.format
    fields = [("Content-Type", _CONTENT_TYPES.get(audio.content_type, audio.content_type))]
    described = (
        ("icy-name", station.name),
        ("icy-description", station.description),
        ("icy-genre", station.genre),
        ("icy-url", station.url),
    )
    fields += [(name, value) for name, value in described if value]
    fields.append(("icy-pub", "1" if station.public else "0"))
    if audio.bitrate:
        # Some hardware radios play nothing without it (Edzelf/Esp-radio#27).
        fields.append(("icy-br", str(round(audio.bitrate / 1000))))
    known = (
        ("ice-samplerate", audio.sample_rate),
        ("ice-bitrate", round(audio.bitrate / 1000)),
        ("ice-channels", audio.channels),
    )
    audio_info = ";".join(f"{name}={value}" for name, value in known if value)
    if audio_info:
        fields.append(("ice-audio-info", audio_info))
    if icy:
        fields.append(("icy-metaint", str(METADATA_INTERVAL)))
    return fields


def _preflight() -> Reply:
    fields = (
        ("Allow", _METHODS),
        ("Access-Control-Allow-Methods", _METHODS),
        ("Access-Control-Allow-Headers", "Origin, Accept, X-Requested-With, Content-Type, Icy-MetaData, Range"),
        ("Access-Control-Max-Age", "86400"),
    )
    return Reply(_head(204, fields))


def _whole(request: RequestHead, content_type: str, body: bytes) -> Reply:
    fields = (("Content-Type", content_type), ("Content-Length", str(len(body))))
    return Reply(_head(200, fields) + (b"" if request.method == "HEAD" else body))


def _reply(request: RequestHead, status: int, text: str, fields: Sequence[tuple[str, str]] = ()) -> Reply:
    return _text(status, text, fields, with_body=request.method != "HEAD")


def _text(status: int, text: str, fields: Sequence[tuple[str, str]], *, with_body: bool) -> Reply:
    body = f"{text}\n".encode()
    described = (("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))))
    return Reply(_head(status, (*described, *fields)) + (body if with_body else b""))


def _head(status: int, fields: Sequence[tuple[str, str]]) -> bytes:
    """Under HTTP/1.0, so that nobody expects a framed body; never ``ICY 200 OK``, which browsers, curl and
    most libraries refuse."""
    lines = [f"HTTP/1.0 {status} {_REASONS[status]}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in (*fields, *_COMMON)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _one_line(value: str) -> str:
    """A source's words without anything that could end the header."""
    words = "".join(character if character.isprintable() else " " for character in value).split()
    return " ".join(words)[:MAXIMUM_VALUE_CHARACTERS]
