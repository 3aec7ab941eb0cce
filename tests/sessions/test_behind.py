"""How far a receiver is behind a sender that was started anew, and has skipped numbers in the same epoch."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.store import Store
from distreamer.runtime.spool import SKIPPED_NUMBERS
from distreamer.sessions.native_receiver import ReceiverSession
from tests.support.native_programme import fill, fragment
from tests.support.two_carriers import TwoCarriers, TwoReversedCarriers, calling
from tests.support.virtual_time import virtual_time

FRAGMENTS = 5


@pytest.mark.parametrize("side", [TwoCarriers, TwoReversedCarriers], ids=["receiver dials", "sender dials"])
@virtual_time(seconds_limit=300)
async def test_numbers_that_a_sender_skipped_are_not_fragments_that_are_missing(
    side: type[TwoCarriers | TwoReversedCarriers],
) -> None:
    source = Store()
    fill(source, 5, 1, 20, size=1_000)
    async with side(source) as network, calling(network) as caller:
        await asyncio.sleep(5)
        assert caller.newest == 20
        # The pings come through, and nothing that is large.
        network.link.largest = 600
        said = []
        for number in range(FRAGMENTS):
            source.add(fragment(5, SKIPPED_NUMBERS + number, size=16_000))
            await asyncio.sleep(1)
            current = caller.module._pair.first._current
            assert current is not None
            assert current.conversation is not None
            said.append(current.conversation.behind)
            if isinstance(current.conversation, ReceiverSession):
                # And what that means for what is to be asked for is not guessed.
                assert not current.conversation._look()
        assert max(behind or 0 for behind in said) in range(1, FRAGMENTS + 2)
        network.link.largest = 1_500
        await asyncio.sleep(10)
        assert caller.newest == SKIPPED_NUMBERS + FRAGMENTS - 1
        current = caller.module._pair.first._current
        assert current is not None
        assert current.conversation is not None
        assert current.conversation.behind == 0
