"""Reads the whole answer to one polling request."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import ResponseHead
from distreamer.protocol.http1_response import Body, EndOfBody, ResponseEvent, ResponseReader
from distreamer.protocol.legacy import limits


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """As ``answered`` of the schedules takes it."""

    status: int
    body: bytes


class AnswerReader:
    """For one connection; bounded by what a fragment may have."""

    def __init__(self) -> None:
        self._reader = ResponseReader()
        self._status = 0
        self._body = bytearray()

    def receive_data(self, data: bytes) -> WholeAnswer | None:
        """The answer, once it is whole. Raises ProtocolError when it is too long, announced or not, or no answer."""
        return self._take(self._reader.receive_data(data))

    def receive_eof(self) -> WholeAnswer:
        """The server closed: the answer, if it is whole (many have no length). Raises ProtocolError if it is not."""
        answer = self._take(self._reader.receive_eof())
        if answer is None:
            raise ProtocolError("the server closed the connection behind its answer")
        return answer

    def _take(self, events: list[ResponseEvent]) -> WholeAnswer | None:
        for event in events:
            if isinstance(event, ResponseHead):
                self._status = event.status
                length = event.headers.get("content-length")
                if length.isdecimal() and (len(length) > limits.NUMBER_DIGITS or int(length) > limits.FRAGMENT_BYTES):
                    raise _too_long(f"is announced with {length[:30]}")
            elif isinstance(event, Body):
                self._body += event.data
                if len(self._body) > limits.FRAGMENT_BYTES:
                    raise _too_long(f"has {len(self._body)}")
            elif isinstance(event, EndOfBody):
                if event.problem:
                    raise ProtocolError(f"the answer is not whole: {event.problem}")
                return WholeAnswer(self._status, bytes(self._body))
        return None


def _too_long(what: str) -> ProtocolError:
    return ProtocolError(f"the answer {what} bytes; the limit is {limits.FRAGMENT_BYTES}")
