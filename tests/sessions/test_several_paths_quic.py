"""A receiver that dials by two paths over QUIC, which outlives outages, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.store import Store
from tests.support.quic_network import Link
from tests.support.two_carriers import TwoCarriers
from tests.support.two_paths import Receiving, receiving
from tests.support.virtual_time import virtual_time

MODES = ("failover", "share", "duplicate")
LATE_SECONDS = 5.0


def two(loss: float = 0.0) -> tuple[TwoCarriers, TwoCarriers]:
    source = Store()
    return TwoCarriers(source, link=Link(loss=loss)), TwoCarriers(source, link=Link(loss=loss, seed=2))


def cut(path: TwoCarriers) -> None:
    path.cut()
    path.link.is_dark = True


def restore(path: TwoCarriers) -> None:
    path.link.is_dark = False
    path.restore(old_ones_too=False)


def lateness(receiver: Receiving) -> float:
    return max(at - (number - 1) for number, at in receiver.arrived.items())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loss", [0.0, 0.2])
@virtual_time(seconds_limit=600)
async def test_one_path_fails_and_then_the_other_and_nobody_notices(mode: str, loss: float) -> None:
    first, second = two(loss)
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(10.2)
        assert [link.carrier for link in receiver.links] == ["quic", "quic"]
        for path in (first, second):
            cut(path)
            await asyncio.sleep(20)
            restore(path)
            await asyncio.sleep(10)
        await asyncio.sleep(2)
        assert receiver.numbers == list(range(1, len(receiver.numbers) + 1))
        assert receiver.newest >= 71
        assert lateness(receiver) < LATE_SECONDS


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_new_addresses_of_one_path_disturb_nothing(mode: str) -> None:
    first, second = two()
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(10.2)
        for number in range(5):
            first.quic.rebind(f"203.0.113.{number}")
            await asyncio.sleep(4)
        first.fall_silent()
        await asyncio.sleep(2)
        assert list(receiver.store) == list(first.source)
        assert lateness(receiver) < LATE_SECONDS
        assert [link.cuts for link in receiver.links] == [0, 0]


@virtual_time(seconds_limit=600)
async def test_a_lossy_path_that_keeps_up_is_not_helped_without_need() -> None:
    first, second = two(loss=0.2)
    async with receiving("failover", first, second) as receiver:
        first.play()
        await asyncio.sleep(60.2)
        assert receiver.brought()[1] <= 2
        assert lateness(receiver) < LATE_SECONDS
