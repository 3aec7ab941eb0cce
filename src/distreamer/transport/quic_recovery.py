"""aioquic's loss recovery, taught to carry live audio: our own pace, deaf to loss, and no hurry to call packets lost.

aioquic has no hook for any of this, so its parts are replaced inside a connection that was just made. That is tied to
the versions named in pyproject.toml, and ``tests/transport/test_quic_recovery.py`` tells when one of them differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import islice
from typing import cast

from aioquic.quic.congestion.base import QuicCongestionControl
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketRecovery, QuicPacketSpace
from aioquic.tls import Epoch

from distreamer.transport.live_pace import PROBE_SECONDS, LivePace

BURST_PACKETS = 4
"""Sent at once at the most, when there was nothing to send before."""
HEARD_PACKETS = 3
"""Sent into the dark at once, when the other side is heard from there: on a link that is back, and loses packets, one
of them will be answered."""
RESENT_PACKETS = 16
"""The oldest, sent again when the other side is heard behind a silence. More would be a waste where it heard us all the
time, and only the way back was dark."""
SHORTEST_PAUSE_SECONDS = 0.001
MOST_ACK_DELAY_SECONDS = 0.1
"""QUIC allows 16 s."""
LOSS_ROUND_TRIPS = 1.25
LOSS_BEYOND_SECONDS = 0.03
"""A packet is lost when one that was sent later was acknowledged, and it was not within so long. aioquic also counts
three later ones (RFC 9002, section 6.1.1), which resends most of what a reordering link only delays."""


class LivePacer(QuicPacketPacer):
    """Spreads bytes by the pace itself, where aioquic would divide a window by the round trip."""

    def __init__(self, pace: LivePace, *, max_datagram_size: int) -> None:
        super().__init__(max_datagram_size=max_datagram_size)
        self._pace = pace
        self._size = max_datagram_size
        self._most = float(BURST_PACKETS * max_datagram_size)
        self._counted_at = 0.0
        self._begun = 0
        self.credit = self._most
        """Bytes that may go out now."""

    def look(self, now: float) -> None:
        """To be told the time before packets are made."""
        if now > self._counted_at:
            gained = (now - self._counted_at) * self._pace.rate
            self.credit = min(self.credit + gained, self._most)
            self._counted_at = now
        self._begun = 0

    def charge(self, size: int) -> None:
        """So many bytes went out."""
        self.credit -= size

    def next_send_time(self, now: float) -> float | None:  # type: ignore[override]  # aioquic's own gives None too
        missing = self._size - (self.credit - self._begun)
        if missing <= 0:
            return None
        return now + max(missing / self._pace.rate, SHORTEST_PAUSE_SECONDS)

    def update_after_send(self, now: float) -> None:
        # How long it really is, and whether it counts at all, is known when all of them are made.
        self._begun += self._size

    def update_rate(self, congestion_window: int, smoothed_rtt: float) -> None:
        """The pace knows."""


class LiveCongestionControl(QuicCongestionControl):
    """What is under way, and whether more may be."""

    def __init__(self, pace: LivePace, pacer: LivePacer, *, max_datagram_size: int) -> None:
        super().__init__(max_datagram_size=max_datagram_size)
        self._pace = pace
        self._pacer = pacer
        self._size = max_datagram_size
        self._now = 0.0
        self._probed_at = -math.inf
        self._under_way: dict[int, tuple[float, int]] = {}
        self.came_at = -math.inf
        """When something came from the other side last."""

    def look(self, now: float) -> None:
        """To be told the time before packets are made."""
        self._now = now
        self._pacer.look(now)
        oldest = now - self._pace.fade_seconds
        while self._under_way:
            key, (sent_at, _) = next(iter(self._under_way.items()))
            if sent_at >= oldest:
                break
            self._forget(key)
        self.congestion_window = self.bytes_in_flight + self._room(now)

    def _room(self, now: float) -> int:
        """Bytes of whole packets that may go out now. aioquic's pacer alone is no bound: whatever goes with an
        acknowledgement passes it by, and the other side decides when one is due."""
        if self._pace.is_dark(now):
            if self.came_at > self._probed_at:
                return HEARD_PACKETS * self._size
            return self._size if now - self._probed_at >= PROBE_SECONDS else 0
        room = min(self._pace.window - self.bytes_in_flight, int(self._pacer.credit))
        return max(room, 0) // self._size * self._size

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        sent_at = packet.sent_time or self._now
        # After a Retry aioquic drops packets without a word, and their names are given anew.
        self._forget(id(packet))
        self._under_way[id(packet)] = (sent_at, packet.sent_bytes)
        self.bytes_in_flight += packet.sent_bytes
        self._pacer.charge(packet.sent_bytes)
        if packet.is_ack_eliciting:
            self._probed_at = sent_at
            self._pace.sent(packet.sent_bytes, sent_at)

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        self._forget(id(packet))
        self._pace.acknowledged(packet.sent_bytes, now)

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        for packet in packets:
            self._forget(id(packet))
            if packet.epoch is Epoch.ONE_RTT:
                self._pace.lost(packet.sent_bytes, packet.sent_time or 0.0)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        self.on_packets_expired(packets=packets)

    def on_persistent_congestion(self) -> None:
        """An outage is none."""

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        self._pace.measured(rtt, now)

    def _forget(self, key: int) -> None:
        _, size = self._under_way.pop(key, (0.0, 0))
        self.bytes_in_flight -= size


class LiveRecovery(QuicPacketRecovery):
    """Calls packets lost by time alone, and asks again and again without ever waiting longer."""

    _pace: LivePace
    _asked_at = -math.inf
    _came_at = -math.inf
    _resent_at = -math.inf
    _max_ack_delay: float

    @property
    def max_ack_delay(self) -> float:
        """For so long the other side may keep an acknowledgement back: what it says, within a bound, for here all that
        lasts long depends on it."""
        return self._max_ack_delay

    @max_ack_delay.setter
    def max_ack_delay(self, said: float) -> None:
        self._max_ack_delay = min(said, MOST_ACK_DELAY_SECONDS)

    def get_loss_detection_time(self, *, amplification_limited: bool) -> float | None:
        at = super().get_loss_detection_time(amplification_limited=amplification_limited)
        if at is None or self._get_loss_space() is not None:
            return at
        # What the pace holds back is not sent yet: to ask again at once would only call one packet after the other
        # lost.
        return max(at, self._asked_at + self.get_probe_timeout())

    def on_loss_detection_timeout(self, *, now: float) -> None:
        is_loss = self._get_loss_space() is not None
        if not is_loss:
            self._asked_at = now
        if is_loss or not self.handshake_confirmed or not self._is_in_the_dark(now):
            super().on_loss_detection_timeout(now=now)
        else:
            self._send_probe()
        # Twice as long after each try in vain is seconds too late when the link is back. Before both have agreed it is
        # right, for then another connection is tried soon.
        if self.handshake_confirmed:
            self._pto_count = 0

    def came(self, at: float, now: float) -> None:
        """The newest packet came ``at``. Behind a silence it tells that the link is back, sooner than an answer could:
        the oldest of what was sent meanwhile is sent again, once until something is answered."""
        before, self._came_at = self._came_at, max(at, self._came_at)
        is_agreed = self.handshake_confirmed and self._rtt_initialized
        if not is_agreed or self._resent_at > self._pace.heard_at or not self._pace.is_unanswered(before, at):
            return
        self._resent_at = at
        latest = now - self.get_probe_timeout()
        for space in self.spaces:
            if space.is_application_data:
                old = (packet for packet in space.sent_packets.values() if (packet.sent_time or 0.0) <= latest)
                lost = list(islice((packet for packet in old if packet.is_ack_eliciting), RESENT_PACKETS))
                self._on_packets_lost(congestion_event=False, now=now, packets=lost, space=space)

    def _is_in_the_dark(self, now: float) -> bool:
        """Whether the round trip is not known, or not any more. aioquic takes a packet that it asks with for lost when
        it asks again, and an answer that comes later for none: where the way has become longer than the time between
        two questions there would never be an answer."""
        return not self._rtt_initialized or self._pace.is_dark(now)

    def _detect_loss(self, *, now: float, space: QuicPacketSpace) -> None:
        if not self._rtt_initialized:
            patience = self._rtt_initial
        else:
            # Round trips that differ much come from a link that reorders.
            wandering = 2 * self._rtt_variance + LOSS_BEYOND_SECONDS
            patience = max(self._rtt_latest, self._rtt_smoothed) * LOSS_ROUND_TRIPS + wandering
        lost: list[QuicSentPacket] = []
        space.loss_time = None
        for number, packet in space.sent_packets.items():
            if number > space.largest_acked_packet:
                break
            lost_at = (packet.sent_time or 0.0) + patience
            if lost_at <= now:
                lost.append(packet)
            elif space.loss_time is None or lost_at < space.loss_time:
                space.loss_time = lost_at
        self._on_packets_lost(congestion_event=False, now=now, packets=lost, space=space)


def make_live(connection: QuicConnection, pace: LivePace) -> Callable[[float], None]:
    """Makes a connection that has sent nothing yet carry live audio. What is returned must be told the time before
    each call of ``datagrams_to_send``."""
    recovery, size = connection._loss, connection._max_datagram_size
    pacer = LivePacer(pace, max_datagram_size=size)
    control = LiveCongestionControl(pace, pacer, max_datagram_size=size)
    recovery.__class__ = LiveRecovery
    live = cast(LiveRecovery, recovery)
    live._pace = pace
    live.max_ack_delay = live.__dict__.pop("max_ack_delay")
    recovery._cc = control
    recovery._pacer = pacer

    def look(now: float) -> None:
        if (at := latest_arrival(connection)) is not None:
            control.came_at = at
            live.came(at, now)
        control.look(now)

    return look


def newest_packet(connection: QuicConnection) -> int:
    """The number of the newest packet that came since both have agreed; -1 before the first. They count from 0, and
    none is left out."""
    space = connection._spaces.get(Epoch.ONE_RTT)
    return space.largest_received_packet if space is not None else -1


def latest_arrival(connection: QuicConnection) -> float | None:
    """When the newest packet came that could be read; None before the first."""
    times = (space.largest_received_time for space in connection._loss.spaces)
    return max((at for at in times if at is not None), default=None)
