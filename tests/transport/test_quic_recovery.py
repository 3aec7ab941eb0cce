"""Our loss recovery inside aioquic: that aioquic is still the one it was written for, and that it does what it says."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder, QuicSentPacket
from aioquic.quic.recovery import QuicPacketPacer, QuicPacketRecovery, QuicPacketSpace
from aioquic.quic.stream import QuicStreamReceiver, QuicStreamSender
from aioquic.tls import Context, Epoch

from distreamer.errors import LinkError
from distreamer.protocol.native.messages import FragmentHead, Piece, Ping, encode
from distreamer.transport.live_pace import UNANSWERED_SECONDS, LivePace
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicMessages
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.quic_recovery import (
    BURST_PACKETS,
    HEARD_PACKETS,
    LOSS_BEYOND_SECONDS,
    LOSS_ROUND_TRIPS,
    RESENT_PACKETS,
    LiveCongestionControl,
    LiveRecovery,
    make_live,
)
from tests.support.quic_network import HEADERS_BYTES, Link, QuicNetwork
from tests.support.quic_server import WANT
from tests.support.virtual_time import virtual_time

PACKET_BYTES = 1_200
LEAST_DATA_BYTES = 100
"""A packet of fewer bytes acknowledges, or says a word; what is bounded is the audio."""
KNOWN: dict[Callable[..., object] | type, str] = {
    QuicPacketRecovery._detect_loss: "56e5a246bb22cb69",
    QuicPacketRecovery._on_packets_lost: "77a0ba7595137455",
    QuicPacketRecovery.get_loss_detection_time: "de155cb9bef95f8e",
    QuicPacketRecovery.get_probe_timeout: "782ca5036a10bc2f",
    QuicPacketRecovery.on_ack_received: "1a7c693479084333",
    QuicPacketRecovery.on_loss_detection_timeout: "50d7fd652fe671d4",
    QuicPacketRecovery.on_packet_sent: "a83baa6e05702f89",
    QuicPacketRecovery.reschedule_data: "a012ca1263fb6af0",
    QuicPacketPacer: "d845e32503fbe1f3",
    QuicPacketBuilder.start_packet: "63a59deba3617ddc",
    QuicPacketBuilder.start_frame: "53af20167bc2f0e0",
    QuicConnection.datagrams_to_send: "f4eb22c8add260fe",
    QuicConnection.get_timer: "07184a05f894e968",
    QuicConnection.handle_timer: "8ebd76a179bf5e25",
    QuicConnection._write_application: "c37bf64378f72b2f",
    QuicConnection._write_connection_limits: "02c42c5455ae1a31",
    QuicConnection._handle_stream_frame: "8c79348a854e307d",
    QuicConnection._handle_reset_stream_frame: "0a1801842064e9dd",
    QuicConnection._on_connection_limit_delivery: "ffc582d72ac9685a",
    QuicConnection._get_or_create_stream: "aee09c84cd0da114",
    Limit: "ee53b257287777bb",
    QuicStreamReceiver: "78596a9b1406685c",
    QuicStreamSender: "f14fb859f32d053a",
    QuicServer.datagram_received: "4440e39aaa1eeeb5",
    QuicServer._connection_terminated: "c97eb4c322136b30",
    QuicConnectionProtocol._handle_timer: "118ba0df51f70374",
    QuicConnectionProtocol._process_events: "b597fcfc85d5cfd8",
    QuicConnectionProtocol.datagram_received: "525c2fd4dddfbcbd",
}
"""What we replace, reach into or rely on, and what it was when we did."""


@pytest.mark.parametrize("part", KNOWN, ids=lambda part: part.__qualname__)
def test_the_parts_of_aioquic_that_we_rely_on_are_those_that_we_know(part: Callable[..., object]) -> None:
    """When this fails: read what changed there against transport/quic*.py, and only then take the new value."""
    assert hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16] == KNOWN[part]


def test_a_connection_has_the_parts_that_we_replace() -> None:
    connection = QuicConnection(configuration=QuicConfiguration())
    assert type(connection._loss) is QuicPacketRecovery
    assert {"_cc", "_pacer", "_pto_count", "_rtt_initialized", "_rtt_latest", "spaces"} <= vars(connection._loss).keys()
    assert {"_local_max_data", "_local_max_streams_bidi", "_streams", "_streams_queue", "_ping_pending"} <= vars(
        connection
    ).keys()
    assert "_peer_certificate" in inspect.getsource(Context)


# -- lost by time alone


def packets(recovery: QuicPacketRecovery, sent_at: list[float]) -> QuicPacketSpace:
    space = QuicPacketSpace(is_application_data=True)
    recovery.spaces = [space]
    recovery.handshake_confirmed = True
    for number, at in enumerate(sent_at):
        packet = QuicSentPacket(
            epoch=Epoch.ONE_RTT,
            in_flight=True,
            is_ack_eliciting=True,
            is_crypto_packet=False,
            packet_number=number,
            packet_type=QuicPacketType.ONE_RTT,
            sent_time=at,
            sent_bytes=PACKET_BYTES,
        )
        recovery.on_packet_sent(packet=packet, space=space)
    return space


def recovery_with_round_trip(seconds: float) -> LiveRecovery:
    connection = QuicConnection(configuration=QuicConfiguration())
    make_live(connection, LivePace(16_000, 5.0, 0.0))
    recovery = connection._loss
    assert isinstance(recovery, LiveRecovery)
    recovery._rtt_initialized = True
    recovery._rtt_latest = recovery._rtt_smoothed = recovery._rtt_min = seconds
    return recovery


def test_packets_are_lost_when_their_time_is_over_however_many_came_after_them() -> None:
    recovery = recovery_with_round_trip(0.1)
    patience = LOSS_ROUND_TRIPS * 0.1 + LOSS_BEYOND_SECONDS
    space = packets(recovery, [0.001 * number for number in range(50)])
    space.largest_acked_packet = 49
    recovery._detect_loss(now=0.0 + patience - 0.001, space=space)
    assert len(space.sent_packets) == 50
    assert space.loss_time == pytest.approx(patience)
    recovery._detect_loss(now=0.0105 + patience, space=space)
    assert sorted(space.sent_packets) == list(range(11, 50))
    assert recovery._cc.bytes_in_flight == 39 * PACKET_BYTES


def test_a_packet_whose_name_was_another_s_is_counted_once() -> None:
    """After a Retry aioquic drops its packets without a word."""
    recovery = recovery_with_round_trip(0.1)
    space = packets(recovery, [0.0, 0.01])
    again = space.sent_packets[0]
    again.sent_time = 0.02
    recovery._cc.on_packet_sent(packet=again)
    assert recovery._cc.bytes_in_flight == 2 * PACKET_BYTES
    recovery._cc.on_packet_acked(now=0.1, packet=again)
    recovery._cc.on_packet_acked(now=0.1, packet=space.sent_packets[1])
    assert recovery._cc.bytes_in_flight == 0


def test_a_link_whose_round_trips_differ_gets_more_time() -> None:
    recovery = recovery_with_round_trip(0.1)
    recovery._rtt_variance = 0.2
    space = packets(recovery, [0.0, 0.01])
    space.largest_acked_packet = 1
    recovery._detect_loss(now=0.5, space=space)
    assert len(space.sent_packets) == 2


def test_after_an_answer_in_vain_it_is_asked_again_after_the_same_time() -> None:
    recovery = recovery_with_round_trip(0.1)
    packets(recovery, [0.0] * 20)
    asked = []
    now = 0.0
    for _ in range(10):
        at = recovery.get_loss_detection_time(amplification_limited=False)
        assert at is not None
        assert at > now
        now = at
        asked.append(now)
        recovery.on_loss_detection_timeout(now=now)
    pauses = [later - before for before, later in pairwise(asked)]
    assert max(pauses) == pytest.approx(recovery.get_probe_timeout())
    assert min(pauses) == pytest.approx(recovery.get_probe_timeout())


SILENCE = 5.0


def heard_behind_a_silence(sent_at: list[float], *, answered_at: float = 0.0, came_at: float = 0.0) -> list[int]:
    """What is still taken for under way when something comes at SILENCE, the last before at ``came_at``."""
    recovery = recovery_with_round_trip(0.1)
    space = packets(recovery, sent_at)
    recovery._pace.heard_at = answered_at
    recovery._came_at = came_at
    recovery.came(SILENCE, SILENCE)
    return sorted(space.sent_packets)


def test_behind_a_silence_the_oldest_are_sent_again_at_once() -> None:
    assert heard_behind_a_silence([1.0 + 0.01 * number for number in range(50)]) == list(range(RESENT_PACKETS, 50))


def test_what_was_sent_just_before_may_still_be_answered() -> None:
    assert heard_behind_a_silence([1.0, SILENCE - 0.01]) == [1]


def test_without_an_answer_to_what_was_sent_again_no_more_is_sent_again() -> None:
    recovery = recovery_with_round_trip(0.1)
    space = packets(recovery, [1.0] * 40)
    recovery.came(SILENCE, SILENCE)
    recovery.came(2 * SILENCE, 2 * SILENCE)
    assert len(space.sent_packets) == 40 - RESENT_PACKETS
    recovery._pace.heard_at = 2 * SILENCE + 0.1
    recovery._pace.sent(PACKET_BYTES, 3 * SILENCE - 1)
    recovery.came(3 * SILENCE, 3 * SILENCE)
    assert len(space.sent_packets) == 40 - 2 * RESENT_PACKETS


def test_who_was_heard_all_the_time_or_has_answered_tells_nothing_new() -> None:
    assert heard_behind_a_silence([1.0, 2.0], came_at=SILENCE - UNANSWERED_SECONDS + 0.01) == [0, 1]
    assert heard_behind_a_silence([1.0, 2.0], answered_at=SILENCE - UNANSWERED_SECONDS + 0.01) == [0, 1]


def test_into_the_dark_more_is_sent_when_the_other_side_is_heard_from_there() -> None:
    recovery = recovery_with_round_trip(0.1)
    packets(recovery, [1.0, 4.9])
    control = recovery._cc
    assert isinstance(control, LiveCongestionControl)
    control.look(SILENCE)
    assert control.congestion_window == control.bytes_in_flight
    control.came_at = SILENCE
    control.look(SILENCE)
    assert control.congestion_window == control.bytes_in_flight + HEARD_PACKETS * PACKET_BYTES


# -- on a link


class Sender:
    """A server that says fragment after fragment, as fast as the carrier takes them; and what it sent when."""

    def __init__(self, link: Link, media_rate: float = 16_000, capacity: float | None = None) -> None:
        self.rules = PaceRules(lambda: media_rate, 5.0)
        if capacity is not None:
            self.rules.memory.note("198.51.100.7", capacity, 0.0)
        self.network = QuicNetwork(link, self.rules, PaceRules(lambda: 0.0, 5.0), self._say)
        self.size = 16_000
        self.most_fragments = 10**9
        self.sent: list[tuple[float, int]] = []
        carry = link.carry

        def counted(way: str, size: int, now: float) -> float | None:
            if way == "down":
                self.sent.append((now, size - HEADERS_BYTES))
            return carry(way, size, now)

        link.carry = counted  # type: ignore[method-assign]

    async def _say(self, carrier: QuicMessages) -> None:
        try:
            await carrier.receive()
            for number in range(1, self.most_fragments + 1):
                head = FragmentHead(
                    epoch=1, number=number, start=0, duration=1, captured_at=0.0, size=self.size, digest="0" * 32
                )
                await carrier.send(encode(head))
                for at in range(0, self.size, 2_000):
                    await carrier.send(encode(Piece(), bytes(min(2_000, self.size - at))))
            await carrier.receive()
        except LinkError:
            return

    async def listen(self, seconds: float, babble: float = 0.0) -> int:
        """Dials, takes what comes for so long, and says a ping every ``babble`` seconds; gives the bytes of audio."""
        carrier = await self.network.dial(3)
        received = 0

        async def take() -> None:
            nonlocal received
            while True:
                message = await carrier.receive()
                received += len(message) - 5 if message[0] == Piece.TYPE else 0

        async def talk() -> None:
            await carrier.send(WANT)
            while babble:
                await asyncio.sleep(babble)
                await carrier.send(encode(Ping(id=1)))

        tasks = [asyncio.create_task(take()), asyncio.create_task(talk())]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await carrier.close()
        await self.network.close()
        return received

    def windows(self, seconds: float) -> Iterator[int]:
        """The bytes of data that went out within each window of so long that begins with a packet."""
        data = [(at, size) for at, size in self.sent if size >= LEAST_DATA_BYTES]
        end, total = 0, 0
        for begin, (at, size) in enumerate(data):
            while end < len(data) and data[end][0] <= at + seconds:
                total += data[end][1]
                end += 1
            yield total
            total -= size
            assert begin < end


@pytest.mark.parametrize("babble", [0.0, 0.004], ids=["a quiet listener", "one who makes it acknowledge all the time"])
@pytest.mark.parametrize("loss", [0.0, 0.2])
@virtual_time(seconds_limit=60)
async def test_over_any_time_no_more_goes_out_than_the_pace_and_a_burst(babble: float, loss: float) -> None:
    sender = Sender(Link(loss=loss, queue=100_000))
    received = await sender.listen(12, babble)
    for seconds in (0.001, 0.02, 0.1, 0.5, 2.0):
        bound = 5 * 16_000 * seconds + BURST_PACKETS * PACKET_BYTES
        # Asking whether the link is still there is not kept back.
        assert max(sender.windows(seconds)) <= bound + PACKET_BYTES
    assert received > (1 - loss) * 0.75 * 5 * 16_000 * 11


@virtual_time(seconds_limit=60)
async def test_at_a_slow_pace_nothing_is_called_lost_because_it_was_not_sent_yet() -> None:
    """A quarter of the bitrate: one packet takes longer than the time after which an answer is missed."""
    sender = Sender(Link(delay=0.01), capacity=100.0)
    sender.size, sender.most_fragments = 12_000, 1
    received = await sender.listen(8)
    assert received == sender.size
    data = sum(size for _, size in sender.sent if size >= LEAST_DATA_BYTES)
    assert data < sender.size + 5 * PACKET_BYTES


@virtual_time(seconds_limit=60)
async def test_a_second_connection_knows_what_the_first_has_learnt_of_the_link() -> None:
    link = Link(rate=20_000)
    sender = Sender(link)
    await sender.listen(12)
    other = Sender(link)
    other.rules = sender.rules
    other.network = QuicNetwork(link, sender.rules, PaceRules(lambda: 0.0, 5.0), other._say)
    other.sent.clear()
    await other.listen(3)
    # Without that it would begin with twice the bitrate.
    assert max(other.windows(1.0)) < 26_000
    assert max(sender.windows(1.0)) > 30_000


@virtual_time(seconds_limit=120)
async def test_in_the_dark_it_asks_at_a_steady_rate_until_somebody_answers() -> None:
    link = Link()
    sender = Sender(link)
    listening = asyncio.create_task(sender.listen(60))
    loop = asyncio.get_running_loop()
    await asyncio.sleep(5)
    link.is_dark = True
    dark_at = loop.time()
    await asyncio.sleep(45)
    link.is_dark = False
    back_at = loop.time()
    for begin in range(5, 45, 5):
        asked = [size for at, size in sender.sent if dark_at + begin <= at < dark_at + begin + 5]
        assert 5 / 0.25 <= len(asked) <= 5 / 0.05
        assert sum(asked) < 5 * 16_000
    await asyncio.sleep(1)
    after = [at for at, size in sender.sent if back_at < at <= back_at + 1 and size > 1_000]
    assert len(after) > 10
    await listening


@pytest.mark.parametrize("delay", [0.6, 1.2])
@virtual_time(seconds_limit=120)
async def test_a_long_way_is_no_reason_to_take_every_answer_for_too_late(delay: float) -> None:
    sender = Sender(Link(delay=delay))
    sender.size, sender.most_fragments = 100_000, 1
    assert await sender.listen(30) == sender.size
    data = sum(size for _, size in sender.sent if size >= LEAST_DATA_BYTES)
    assert data < 1.3 * sender.size


@virtual_time(seconds_limit=120)
async def test_a_way_that_became_much_longer_in_an_outage_is_used_again() -> None:
    link = Link(delay=0.02)
    sender = Sender(link)
    listening = asyncio.create_task(sender.listen(40))
    await asyncio.sleep(5)
    link.is_dark = True
    await asyncio.sleep(5)
    link.is_dark, link.delay = False, 0.8
    sender.sent.clear()
    await asyncio.sleep(25)
    # Most of it is new, not sent again and again.
    data = sum(size for _, size in sender.sent if size >= LEAST_DATA_BYTES)
    assert data > 20 * 16_000
    assert await listening > 5 * 16_000 + 0.7 * data


@virtual_time(seconds_limit=60)
async def test_a_handshake_in_vain_asks_more_and_more_rarely() -> None:
    link = Link(is_dark=True)
    sender = Sender(link)
    with pytest.raises(LinkError):
        await sender.network.dial(3)
    assert 2 <= link.sent_bytes["up"] // PACKET_BYTES <= 5


@virtual_time(seconds_limit=60)
async def test_one_who_only_acknowledges_may_still_say_something_at_once() -> None:
    """Acknowledgements are no part of the pace."""
    link = Link()
    sender = Sender(link)
    carrier = await sender.network.dial(3)
    await carrier.send(encode(Ping(id=1)))

    async def take() -> None:
        while True:
            await carrier.receive()

    taking = asyncio.create_task(take())
    await asyncio.sleep(10)
    [client] = sender.network.clients.values()
    assert isinstance(client, LiveConnection)
    pacer = client._quic._loss._pacer
    assert pacer.next_send_time(asyncio.get_running_loop().time()) is None
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    await carrier.close()
    await sender.network.close()
