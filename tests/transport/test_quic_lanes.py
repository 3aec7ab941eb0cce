"""What goes out over QUIC, where the other side allows few streams, in virtual time."""

from __future__ import annotations

import pytest
from aioquic.quic.connection import stream_is_unidirectional

from tests.support.quic_server import fragment
from tests.support.quic_stage import Stage
from tests.support.virtual_time import virtual_time

ALLOWED = 4


@pytest.mark.parametrize("are_wanted", [True, False])
@virtual_time(seconds_limit=1_000)
async def test_more_bodies_than_are_allowed_wait_and_are_not_even_reset(are_wanted: bool) -> None:
    stage = Stage()
    receiver = stage.client()
    allowed = receiver.library._local_max_streams_uni
    allowed.value = allowed.sent = ALLOWED
    await receiver.shake_hands()
    connection = receiver.at_server
    for number in range(2 * ALLOWED):
        for message in fragment(number + 1, 100):
            connection.lanes.send(message)
    if not are_wanted:
        left_out = [connection.lanes.abandon(lane) for lane in range(2 * ALLOWED)]
        assert left_out == [True] * ALLOWED + [False] * ALLOWED
    connection.transmit()
    await receiver.pump(rounds=30)
    assert receiver.library._close_event is None
    assert allowed.used == 2 * ALLOWED
    for number in range(2 * ALLOWED):
        assert (fragment(number + 1, 100)[0] in receiver.heard) == (are_wanted or number >= ALLOWED)
    assert not any(stream_is_unidirectional(one) for one in connection._quic._streams)
    await receiver.close()
    await stage.is_sound()
