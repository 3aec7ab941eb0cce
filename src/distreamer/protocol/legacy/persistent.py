"""The persistent wires: ``ACTION|LENGTH``, that many bytes, and so on for ever; and the lines that open them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from distreamer.errors import ProtocolError
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import shown
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import Listing, parse_listing

_END: Final = b"\r\n"
_HEAD: Final = re.compile(rb"([^|]{1,64})\|(-?[0-9]{1,16})")
_NUMBER: Final = re.compile(rb"-?[0-9]+")
_LIMITS: Final = {b"list": limits.LIST_BYTES, b"oggheader": limits.OGG_HEADER_BYTES}


@dataclass(frozen=True, slots=True)
class OggHeader:
    """The set-up pages; empty for anything but Ogg."""

    data: bytes


@dataclass(frozen=True, slots=True)
class NumberedFragment:
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ListMessage:
    """The list, behind the fragments of its round."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """The peer refuses, and closes the connection."""

    text: str


PersistentMessage = OggHeader | NumberedFragment | ListMessage | ErrorMessage


class MessageReader:
    """Reads messages out of a byte stream; holds one at the most, besides what was fed in one go.

    Messages with an action that is not known are skipped, as DiStreamer 2 does.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._action = b""
        self._size: int | None = None
        """Of the content that is being gathered."""

    def receive_data(self, data: bytes) -> None:
        """Bytes that arrived."""
        self._buffer += data

    @property
    def is_between_messages(self) -> bool:
        """Whether the stream may end here without a loss."""
        return not self._buffer and self._size is None

    def next_message(self) -> PersistentMessage | None:
        """The next, or None until more arrives. Raises ProtocolError that names the value and the limit when there
        cannot be a next one; the reader is of no more use then."""
        while True:
            if self._size is None and not self._read_head():
                return None
            size = self._size or 0
            if len(self._buffer) < size + len(_END):
                return None
            content, end = bytes(self._buffer[:size]), bytes(self._buffer[size : size + len(_END)])
            if end != _END:
                raise ProtocolError(
                    f"the message {shown(self._action)} should end behind its {size} bytes; {shown(end)} stands there"
                )
            del self._buffer[: size + len(_END)]
            self._size = None
            message = self._message(content)
            if message is not None:
                return message

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\n", 0, limits.LINE_BYTES)
        if end < 0:
            if len(self._buffer) >= limits.LINE_BYTES:
                raise ProtocolError(
                    f"no message begins within {limits.LINE_BYTES} bytes, but {shown(bytes(self._buffer))}"
                )
            return False
        line = bytes(self._buffer[:end]).strip()
        del self._buffer[: end + 1]
        match = _HEAD.fullmatch(line)
        if match is None:
            raise ProtocolError(f"this begins no message: {shown(line)}")
        self._action = match[1]
        self._size = _announced(match[1], int(match[2]))
        return True

    def _message(self, content: bytes) -> PersistentMessage | None:
        if _NUMBER.fullmatch(self._action):
            return NumberedFragment(int(self._action), content)
        if self._action == b"list":
            return ListMessage(parse_listing(content))
        if self._action == b"oggheader":
            return OggHeader(content)
        if self._action == b"err":
            return ErrorMessage(one_line(content.decode("utf-8", "replace")))
        return None


def _announced(action: bytes, size: int) -> int:
    """Checks what a message says about itself before any of it is kept."""
    is_fragment = _NUMBER.fullmatch(action) is not None
    if is_fragment and not 1 <= int(action) <= limits.LARGEST_NUMBER:
        raise ProtocolError(f"fragment number {shown(action)}; it must lie between 1 and {limits.LARGEST_NUMBER}")
    limit = limits.FRAGMENT_BYTES if is_fragment else _LIMITS.get(action, limits.MESSAGE_TEXT_BYTES)
    smallest = 1 if is_fragment else 0
    if not smallest <= size <= limit:
        raise ProtocolError(
            f"{shown(action)} is announced with {size} bytes; it must have between {smallest} and {limit}"
        )
    return size


class LineReader:
    """Reads the one line in front of the messages: a password, or the answer to it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive_data(self, data: bytes) -> bytes | None:
        """The line without its end, once it is whole; None until then. Raises ProtocolError when it is too long."""
        self._buffer += data
        end = self._buffer.find(b"\n", 0, limits.LINE_BYTES)
        if end < 0:
            if len(self._buffer) >= limits.LINE_BYTES:
                raise ProtocolError(f"the first line is longer than {limits.LINE_BYTES} bytes")
            return None
        line = bytes(self._buffer[:end]).strip()
        del self._buffer[: end + 1]
        return line

    def rest(self) -> bytes:
        """What came behind the line; given once."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client of the persistent server wants."""

    password: bytes
    holdings: tuple[int, ...]
    """The fragments that it has already, ascending."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver does not take us."""

    reason: str


def opening_request(path: str, password: str, holdings: Iterable[int]) -> bytes:
    """How a client opens the conversation: a request that gets no HTTP answer. ``path`` is that of SERVERURL, without
    a slash at its end. Raises ProtocolError for a password that this line cannot carry."""
    check_password(password)
    if "/" in password:
        raise ProtocolError("a password with a slash cannot be told to a persistent DiStreamer 2 server")
    return f"GET {path}/{password}/{_joined(holdings)} HTTP/1.1\r\n\r\n".encode()


def read_opening(target: bytes) -> Opening:
    """What the target of such a request says; parts that are no numbers are left out."""
    password, _, rest = target.removeprefix(b"/").partition(b"/")
    return Opening(password, _numbers(rest))


def password_line(password: str) -> bytes:
    """How a pusher opens the conversation. Raises ProtocolError for a password that a line cannot carry."""
    check_password(password)
    return password.encode() + _END


def accepting_line(holdings: Iterable[int]) -> bytes:
    """How a receiver takes a pusher: with the fragments that it has already."""
    return f"ok|{_joined(holdings)}\r\n".encode()


def refusing_line(reason: str) -> bytes:
    return f"err|{one_line(reason)}\r\n".encode()


def read_answer(line: bytes) -> tuple[int, ...] | Refused:
    """The holdings of a receiver that takes us. Raises ProtocolError for a line that is no answer."""
    word, bar, rest = line.partition(b"|")
    if not bar or word not in {b"ok", b"err"}:
        raise ProtocolError(f"this is no answer to a password: {shown(line)}")
    return _numbers(rest) if word == b"ok" else Refused(one_line(rest.decode("utf-8", "replace")))


def check_password(password: str) -> None:
    """Raises ProtocolError for a password with spaces or control characters: DiStreamer 2 splits lines at them."""
    if any(character.isspace() or not character.isprintable() for character in password):
        raise ProtocolError("a password with spaces or control characters cannot be told to a DiStreamer 2")


def _joined(numbers: Iterable[int]) -> str:
    return "/".join(map(str, numbers))


def _numbers(text: bytes) -> tuple[int, ...]:
    parts = text.split(b"/", limits.LISTED_FRAGMENTS)
    return tuple(sorted({int(part) for part in parts if part.isdigit() and len(part) <= limits.NUMBER_DIGITS}))
