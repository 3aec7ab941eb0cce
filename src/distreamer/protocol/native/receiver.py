"""The receiver's part of a conversation: puts fragments together, checks them, and says what arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from distreamer.model.audio import StreamInfo
from distreamer.protocol.native import limits
from distreamer.protocol.native.events import EpochDescribed, Event, FragmentReceived, PeerReport
from distreamer.protocol.native.faults import broken_rule
from distreamer.protocol.native.messages import (
    EpochDescription,
    FragmentHead,
    Have,
    Message,
    Piece,
    Role,
    SetupHead,
    Want,
    encode,
)
from distreamer.protocol.native.ranges import NumberRanges
from distreamer.protocol.native.shapes import fragment_of, setup_digest, stream_info
from distreamer.protocol.native.states import RECEIVER, ReceiverState, check_allowed

_MOST_UNSAID: Final = 4_096
"""Fragments that have come and of which the sender was not told yet. One that keeps to the rules sends eight."""


class ReceiverRole:
    """Says ``want`` once it is told to, then takes what comes."""

    role = Role.RECEIVER

    def __init__(self, report: Callable[[], PeerReport]) -> None:
        """``report`` gives what the next ping tells the sender."""
        self.state = ReceiverState.IDLE
        self.received = 0
        """Fragments, duplicates included."""
        self._report = report
        self._want: Want | None = None
        self._arrived: dict[int, NumberRanges] = {}
        self._unsaid = 0
        """Fragments that have come since the sender was last told of all."""
        self._epochs: dict[int, StreamInfo] = {}
        self._setup = b""
        self._head: FragmentHead | SetupHead | None = None
        self._body = bytearray()

    def ask(self, want: Want) -> None:
        """Takes this carrier: the sender begins, or goes on by the new wish."""
        self._want = want
        if self.state is ReceiverState.IDLE:
            self.state = ReceiverState.LISTENS

    # -- what arrives

    def receive(self, message: Message, payload: bytes) -> list[Event]:
        """Raises ConversationError."""
        check_allowed(RECEIVER, self.state, message)
        if isinstance(message, EpochDescription):
            return self._take_epoch(message)
        if isinstance(message, Piece):
            return self._take_piece(payload)
        assert isinstance(message, FragmentHead | SetupHead)
        self._begin_body(message)
        return []

    def _take_epoch(self, description: EpochDescription) -> list[Event]:
        info = stream_info(description)
        self._epochs.pop(description.epoch, None)
        self._epochs[description.epoch] = info
        if len(self._epochs) > limits.KNOWN_EPOCHS:
            self._epochs.pop(next(iter(self._epochs)))
        return [EpochDescribed(description.epoch, info, description.first)]

    def _begin_body(self, head: FragmentHead | SetupHead) -> None:
        if isinstance(head, FragmentHead):
            if head.epoch not in self._epochs:
                raise broken_rule(f"fragment {head.number} is of the epoch {head.epoch}, which was not described")
            if head.setup and not self._setup:
                raise broken_rule(f"fragment {head.number} needs set-up headers, which did not come")
        self._head = head
        self._body.clear()
        self.state = ReceiverState.IN_BODY

    def _take_piece(self, payload: bytes) -> list[Event]:
        assert self._head is not None
        if not 0 < len(payload) <= limits.PIECE_BYTES:
            raise broken_rule(f"a piece of {len(payload)} bytes; 1 to {limits.PIECE_BYTES} are allowed")
        self._body += payload
        if len(self._body) > self._head.size:
            raise broken_rule(f"a body of {len(self._body)} bytes was announced with {self._head.size}")
        if len(self._body) < self._head.size:
            return []
        head, body = self._head, bytes(self._body)
        self._head = None
        self._body.clear()
        self.state = ReceiverState.LISTENS
        return self._take_setup(head, body) if isinstance(head, SetupHead) else self._take_fragment(head, body)

    def _take_setup(self, head: SetupHead, body: bytes) -> list[Event]:
        found = setup_digest(body)
        if found != head.digest:
            raise broken_rule(f"the digest of the set-up headers is {found} and should be {head.digest}")
        self._setup = body
        return []

    def _take_fragment(self, head: FragmentHead, body: bytes) -> list[Event]:
        fragment = fragment_of(head, body, self._setup)
        self._arrived.setdefault(fragment.epoch, NumberRanges()).add(fragment.number)
        self.received += 1
        self._unsaid += 1
        if self._unsaid > _MOST_UNSAID:
            raise broken_rule(f"sent {self._unsaid} fragments without waiting to be told that they arrived")
        return [FragmentReceived(fragment)]

    # -- what goes out

    def report(self) -> PeerReport:
        return self._report()

    def next_message(self) -> bytes | None:
        """The next message; None when there is nothing to send now."""
        if self._want is not None:
            want, self._want = self._want, None
            return encode(want)
        if not self._arrived:
            self._unsaid = 0
            return None
        epoch = next(iter(self._arrived))
        ranges = self._arrived.pop(epoch)
        if len(ranges.ranges()) > limits.HELD_RANGES:
            self._arrived[epoch] = NumberRanges(ranges.ranges()[limits.HELD_RANGES :])
        return encode(Have(epoch=epoch, ranges=ranges.ranges()[: limits.HELD_RANGES]))
