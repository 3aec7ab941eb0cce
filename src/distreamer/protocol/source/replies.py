"""What encoders are answered, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Sequence

from distreamer.protocol.basic_auth import CHALLENGE
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.server_view import SERVER

SHOUTCAST_WELCOME = b"OK2\r\nicy-caps:11\r\n\r\n"
SHOUTCAST_WRONG_PASSWORD = b"invalid password\r\n"
SHOUTCAST_IN_USE = b"stream in use\r\n"
"""Not ``invalid password``, after which encoders give up."""
XAUDIOCAST_WELCOME = b"OK\r\n"
XAUDIOCAST_WRONG_PASSWORD = b"ERROR - Bad Password\r\n"
"""In the words that darkice looks for, as the next."""
XAUDIOCAST_IN_USE = b"ERROR - Mount Point Taken or Invalid\r\n"
SOURCE_WELCOME = b"HTTP/1.0 200 OK\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TITLE_TAKEN = (
    '<?xml version="1.0"?>\n<iceresponse><message>Metadata update successful</message><return>1</return></iceresponse>'
)
"""As Icecast says it."""

METHODS = "SOURCE, PUT, POST, GET, HEAD, OPTIONS"
"""libshout sends its audio by PUT when it finds it here."""
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Authentication Required",
    403: "Mountpoint in use",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    501: "Not Implemented",
}


def keeps_alive(request: RequestHead) -> bool:
    """Whether the client wants to ask more on the same connection (RFC 9112, section 9.3)."""
    wishes = request.headers.tokens("connection")
    if "close" in wishes:
        return False
    return "keep-alive" in wishes or (request.protocol == "HTTP" and request.version == "1.1")


def reply(
    request: RequestHead | None,
    status: int,
    text: str = "",
    *,
    keep: bool = False,
    content_type: str = "text/plain; charset=utf-8",
    fields: Sequence[tuple[str, str]] = (),
) -> bytes:
    """An answer with ``text`` as its body; ``request`` is None when there was none that could be read."""
    version = "1.1" if request and (request.protocol, request.version) == ("HTTP", "1.1") else "1.0"
    body = f"{text}\n".encode() if text else b""
    described = [("Server", SERVER), ("Connection", "keep-alive" if keep else "close"), ("Cache-Control", "no-cache")]
    if status in {200, 401, 405}:
        described.append(("Allow", METHODS))
    if status == 401:
        described.append(CHALLENGE)
    if body:
        described.append(("Content-Type", content_type))
    described += [*fields, ("Content-Length", str(len(body)))]
    lines = [f"HTTP/{version} {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in described)]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return head if request is not None and request.method == "HEAD" else head + body


def stats(request: RequestHead, *, is_connected: bool, keep: bool) -> bytes:
    """``/stats`` as DiStreamer 2 answers it."""
    text = json.dumps({"sourceConnected": is_connected})
    return reply(request, 200, text, keep=keep, content_type="application/json")
