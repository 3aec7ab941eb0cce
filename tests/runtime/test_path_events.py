"""What is told of several paths that are cut, with modules that dial and accept by them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from distreamer.core.store import Store
from distreamer.model.status import InstanceStatus, LinkStatus
from tests.support.native_network import NativeNetwork
from tests.support.two_paths import receiving, sending
from tests.support.virtual_time import virtual_time
from tests.support.watching import INPUT, PLAYERS, TRANSMITTER, Watching

Links = Callable[[], tuple[LinkStatus, ...]]


def of_input(links: Links) -> Watching:
    """Of an instance whose input has ``links``, with nothing else the matter."""
    return Watching(TRANSMITTER, each_second=lambda status: replace(status, inputs=(replace(INPUT, links=links()),)))


def of_output(links: Links) -> Watching:
    output = replace(PLAYERS, name="output studio", mode="DiStreamerServer", listeners=None)

    def each_second(status: InstanceStatus) -> InstanceStatus:
        return replace(status, outputs=(replace(output, links=links()),))

    return Watching(replace(TRANSMITTER, inputs=(replace(INPUT, links=()),), playout=None), each_second=each_second)


async def watch(watching: Watching, seconds: int) -> list[str]:
    told: list[str] = []
    for _ in range(seconds):
        await asyncio.sleep(1)
        told += watching.show()
    return told


async def cut_one_then_both(watching: Watching, first: NativeNetwork, second: NativeNetwork) -> None:
    """What is told must be the same at both ends."""
    assert await watch(watching, 30) == []
    first.cut()
    assert await watch(watching, 30) == ["path_down"]
    assert "to a1:1" in watching.last.subject or "to b1:1" in watching.last.subject
    second.cut()
    assert await watch(watching, 30) == ["link_down"]
    assert watching.last.sentence.split(";")[0].endswith(" is down: no path works")
    second.restore(old_ones_too=False)
    assert await watch(watching, 30) == ["link_up"]
    first.restore(old_ones_too=False)
    assert await watch(watching, 30) == ["path_up"]
    assert watching.complete().problems == ()


def histories(links: tuple[LinkStatus, ...]) -> list[tuple[int, bool]]:
    """Cuts, and whether an outage of about a minute was written, by path."""
    found = [(link.path, link.history) for link in links]
    return [(one.cuts_day, one.longest_day_seconds > 60) for _, one in sorted(found) if one is not None]


@virtual_time(seconds_limit=600)
async def test_who_dials_by_two_paths() -> None:
    source = Store()
    first, second = NativeNetwork(source), NativeNetwork(source)
    async with receiving("failover", first, second) as receiver:
        first.play()
        watching = of_input(lambda: receiver.links)
        await cut_one_then_both(watching, first, second)
        assert histories(watching.complete().inputs[0].links) == [(1, True), (1, False)]


@virtual_time(seconds_limit=600)
async def test_who_serves_a_receiver_that_dials_by_two_paths() -> None:
    source = Store()
    first, second = NativeNetwork(source), NativeNetwork(source)
    async with receiving("failover", first, second):
        second.receivers = first.receivers
        first.play()
        watching = of_output(first.receivers.links)
        await asyncio.sleep(2)
        await cut_one_then_both(watching, first, second)
        (party,) = {link.party for link in first.receivers.links()}
        assert party
        assert histories(watching.complete().outputs[0].links) == [(1, True), (1, False)]


@virtual_time(seconds_limit=600)
async def test_who_takes_what_a_sender_brings_by_two_paths() -> None:
    source = Store()
    async with sending("failover", source) as sender:
        sender.first.play()
        watching = of_input(sender.first.server.links)
        await asyncio.sleep(2)
        await cut_one_then_both(watching, sender.first, sender.second)
