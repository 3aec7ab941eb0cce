"""One QUIC connection that carries messages, whichever side began it.

aioquic does the protocol; its streams for asyncio have no back-pressure and no pace, so its connection is driven here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.connection import QuicConnection
from cryptography.hazmat.primitives.serialization import Encoding
from structlog.typing import FilteringBoundLogger

from distreamer.protocol.native.faults import ConversationError
from distreamer.protocol.native.lanes import CONTROL, Part
from distreamer.protocol.native.messages import Want
from distreamer.transport.live_pace import PROBE_SECONDS, LivePace
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic_hearing import Hearing
from distreamer.transport.quic_inbox import QuicInbox
from distreamer.transport.quic_lanes import MOST_HELD_BYTES, LaneStreams
from distreamer.transport.quic_limits import MOST_DATAGRAM_BYTES, has_too_many_gaps, limit_peer
from distreamer.transport.quic_recovery import latest_arrival, make_live, newest_packet
from distreamer.transport.quic_words import REASON_CHARACTERS, spoken_end
from distreamer.transport.tcp import spoken_address

TIMER_RESOLUTION_SECONDS = 1e-6
IDLE_SECONDS = 90.0
"""A connection survives an outage of this length without a new handshake."""
LINGER_SECONDS = 1.0
"""A connection that has ended is forgotten after so long at the latest."""


class LiveConnection(QuicConnectionProtocol):
    """Messages in and out, by the lanes of ``docs/protocol.md``. It never raises into the event loop."""

    def __init__(self, quic: QuicConnection, rules: PaceRules, host: str, log: FilteringBoundLogger) -> None:
        """``host`` is that of the other side."""
        super().__init__(quic)
        now = self._loop.time()
        self._rules = rules
        self._host = host
        self.log = log
        self._pace = LivePace(rules.media_rate(), rules.factor, now, rules.memory.recall(host, now))
        self._look = make_live(quic, self._pace)
        self.inbox = QuicInbox()
        most_streams = 0 if quic.configuration.is_client else 1
        limit_peer(quic, most_streams=most_streams, taken=lambda: self.inbox.lanes_taken)
        self.lanes = LaneStreams(quic)
        self._tick: asyncio.TimerHandle | None = None
        self._last_timer: asyncio.TimerHandle | None = None
        self._hearing = Hearing(now)
        self._room = asyncio.Event()
        self.agreed = asyncio.Event()
        """Set when the handshake is done, or has failed."""
        self.fault = ""
        """Why there is no connection any more."""
        self.is_breach = False
        """Whether the other side broke the rules."""
        self._packets_came = 0
        self.on_agreed: Callable[[], None] = lambda: None

    # -- what aioquic and asyncio call

    def transmit(self) -> None:
        self._transmit_task = None
        if self._transport is None or self._transport.is_closing() or not self._quic._network_paths:
            return
        with self._guard():
            self._pace.expect(self._rules.media_rate())
            # What an acknowledgement alone kept back goes out, or gets its timer, in the next round.
            while datagrams := self._datagrams():
                for data, address in datagrams:
                    self._transport.sendto(data, address)
            self._set_timer(self._quic.get_timer())
            self._set_tick()
            if self._pace.capacity is not None:
                self._rules.memory.note(self._host, self._pace.capacity, self._loop.time())
            if not self.lanes.is_full:
                self._room.set()

    def _datagrams(self) -> list[tuple[bytes, Any]]:
        # An acknowledgement that is due at this very moment would be held back for the pace, for ever where time
        # stands still.
        now = self._loop.time() + TIMER_RESOLUTION_SECONDS
        self._look(now)
        self.lanes.put_in_order()
        return self._quic.datagrams_to_send(now)

    def _set_timer(self, at: float | None) -> None:
        if self._timer is not None and self._timer_at != at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and at is not None:
            self._timer = self._loop.call_at(at, self._handle_timer)
        self._timer_at = at

    def _handle_timer(self) -> None:
        with self._guard():
            super()._handle_timer()

    def datagram_received(self, data: bytes | str, addr: Any) -> None:
        if self.fault or len(data) > MOST_DATAGRAM_BYTES:
            return
        with self._guard():
            before = newest_packet(self._quic)
            super().datagram_received(data, addr)
            # A datagram holds several packets only as long as the two have not agreed.
            self._packets_came += before >= 0 or newest_packet(self._quic) >= 0
            self._hearing.came(latest_arrival(self._quic))
            if has_too_many_gaps(self._quic):
                self._refuse_gaps()
            # aioquic tells of an end when nothing can come behind it any more, some round trips later.
            end = self._quic._close_event
            if end is not None:
                self._end(spoken_end(end))

    def error_received(self, exc: Exception) -> None:
        """The system says that a packet did not get through. That may be over at the next."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the socket was closed")
        self._stop_timers()

    def quic_event_received(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.HandshakeCompleted):
            self.agreed.set()
            self.on_agreed()
        elif isinstance(event, events.ConnectionTerminated):
            self._end(spoken_end(event))
        elif isinstance(event, events.StreamDataReceived):
            self._take(event.stream_id, event.data, ends=event.end_stream)
        elif isinstance(event, events.StreamReset):
            self._take_reset(event.stream_id)
        elif isinstance(event, events.StopSendingReceived):
            self._breach(f"does not want the stream {event.stream_id}")

    # -- messages

    async def send(self, message: bytes) -> None:
        """Waits as long as too much is under way; nothing happens when the connection has ended."""
        while not self.fault and self.lanes.is_full:
            self._room.clear()
            await self._room.wait()
        if not self.fault:
            with self._guard():
                # Nobody sends audio before it was asked for, and strangers are not asked.
                self.inbox.is_open |= message[0] == Want.TYPE
                self.lanes.send(message)
                # With all that is said at this moment: fewer packets, and fuller ones.
                self._transmit_soon()

    def abandon(self, lane: int) -> None:
        """The other side need not get that body; what was sent of it only in part goes on."""
        with self._guard():
            if self.lanes.abandon(lane):
                self._transmit_soon()

    def shut(self) -> None:
        """Ends it at once."""
        if not self.fault:
            self.transmit()
            self._end("closed")
            # Where a client asked in vain, the end of what the server may never have heard of would only begin a
            # connection there.
            if self._hearing.has_come:
                self._say_close()
            else:
                self._forget()

    def give_up(self) -> None:
        """Ends it unless both have agreed."""
        if not self.agreed.is_set():
            self.shut()

    def peer_certificate(self) -> bytes:
        """Of a server, as DER."""
        certificate = self._quic.tls._peer_certificate
        assert certificate is not None, "a server's certificate is known when both have agreed"
        return certificate.public_bytes(Encoding.DER)

    @property
    def heard_at(self) -> float:
        """When the other side gave a sign of life last: when anything came from it, if it also hears us."""
        return self._hearing.heard_at(self._pace.heard_at)

    @property
    def packets(self) -> tuple[int, int]:
        """How many came since both have agreed, and how many were sent until the newest of them."""
        return self._packets_came, newest_packet(self._quic) + 1

    @property
    def peer(self) -> str:
        address = self._quic.get_peer_address()
        return spoken_address(*address[:2]) if address else "a peer that is gone"

    # -- what arrives

    def _take(self, stream: int, data: bytes, *, ends: bool) -> None:
        if stream & 2:
            self._keep(lambda: self.inbox.receive(Part(stream >> 2, data, ends)))
            return
        self.lanes.opened()
        self._keep(lambda: self.inbox.receive(Part(CONTROL, data)))
        if ends:
            self._breach("ended the control stream")

    def _take_reset(self, stream: int) -> None:
        if stream & 2:
            self._keep(lambda: self.inbox.abandon(stream >> 2))
        else:
            self._breach("ended the control stream")

    def _keep(self, take: Callable[[], None]) -> None:
        if not self.fault:
            try:
                take()
            except ConversationError as error:
                self._breach(str(error))

    # -- the end

    def _refuse_gaps(self) -> None:
        reason = "leaves more gaps than lost packets do"
        if self.agreed.is_set():
            self._breach(reason)
        else:
            # Its address may be forged: no word more.
            self._end(reason)
            self._forget()

    def _breach(self, reason: str) -> None:
        if not self.fault:
            self.is_breach = True
            self._end(reason)
            self._say_close(reason)

    def _say_close(self, reason: str = "") -> None:
        with self._guard():
            self.close(reason_phrase=reason[:REASON_CHARACTERS])
        if self._tick is not None:
            self._tick.cancel()

    def _end(self, reason: str) -> None:
        if not self.fault:
            self.fault = reason
            self.inbox.end()
            # aioquic waits for three times as long as an answer takes; the other side has a say in that.
            self._last_timer = self._loop.call_later(LINGER_SECONDS, self._forget)
        self.agreed.set()
        self._room.set()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """What one peer's packets do to aioquic must end nothing but its connection."""
        try:
            yield
        except Exception as defect:
            self.log.error("a defect in the QUIC library; please report it", peer=self.peer, exc_info=defect)
            self._end("a defect in the QUIC library here ended it")
            self._forget()

    def _forget(self) -> None:
        """Without a word, and without what aioquic would do until the end."""
        self._stop_timers()
        self._connection_terminated_handler()

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._tick, self._last_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._tick = self._last_timer = None

    def _set_tick(self) -> None:
        """aioquic knows no timer for probes into the dark, nor for what fades from being under way."""
        if self._tick is None and not self.fault and self._quic._loss.bytes_in_flight:
            self._tick = self._loop.call_later(PROBE_SECONDS, self._on_tick)

    def _on_tick(self) -> None:
        self._tick = None
        if not self.fault and (held := self.lanes.held_bytes()) > MOST_HELD_BYTES:
            self.log.error("too much is held for a connection", peer=self.peer, bytes=held, limit=MOST_HELD_BYTES)
            self._breach("holds too much")
        elif not self.fault:
            if self._pace.is_dark(self._loop.time()) and not self._quic._ping_pending:
                self._quic.send_ping(0)
            self.transmit()
