"""The form of what players and other readers are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.server_view import SERVER, Refusal

MAXIMUM_VALUE_CHARACTERS = 400
"""What is kept of a source's self-description in a header."""
_EXPOSED = "Icy-MetaInt, Icy-Name, Icy-Br, Icy-Genre, Icy-Description, Icy-Url"
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
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer; the connection is closed behind it."""

    data: bytes
    refusal: Refusal | None = None
    """Why it says no, when that is counted."""


def whole(request: RequestHead, content_type: str, text: str, fields: Fields = ()) -> Reply:
    """A page."""
    body = text.encode("utf-8", "replace")
    described = (("Content-Type", content_type), ("Content-Length", str(len(body))), *fields)
    return Reply(head(200, described) + (b"" if request.method == "HEAD" else body))


def refused(
    request: RequestHead | None, status: int, text: str, fields: Fields = (), refusal: Refusal | None = None
) -> Reply:
    """A sentence that says why not; ``request`` is None when there was none that could be read. Only who wants more
    than a head is counted by its ``refusal``."""
    body = f"{text}\n".encode()
    described = (("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *fields)
    if request is not None and request.method == "HEAD":
        return Reply(head(status, described))
    return Reply(head(status, described) + body, refusal)


def head(status: int, fields: Fields, protocol: str = "HTTP/1.0") -> bytes:
    """Under HTTP/1.0 unless told, so that nobody expects a framed body."""
    lines = [f"{protocol} {status} {_REASONS[status]}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in (*fields, *_COMMON)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def _one_line(value: str) -> str:
    """A source's words without anything that could end the header."""
    words = "".join(character if character.isprintable() else " " for character in value).split()
    return " ".join(words)[:MAXIMUM_VALUE_CHARACTERS]
