"""One run: a scenario, a system, a seed, a bitrate."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.gauntlet.held_up import HeldUp
from benchmarks.gauntlet.lane import NAME_OF_A, Lane, address_of_a, lane
from benchmarks.gauntlet.measures import bytes_sent, first_after, latest_fragment, most, worst
from benchmarks.gauntlet.processes import Keeper, Talker, listens, talker
from benchmarks.gauntlet.programme import FRAME_SECONDS
from benchmarks.gauntlet.results import Result, Run, faults_of
from benchmarks.gauntlet.scenarios import (
    BUFFER_SECONDS,
    SOUND,
    Dark,
    Event,
    Killed,
    NewAddress,
    NewPorts,
    Scenario,
    Thin,
    named,
)
from benchmarks.gauntlet.systems.system import SOURCE_PORT, Order, System
from benchmarks.gauntlet.wire import Message
from distreamer import __version__
from distreamer.chaos.link_model import LinkSettings
from distreamer.demo.programme_server import MOUNT

FILLING_SECONDS = 90.0
"""Until then all players must play."""
BEFORE_SECONDS = 5.0
"""For which they then play before the trouble begins."""
LOOK_SECONDS = 0.02
DOWNLOAD_PORT = 8100
PATIENCE_SECONDS = 45.0
"""Beyond the buffer, for what was on air at the end of the trouble to be heard."""


async def carry_out(run: Run, system: System, number: int, folder: Path) -> Result:
    """The result of ``run``, in lane ``number``; files and logs are put into ``folder``."""
    scenario = named(run.scenario)
    _make_empty(folder)
    async with lane(number, scenario.paths, scenario.has_router, run.seed, folder / "emulator.log") as hosts:
        result = await _Run(run, scenario, system, hosts, folder).carry_out()
    if not system.has_titles:
        result = replace(result, title_late_seconds=None)
    result = replace(result, version=__version__)
    return replace(result, faults=faults_of(result))


def _make_empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()


class _Run:
    """A run in its lane."""

    def __init__(self, run: Run, scenario: Scenario, system: System, hosts: Lane, folder: Path) -> None:
        self._run = run
        self._scenario = scenario
        self._system = system
        self._hosts = hosts
        self._folder = folder
        self._keepers: dict[str, list[Keeper]] = {"a": [], "b": []}
        self._loop = asyncio.get_running_loop()
        self._on_air_since = 0.0
        self._began = 0.0
        """When the trouble began."""
        self._taker: Talker | None = None
        """Who downloads beside it."""
        self._away_seconds: float | None = None
        self._returns: list[float] = []
        """When the link came back, each time."""

    async def carry_out(self) -> Result:
        run, hosts = self._run, self._hosts
        if not self._scenario.passes_udp:
            hosts.stop_udp()
        hosts.set_link(SOUND)
        source = (sys.executable, "-m", "benchmarks.gauntlet.source", str(run.kilobits), str(SOURCE_PORT))
        async with contextlib.AsyncExitStack() as stack:
            studio = await stack.enter_async_context(talker(hosts.on("a", source), self._folder / "source.log"))
            self._on_air_since = float((await studio.says("began"))["began"])
            orders = [self._order(pair) for pair in range(self._scenario.pairs)]
            for order in orders:
                await stack.enter_async_context(self._programs(order))
            players = [await stack.enter_async_context(self._players(order)) for order in orders]
            if not await self._until_all(players, lambda player: bool(player["plays"]), FILLING_SECONDS):
                return Result(run, trouble=f"the players did not all play within {FILLING_SECONDS:g} s")
            await asyncio.sleep(BEFORE_SECONDS)
            if self._scenario.has_download:
                self._taker = await stack.enter_async_context(self._download())
            return await self._measure(players)

    async def _measure(self, players: Sequence[Talker]) -> Result:
        """What is heard from now on, which is when the trouble begins."""
        for one in players:
            one.tell({"begin": True})
        taken = await self._taken()
        sent, cpu = bytes_sent(await self._hosts.carried()), (self._cpu("a"), self._cpu("b"))
        self._began = self._loop.time()
        self._hosts.set_link(self._link)
        held_up = HeldUp()
        watching = asyncio.create_task(held_up.run())
        async with asyncio.TaskGroup() as group:
            for event in self._scenario.events:
                group.create_task(self._happen(event, players[0].pid))
            group.create_task(asyncio.sleep(self._scenario.seconds(self._run.is_quick)))
        on_air = int((self._loop.time() - self._on_air_since) / FRAME_SECONDS)
        came_through = await self._until_all(
            players, lambda player: (player["place"] or 0) >= on_air, BUFFER_SECONDS + PATIENCE_SECONDS
        )
        share = await self._download_share(taken)
        watching.cancel()
        for one in players:
            one.tell({"end": True})
        reports, now = [await one.says("heard") for one in players], self._loop.time()
        arrivals = [report["arrivals"] for report in reports]
        return Result(
            self._run,
            **worst([heard for report in reports for heard in report["heard"]]),
            came_through=came_through,
            latest_fragment_seconds=most(latest_fragment(one, self._on_air_since, self._began) for one in arrivals),
            first_fragment_seconds=most(first_after(one, self._returns, now) for one in arrivals),
            download_share=share,
            away_seconds=self._away_seconds,
            held_up_seconds=round(max(held_up.most_seconds, *(report["held_up_seconds"] for report in reports)), 3),
            ended_by_themselves=sum(keeper.ended_by_itself for side in self._keepers.values() for keeper in side),
            megabytes=round((bytes_sent(await self._hosts.carried()) - sent) / 1e6, 3),
            cpu_seconds_a=round(self._cpu("a") - cpu[0], 2),
            cpu_seconds_b=round(self._cpu("b") - cpu[1], 2),
            seconds=round(now - self._began, 1),
        )

    @property
    def _link(self) -> LinkSettings:
        return self._scenario.link_at(self._run.kilobits)

    async def _taken(self) -> int | None:
        """Bytes of the download so far; None without one."""
        if self._taker is None:
            return None
        self._taker.tell({"report": True})
        return int((await self._taker.says("taken"))["taken"])

    async def _download_share(self, before: int | None) -> float | None:
        """Of the link's rate, since ``before`` bytes had come and the trouble began."""
        after = await self._taken()
        if before is None or after is None or not self._link.rate:
            return None
        return round(8 * (after - before) / (self._link.rate * (self._loop.time() - self._began)), 3)

    @contextlib.asynccontextmanager
    async def _download(self) -> AsyncIterator[Talker]:
        """Runs within; gives the side that takes."""
        command = (sys.executable, "-m", "benchmarks.gauntlet.download")
        serving, taking = ("serve", str(DOWNLOAD_PORT)), ("take", NAME_OF_A, str(DOWNLOAD_PORT))
        async with talker(self._hosts.on("a", (*command, *serving)), self._folder / "serve.log") as server:
            await server.says("ready")
            async with talker(self._hosts.on("b", (*command, *taking)), self._folder / "take.log") as taker:
                yield taker

    def _order(self, pair: int) -> Order:
        return Order(
            scenario=self._scenario,
            kilobits=self._run.kilobits,
            folder=self._folder,
            source_url=f"http://127.0.0.1:{SOURCE_PORT}{MOUNT}",
            host_of_a=NAME_OF_A,
            addresses_of_a=[address_of_a(path) for path in range(self._scenario.paths)],
            pair=pair,
        )

    @contextlib.asynccontextmanager
    async def _programs(self, order: Order) -> AsyncIterator[None]:
        """The system's programs for ``order`` run within, each of them once however many orders there are."""
        keepers: list[Keeper] = []
        for program in self._system.programs(order):
            log = self._folder / f"{program.name}.log"
            keeper = Keeper(program.name, self._hosts.on(program.side, program.command), log, program.environment)
            self._keepers[program.side].append(keeper)
            keepers.append(keeper)
        keeping = [asyncio.create_task(keeper.run()) for keeper in keepers]
        try:
            yield
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _players(self, order: Order) -> AsyncIterator[Talker]:
        plan = {
            **asdict(self._system.listening(order)),
            "kilobits": self._run.kilobits,
            "began": self._on_air_since,
        }
        command = (sys.executable, "-m", "benchmarks.gauntlet.player", json.dumps(plan))
        async with talker(self._hosts.on("b", command), self._folder / f"player{order.pair + 1}.log") as players:
            yield players

    async def _until_all(self, players: Sequence[Talker], condition: Callable[[Message], bool], seconds: float) -> bool:
        """Whether ``condition`` held for all players at one moment within ``seconds``."""
        until = self._loop.time() + seconds
        while self._loop.time() < until:
            said = [await one.says("players") for one in players]
            if all(condition(player) for one in said for player in one["players"]):
                return True
        return False

    def _cpu(self, side: str) -> float:
        return sum(keeper.cpu_seconds for keeper in self._keepers[side])

    async def _happen(self, event: Event, pid_at_b: int) -> None:
        """Waits for its time and does what ``event`` says, from its beginning to its end."""
        hosts = self._hosts
        await self._wait_until(event.at)
        match event:
            case Dark(ways=ways, path=path):
                hosts.set_link(replace(self._link, is_dark=True), ways, path)
                await self._wait_until(event.end)
                hosts.set_link(self._link, ways, path)
                if path is None:
                    self._returns.append(self._loop.time())
            case Thin(kilobits=kilobits):
                hosts.set_link(replace(self._link, rate=kilobits * 1000))
                await self._wait_until(event.end)
                hosts.set_link(self._link)
            case NewAddress():
                await hosts.change_address()
            case NewPorts():
                hosts.rebind()
            case Killed(sides=sides):
                killed = [keeper for side in sides for keeper in self._keepers[side]]
                await asyncio.gather(*(keeper.kill() for keeper in killed))
                await self._wait_until(event.end)
                for keeper in killed:
                    keeper.start()
                if "b" in sides:
                    self._away_seconds = await self._seconds_until_b_is_back(pid_at_b, self._began + event.at)

    async def _seconds_until_b_is_back(self, pid_at_b: int, since: float) -> float | None:
        """Until players may connect; None when they may not for long. ``pid_at_b`` is of a process there."""
        port = self._system.listening(self._order(0)).port
        while not listens(pid_at_b, port):
            if self._loop.time() - since > FILLING_SECONDS:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return round(self._loop.time() - since, 2)

    async def _wait_until(self, seconds: float) -> None:
        """So many after the trouble began."""
        await asyncio.sleep(self._began + seconds - self._loop.time())
