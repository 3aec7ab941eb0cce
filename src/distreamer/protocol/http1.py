"""The heads of HTTP/1 requests and responses, as radio servers, encoders and players really send them.

A tolerant reader of our own: it takes ``ICY 200 OK``, bare line feeds, odd spelling, missing reasons, blank lines
in front and Latin-1 bytes, all of which every HTTP library refuses. Bodies are the business of
``http1_response``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from distreamer.errors import ProtocolError

MAXIMUM_HEAD_BYTES = 65_536
"""A head that is longer is refused: no known server or player sends a tenth of it."""
SHOWN_BYTES = 60
"""How much of a line that breaks the rules is shown in the error."""

_STATUS_LINE = re.compile(rb"(?:HTTP(?:/(\d+(?:\.\d+)?))?|ICY)[ \t]+([1-9]\d\d)(?:[ \t]+(.*))?", re.IGNORECASE)
_REQUEST_VERSION = re.compile(rb"(HTTP|ICE)/(\d+\.\d+)", re.IGNORECASE)
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")
_REQUEST_BEGINNING = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}(?: .*)?", re.DOTALL)
_ABSOLUTE_TARGET = re.compile(rb"https?://[^/?]*", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FORBIDDEN_IN_HEAD = re.compile(r"[\r\n\x00]")


class Headers:
    """Header fields: names in any case, several values for a name allowed, order kept.

    Values are text by Latin-1, one character for each byte; ``raw`` gives the bytes.
    """

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple(fields)

    def get(self, name: str, default: str = "") -> str:
        """The first value of ``name``."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        """All values of ``name``, in order."""
        lowered = name.lower()
        return [value for field_name, value in self._fields if field_name.lower() == lowered]

    def raw(self, name: str) -> bytes:
        """The first value of ``name`` as the bytes that came; empty when there is none."""
        return self.get(name).encode("latin-1")

    def tokens(self, name: str) -> list[str]:
        """The comma-separated parts of all values of ``name``, in lower case."""
        parts = (part.strip().lower() for value in self.get_all(name) for part in value.split(","))
        return [part for part in parts if part]

    def __contains__(self, name: str) -> bool:
        return bool(self.get_all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Pairs of name, as it was spelt, and value."""
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        # Names only: a value may be a password.
        return f"Headers({', '.join(name for name, _ in self._fields)})"


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a client asks for."""

    method: str
    """In upper case."""
    target: bytes
    """As it was sent; players and encoders put raw 8-bit bytes and spaces into it (butt)."""
    protocol: str
    """``HTTP`` or ``ICE`` (libshout's ``SOURCE /mount ICE/1.0``)."""
    version: str
    """``1.0``, ``1.1``."""
    headers: Headers = field(default_factory=Headers)

    @property
    def path(self) -> bytes:
        """The target without scheme, host and query, still percent-encoded."""
        return self._split()[0]

    @property
    def query(self) -> bytes:
        """What stands behind the first ``?`` of the target; empty when nothing does."""
        return self._split()[1]

    def _split(self) -> tuple[bytes, bytes]:
        path, _, query = _ABSOLUTE_TARGET.sub(b"", self.target, count=1).partition(b"?")
        return path or b"/", query


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """How a server answers."""

    status: int
    reason: str = ""
    version: str = "1.0"
    """``1.0`` for ``ICY``, which is HTTP/1.0 in all but its name."""
    headers: Headers = field(default_factory=Headers)


class HeadBuffer:
    """Gathers bytes up to the blank line that ends a head; ``what`` names it in errors."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._buffer = bytearray()
        self._scanned = 0

    @property
    def beginning(self) -> bytes:
        """The first 33 bytes, as far as they are here."""
        return bytes(self._buffer[:33])

    @property
    def is_empty(self) -> bool:
        """Whether nothing but blank lines came."""
        return not self._buffer

    def add(self, data: bytes) -> None:
        """Takes more bytes."""
        if self._buffer:
            self._buffer += data
        else:
            # Blank lines in front are skipped (RFC 9112, section 2.2; Rocket Broadcaster sends one too many).
            self._buffer += data.lstrip(b"\r\n")

    def take(self) -> list[bytes] | None:
        """The lines of the head once it is whole, without their ends; what follows stays for ``rest``."""
        match = _BLANK_LINE.search(self._buffer, max(self._scanned - 2, 0))
        self._scanned = len(self._buffer)
        end = match.end() if match else len(self._buffer)
        if end > MAXIMUM_HEAD_BYTES:
            raise ProtocolError(f"the head of the {self._what} is longer than {MAXIMUM_HEAD_BYTES} bytes")
        if match is None:
            return None
        lines = bytes(self._buffer[: match.start()]).split(b"\n")
        del self._buffer[:end]
        self._scanned = 0
        return [line.rstrip(b"\r") for line in lines]

    def rest(self) -> bytes:
        """What followed the head; given once."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data


class RequestReader:
    """Reads one request head; the body, if any, is the caller's business.

    Takes what real encoders and players send; raises ProtocolError for what is no HTTP request.
    """

    def __init__(self) -> None:
        self._head = HeadBuffer("request")
        self._done = False

    def receive_data(self, data: bytes) -> RequestHead | None:
        """The request, once its head is whole; None until then. To be called no more after that."""
        if self._done:
            raise ProtocolError("the request's head was read already")
        self._head.add(data)
        # Whoever speaks TLS or anything else is told at once, not when the head is too long or too late.
        if not self._head.is_empty and not _REQUEST_BEGINNING.fullmatch(self._head.beginning):
            raise ProtocolError(f"this is no HTTP request; it begins with {shown(self._head.beginning)}")
        lines = self._head.take()
        if lines is None:
            return None
        self._done = True
        return _parse_request(lines)

    def rest(self) -> bytes:
        """The bytes that came behind the head; given once."""
        return self._head.rest() if self._done else b""


def request_bytes(
    method: str, target: str, fields: Iterable[tuple[str, str]], *, version: str = "1.0", charset: str = "latin-1"
) -> bytes:
    """A request head; what ``charset`` lacks becomes a question mark. Raises ProtocolError for a line break in a value.

    HTTP/1.0 unless told: live audio must come unframed, since servers that chunk it and add ICY metadata get it wrong
    (Icecast-KH, release kh20).
    """
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in fields)]
    for line in lines:
        if _FORBIDDEN_IN_HEAD.search(line):
            raise ProtocolError(f"a line break inside a header cannot be sent: {line[:SHOWN_BYTES]!r}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode(charset, "replace")


def _parse_request(lines: list[bytes]) -> RequestHead:
    method, _, rest = lines[0].strip().partition(b" ")
    # A target may hold raw spaces, so the version is what stands last.
    target, _, last = rest.strip().rpartition(b" ")
    version = _REQUEST_VERSION.fullmatch(last)
    if version is None or not target or not _METHOD.fullmatch(method):
        raise ProtocolError(f"this is no HTTP request: {shown(lines[0])}")
    return RequestHead(
        method=method.decode("ascii").upper(),
        target=target.strip(),
        protocol=version[1].decode("ascii").upper(),
        version=version[2].decode("ascii"),
        headers=parse_fields(lines[1:]),
    )


def parse_response(lines: list[bytes]) -> ResponseHead:
    """The head whose lines these are; raises ProtocolError when the first is no status line."""
    match = _STATUS_LINE.fullmatch(lines[0].strip())
    if match is None:
        raise ProtocolError(f"this is no HTTP status line: {shown(lines[0])}")
    return ResponseHead(
        status=int(match[2]),
        reason=(match[3] or b"").strip().decode("latin-1"),
        version=(match[1] or b"1.0").decode("ascii"),
        headers=parse_fields(lines[1:]),
    )


def parse_fields(lines: list[bytes]) -> Headers:
    """Lines without a colon or a name are dropped; continued lines are joined (RFC 9112, section 5.2)."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        text = line.decode("latin-1")
        if text[:1] in {" ", "\t"} and fields:
            name, value = fields[-1]
            fields[-1] = (name, f"{value} {text.strip()}".strip())
            continue
        name, colon, value = text.partition(":")
        if colon and name.strip():
            fields.append((name.strip(), value.strip()))
    return Headers(fields)


def shown(data: bytes) -> str:
    """Bytes of a stranger, short and safe for a message."""
    text = data[:SHOWN_BYTES].decode("latin-1")
    return repr(text) + ("…" if len(data) > SHOWN_BYTES else "")
