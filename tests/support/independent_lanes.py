"""The streams of a QUIC connection and their order, as docs/protocol.md has them; see ``independent_peer``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.independent_rules import MOST_MESSAGE_BYTES, BrokenRule
from tests.support.independent_wire import Type, unpack

MOST_WAITING_BYTES = 8_388_608
MOST_AHEAD = 32


def framed(data: bytes) -> bytes:
    """A message behind its length."""
    return len(data).to_bytes(4, "big") + data


class Deframer:
    """The messages of one stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        found = []
        while len(self._rest) >= 4:
            end = 4 + int.from_bytes(self._rest[:4], "big")
            if end - 4 > MOST_MESSAGE_BYTES:
                raise BrokenRule(f"a message of {end - 4} bytes")
            if len(self._rest) < end:
                break
            found.append(self._rest[4:end])
            self._rest = self._rest[end:]
        return found

    def is_between_messages(self) -> bool:
        return not self._rest


class Taken(NamedTuple):
    """A body that was taken, for a test that asks in which order."""

    number: int
    control_needed: int
    setup_needed: int
    kind: int
    """0 for one that was reset."""


@dataclass
class _Body:
    data: bytes = b""
    is_whole: bool = False
    is_reset: bool = False

    @property
    def needs(self) -> tuple[int, int]:
        return int.from_bytes(self.data[:4], "big"), int.from_bytes(self.data[4:8], "big")

    def messages(self) -> list[bytes]:
        """All of it, which must be one body to the byte."""
        deframer = Deframer()
        found = deframer.feed(self.data[8:])
        if len(self.data) < 8 or not found or not deframer.is_between_messages():
            raise BrokenRule("a stream of a body ends in the middle of something")
        head, *pieces = map(unpack, found)
        if head.type not in (Type.SETUP, Type.FRAGMENT) or any(piece.type != Type.PIECE for piece in pieces):
            raise BrokenRule("a stream of a body holds something else")
        if sum(len(piece.payload) for piece in pieces) != head.header.get("size"):
            raise BrokenRule("a stream of a body ends before or behind it")
        return found


@dataclass
class Lanes:
    """Puts what came on all streams into an order that is one conversation."""

    taken: list[Taken] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    """The numbers of the bodies in the order in which their first bytes came."""
    controls: int = 0
    epochs: list[int] = field(default_factory=list)
    """Which of the messages of the control stream described an epoch, counted from 1 on."""
    _control: Deframer = field(default_factory=Deframer)
    _bodies: dict[int, _Body] = field(default_factory=dict)
    """Those that were not taken."""
    _numbers_taken: set[int] = field(default_factory=set)

    def hear_control(self, data: bytes) -> list[bytes]:
        """What may be taken now that so much more came on stream 0."""
        found: list[bytes] = []
        for message in self._control.feed(data):
            self.controls += 1
            if message[0:1] == bytes([Type.EPOCH]):
                self.epochs.append(self.controls)
            found += [message, *self._take()]
        return found

    def hear_body(self, number: int, data: bytes, *, ended: bool) -> list[bytes]:
        body = self._body(number)
        body.data += data
        body.is_whole = body.is_whole or ended
        if sum(len(each.data) for each in self._bodies.values()) > MOST_WAITING_BYTES:
            raise BrokenRule("too much waits for something else")
        return self._take()

    def hear_reset(self, number: int) -> list[bytes]:
        self._body(number).is_reset = True
        return self._take()

    def _body(self, number: int) -> _Body:
        if number not in self._bodies:
            self.begun.append(number)
            if number >= self._first_waiting() + MOST_AHEAD:
                raise BrokenRule(f"body {number} is too far ahead")
        return self._bodies.setdefault(number, _Body())

    def _first_waiting(self) -> int:
        number = 1
        while number in self._numbers_taken:
            number += 1
        return number

    def _take(self) -> list[bytes]:
        found: list[bytes] = []
        while ready := [number for number in sorted(self._bodies) if self._may_be_taken(number)]:
            body = self._bodies.pop(ready[0])
            self._numbers_taken.add(ready[0])
            messages = [] if body.is_reset else body.messages()
            self.taken.append(Taken(ready[0], *body.needs, messages[0][0] if messages else 0))
            found += messages
        return found

    def _may_be_taken(self, number: int) -> bool:
        body = self._bodies[number]
        if body.is_reset:
            return True
        if not body.is_whole:
            return False
        control, setup = body.needs
        if setup >= number:
            raise BrokenRule(f"body {number} needs the set-up headers {setup}, which come after it")
        if control > self.controls or (setup and setup not in self._numbers_taken):
            return False
        return body.messages()[0][0] != Type.SETUP or self._first_waiting() == number
