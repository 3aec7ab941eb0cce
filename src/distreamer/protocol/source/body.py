"""The body of an encoder's request: audio mostly without any framing, or chunked, or of a given length."""

from __future__ import annotations

import re
from collections.abc import Iterator

import h11

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import RequestHead


class BodyReader:
    """Takes the bytes behind a head, and gives the body without its framing (RFC 9112, sections 6 and 7).

    Audio that is not framed ends with the connection: ``SOURCE`` never frames, and ffmpeg's ``PUT`` is neither
    chunked nor of a given length. Any other request without framing has no body (``is_endless=False``).
    """

    def __init__(self, head: RequestHead, *, is_endless: bool) -> None:
        """Raises ProtocolError for a Transfer-Encoding that is not served."""
        fields = _length_fields(head)
        self.is_empty = fields == ["Content-Length: 0"] or (not fields and not is_endless)
        """Whether it is known beforehand that nothing comes."""
        self.has_ended = self.is_empty
        self.problem = ""
        """Why the body is not complete, in words."""
        self.rest = b""
        """What came behind the body."""
        self._framing: h11.Connection | None = None
        if fields and not self.is_empty:
            self._framing = h11.Connection(h11.SERVER)
            lines = ["POST / HTTP/1.1", "Host: here", *fields, "", ""]
            self._framing.receive_data("\r\n".join(lines).encode("ascii"))
            self._framing.next_event()

    def feed(self, data: bytes) -> bytes:
        """The part of the body that ``data`` brings. What comes behind the body is kept in ``rest``."""
        if self.has_ended:
            self.rest += data
            return b""
        if self._framing is None:
            return data
        if not data:
            return b""
        self._framing.receive_data(data)
        return b"".join(self._pieces(self._framing))

    def end(self) -> None:
        """The connection ended."""
        if not self.has_ended and self._framing is not None:
            self.problem = "it ended before its announced length"
        self.has_ended = True

    def _pieces(self, framing: h11.Connection) -> Iterator[bytes]:
        while True:
            try:
                event = framing.next_event()
            except h11.RemoteProtocolError as error:
                self.problem = f"its chunks are broken ({error})"
                self.has_ended = True
                return
            if isinstance(event, h11.Data):
                yield bytes(event.data)
                continue
            if isinstance(event, h11.EndOfMessage):
                self.has_ended = True
                self.rest = framing.trailing_data[0]
            return


def _length_fields(head: RequestHead) -> list[str]:
    """A length that is none (``-1``, two of them) is not looked at: live audio has no length."""
    codings = [one for one in head.headers.tokens("transfer-encoding") if one != "identity"]
    if codings == ["chunked"]:
        return ["Transfer-Encoding: chunked"]
    if codings:
        raise ProtocolError(f"Transfer-Encoding is {', '.join(codings)[:60]!r}; only chunked is served")
    lengths = set(head.headers.tokens("content-length"))
    if len(lengths) == 1 and re.fullmatch(r"[0-9]{1,18}", length := lengths.pop()):
        return [f"Content-Length: {int(length)}"]
    return []
