"""A DiStreamerClient that receives over QUIC while the link is as bad as links are, in virtual time.

128 and 320 kbit/s, one fragment a second; what is measured is how long after it exists a fragment is here. Listeners
hear nothing of any of this as long as that is less than DELAY.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from distreamer.core.store import Store
from tests.support.native_programme import fill
from tests.support.quic_network import Link
from tests.support.two_carriers import Caller, TwoCarriers, calling
from tests.support.virtual_time import run_virtual

DELAY_SECONDS = 25.0
MARGIN_SECONDS = 4.0
"""Of that, which stays whatever happens."""
RETURN_SECONDS = 1.5
"""After the link is back, until the next fragment is here."""
SIZES = (16_000, 40_000)
FIRST_AT = 5.2
"""Into the programme, when the trouble begins."""
CONNECT_SECONDS = 6.0
"""Until the history is here, on the worst of the links."""
HISTORY = 3
"""Fragments that exist before the client dials."""


@dataclass
class Story:
    """What is going on while the trouble happens, and what came of it."""

    network: TwoCarriers
    caller: Caller
    made: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)
    returned: list[float] = field(default_factory=list)
    """When the link was back."""

    @property
    def link(self) -> Link:
        return self.network.link

    def delays(self) -> list[float]:
        return [self.arrived[number] - made_at for number, made_at in self.made.items()]

    def returns(self) -> list[float]:
        """How long after each return of the link the next fragment was here."""
        return [min(at for at in self.arrived.values() if at >= back) - back for back in self.returned]

    async def dark(self, seconds: float) -> None:
        self.link.is_dark = True
        await asyncio.sleep(seconds)
        self.link.is_dark = False
        self.returned.append(asyncio.get_running_loop().time())


Trouble = Callable[[Story], Awaitable[None]]


def outage(seconds: float) -> Trouble:
    return lambda story: story.dark(seconds)


async def ten_cuts(story: Story) -> None:
    for _ in range(10):
        await story.dark(3)
        await asyncio.sleep(2)


async def thin_for_a_while(story: Story) -> None:
    """Half of 128 kbit/s, a fifth of 320."""
    rate, story.link.rate = story.link.rate, 8_000
    await asyncio.sleep(15)
    story.link.rate = rate


async def no_way_back(story: Story) -> None:
    story.link.dark_up = True
    await asyncio.sleep(10)
    story.link.dark_up = False
    story.returned.append(asyncio.get_running_loop().time())


async def new_addresses(story: Story) -> None:
    for number in range(5):
        story.network.quic.rebind(f"203.0.113.{number}")
        await asyncio.sleep(4)


async def new_ports(story: Story) -> None:
    for _ in range(5):
        story.network.quic.rebind()
        await asyncio.sleep(4)


async def longer_way(story: Story) -> None:
    story.link.delay = 0.4


async def none(story: Story) -> None:
    """The link is bad all the time."""


@dataclass(frozen=True)
class Scenario:
    """A link, what happens to it, and what must hold then."""

    name: str
    worst: float
    """Seconds that no fragment may need."""
    overhead: float
    """Times as many bytes as the audio has may go over the link, both ways, with all headers."""
    trouble: Trouble = none
    loss: float = 0.0
    delay: float = 0.05
    jitter: float = 0.0
    capacity: float | None = None
    """Times the bitrate; None for 2 Mbit/s."""
    seed: int = 1
    seconds: int = 30
    """How long the programme is."""

    def link(self, size: int) -> Link:
        link = Link(loss=self.loss, delay=self.delay, jitter=self.jitter, seed=self.seed)
        if self.capacity is not None:
            link.rate = self.capacity * size
        return link


SCENARIOS = (
    Scenario("loss 5 %", 1.0, 1.4, loss=0.05),
    Scenario("loss 10 %", 1.2, 1.45, loss=0.1),
    Scenario("loss 20 %", 2.0, 1.65, loss=0.2),
    Scenario("loss 30 %", 2.5, 1.9, loss=0.3),
    Scenario("loss 40 %", 4.5, 2.2, loss=0.4),
    Scenario("loss 50 %", 5.0, 2.7, loss=0.5),
    Scenario("outage 2 s", 2.5, 1.45, outage(2)),
    Scenario("outage 10 s", 10.6, 1.65, outage(10)),
    Scenario("outage 20 s", 20.6, 1.8, outage(20), seconds=35),
    Scenario("outage 10 s, loss 30 %", 13.0, 2.2, outage(10), loss=0.3),
    Scenario("10 cuts of 3 s", 3.5, 2.0, ten_cuts, seconds=60),
    Scenario("64 kbit/s for 15 s", 18.0, 1.3, thin_for_a_while, seconds=35),
    Scenario("capacity 1.25, loss 10 %", 7.0, 1.5, loss=0.1, capacity=1.25),
    Scenario("capacity 1.5, loss 10 %", 8.0, 1.5, loss=0.1, capacity=1.5),
    Scenario("round trip 600 ms, loss 5 %", 3.5, 1.4, loss=0.05, delay=0.3),
    Scenario("jitter 300 ms", 1.2, 1.45, jitter=0.3),
    Scenario("no way back for 10 s", 9.0, 1.4, no_way_back),
    Scenario("5 new addresses", 1.6, 1.35, new_addresses),
    Scenario("5 new ports, loss 20 %", 4.0, 1.7, new_ports, loss=0.2),
    Scenario("a way that becomes longer", 8.0, 1.3, longer_way),
)


async def tell(scenario: Scenario, size: int) -> Story:
    source = Store()
    fill(source, 5, 1, HISTORY, size)
    loop = asyncio.get_running_loop()
    async with TwoCarriers(source, link=scenario.link(size)) as network, calling(network, without_tcp=True) as caller:
        story = Story(network, caller)
        caller.store.subscribe(lambda: _note(story))
        await _until(lambda: len(caller.store) == HISTORY, CONNECT_SECONDS)
        trouble = loop.create_task(_after(FIRST_AT, lambda: scenario.trouble(story)))
        for number in range(HISTORY + 1, HISTORY + 1 + scenario.seconds):
            fill(source, 5, number, number, size)
            story.made[number] = loop.time()
            await asyncio.sleep(1)
        await trouble
        await _until(lambda: len(caller.store) == len(source), DELAY_SECONDS)
    return story


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Waits for it; whoever looks at the story then sees whether it came to that."""
    for _ in range(int(seconds / 0.1)):
        if condition():
            return
        await asyncio.sleep(0.1)


def _note(story: Story) -> None:
    now = asyncio.get_running_loop().time()
    for fragment in story.caller.store:
        story.arrived.setdefault(fragment.number, now)


async def _after(seconds: float, what: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(seconds)
    await what()


@pytest.mark.parametrize("size", SIZES, ids=["128 kbit/s", "320 kbit/s"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_bad_link_is_not_heard(scenario: Scenario, size: int) -> None:
    story = run_virtual(tell(scenario, size), 300)
    assert list(story.caller.store) == list(story.network.source)
    assert story.caller.link.duplicates == 0
    assert story.caller.store.duplicates == 0
    worst = max(story.delays())
    assert worst < scenario.worst
    assert worst < DELAY_SECONDS - MARGIN_SECONDS
    assert all(seconds < RETURN_SECONDS for seconds in story.returns())
    payload = size * (HISTORY + scenario.seconds)
    assert sum(story.link.sent_bytes.values()) < scenario.overhead * payload


@pytest.mark.parametrize("size", SIZES, ids=["128 kbit/s", "320 kbit/s"])
@pytest.mark.parametrize("seconds", [2, 10])
@pytest.mark.parametrize("seed", [3, 4, 6, 12, 22])
def test_the_first_fragment_is_soon_here_although_much_is_lost(seconds: int, size: int, seed: int) -> None:
    scenario = Scenario("", 0, 0, outage(seconds), loss=0.3, seconds=seconds + 8, seed=seed)
    [returned] = run_virtual(tell(scenario, size), 300).returns()
    assert returned < RETURN_SECONDS
