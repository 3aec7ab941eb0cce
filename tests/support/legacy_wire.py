"""The wires of DiStreamer 2, read by hand from their description: what our modules say is judged by this alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from distreamer.core.ports import ByteStream

_HEAD = re.compile(rb"(oggheader|list|err|[1-9][0-9]*)\|(0|[1-9][0-9]*)\r\n")


class BrokenWireError(AssertionError):
    """What was read does not follow the description."""


@dataclass(frozen=True)
class Message:
    """Of the persistent wires."""

    action: str
    content: bytes

    @property
    def number(self) -> int | None:
        """Of a fragment."""
        return int(self.action) if self.action.isdecimal() else None

    @property
    def wire(self) -> bytes:
        """As it is sent."""
        return b"%b|%d\r\n%b\r\n" % (self.action.encode(), len(self.content), self.content)

    @property
    def listing(self) -> dict[str, Any]:
        assert self.action == "list"
        return read_list(self.content)


class MessageSplitter:
    """Cuts the bytes of a persistent wire into messages."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def is_between_messages(self) -> bool:
        return not self._rest

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes."""
        self._rest += data
        found = []
        while match := _HEAD.match(self._rest):
            end = match.end() + int(match[2])
            if len(self._rest) < end + 2:
                break
            if self._rest[end : end + 2] != b"\r\n":
                raise BrokenWireError(f"{match[0]!r} does not end behind its length")
            found.append(Message(match[1].decode(), self._rest[match.end() : end]))
            self._rest = self._rest[end + 2 :]
        if not _HEAD.match(self._rest) and b"\n" in self._rest[:40]:
            raise BrokenWireError(f"{self._rest[:40]!r} begins no message")
        return found


def split_messages(data: bytes) -> list[Message]:
    """All messages of ``data``, which ends with the last."""
    splitter = MessageSplitter()
    found = splitter.feed(data)
    if not splitter.is_between_messages:
        raise BrokenWireError("the last message is not whole")
    return found


@dataclass(frozen=True)
class HttpMessage:
    """A request or an answer, whole."""

    first_line: str
    headers: dict[str, str]
    """The names in lower case."""
    body: bytes

    @property
    def status(self) -> int:
        version, status, _ = self.first_line.split(" ", 2)
        if version not in {"HTTP/1.0", "HTTP/1.1"}:
            raise BrokenWireError(f"{self.first_line!r} begins no answer")
        return int(status)


def read_http(data: bytes, *, has_body: bool = True) -> HttpMessage:
    """``data`` is all that came until the connection ended. A length that is announced must be the true one."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise BrokenWireError(f"{data[:80]!r} has no end of its head")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BrokenWireError(f"{line!r} is no header field")
        headers[name.lower()] = value.strip()
    length = headers.get("content-length")
    if has_body and length is not None and int(length) != len(body):
        raise BrokenWireError(f"{length} bytes are announced and {len(body)} came")
    return HttpMessage(first, headers, body)


def read_list(data: bytes) -> dict[str, Any]:
    """The list, with nothing missing and its numbers ascending."""
    listing = json.loads(data)
    assert isinstance(listing, dict)
    if set(listing) != {"fragmentslist", "icylist", "icyint", "icytitle", "icyheaders", "sourcegen"}:
        raise BrokenWireError(f"the list has {sorted(listing)}")
    numbers = listing["fragmentslist"]
    if numbers != sorted(set(numbers)):
        raise BrokenWireError(f"{numbers} do not ascend")
    for name, offsets in listing["icylist"].items():
        if not name.isdecimal() or offsets != sorted(set(offsets)):
            raise BrokenWireError(f"{name}: {offsets} do not ascend")
    return listing


async def read_until(stream: ByteStream, end: bytes) -> bytes:
    """All that comes until ``end``, with it; it must be the last that came."""
    data = b""
    while not data.endswith(end):
        piece = await stream.read()
        if not piece:
            raise BrokenWireError(f"{data[:80]!r} was all that came")
        data += piece
    return data


async def read_request(stream: ByteStream) -> bytes:
    """A whole request, with the body that it announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await _some(stream, data)
    length = re.search(rb"\r\nContent-Length: ([0-9]+)\r\n", data)
    size = data.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(data) < size:
        data += await _some(stream, data)
    return data


async def _some(stream: ByteStream, before: bytes) -> bytes:
    piece = await stream.read()
    if not piece:
        raise BrokenWireError(f"a request ended behind {before[:80]!r}")
    return piece
