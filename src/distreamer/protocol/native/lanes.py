"""How the messages of a conversation are spread over the streams of a QUIC connection, and put in order again.

On one stream a lost packet holds up all that was sent behind it. So each body, a fragment with its pieces, has a
stream of its own, and only the rest shares one, the control stream. Bodies may then overtake one another; what one
depends on is said at the beginning of its stream. See ``docs/protocol.md``.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, broken_rule
from distreamer.protocol.native.messages import EpochDescription, FragmentHead, Piece, SetupHead, decode

CONTROL: Final = -1
"""The lane of everything that is no body; bodies are counted from 0, in the order in which they began."""
MOST_WAITING_BYTES: Final = 8_388_608
"""Of bodies that are not whole, or wait for another."""
MOST_LANES_AHEAD: Final = 32
"""Bodies that may have begun from one on that was not given yet. A sender has eight fragments on their way, and
each may have set-up headers of its own; one that is further ahead for what was lost or reset is held up by QUIC."""
_LENGTH: Final = struct.Struct(">I")
_BEGINNING: Final = struct.Struct(">II")
_BODY_TYPES: Final = {SetupHead.TYPE, FragmentHead.TYPE}


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes for a lane."""

    lane: int
    data: bytes
    ends: bool = False
    """Whether they are the last of the lane."""


class LaneSplitter:
    """The side that sends."""

    def __init__(self) -> None:
        self._control = 0
        self._needed = 0
        """Control messages without which the next body means nothing: those up to the last epoch. It does not wait
        for a ping that was lost."""
        self._bodies = 0
        self._setup = 0
        """The set-up headers that are in force: the number of their body, counted from 1; 0 for none."""
        self._missing = 0

    def split(self, message: bytes) -> Part:
        """Where ``message`` goes, and as what."""
        framed = _LENGTH.pack(len(message)) + message
        kind = message[0]
        if kind in _BODY_TYPES:
            head, _ = decode(message)
            assert isinstance(head, SetupHead | FragmentHead)
            self._missing = head.size
            lane, self._bodies = self._bodies, self._bodies + 1
            needs_setup = isinstance(head, FragmentHead) and head.setup
            beginning = _BEGINNING.pack(self._needed, self._setup if needs_setup else 0)
            if isinstance(head, SetupHead):
                self._setup = self._bodies
            return Part(lane, beginning + framed)
        if kind == Piece.TYPE:
            self._missing -= len(decode(message)[1])
            return Part(self._bodies - 1, framed, ends=self._missing <= 0)
        self._control += 1
        if kind == EpochDescription.TYPE:
            self._needed = self._control
        return Part(CONTROL, framed)


@dataclass(slots=True)
class _Body:
    """What has come of one."""

    data: bytearray = field(default_factory=bytearray)
    is_whole: bool = False


class LaneJoiner:
    """The side that receives: gives messages in an order in which they could have come one after the other."""

    def __init__(self) -> None:
        self._control = bytearray()
        self._control_messages = 0
        self._bodies: dict[int, _Body] = {}
        self._given: set[int] = set()
        self._all_given_before = 0
        self._setup = 0
        """The set-up headers that were given last, as in the splitter."""
        self._awaited = math.inf
        """How many control messages the next body that is whole needs."""
        self._ready: deque[bytes] = deque()
        self.waiting_bytes = 0
        """Of bodies that were not given yet."""

    def receive(self, part: Part) -> list[bytes]:
        """The messages that ``part`` completes. Raises ConversationError for what breaks the rules."""
        if part.lane == CONTROL:
            self._take_control(part.data)
        else:
            self._take_body(part)
            if part.ends:
                self._give_bodies()
        return self._given_now()

    @property
    def all_given_before(self) -> int:
        """The first body that was not given yet."""
        return self._all_given_before

    def abandon(self, lane: int) -> list[bytes]:
        """The sender will not end the body of ``lane``; gives the messages that waited for it. Raises
        ConversationError."""
        if self._is_given(lane):
            return []
        self._check_ahead(lane)
        self.waiting_bytes -= len(self._bodies.pop(lane, _Body()).data)
        self._note_given(lane)
        self._give_bodies()
        return self._given_now()

    def _given_now(self) -> list[bytes]:
        given = list(self._ready)
        self._ready.clear()
        return given

    def _take_control(self, data: bytes) -> None:
        self._control += data
        messages, used = _cut(self._control)
        del self._control[:used]
        for message in messages:
            if message[0] in _BODY_TYPES or message[0] == Piece.TYPE:
                raise broken_rule("sent a part of a body on the control stream")
            self._control_messages += 1
            self._ready.append(message)
            # A body may wait for this very message, and must come before those that follow.
            if self._control_messages >= self._awaited:
                self._give_bodies()

    def _take_body(self, part: Part) -> None:
        body = self._bodies.get(part.lane)
        if self._is_given(part.lane) or (body is not None and body.is_whole):
            raise broken_rule(f"the stream of body {part.lane + 1} goes on behind its end")
        if body is None:
            self._check_ahead(part.lane)
            body = self._bodies[part.lane] = _Body()
        body.data += part.data
        body.is_whole = part.ends
        self.waiting_bytes += len(part.data)
        if self.waiting_bytes > MOST_WAITING_BYTES:
            raise broken_rule(f"more than {MOST_WAITING_BYTES} bytes wait for what was sent before them")

    def _check_ahead(self, lane: int) -> None:
        if lane >= self._all_given_before + MOST_LANES_AHEAD:
            ahead = lane - self._all_given_before
            raise broken_rule(f"the stream of body {lane + 1} is {ahead} ahead, and not less than {MOST_LANES_AHEAD}")

    def _give_bodies(self) -> None:
        progress = True
        while progress:
            progress = False
            self._awaited = math.inf
            for lane in sorted(self._bodies):
                body = self._bodies[lane]
                if body.is_whole and self._may_come(lane, body):
                    del self._bodies[lane]
                    self.waiting_bytes -= len(body.data)
                    self._note_given(lane)
                    self._ready.extend(self._messages_of(lane, body.data))
                    progress = True

    def _may_come(self, lane: int, body: _Body) -> bool:
        if len(body.data) < _BEGINNING.size + _LENGTH.size + 1:
            raise broken_rule(f"the stream of body {lane + 1} is cut off after {len(body.data)} bytes")
        control, setup = _BEGINNING.unpack_from(body.data)
        if setup > lane:
            raise broken_rule(f"body {lane + 1} needs body {setup}, which does not lie before it")
        if control > self._control_messages:
            self._awaited = min(self._awaited, control)
            return False
        if body.data[_BEGINNING.size + _LENGTH.size] == SetupHead.TYPE:
            # It replaces what all fragments before it need.
            return self._all_given_before >= lane
        return setup == 0 or self._is_given(setup - 1)

    def _messages_of(self, lane: int, data: bytearray) -> list[bytes]:
        head, messages = _whole_body(lane, data)
        _, setup = _BEGINNING.unpack_from(data)
        if isinstance(head, SetupHead):
            self._setup = lane + 1
        elif setup not in (0, self._setup):
            raise broken_rule(f"body {lane + 1} needs body {setup}, which is not the setup in force")
        elif head is not None and head.setup and not setup:
            raise broken_rule(f"body {lane + 1} needs a setup and does not say which")
        return messages

    def _is_given(self, lane: int) -> bool:
        return lane < self._all_given_before or lane in self._given

    def _note_given(self, lane: int) -> None:
        self._given.add(lane)
        while self._all_given_before in self._given:
            self._given.remove(self._all_given_before)
            self._all_given_before += 1


def _cut(data: bytearray) -> tuple[list[bytes], int]:
    """The whole messages in ``data``, and how many bytes they take."""
    messages: list[bytes] = []
    at = 0
    while len(data) - at >= _LENGTH.size:
        (size,) = _LENGTH.unpack_from(data, at)
        if not 0 < size <= limits.MESSAGE_BYTES:
            raise broken_rule(f"a message of {size} bytes is not within 1 to {limits.MESSAGE_BYTES}")
        if len(data) - at - _LENGTH.size < size:
            break
        at += _LENGTH.size
        messages.append(bytes(data[at : at + size]))
        at += size
    return messages, at


def _whole_body(lane: int, data: bytearray) -> tuple[SetupHead | FragmentHead | None, list[bytes]]:
    """The messages of one, which its stream holds to the byte, and its head if all can be read."""
    stream = f"the stream of body {lane + 1}"
    messages, used = _cut(data[_BEGINNING.size :])
    if used != len(data) - _BEGINNING.size or messages[0][0] not in _BODY_TYPES:
        raise broken_rule(f"{stream} holds no body")
    try:
        (head, _), *rest = [decode(message) for message in messages]
    except ConversationError:
        # Of the stream itself nothing is wrong: the conversation says what is, as it would over a WebSocket.
        return None, messages
    assert isinstance(head, SetupHead | FragmentHead)
    if any(message is not None and not isinstance(message, Piece) for message, _ in rest):
        raise broken_rule(f"{stream} holds more than one body")
    size = sum(len(payload) for _, payload in rest)
    if size != head.size:
        raise broken_rule(f"{stream} ends after {size} bytes of a body of {head.size}")
    return head, messages
