"""All runs, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gauntlet.lane import remove_leftovers
from benchmarks.gauntlet.results import Result, Results, Run
from benchmarks.gauntlet.run import carry_out
from benchmarks.gauntlet.scenarios import Killed, Scenario
from benchmarks.gauntlet.systems import OURS
from benchmarks.gauntlet.systems.system import System

HELD_UP_SECONDS = 0.3
"""A run that the machine held up for longer is disturbed."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    systems: Sequence[System]
    scenarios: Sequence[Scenario]
    seeds: Sequence[int]
    bitrates: Sequence[int]
    """kbit/s."""
    is_quick: bool
    parallel: int
    """Runs at a time: they mostly wait, but each takes about a tenth of a core."""
    folder: Path
    """For the files and logs of each run."""

    def runs(self) -> list[Run]:
        """DiStreamer with every seed and bitrate; the peers with the first of each, to be compared with it."""
        return [
            Run(system.name, scenario.name, seed, kilobits, self.is_quick)
            for system in self.systems
            for scenario in self.scenarios
            if system is OURS or (scenario.for_peers and _concerns(scenario, system))
            for kilobits in (self.bitrates if system is OURS else self.bitrates[:1])
            for seed in (self.seeds if system is OURS else self.seeds[:1])
        ]


def _concerns(scenario: Scenario, system: System) -> bool:
    """Whether what is killed is there."""
    killed = {side for event in scenario.events if isinstance(event, Killed) for side in event.sides}
    return not killed or bool(killed & set(system.sides))


async def run_gauntlet(plan: Plan, results: Results, say: Say) -> bool:
    """Runs what ``results`` does not have yet, and adds it. Says whether all runs could be carried out."""
    await remove_leftovers()
    wanted = [run for run in plan.runs() if run not in results]
    waiting = iter(list(enumerate(wanted, 1)))
    systems = {system.name: system for system in plan.systems}
    failures = 0

    async def work(number: int) -> None:
        nonlocal failures
        for count, run in waiting:
            folder = plan.folder / f"{run.system} {run.scenario} {run.seed} {run.kilobits}".replace(" ", "-")
            head = f"[{count}/{len(wanted)}] {run}:"
            try:
                result = await carry_out(run, systems[run.system], number, folder)
            except (OSError, RuntimeError) as error:
                failures += 1
                say(f"{head} could not be carried out: {error}; its logs are in {folder}")
                continue
            results.add(result)
            say(f"{head} {in_words(result)}")

    async with asyncio.TaskGroup() as group:
        for number in range(plan.parallel):
            group.create_task(work(number), name=f"lane {number}")
    return not failures


def in_words(result: Result) -> str:
    """What a run found, in a line."""
    words = "; ".join(result.faults) or "nothing was heard of it"
    if result.held_up_seconds > HELD_UP_SECONDS:
        words += f" (held up by this machine for {result.held_up_seconds:.1f} s)"
    return words
