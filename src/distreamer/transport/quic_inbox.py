"""What came over a QUIC connection, as messages in order, until they are fetched."""

from __future__ import annotations

import asyncio

from distreamer.protocol.native.faults import broken_rule
from distreamer.protocol.native.lanes import CONTROL, LaneJoiner, Part

MOST_UNREAD_BYTES = 16_777_216
"""Put in order, and not fetched."""


class QuicInbox:
    """Of one connection."""

    def __init__(self) -> None:
        self._joiner = LaneJoiner()
        self._messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unread_bytes = 0
        self.is_open = False
        """Whether bodies may come: this side has asked for them."""

    @property
    def lanes_taken(self) -> int:
        """The first lane of a body that was not taken yet."""
        return self._joiner.all_given_before

    def receive(self, part: Part) -> None:
        """Raises ConversationError for what breaks the rules."""
        if part.lane != CONTROL:
            self._check_open()
        self._keep(self._joiner.receive(part))

    def abandon(self, lane: int) -> None:
        """The sender will not end the body of ``lane``. Raises ConversationError."""
        self._check_open()
        self._keep(self._joiner.abandon(lane))

    def end(self) -> None:
        """Nothing more comes."""
        self._messages.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next message; None at the end, and from then on."""
        message = await self._messages.get()
        if message is None:
            self.end()
        else:
            self._unread_bytes -= len(message)
        return message

    def _check_open(self) -> None:
        if not self.is_open:
            raise broken_rule("sent audio that nobody asked for")

    def _keep(self, messages: list[bytes]) -> None:
        for message in messages:
            self._unread_bytes += len(message)
            self._messages.put_nowait(message)
        if self._unread_bytes > MOST_UNREAD_BYTES:
            raise broken_rule(f"sent {self._unread_bytes} bytes that nobody has read yet")
