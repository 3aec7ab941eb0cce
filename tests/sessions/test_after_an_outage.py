"""What listeners hear behind an outage that is longer than the buffer, over a link that brings little or much, in
virtual time: the programme as soon as the buffer is full, or will be; nothing that is too old first; no second stop."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from distreamer.core.filler import OnReturn
from tests.support.played_link import DELAY_SECONDS, PlayedLink, played_link
from tests.support.quic_network import Link
from tests.support.two_carriers import FACTOR
from tests.support.virtual_time import run_virtual

OUTAGE = 60.0
AFTER = 70.0
KNOWN_SECONDS = 20.0
"""In which the sender learns what the link carries."""
FRAGMENT = 1.0
FRAME_BYTES = 417
HEADERS = 1.1
"""As many bytes are sent for each byte of audio, those of pings and acknowledgements included."""
ATTEMPTS_BYTES = 20_000
"""Of connections that were raced meanwhile."""
LIVE, CONTINUE = OnReturn.LIVE, OnReturn.CONTINUE


async def outage(ends: PlayedLink, seconds: float, capacity: float | None = None) -> float:
    """Gives when the link came back; it carries ``capacity`` times the bitrate, beyond headers (None: 2 Mbit/s)."""
    if capacity is not None:
        ends.network.link.rate = capacity * HEADERS * ends.frames * FRAME_BYTES
        await asyncio.sleep(KNOWN_SECONDS)
    await ends.dark(seconds)
    return ends.now


def jumps(ends: PlayedLink) -> list[tuple[int, int]]:
    return [(one, after) for one, after in pairwise(ends.numbers) if after != one + 1]


@pytest.mark.parametrize(
    ("on_return", "capacity", "wait", "kilobits"),
    [
        (LIVE, None, 2.0, 128),
        (LIVE, None, 2.0, 320),
        (CONTINUE, None, 2.0, 128),
        (CONTINUE, None, 2.0, 320),
        (LIVE, 3.0, 5.0, 320),
        (CONTINUE, 3.0, 5.0, 128),
        (LIVE, 1.5, 30.0, 128),
        (LIVE, 1.5, 42.0, 320),
        (CONTINUE, 1.5, 20.0, 128),
        (LIVE, 1.1, 45.0, 128),
        (CONTINUE, 1.1, 30.0, 320),
    ],
)
def test_the_programme_is_back_and_the_buffer_full(
    on_return: OnReturn, capacity: float | None, wait: float, kilobits: int
) -> None:
    async def scenario() -> None:
        async with played_link(Link(), on_return, kilobits) as ends:
            before = ends.behind_live
            back = await outage(ends, OUTAGE, capacity)
            # A link with a tenth to spare takes so much longer when the programme went on a little early.
            await asyncio.sleep(AFTER if capacity != 1.1 else 2.5 * AFTER)
            # Filler is made of fragments too.
            assert ends.filled_seconds() <= OUTAGE - DELAY_SECONDS + wait + FRAGMENT
            assert ends.playout.status().dry_times == 1
            assert ends.level() >= DELAY_SECONDS - 2 * FRAGMENT
            if on_return is LIVE:
                [(_, first)] = jumps(ends)
                assert ends.behind_live <= before + 3
                resumed = next(at for at, number, _ in ends.heard if number == first)
                heard_no_more = ends.newest - int(ends.now - back) - DELAY_SECONDS - 1
                before_it = [number for number, at in ends.arrived.items() if back < at <= resumed]
                # But for what was on its way, and lacked a packet or two.
                assert sum(number < heard_no_more for number in before_it) <= 2
            else:
                assert jumps(ends) == []

    run_virtual(scenario(), 400)


@pytest.mark.parametrize("capacity", [None, 1.5])
def test_what_was_skipped_is_fetched_when_nothing_else_waits(capacity: float | None) -> None:
    async def scenario() -> None:
        async with played_link(Link(), LIVE) as ends:
            await outage(ends, OUTAGE, capacity)
            missed = ends.newest
            await asyncio.sleep(230)
            [(last, first)] = jumps(ends)
            resumed = next(at for at, number, _ in ends.heard if number == first)
            # But for what was on its way when it became dark.
            assert sum(ends.arrived[number] <= resumed for number in range(last + 1, missed - int(DELAY_SECONDS))) <= 1
            oldest = ends.network.source.epochs[0].numbers[1]
            assert all(number in ends.caller.store.epochs[0].fragments for number in range(oldest, ends.newest - 1))
            assert ends.playout.status().dry_times == 1

    run_virtual(scenario(), 400)


def test_with_continue_what_is_older_than_maxdelay_does_not_come_first() -> None:
    async def scenario() -> None:
        async with played_link(Link(), CONTINUE, most_delay=60.0) as ends:
            back = await outage(ends, 150.0)
            await asyncio.sleep(60)
            assert ends.filled_seconds() <= 150.0 - DELAY_SECONDS + 6
            assert len(jumps(ends)) == 1
            assert ends.behind_live == pytest.approx(60.0, abs=4)
            [(_, first)] = jumps(ends)
            resumed = next(at for at, number, _ in ends.heard if number == first)
            # But for what was on its way.
            assert sum(back < at <= resumed for number, at in ends.arrived.items() if number < first - 2) <= 4

    run_virtual(scenario(), 400)


@pytest.mark.parametrize("seconds", [50.0, 60.0, 70.0, 100.0])
def test_something_new_is_here_soon_however_long_it_was_dark(seconds: float) -> None:
    async def scenario() -> None:
        async with played_link(Link(), LIVE) as ends:
            back = await outage(ends, seconds)
            await asyncio.sleep(20)
            assert min(at for at in ends.arrived.values() if at > back) - back < 1.5
            assert ends.filled_seconds() <= seconds - DELAY_SECONDS + 3

    run_virtual(scenario(), 300)


def test_a_source_that_was_silent_is_waited_for_until_the_buffer_is_full() -> None:
    """A source brings a second per second: nothing of it is too old."""

    async def scenario() -> None:
        async with played_link(Link(), LIVE) as ends:
            ends.is_silent = True
            await asyncio.sleep(60)
            ends.is_silent = False
            await asyncio.sleep(60)
            assert jumps(ends) == []
            assert ends.level() >= DELAY_SECONDS - 2 * FRAGMENT
            assert ends.filled_seconds() == pytest.approx(60.0, abs=4)

    run_virtual(scenario(), 300)


@pytest.mark.parametrize("kilobits", [128, 320])
def test_catching_up_keeps_to_ratefactor(kilobits: int) -> None:
    """However much the link could carry: what others send over it must not suffer."""

    async def scenario() -> None:
        async with played_link(Link(rate=5_000_000.0), CONTINUE, kilobits) as ends:
            await outage(ends, OUTAGE)
            most, before = 0, ends.network.link.sent_bytes["down"]
            for _ in range(25):
                await asyncio.sleep(1)
                sent = ends.network.link.sent_bytes["down"]
                most, before = max(most, sent - before), sent
            bitrate = ends.frames * FRAME_BYTES
            assert 3 * bitrate < most < 1.05 * FACTOR * bitrate + ATTEMPTS_BYTES
            assert ends.numbers[-1] >= ends.newest - OUTAGE - 10

    run_virtual(scenario(), 300)
