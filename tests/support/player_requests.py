"""Requests as real players send them, and what they are answered, without a network."""

from __future__ import annotations

from distreamer.protocol.http1 import RequestHead, RequestReader, ResponseHead, parse_response
from distreamer.protocol.listener_http import Answer, StreamBegins, answer
from distreamer.protocol.server_view import ServerView

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FIREFOX_AUDIO = "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5"


def request(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> RequestHead:
    """A request with header lines as they are sent."""
    lines = [f"{method} {path} HTTP/{version}", "Host: radio.example:8000", *fields, "", ""]
    head = RequestReader().receive_data("\r\n".join(lines).encode("latin-1"))
    assert head is not None
    return head


def told(answered: Answer) -> tuple[ResponseHead, bytes]:
    """The head of the answer and what follows it."""
    data = answered.head if isinstance(answered, StreamBegins) else answered.data
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator, "the head does not end"
    return parse_response(head.split(b"\r\n")), body


def asked(view: ServerView, path: str, *fields: str, method: str = "GET", version: str = "1.1") -> Answer:
    """What is answered."""
    return answer(request(path, *fields, method=method, version=version), view)


def plays(answered: Answer) -> bool:
    """Whether the player gets the stream."""
    return isinstance(answered, StreamBegins)
