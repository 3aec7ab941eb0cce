"""The polling wires: requests and answers of both pairs, one for each connection.

The password, when there is one, is the last part of the path: it goes over the wire in clear.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import Headers, shown
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import encode_listing, parse_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.persistent import check_password
from distreamer.protocol.legacy.renderer import Rendering

LIST: Final = "list"
_REASONS: Final = {
    200: "OK",
    403: "Forbidden",
    404: "Not Found",
    411: "Length Required",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
}


class RefusedError(ProtocolError):
    """An answer that brings nothing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Subject:
    """What the target of a request names."""

    name: str
    """``list``, a number, or whatever a stranger asks for."""
    password: bytes

    @property
    def number(self) -> int | None:
        """Of a fragment; None for anything else."""
        is_number = self.name.isascii() and self.name.isdecimal() and len(self.name) <= limits.NUMBER_DIGITS
        return int(self.name) if is_number else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says."""

    status: int
    body: bytes = b""
    content_type: str = ""
    has_length: bool = False
    """DiStreamer 2 gives the length of what its clients check: the list and the fragments."""

    def fields(self) -> list[tuple[str, str]]:
        """The header fields."""
        fields = [("Server", "DiStreamer")]
        if self.content_type:
            fields.append(("Content-Type", self.content_type))
        if self.has_length:
            fields.append(("Content-Length", str(len(self.body))))
        return fields

    def encode(self, method: str = "GET") -> bytes:
        """The answer as it goes over the wire, to be closed behind it; without the body for ``HEAD``."""
        lines = [
            f"HTTP/1.0 {self.status} {_REASONS[self.status]}",
            *(f"{name}: {value}" for name, value in self.fields()),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        return head if method == "HEAD" else head + self.body


OK: Final = Answer(200, b"OK")
WRONG_PASSWORD: Final = Answer(403, b"Invalid password")


@dataclass(frozen=True, slots=True)
class Push:
    """A body that a pusher announces and may send."""

    number: int | None
    """Of the fragment; None for the list."""
    size: int
    """Bytes."""


# -- what clients ask


def get_request(host: str, path: str, subject: str | int, password: str) -> bytes:
    """A request for the list or a fragment. ``path`` is that of SERVERURL, without a slash at its end, ``host`` the
    value of the Host header. Raises ProtocolError for a password that a request cannot carry."""
    return _request("GET", host, path, subject, password, ())


def post_request(host: str, path: str, subject: str | int, password: str, body: bytes) -> bytes:
    """A request that brings the list or a fragment, body included."""
    length = (f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded")
    return _request("POST", host, path, subject, password, length) + body


def _request(method: str, host: str, path: str, subject: str | int, password: str, more: Iterable[str]) -> bytes:
    check_password(password)
    target = f"{path}/{subject}/{password}" if password else f"{path}/{subject}"
    lines = [
        f"{method} {target} HTTP/1.1",
        "Accept-Encoding: identity",
        "Connection: close",
        "User-Agent: DiStreamer",
        f"Host: {host}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


# -- what servers answer


def read_target(target: bytes) -> Subject:
    """Whatever the target is: nothing is refused here."""
    name, _, password = target.removeprefix(b"/").partition(b"/")
    return Subject(name.decode("latin-1"), password)


def answer_get(subject: Subject, rendering: Rendering) -> Answer:
    """The sender's answer to GET and HEAD, behind the check of the password."""
    if subject.name == LIST:
        return _list_answer(rendering.encoded_listing)
    number = subject.number
    if number is not None and number in rendering.fragments:
        return Answer(200, rendering.fragments[number], has_length=True)
    return Answer(404, f"Invalid fragment {_echoed(subject)}".encode("latin-1"))


def answer_held_list(subject: Subject, parser: FragmentParser) -> Answer:
    """The receiver's answer to GET and HEAD, behind the check of the password: only the list can be had."""
    if subject.name == LIST:
        return _list_answer(encode_listing(parser.held_listing))
    return _invalid_request(subject)


def read_push(subject: Subject, headers: Headers) -> Push | Answer:
    """What a POST announces, behind the check of the password; an Answer when its body need not be waited for."""
    number = subject.number
    if subject.name != LIST and not number:
        return _invalid_request(subject)
    values = set(headers.tokens("content-length"))
    value = values.pop() if len(values) == 1 else ""
    if not (value.isascii() and value.isdecimal()):
        return Answer(411, b"Content-Length is missing or no number")
    limit = limits.FRAGMENT_BYTES if number else limits.LIST_BYTES
    if len(value) > limits.NUMBER_DIGITS or int(value) > limit:
        return Answer(413, f"The body is announced with {value[:30]} bytes; the limit is {limit}".encode())
    return Push(number, int(value))


def take_push(push: Push, body: bytes, parser: FragmentParser) -> Answer:
    """Gives the body to the parser. Raises ProtocolError for one that breaks the rules."""
    if len(body) != push.size:
        return Answer(500, b"Incomplete read")
    if push.number is None:
        parser.take_list(parse_listing(body))
    else:
        parser.take_fragment(push.number, body)
    return OK


def stats_body(connected: int, numbers: Iterable[int]) -> bytes:
    """What ``GET /stats`` of the persistent server gives, as ``application/json``."""
    listed = ", ".join(map(str, numbers))
    return f'{{"connectedClients": {connected}, "fragmentsList": [{listed}]}}'.encode()


def refused(status: int, body: bytes, what: str) -> RefusedError:
    """The error for an answer that brings nothing."""
    return RefusedError(status, f"the request for {what} was answered with status {status}: {shown(body)}")


def _list_answer(encoded: bytes) -> Answer:
    return Answer(200, encoded, content_type="text/plain", has_length=True)


def _invalid_request(subject: Subject) -> Answer:
    return Answer(404, f"Invalid request: {_echoed(subject)}".encode("latin-1"))


def _echoed(subject: Subject) -> str:
    """What was asked for, harmless: the answer has no content type, and a browser may guess one."""
    text = "".join(character if character.isascii() and character.isalnum() else "?" for character in subject.name)
    return text[: limits.NUMBER_DIGITS]
