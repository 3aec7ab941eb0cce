"""A made-up receiver is told, in virtual time, by a delivery that the supervisor runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from structlog.testing import CapturingLogger

from distreamer.alerts.delivery import BACKOFF, MOST_TRIES, MOST_WAITING, Delivery
from distreamer.alerts.message import Stage
from distreamer.core.clock import LoopClock
from distreamer.core.module import Health
from distreamer.errors import LinkError, PeerError
from distreamer.model.event import Event, Severity
from distreamer.model.status import ModuleState
from distreamer.runtime.supervisor import Supervisor
from tests.support.alerts import WALL, Ring, RingSettings, began, ended
from tests.support.input_context import capturing_log
from tests.support.virtual_time import virtual_time

PROBLEM, RESOLVED, FLAPPING = Stage.PROBLEM, Stage.RESOLVED, Stage.FLAPPING
DARK = LinkError("ring", "cannot be reached")
REFUSED = PeerError("ring", "answered 500")


@dataclass
class Told:
    """A running delivery."""

    delivery: Delivery
    ring: Ring
    said: CapturingLogger

    def lines(self, method: str) -> list[str]:
        return [str(call.kwargs["event"]) for call in self.said.calls if call.method_name == method]

    def spans(self) -> list[float]:
        """Between the tries."""
        return [round(after - before, 2) for before, after in zip(self.ring.tries, self.ring.tries[1:], strict=False)]


@asynccontextmanager
async def telling(ring: Ring, **keys: object) -> AsyncIterator[Told]:
    """Until the block ends; nothing is left to chance."""
    clock, said = LoopClock(WALL), CapturingLogger()
    log, health = capturing_log(said), Health(clock)
    delivery = Delivery("alert", RingSettings.model_validate(keys), ring, clock, log, health)
    supervisor = Supervisor(delivery.run, health, log, BACKOFF, chance=lambda: 0.5)
    task = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0)
    try:
        yield Told(delivery, ring, said)
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


@virtual_time(600)
async def test_what_begins_and_ends_is_told_in_order() -> None:
    async with telling(Ring(seconds=2)) as told:
        down = began()
        told.delivery.note(down)
        told.delivery.note(ended(down))
        await asyncio.sleep(5)
        assert told.ring.rung == [(2, PROBLEM, "link_down"), (4, RESOLVED, "link_up")]
        status = told.delivery.status()
        assert (status.name, status.mode, status.receiver) == ("alert", "Ring", "ring")
        assert (status.state, status.delivered, status.waiting, status.failed) == (ModuleState.RUNNING, 2, 0, 0)
        assert status.last_delivered_at == WALL + 4
        assert told.lines("info") == ["ring: rang", "ring: rang"]


@virtual_time(600)
async def test_the_hold_passes_by_itself() -> None:
    async with telling(Ring(), hold=30) as told:
        short, long = began(), began("path_down")
        told.delivery.note(short)
        told.delivery.note(long)
        await asyncio.sleep(20)
        told.delivery.note(ended(short))
        await asyncio.sleep(100)
        assert told.ring.rung == [(30, PROBLEM, "path_down")]
        assert told.delivery.status().held_back == 1


@virtual_time(3600)
async def test_what_is_refused_is_tried_later_and_later_and_then_given_up() -> None:
    async with telling(Ring(fault=REFUSED)) as told:
        down = began()
        told.delivery.note(down)
        await asyncio.sleep(30)
        status = told.delivery.status()
        assert (status.state, status.waiting, status.failed) == (ModuleState.RETRYING, 1, 0)
        assert status.last_error == "ring: answered 500"
        await asyncio.sleep(600)
        assert len(told.ring.tries) == MOST_TRIES
        assert told.spans() == [0, 1, 3, 9, 27, 60, 60]
        status = told.delivery.status()
        assert (status.waiting, status.failed, status.delivered, status.dropped) == (0, 1, 0, 0)
        assert told.lines("error") == [f"ring: given up after {MOST_TRIES} tries"]
        # Whoever was not told of it is not told of its end, but of the next.
        told.ring.fault = None
        told.delivery.note(ended(down))
        told.delivery.note(began("path_down"))
        await asyncio.sleep(100)
        assert [kind for _, _, kind in told.ring.rung] == ["path_down"]
        assert told.delivery.status().last_error == ""


@virtual_time(100_000)
async def test_while_the_network_is_down_everything_waits_and_goes_out_later_with_its_time() -> None:
    times: list[str] = []
    ring = Ring(fault=DARK, each=lambda message: times.append(message.text))
    async with telling(ring) as told:
        down = began(at=WALL)
        told.delivery.note(down)
        await asyncio.sleep(600)
        told.delivery.note(ended(down, WALL + 600))
        await asyncio.sleep(9 * 3600)
        assert told.delivery.status().waiting == 2
        assert max(told.spans()) <= 60
        told.ring.fault = None
        await asyncio.sleep(60)
        assert [stage for _, stage, _ in ring.rung] == [PROBLEM, RESOLVED]
        assert ring.rung[0][0] > 9 * 3600
        assert "22:13:20 +0000" in times[0]
        assert "22:23:20 +0000" in times[1]


@virtual_time(200_000)
async def test_nothing_waits_for_ever() -> None:
    async with telling(Ring(fault=DARK)) as told:
        told.delivery.note(began())
        await asyncio.sleep(86_000)
        assert told.delivery.status().failed == 0
        await asyncio.sleep(1000)
        assert (told.delivery.status().failed, told.delivery.status().waiting) == (1, 0)
        assert told.lines("error") == ["ring: given up after 24 h"]


@virtual_time(10_000)
async def test_the_queue_is_bounded_and_what_is_lost_is_counted_and_named() -> None:
    async with telling(Ring(fault=DARK)) as told:
        for number in range(MOST_WAITING + 40):
            subject = f"input {number % 150}"
            event = Event("link_down", WALL, "studio", Severity.WARNING, "…", subject, number=number)
            told.delivery.note(event)
            if number % 150 == 0:
                await asyncio.sleep(1)
            if number < 150:
                told.delivery.note(ended(event))
        status = told.delivery.status()
        assert status.waiting <= MOST_WAITING + 1
        assert status.dropped > 0
        assert told.lines("error") == ["ring: too many messages wait; from now on the oldest are lost"]
        told.ring.fault = None
        await asyncio.sleep(120)
        stages = [stage for _, stage, _ in told.ring.rung]
        assert len(stages) == status.waiting
        # The ends of those that were lost went with them.
        assert stages.count(RESOLVED) <= stages.count(PROBLEM)


@virtual_time(10_000)
async def test_the_end_of_what_was_dropped_is_not_told() -> None:
    async with telling(Ring(fault=DARK), resolved=True) as told:
        told.delivery.note(began("output_failing"))
        await asyncio.sleep(1)
        lost = began("path_down")
        told.delivery.note(lost)
        for number in range(MOST_WAITING // 2):
            event = Event("link_down", WALL, "studio", Severity.WARNING, "…", str(number), number=10_000 + number)
            told.delivery.note(event)
            told.delivery.note(ended(event))
        assert told.delivery.status().dropped == 1
        told.delivery.note(ended(lost))
        told.ring.fault = None
        await asyncio.sleep(120)
        assert told.delivery.status().delivered == 1 + MOST_WAITING
        assert not [kind for _, _, kind in told.ring.rung if kind.startswith("path_")]


@virtual_time(10_000)
async def test_an_end_that_pushes_out_its_own_beginning_goes_with_it() -> None:
    async with telling(Ring(fault=DARK)) as told:
        told.delivery.note(began("output_failing"))
        await asyncio.sleep(1)
        lost = began("path_down")
        told.delivery.note(lost)
        for number in range(MOST_WAITING // 2):
            event = Event("link_down", WALL, "studio", Severity.WARNING, "…", str(number), number=10_000 + number)
            told.delivery.note(event)
            if number:
                told.delivery.note(ended(event))
        assert told.delivery.status().dropped == 0
        told.delivery.note(ended(lost))
        assert told.delivery.status().dropped == 1
        told.ring.fault = None
        await asyncio.sleep(120)
        assert told.delivery.status().delivered == MOST_WAITING
        assert not [kind for _, _, kind in told.ring.rung if kind.startswith("path_")]


@virtual_time(600)
async def test_a_defect_is_told_as_one_and_does_not_hold_up_what_comes_behind() -> None:
    async with telling(Ring(fault=ValueError("oops"))) as told:
        told.delivery.note(began())
        await asyncio.sleep(300)
        assert told.delivery.status().failed == 1
        assert "a defect in DiStreamer; please report it" in told.lines("error")
        told.ring.fault = None
        told.delivery.note(began("path_down"))
        await asyncio.sleep(100)
        assert [kind for _, _, kind in told.ring.rung] == ["path_down"]


@virtual_time(20_000)
async def test_a_flapping_problem_is_told_as_one_and_its_end_by_itself() -> None:
    async with telling(Ring(), mostperhour=2) as told:
        for _ in range(10):
            down = began()
            told.delivery.note(down)
            await asyncio.sleep(10)
            told.delivery.note(ended(down))
            await asyncio.sleep(10)
        await asyncio.sleep(4000)
        assert [(at, stage) for at, stage, _ in told.ring.rung] == [
            (0, PROBLEM),
            (10, RESOLVED),
            (20, PROBLEM),
            (30, RESOLVED),
            (40, FLAPPING),
            (3600, RESOLVED),
        ]


@virtual_time(600)
async def test_what_happens_while_a_receiver_hangs_is_told_afterwards() -> None:
    async with telling(Ring(seconds=100)) as told:
        down = began()
        told.delivery.note(down)
        await asyncio.sleep(50)
        told.delivery.note(ended(down))
        assert told.ring.rung == []
        assert told.delivery.status().waiting == 2
        await asyncio.sleep(200)
        assert [stage for _, stage, _ in told.ring.rung] == [PROBLEM, RESOLVED]
