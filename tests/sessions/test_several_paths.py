"""A receiver that dials by two paths, in virtual time: what arrives and how soon when one or both fail."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, LinkError
from distreamer.model.status import ModuleState
from tests.support.native_network import NativeNetwork
from tests.support.native_programme import fill
from tests.support.two_paths import Receiving, receiving
from tests.support.virtual_time import virtual_time

MODES = ("failover", "share", "duplicate")
THIN_CAPACITY = 400
"""64 kbit/s, for a programme of 128 kbit/s."""
LATE_SECONDS = 4.0
"""What a fragment may need at the most when a path fails: most of it until the silence is noticed."""


def two() -> tuple[NativeNetwork, NativeNetwork]:
    """Two paths to one sender."""
    source = Store()
    return NativeNetwork(source), NativeNetwork(source)


def lateness(receiver: Receiving, first_at: float = 0.0) -> float:
    """The longest that a fragment needed, of a programme that brought the first one at ``first_at``."""
    return max(at - (first_at + number - 1) for number, at in receiver.arrived.items())


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_one_path_fails_and_then_the_other_and_nobody_notices(mode: str) -> None:
    first, second = two()
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(10.2)
        for path in (first, second, first):
            path.cut()
            await asyncio.sleep(20)
            path.restore()
            await asyncio.sleep(10)
        assert list(receiver.store) == list(first.source)
        assert lateness(receiver) < LATE_SECONDS
        assert receiver.context.health.state is ModuleState.RUNNING


@virtual_time(seconds_limit=600)
async def test_in_a_failover_only_one_brings_and_the_other_is_proven() -> None:
    first, second = two()
    async with receiving("failover", first, second) as receiver:
        first.play()
        await asyncio.sleep(20.2)
        assert receiver.brought() == [21, 0]
        assert [link.connected for link in receiver.links] == [True, True]
        assert [link.carries for link in receiver.links] == [True, False]
        assert all(link.rtt_seconds for link in receiver.links)
        assert "path to a1:1 carries; path to a2:1 stands by" in receiver.context.health.detail


@virtual_time(seconds_limit=600)
async def test_the_path_that_falls_silent_is_replaced_within_two_seconds_and_comes_back_when_it_was_well() -> None:
    first, second = two()
    async with receiving("failover", first, second) as receiver:
        first.play()
        await asyncio.sleep(30.2)
        first.cut()
        await asyncio.sleep(2.0)
        assert [link.carries for link in receiver.links] == [False, True]
        assert receiver.newest >= 31
        await asyncio.sleep(10)
        assert "path to a1:1: down for 12 s; path to a2:1 carries" in receiver.context.health.detail
        first.restore()
        await asyncio.sleep(20)
        assert [link.carries for link in receiver.links] == [False, True]
        await asyncio.sleep(15)
        assert [link.carries for link in receiver.links] == [True, False]
        brought = receiver.brought()
        await asyncio.sleep(10)
        assert receiver.brought() == [brought[0] + 10, brought[1]]
        assert list(receiver.store) == list(first.source)
        said = [str(call.kwargs.get("reason")) for call in receiver.said.calls]
        assert "the one before is not heard" in said
        assert "the preferred one is well again" in said
        assert "the link is down: no path works" not in receiver.sentences()


@virtual_time(seconds_limit=900)
async def test_a_path_that_fails_again_and_again_is_trusted_later_each_time() -> None:
    first, second = two()
    async with receiving("failover", first, second) as receiver:
        first.play()
        await asyncio.sleep(20.2)
        carried: list[float] = []
        for _ in range(4):
            first.cut()
            await asyncio.sleep(5)
            first.restore()
            waited = 0.0
            while not receiver.links[0].carries:
                await asyncio.sleep(1)
                waited += 1
            carried.append(waited)
            await asyncio.sleep(3)
        assert carried == sorted(carried)
        assert carried[-1] > 3.5 * carried[0]
        assert list(receiver.store) == list(first.source)


@virtual_time(seconds_limit=600)
async def test_a_share_is_a_half_where_both_are_alike_and_what_each_manages_where_not() -> None:
    first, second = two()
    async with receiving("share", first, second) as receiver:
        first.play()
        await asyncio.sleep(60.2)
        assert receiver.brought() == pytest.approx([30.5, 30.5], abs=2)
        assert sum(link.duplicates for link in receiver.links) == 0
        assert lateness(receiver) < 0.5
        assert "path to a1:1 carries; path to a2:1 carries" in receiver.context.health.detail


@virtual_time(seconds_limit=600)
async def test_a_share_is_what_each_manages_where_one_is_thin() -> None:
    source = Store()
    good, thin = NativeNetwork(source), NativeNetwork(source, capacity=THIN_CAPACITY)
    async with receiving("share", good, thin) as receiver:
        good.play()
        await asyncio.sleep(120.2)
        assert receiver.brought()[0] > 4 * receiver.brought()[1] > 0
        assert receiver.numbers[:118] == list(range(1, 119))
        assert lateness(receiver) < LATE_SECONDS


@virtual_time(seconds_limit=600)
async def test_two_thin_paths_together_carry_what_none_could() -> None:
    """Each 96 kbit/s, for a programme of 128 kbit/s."""
    source = Store()
    paths = [NativeNetwork(source, capacity=600) for _ in range(2)]
    async with receiving("share", *paths) as receiver:
        paths[0].play()
        await asyncio.sleep(120.2)
        assert receiver.newest >= 116
        missing = set(range(1, 113)) - set(receiver.numbers)
        assert not missing


@pytest.mark.parametrize("capacity", [500, 550, 600])
def test_two_thin_paths_do_not_both_bring_what_takes_longer_than_a_second_on_one(capacity: int) -> None:
    """80 to 96 kbit/s each, for a programme of 128 kbit/s."""

    @virtual_time(seconds_limit=600)
    async def scenario() -> None:
        source = Store()
        paths = [NativeNetwork(source, capacity=capacity) for _ in range(2)]
        async with receiving("share", *paths) as receiver:
            paths[0].play()
            await asyncio.sleep(120.2)
            assert receiver.newest >= 118
            assert sum(link.duplicates for link in receiver.links) <= 4
            assert lateness(receiver) < 5.0

    scenario()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("thin_first", [True, False], ids=["the thin one is preferred", "the good one is preferred"])
@virtual_time(seconds_limit=600)
async def test_a_thin_path_beside_a_good_one_does_not_hold_it_up(mode: str, thin_first: bool) -> None:
    async def caught_up(multipath: str, *networks: NativeNetwork) -> tuple[float, Receiving]:
        """How long it takes to get a history of 30 s and to catch up after 60 s without any path."""
        async with receiving(multipath, *networks) as receiver:
            source = networks[0].source
            fill(source, 5, 1, 100, size=16_000)
            networks[0].play(first=101)
            await asyncio.sleep(20.2)
            for network in networks:
                network.cut()
            await asyncio.sleep(60)
            for network in networks:
                network.restore()
            back_at = asyncio.get_running_loop().time()
            await asyncio.sleep(90)
            assert receiver.numbers[:180] == list(range(receiver.numbers[0], receiver.numbers[0] + 180))
            assert receiver.numbers[0] <= 71
            return max(at for number, at in receiver.arrived.items() if number <= 175) - back_at, receiver

    alone, _ = await caught_up(mode, good_network())
    good, thin = two()
    thin.capacity = THIN_CAPACITY
    together, receiver = await caught_up(mode, *((thin, good) if thin_first else (good, thin)))
    slack = {"share": 2.0, "duplicate": 2.0, "failover": 2.0 if not thin_first else 20.0}[mode]
    assert together <= alone + slack
    # From then on the programme comes as fast as it is made.
    late = [at - (number - 101) for number, at in receiver.arrived.items() if number > 180]
    assert max(late) - min(late) < (2 * LATE_SECONDS if thin_first else LATE_SECONDS)


def good_network() -> NativeNetwork:
    return NativeNetwork(Store())


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_a_path_that_comes_up_later_is_used_then(mode: str) -> None:
    first, second = two()
    second.refuses = True
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(60.2)
        assert receiver.newest == 61
        assert receiver.context.health.state is ModuleState.RUNNING
        assert "path to a2:1: down for 60 s (refused the connection); path to a1:1 carries" in (
            receiver.context.health.detail
        )
        second.refuses = False
        await asyncio.sleep(20)
        assert receiver.links[1].connected
        first.cut()
        await asyncio.sleep(10)
        assert receiver.newest >= 89
        assert receiver.numbers == list(range(1, receiver.newest + 1))
        # It is said once, not each time that it is tried.
        told = [call for call in receiver.said.calls if call.kwargs.get("event", "").startswith("a path does not work")]
        assert [call.method_name for call in told].count("warning") == 1


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_when_both_were_dark_the_one_that_comes_back_brings_everything(mode: str) -> None:
    first, second = two()
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(20.2)
        first.cut()
        second.cut()
        await asyncio.sleep(40)
        assert receiver.context.health.state is ModuleState.STARTING
        assert "no path works" in receiver.context.health.detail
        second.restore()
        await asyncio.sleep(1.5)
        assert receiver.newest > 23
        await asyncio.sleep(8)
        assert list(receiver.store) == list(first.source)
        told = receiver.sentences()
        assert [told.count(one) for one in ("the link is down: no path works", "the link is back")] == [1, 1]


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_a_path_whose_carriers_break_all_the_time_disturbs_nothing(mode: str) -> None:
    """Its address changes, and the old connections are dead for ever."""
    first, second = two()
    async with receiving(mode, first, second) as receiver:
        first.play()
        await asyncio.sleep(5.2)
        for _ in range(6):
            first.cut()
            await asyncio.sleep(0.3)
            first.restore(old_ones_too=False)
            await asyncio.sleep(5)
        await asyncio.sleep(0.5)
        assert list(receiver.store) == list(first.source)
        assert lateness(receiver) < LATE_SECONDS


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_what_one_sender_does_not_have_comes_from_the_other(mode: str) -> None:
    """Two senders of the same epoch, with holes of their own; the second is a second behind."""
    one, other = NativeNetwork(Store()), NativeNetwork(Store())
    async with receiving(mode, one, other) as receiver:
        for number in range(1, 61):
            if number not in (20, 21, 40):
                fill(one.source, 5, number, number, 16_000)
            if number not in (5, 30) and number > 1:
                fill(other.source, 5, number - 1, number - 1, 16_000)
            await asyncio.sleep(1)
        await asyncio.sleep(10)
        assert receiver.numbers == list(range(1, 61))


@virtual_time(seconds_limit=600)
async def test_a_second_sender_that_gets_nothing_any_more_is_left_for_one_that_does() -> None:
    mirror, original = NativeNetwork(Store()), NativeNetwork(Store())
    async with receiving("failover", mirror, original) as receiver:
        for number in range(1, 61):
            if number <= 30:
                fill(mirror.source, 5, number, number, 16_000)
            fill(original.source, 5, number, number, 16_000)
            await asyncio.sleep(1)
        assert receiver.numbers == list(range(1, 61))
        assert [link.carries for link in receiver.links] == [False, True]
        assert max(at - number for number, at in receiver.arrived.items()) < 10


@pytest.mark.parametrize("mode", MODES)
@virtual_time(seconds_limit=600)
async def test_two_different_programmes_are_not_mixed_and_that_is_said(mode: str) -> None:
    one, other = NativeNetwork(Store()), NativeNetwork(Store())
    async with receiving(mode, one, other) as receiver:
        one.play(epoch=5)
        other.play(epoch=6)
        await asyncio.sleep(30.2)
        assert {fragment.epoch for fragment in receiver.store} == {5}
        [told] = [text for text in receiver.sentences() if "another programme" in text]
        assert "an [INPUT] each" in told
        one.cut()
        await asyncio.sleep(5)
        assert receiver.links[1].carries
        assert {fragment.epoch for fragment in receiver.store} == {5, 6}


@virtual_time(seconds_limit=60)
async def test_only_when_no_path_can_work_is_there_an_error() -> None:
    first, second = two()
    first.refuses, second.password = True, "secret"
    with pytest.raises(AuthenticationError, match="PASSWORD"):
        async with receiving("failover", first, second):
            await asyncio.sleep(20)
    first, second = two()
    first.refuses = second.refuses = True
    with pytest.raises(LinkError, match="a1:1: refused"):
        async with receiving("failover", first, second):
            await asyncio.sleep(20)


@settings(deadline=None, max_examples=30)
@given(
    mode=st.sampled_from(MODES),
    outages=st.lists(
        st.tuples(st.sampled_from([0, 1]), st.floats(0.1, 6), st.floats(0.1, 12), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    latencies=st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)),
)
def test_whatever_the_paths_do_the_receiver_ends_with_exactly_the_sender_s_fragments(
    mode: str, outages: list[tuple[int, float, float, bool]], latencies: tuple[float, float]
) -> None:
    @virtual_time(seconds_limit=600)
    async def story() -> None:
        networks = two()
        for network, latency in zip(networks, latencies, strict=True):
            network.latency_seconds = latency
        async with receiving(mode, *networks) as receiver:
            networks[0].play(size=4000)
            await asyncio.sleep(2)
            for path, quiet, dark, old_ones_too in outages:
                await asyncio.sleep(quiet)
                networks[path].cut()
                await asyncio.sleep(dark / 2)
                # The next one may be cut before this one is back.
                networks[1 - path].restore()
                await asyncio.sleep(dark / 2)
                networks[path].restore(old_ones_too=old_ones_too)
            networks[0].fall_silent()
            await asyncio.sleep(8)
            assert list(receiver.store) == list(networks[0].source)

    story()
