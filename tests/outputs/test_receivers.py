"""Which of its carriers a receiver is taken to use."""

from __future__ import annotations

import asyncio

from distreamer.core.clock import LoopClock
from distreamer.core.ports import CarrierKind
from distreamer.core.store import Store
from distreamer.outputs.receivers import Receivers
from distreamer.protocol.native.events import Welcomed
from distreamer.protocol.native.handshake import Acceptor
from distreamer.sessions.native_sender import SenderSession
from distreamer.transport.memory_messages import MemoryCarrier
from distreamer.transport.quic import KIND
from tests.support.native_programme import SENDER_IDENTITY
from tests.support.virtual_time import virtual_time


def conversation(*, welcomed_at: float, kind: CarrierKind | None = None) -> SenderSession:
    """On a carrier of the same receiver."""
    acceptor = Acceptor(SENDER_IDENTITY, None, "nonce")
    carrier = MemoryCarrier(near_name="192.0.2.7:40000")
    carrier.far_messages.kind = kind or carrier.far_messages.kind
    session = SenderSession(carrier.far_messages, Store(), LoopClock(), acceptor, lambda _: None)
    session.welcomed, session.welcomed_at = Welcomed("node", "agent", (3, 0)), welcomed_at
    return session


@virtual_time(seconds_limit=60)
async def test_a_late_word_on_an_older_carrier_takes_nothing_from_the_newer_one_that_is_heard() -> None:
    receivers = Receivers(LoopClock())
    older, newer = conversation(welcomed_at=0.0), conversation(welcomed_at=1.0)
    assert receivers.taken(newer) == "a receiver connected"
    assert receivers.taken(older) == ""
    assert not older.session.has_ended
    assert not newer.session.has_ended
    # It did go back to the older one.
    receivers.left(newer, for_another=True)
    [link] = receivers.links()
    assert link.connected
    assert receivers.left(older)
    [link] = receivers.links()
    assert not link.connected


@virtual_time(seconds_limit=60)
async def test_an_older_carrier_takes_the_place_of_a_newer_one_that_is_not_heard() -> None:
    receivers = Receivers(LoopClock())
    older, newer = conversation(welcomed_at=0.0), conversation(welcomed_at=1.0)
    receivers.taken(newer)
    await asyncio.sleep(2.0)
    assert receivers.taken(older) == "a receiver is back"
    assert newer.session.has_ended


@virtual_time(seconds_limit=60)
async def test_a_link_that_comes_back_on_the_carrier_that_it_had_is_up_since_then() -> None:
    receivers = Receivers(LoopClock())
    session = conversation(welcomed_at=0.0, kind=KIND)
    receivers.taken(session)
    await asyncio.sleep(10.0)
    assert receivers.dark_news() == [("192.0.2.7", True)]
    [link] = receivers.links()
    assert (link.connected, link.connected_seconds, link.cuts) == (False, 0.0, 1)
    session.session.conversation.heard_at = LoopClock().now()
    assert receivers.dark_news() == [("192.0.2.7", False)]
    await asyncio.sleep(1.0)
    [link] = receivers.links()
    assert (link.connected, link.connected_seconds, link.cuts) == (True, 1.0, 1)
