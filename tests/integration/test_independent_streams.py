"""The streams of a QUIC connection between a running program and a second peer, written from docs/protocol.md alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.independent_carriers import Carrier, opened_quic
from tests.support.independent_lanes import framed
from tests.support.independent_peer import CarrierLost, Conversation, Receiver
from tests.support.independent_programs import described, playing, song, taking
from tests.support.independent_quic import CONTROL, QuicCarrier
from tests.support.independent_sender import Course, Sender
from tests.support.independent_wire import Message, Name, Type, pack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


async def test_over_a_quic_that_loses_packets_the_streams_are_those_of_the_page(tmp_path: Path) -> None:
    receiver = Receiver()

    @asynccontextmanager
    async def lossy(port: int) -> AsyncIterator[Carrier]:
        async with opened_quic(port, lose_each=4) as carrier:
            yield carrier

    async with playing(tmp_path, "libvorbis") as port, receiver.dial(port, lossy) as conversation:
        await receiver.want(conversation)
        while len(receiver.arrivals) < 9:
            await receiver.take(conversation)
        assert isinstance(conversation.carrier, QuicCarrier)
        lanes = conversation.carrier.lanes
    assert receiver.arrivals == sorted(set(receiver.arrivals))
    taken = sorted(lanes.taken)
    assert [body.number for body in taken] == list(range(1, len(taken) + 1))
    setups = [body.number for body in taken if body.kind == Type.SETUP]
    assert len(setups) >= 2
    for body in taken:
        before = [setup for setup in setups if setup < body.number]
        assert body.control_needed == lanes.epochs[0]
        assert body.setup_needed == (before[-1] if body.kind == Type.FRAGMENT else 0)


@asynccontextmanager
async def sending(port: int) -> AsyncIterator[tuple[Sender, Conversation, QuicCarrier]]:
    """A sender's conversation by QUIC in which the receiver has said what it wants."""
    sender = Sender()
    async with opened_quic(port) as carrier:
        conversation = Conversation(carrier, sender, "sender")
        await conversation.introduce()
        async with conversation.pinging():
            await conversation.expect(Type.WANT)
            yield sender, conversation, carrier


async def test_bodies_that_overtake_are_taken_when_what_they_need_is_there(tmp_path: Path) -> None:
    """Bodies 1 and 4 are set-up headers, 2 and 5 the fragments that need them, 3 a fragment that needs none."""
    async with taking(tmp_path) as (port, _), sending(port) as (sender, conversation, carrier):
        sender.epochs, course, confirmed = described(9), Course(), list[Name]()

        async def heard(*wanted: Name) -> list[Name]:
            """What the program has confirmed when it confirmed these and has answered a ping after that."""
            number = -1
            while number not in conversation.pongs:
                if number < 0 and set(wanted) <= set(confirmed):
                    await carrier.ping()
                    number = 1_000 + len(conversation.pongs)
                    await conversation.send(Type.PING, {"id": number})
                message = await conversation.hear()
                if message is not None:
                    ranges = message.header["ranges"]
                    confirmed.extend((9, each) for first, last in ranges for each in range(first, last + 1))
            return sorted(confirmed)

        carrier.hold_back(CONTROL, 1, 2)
        for each in (song(9, 1, b"OggS one"), song(9, 2), song(9, 3, b"OggS two")):
            await sender.send_song(conversation, course, each)
        await carrier.ping()
        carrier.release(CONTROL)
        assert await heard((9, 2)) == [(9, 2)]
        carrier.release(2)
        assert await heard((9, 2)) == [(9, 2)]
        carrier.release(1)
        assert await heard((9, 1), (9, 3)) == [(9, 1), (9, 2), (9, 3)]


def no_body(data: bytes) -> Callable[[QuicCarrier], None]:
    def send(carrier: QuicCarrier) -> None:
        stream = carrier.quic.get_next_available_stream_id(is_unidirectional=True)
        carrier.quic.send_stream_data(stream, data, end_stream=True)

    return send


ANNOUNCED = framed(pack(Message(Type.SETUP, {"size": 2, "digest": "0" * 32})))
PIECE = framed(pack(Message(Type.PIECE, {}, b"ab")))
BREACHES: list[Callable[[QuicCarrier], None]] = [
    no_body(bytes(5)),
    no_body(bytes(8)),
    no_body(bytes(8) + ANNOUNCED[:-1]),
    no_body(bytes(7) + b"\1" + ANNOUNCED + PIECE),
    no_body(bytes(8) + framed(pack(Message(Type.PING, {"id": 1})))),
    no_body(bytes(8) + ANNOUNCED),
    no_body(bytes(8) + ANNOUNCED + PIECE + ANNOUNCED + PIECE),
    lambda carrier: carrier.quic.send_stream_data(CONTROL, ANNOUNCED + PIECE),
    lambda carrier: carrier.quic.send_stream_data(CONTROL, bytes(4)),
    lambda carrier: carrier.quic.send_stream_data(CONTROL, (65_537).to_bytes(4, "big")),
    lambda carrier: carrier.quic.stop_stream(CONTROL, 0),
]


async def test_a_stream_that_breaks_a_rule_ends_the_connection(tmp_path: Path) -> None:
    async with taking(tmp_path) as (port, _):
        for breach in BREACHES:
            async with sending(port) as (_, conversation, carrier):
                breach(carrier)
                carrier.transmit()
                with pytest.raises(CarrierLost):
                    await conversation.receive()
                assert carrier.ended is not None
                assert carrier.ended.error_code == 0
                assert carrier.ended.reason_phrase
