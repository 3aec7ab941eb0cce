"""A fallback of another sample rate, and filler behind it: listeners stay or are closed as ONFORMATCHANGE says."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.media.auto import AutoFramer
from tests.support.changing_instance import LiveSettings, Player, configured, players_server, running
from tests.support.virtual_time import virtual_time

LIVE = LiveSettings()
DEAD = LiveSettings(works=False)
OTHER = LiveSettings(url="http://two.example/", is_48_khz=True)
OTHER_DEAD = LiveSettings(url="http://two.example/", is_48_khz=True, works=False)


def rates(player: Player) -> list[int]:
    """The sample rates that were heard, one after the other."""
    framer = AutoFramer("audio/mpeg")
    frames = [*framer.feed(player.transport.body), *framer.close()]
    assert framer.dropped == 0
    found = [frame.format.sample_rate for frame in frames]
    return [rate for index, rate in enumerate(found) if index == 0 or rate != found[index - 1]]


@pytest.mark.parametrize("closes", [False, True])
def test_a_fallback_of_another_rate_and_filler(closes: bool) -> None:
    @virtual_time(600)
    async def run() -> None:
        served = ("output", players_server(onformatchange="close" if closes else "keep", timeout=0))
        async with running(configured(("input", LIVE), ("input two", OTHER), served)) as one:
            await asyncio.sleep(30)
            player = one.player()
            await one.become(configured(("input", DEAD), ("input two", OTHER), served))
            await asyncio.sleep(40)
            assert one.instance.playout.status().dry_times == 0
            assert player.transport.is_closed is closes
            assert rates(player) == ([44_100] if closes else [44_100, 48_000])
            again = one.player()
            assert rates(again) == [48_000]
            await one.become(configured(("input", DEAD), ("input two", OTHER_DEAD), served))
            await asyncio.sleep(40)
            assert one.instance.playout.is_heard
            await one.become(configured(("input", LIVE), ("input two", OTHER_DEAD), served))
            assert not again.transport.is_closed
            assert rates(again) == [48_000]
            await asyncio.sleep(40)
            assert again.transport.is_closed is closes
            assert rates(again) == ([48_000] if closes else [48_000, 44_100])

    run()
