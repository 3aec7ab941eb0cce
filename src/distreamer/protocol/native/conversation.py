"""One conversation as a value: messages in, events out, messages to send on request. Time is an argument.

events = conversation.receive_data(message, now)
while (message := conversation.data_to_send(now)) is not None: ...
events = conversation.handle_timer(now)       # at conversation.next_timer()
"""

from __future__ import annotations

from collections import deque
from typing import Final

from distreamer.protocol.native.events import Ended, Event, PeerReport, Reported, Welcomed
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode
from distreamer.protocol.native.handshake import HANDSHAKE_MESSAGES, Acceptor, Handshake
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.messages import Goodbye, Hello, Message, Newest, Ping, Pong, decode, encode
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.sender import SenderRole
from distreamer.protocol.native.shapes import clipped
from distreamer.protocol.native.states import CONVERSATION, State, check_allowed

_MOST_PINGS_UNANSWERED: Final = 64
"""Pings whose time is kept; the oldest is forgotten."""
_MOST_PONGS_OWED: Final = 64
"""Pongs that wait to be sent; a peer that pings faster than the carrier takes answers loses the oldest."""


class Conversation:
    """The handshake, life signs and goodbyes; the programme is the role's business."""

    def __init__(
        self,
        role: SenderRole | ReceiverRole,
        handshake: Handshake,
        now: float,
        timing: Timing | None = None,
    ) -> None:
        """``now`` is the moment at which the carrier came up, in seconds of any clock that only goes forward."""
        self.role = role
        self.state: State = handshake.first_state
        self.heard_at = now
        self.shortest_round_trip: float | None = None
        """Seconds; None before the first pong."""
        self.round_trip: float | None = None
        """Seconds, of the last pong."""
        self._timing = timing or Timing()
        self._handshake = handshake
        acceptor = isinstance(handshake, Acceptor)
        patience = self._timing.acceptor_handshake if acceptor else self._timing.dialler_handshake
        self._handshake_patience = patience
        self._handshake_deadline = now + patience
        self._ping_at = now
        self._ping_due = False
        self._ping_id = 0
        self._pings: dict[int, float] = {}
        self._pongs: deque[int] = deque(maxlen=_MOST_PONGS_OWED)
        self._first: deque[bytes] = deque()
        """Handshake and goodbye: at the most two messages."""
        opening = handshake.opening(role.role)
        if opening is not None:
            self._first.append(encode(opening))

    # -- what arrives

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """One message of the carrier. Never raises: what is wrong with it ends the conversation (``Ended``)."""
        if self.state is State.CLOSED:
            return []
        self.heard_at = now
        try:
            message, payload = decode(data)
            return [] if message is None else self._take(message, payload, now)
        except ConversationError as fault:
            return self.say_goodbye(fault.code, str(fault))

    def _take(self, message: Message, payload: bytes, now: float) -> list[Event]:
        if isinstance(message, Goodbye):
            self.state = State.CLOSED
            self._first.clear()
            return [Ended(GoodbyeCode.read(message.code), message.reason, by_peer=True)]
        if isinstance(message, HANDSHAKE_MESSAGES) or self.state is not State.TALKS:
            check_allowed(CONVERSATION, self.state, message)
            return self._shake_hands(message, now)
        if isinstance(message, Ping):
            self._pongs.append(message.id)
            newest = (message.newest.epoch, message.newest.number) if message.newest else None
            return [Reported(PeerReport(message.budget_seconds, message.buffer_seconds, newest))]
        if isinstance(message, Pong):
            self._take_pong(message.id, now)
            return []
        return self.role.receive(message, payload)

    def _shake_hands(self, message: Message, now: float) -> list[Event]:
        step = self._handshake.receive(message, self.role.role)
        self.state = step.state
        if step.answer is not None:
            self._first.append(encode(step.answer))
        if step.peer is None:
            return []
        self._ping_at = now
        self._ping_due = True
        path = step.peer.path if isinstance(step.peer, Hello) else None
        return [Welcomed(step.peer.node, step.peer.agent, step.peer.version, path)]

    def _take_pong(self, ping: int, now: float) -> None:
        sent_at = self._pings.pop(ping, None)
        if sent_at is not None:
            self.round_trip = now - sent_at
            shortest = self.shortest_round_trip
            self.shortest_round_trip = self.round_trip if shortest is None else min(shortest, self.round_trip)

    # -- what goes out

    def data_to_send(self, now: float) -> bytes | None:
        """The next message for the carrier, made at this moment; None when there is nothing to send now."""
        if self._first:
            return self._first.popleft()
        if self.state is not State.TALKS:
            return None
        if self._pongs:
            return encode(Pong(id=self._pongs.popleft()))
        if self._ping_due:
            return self._ping(now)
        return self.role.next_message()

    def _ping(self, now: float) -> bytes:
        self._ping_due = False
        self._ping_id += 1
        self._pings[self._ping_id] = now
        if len(self._pings) > _MOST_PINGS_UNANSWERED:
            self._pings.pop(next(iter(self._pings)))
        report = self.role.report()
        newest = Newest(epoch=report.newest[0], number=report.newest[1]) if report.newest else None
        return encode(
            Ping(
                id=self._ping_id,
                newest=newest,
                budget_seconds=report.budget_seconds,
                buffer_seconds=report.buffer_seconds,
            )
        )

    def say_goodbye(self, code: GoodbyeCode, reason: str) -> list[Event]:
        """Ends it from this side; the goodbye is what is left to send. Nothing happens when it has ended already."""
        if self.state is State.CLOSED:
            return []
        self.state = State.CLOSED
        self._first.clear()
        self._first.append(encode(Goodbye(code=code.value, reason=clipped(reason))))
        return [Ended(code, reason, by_peer=False)]

    # -- time

    def dead_at(self) -> float:
        """When the peer will have been silent for too long, if nothing comes until then."""
        if self.state is State.TALKS:
            return self.heard_at + self._timing.dead_after(self.shortest_round_trip)
        return self._handshake_deadline

    def next_timer(self) -> float | None:
        """When ``handle_timer`` is to be called; None when the conversation has ended."""
        if self.state is State.CLOSED:
            return None
        if self.state is State.TALKS:
            return min(self._ping_at + self._timing.ping, self.dead_at())
        return self._handshake_deadline

    def handle_timer(self, now: float) -> list[Event]:
        """What is due at ``now``; calling it too early or too often does no harm."""
        if self.state is State.CLOSED:
            return []
        if now >= self.dead_at():
            return self.say_goodbye(GoodbyeCode.SILENCE, self._silence(now))
        if self.state is State.TALKS and now >= self._ping_at + self._timing.ping:
            self._ping_at = now
            self._ping_due = True
        return []

    def _silence(self, now: float) -> str:
        if self.state is State.TALKS:
            return f"nothing was heard for {now - self.heard_at:.1f} s"
        return f"no handshake within {self._handshake_patience:.0f} s"
