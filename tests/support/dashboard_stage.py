"""Made-up instances behind a real ADMIN, so that the dashboard can be seen in any state."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import cast
from unittest.mock import Mock, patch

from distreamer.admin import station
from distreamer.admin.servers import AdminServers
from distreamer.admin.views import StreamView
from distreamer.model.audio import Station, StreamInfo, Title
from distreamer.model.event import Event, Problem, Severity
from distreamer.model.link_history import MOST_SLOTS, SLOT_SECONDS, LinkHistory, LinkSlot
from distreamer.model.status import (
    InstanceStatus,
    LevelMethod,
    LevelStatus,
    LinkStatus,
    ListenersStatus,
    ModuleState,
    ModuleStatus,
    PlayoutState,
    PlayoutStatus,
    StoreStatus,
)
from distreamer.runtime.event_book import EventBook, event_numbers
from distreamer.runtime.event_rows import TEST_KIND
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import InstanceLog
from distreamer.runtime.reload import Member
from tests.support.admin_client import admin_config
from tests.support.listening_modules import until
from tests.support.made_audio import MP3

NAME = "transmitter"
PEER = "studio.example:7080"
DAY = 86_400.0
UP_SECONDS = 3 * DAY + 4 * 3600
CUTS = 17
LEVELS = LevelStatus(LevelMethod.DECODED, -17.6, -19.2, -5.8, silent_seconds=0.0)
STREAMS = (StreamView("output", "", 8000, "/stream", False),)
STATES = ("healthy", "link-down", "filler", "source-lost")


@dataclass
class _Events:
    book: EventBook
    name: str

    def test(self) -> Event:
        return self.book.add(Event(TEST_KIND, time.time(), self.name, Severity.INFO, "this is a test of the alerts"))


@dataclass
class MadeInstance:
    """Is as it is told to be, at each moment anew."""

    status: InstanceStatus
    outputs: tuple[object, ...] = ()
    inputs: tuple[object, ...] = ()
    refused_admin_passwords: int = 0
    events: _Events = field(init=False)

    def __post_init__(self) -> None:
        self.events = _Events(EventBook(event_numbers(time.time())), self.status.name)

    def snapshot(self) -> InstanceStatus:
        return replace(self.status, at=time.time())

    def tell(self, seconds_ago: float, kind: str, severity: Severity, sentence: str, resolves: str = "") -> None:
        """Something happened."""
        at = time.time() - seconds_ago
        self.events.book.add(Event(kind, at, self.status.name, severity, sentence, resolves=resolves))


@dataclass
class Stage:
    """What runs."""

    servers: AdminServers
    made: MadeInstance
    members: list[Member]

    @property
    def port(self) -> int:
        """Of ADMIN."""
        (server,) = self.servers.servers
        assert server.bound is not None
        return server.bound[1]

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.port}/"


@asynccontextmanager
async def showing(*statuses: InstanceStatus, password: str = "") -> AsyncIterator[Stage]:
    """An ADMIN with these instances, until the block ends; ``made`` is the first of them."""
    made = [MadeInstance(status) for status in statuses]
    members = []
    for one in made:
        config = replace(admin_config(password), name=one.status.name)
        members.append(Member(config, InstanceLog(config, io.StringIO()), cast(Instance, one)))
    servers = AdminServers(members)
    streams = Mock(side_effect=lambda one: STREAMS if one.snapshot().playout else ())
    task = asyncio.create_task(servers.run())
    try:
        with patch.object(station, "streams_of", streams):
            await until(lambda: any(server.bound for server in servers.servers))
            yield Stage(servers, made[0], members)
    finally:
        task.cancel()
        await asyncio.wait({task})


def slots(down_seconds: float = 0.0, heard_seconds: float = 0.0) -> Iterator[LinkSlot]:
    """A day with CUTS that nobody heard, and one that has lasted for so long, and been heard for so long, if at all."""
    chance = Random(7)
    now = time.time()
    begins = now - now % SLOT_SECONDS - (MOST_SLOTS - 1) * SLOT_SECONDS
    # Links fail in bad hours, not all day long.
    bad = sorted(chance.sample([*range(70, 96), *range(190, 204), *range(250, 262)], CUTS))
    for number in range(MOST_SLOTS - 1):
        down = chance.uniform(2.0, 11.0) if number in bad else 0.0
        yield LinkSlot(begins + number * SLOT_SECONDS, SLOT_SECONDS, down, int(number in bad), down)
    is_cut = int(down_seconds > 0)
    last = begins + (MOST_SLOTS - 1) * SLOT_SECONDS
    yield LinkSlot(last, now - last, down_seconds, is_cut, down_seconds, heard_seconds)


def history(down_seconds: float = 0.0, heard_seconds: float = 0.0) -> LinkHistory:
    """Of a link that fails now and then."""
    day, is_up = tuple(slots(down_seconds, heard_seconds)), down_seconds <= 0
    return LinkHistory(
        is_up=is_up,
        is_reached=is_up,
        up_seconds=UP_SECONDS if is_up else 0.0,
        down_seconds=down_seconds,
        watched_day_seconds=DAY,
        down_day_seconds=sum(slot.down_seconds for slot in day),
        cuts_day=sum(slot.cuts for slot in day),
        longest_day_seconds=max(slot.longest_seconds for slot in day),
        heard_day_seconds=heard_seconds,
        slots=day,
    )


def transmitter() -> InstanceStatus:
    """One that is well."""
    now = time.time()
    link = LinkStatus(PEER, True, "quic", UP_SECONDS, 0.1, 0.038, 271_000, cuts=CUTS, history=history())
    receiving = ModuleStatus(
        "input", "DiStreamerClient", ModuleState.RUNNING, UP_SECONDS, f"receives from {PEER}", links=(link,)
    )
    players = ModuleStatus(
        "output",
        "ShoutcastServer",
        ModuleState.RUNNING,
        UP_SECONDS,
        "42 listeners on http://0.0.0.0:8000/",
        listeners=ListenersStatus(connected=42, unique=39, peak=61, served=812),
    )
    store = StoreStatus(
        StreamInfo(MP3, Station("Radio Example")), 1, 1, 300, 300.0, 4_800_000, 0.4, 1.0, title=Title("The News at Ten")
    )
    playout = PlayoutStatus(
        PlayoutState.PLAYING,
        delay_seconds=25.0,
        budget_seconds=24.2,
        behind_seconds=25.4,
        played_seconds=UP_SECONDS,
        title=Title("Nina Example – A Song of the Morning"),
        title_heard_since=now - 204,
    )
    store = replace(store, title_sent_at=now - 9)
    return InstanceStatus(NAME, now, UP_SECONDS, (receiving,), (players,), store, playout, levels=LEVELS)


def link_down(seconds: float = 9.0) -> InstanceStatus:
    """The same while the link is down."""
    healthy = transmitter()
    return replace(
        _with_link(healthy, seconds),
        store=replace(healthy.store, newest_age_seconds=seconds, title_sent_at=healthy.at - seconds - 9),
        playout=_playout(healthy, budget_seconds=24.2 - seconds),
        problems=(_problem("link_down", Severity.WARNING, f"the link to {PEER} is down", seconds),),
    )


def filler(seconds: float = 47.0) -> InstanceStatus:
    """The same when nothing is left to play."""
    down = link_down(seconds)
    dry = seconds - 24.2
    return replace(
        down,
        playout=_playout(
            down, state=PlayoutState.DRY, budget_seconds=0.0, is_filling=True, dry_seconds=dry, behind_seconds=seconds
        ),
        levels=None,
        problems=(
            *down.problems,
            _problem("playout_dry", Severity.ERROR, "the buffer ran out: listeners are without programme", dry),
            _problem("filler_on_air", Severity.ERROR, "silence is on air until the programme is back", dry - 2),
        ),
    )


def source_lost(seconds: float = 12.0) -> InstanceStatus:
    """The same when the studio has nothing to send."""
    healthy = transmitter()
    return replace(
        healthy,
        store=replace(healthy.store, newest_age_seconds=seconds, title_sent_at=healthy.at - seconds - 9),
        playout=_playout(healthy, budget_seconds=24.2 - seconds),
        problems=(_problem("source_lost", Severity.ERROR, "nothing arrives any more from input", seconds),),
    )


def studio() -> InstanceStatus:
    """The sender at the other end."""
    healthy = transmitter()
    encoder = ModuleStatus(
        "input", "ShoutcastSourceServer", ModuleState.RUNNING, UP_SECONDS, "receives from an encoder at 127.0.0.1"
    )
    link = replace(healthy.inputs[0].links[0], peer="203.0.113.20", peer_budget_seconds=24.2)
    detail = "1 receiver: 203.0.113.20 can lose the link for 24 s"
    sender = ModuleStatus("output", "DiStreamerServer", ModuleState.RUNNING, UP_SECONDS, detail, links=(link,))
    return replace(healthy, name="studio", inputs=(encoder,), outputs=(sender,), playout=None)


def in_state(state: str) -> InstanceStatus:
    """One of STATES."""
    return {"healthy": transmitter, "link-down": link_down, "filler": filler, "source-lost": source_lost}[state]()


def tell_a_night(made: MadeInstance) -> None:
    """What the log shows: some cuts, and now what the problems say."""
    peer = next(link.peer for module in (*made.status.inputs, *made.status.outputs) for link in module.links)
    for hours, seconds in ((18.4, 7.4), (17.2, 10.9), (7.6, 4.1), (2.7, 8.3), (2.2, 5.0)):
        ago = hours * 3600
        made.tell(ago, "link_down", Severity.WARNING, f"the link to {peer} is down")
        sentence = f"the link to {peer} is up (after {seconds} s)"
        made.tell(ago - seconds, "link_up", Severity.INFO, sentence, resolves="link_down")
    for problem in made.status.problems:
        made.tell(time.time() - problem.since, problem.kind, problem.severity, problem.sentence)


def _problem(kind: str, severity: Severity, sentence: str, seconds: float) -> Problem:
    return Problem(kind, severity, sentence, "", time.time() - seconds)


def _playout(status: InstanceStatus, **changes: object) -> PlayoutStatus:
    assert status.playout is not None
    return replace(status.playout, **changes)  # type: ignore[arg-type]


def _with_link(status: InstanceStatus, seconds: float) -> InstanceStatus:
    """The link is down for so long."""
    (receiving,) = status.inputs
    (link,) = receiving.links
    down = replace(
        link,
        connected=False,
        connected_seconds=0.0,
        silent_seconds=seconds,
        rtt_seconds=None,
        history=history(seconds, max(seconds - 24.2, 0.0)),
    )
    detail = f"{PEER} was not heard for {seconds:.0f} s; trying again"
    return replace(
        status,
        inputs=(replace(receiving, state=ModuleState.STARTING, state_seconds=seconds, detail=detail, links=(down,)),),
    )
