"""The link model on the event loop's clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from distreamer.chaos.link import Link
from distreamer.chaos.link_model import LinkSettings
from tests.support.virtual_time import virtual_time


def link_to(deliver: Callable[[str], None], settings: LinkSettings) -> Link[str]:
    return Link[str](settings, random.Random(1).random, deliver)


@virtual_time()
async def test_delivers_when_it_is_time() -> None:
    loop = asyncio.get_running_loop()
    arrived: list[tuple[str, float]] = []
    link = link_to(lambda item: arrived.append((item, loop.time())), LinkSettings(delay_seconds=2.0, rate=8000.0))
    link.send("one", 1000)
    link.send("two", 500)
    await asyncio.sleep(3.2)
    assert arrived == [("one", 3.0)]
    await asyncio.sleep(1.0)
    assert arrived == [("one", 3.0), ("two", 3.5)]
    assert link.counters.delivered_bytes == 1500


@virtual_time()
async def test_nothing_is_delivered_within_send() -> None:
    arrived: list[str] = []
    link = link_to(arrived.append, LinkSettings())
    link.send("one", 1000)
    assert arrived == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert arrived == ["one"]


@virtual_time()
async def test_an_answer_that_is_sent_at_delivery_arrives_too() -> None:
    loop = asyncio.get_running_loop()
    arrived: list[tuple[str, float]] = []

    def deliver(item: str) -> None:
        arrived.append((item, loop.time()))
        if len(item) < 4:
            link.send(item + "x", 100)

    link = link_to(deliver, LinkSettings(delay_seconds=1.0))
    link.send("x", 100)
    await asyncio.sleep(10)
    assert arrived == [("x", 1.0), ("xx", 2.0), ("xxx", 3.0), ("xxxx", 4.0)]


@virtual_time()
async def test_a_change_brings_forward_what_waits() -> None:
    loop = asyncio.get_running_loop()
    arrived: list[float] = []
    link = link_to(lambda item: arrived.append(loop.time()), LinkSettings(rate=8.0))
    link.send("one", 1000)
    await asyncio.sleep(1)
    link.change(LinkSettings())
    await asyncio.sleep(1)
    assert arrived == [1.0]


@virtual_time()
async def test_a_closed_link_delivers_nothing() -> None:
    arrived: list[str] = []
    link = link_to(arrived.append, LinkSettings(delay_seconds=1.0))
    link.send("one", 1000)
    link.close()
    link.send("two", 1000)
    await asyncio.sleep(10)
    assert arrived == []
