"""Runs DiStreamer, and what else carries programmes, over links that are as bad as it gets; writes down what is heard.

    python -m benchmarks.gauntlet [--quick] [--only out10,loss30] [--systems DiStreamer] [--list] …

Needs Linux and root: each run has two network namespaces of its own, and a link between them that this program makes.
A gauntlet that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.gauntlet.gauntlet import HELD_UP_SECONDS, Plan, run_gauntlet
from benchmarks.gauntlet.lane import why_not
from benchmarks.gauntlet.report import report
from benchmarks.gauntlet.results import Results
from benchmarks.gauntlet.scenarios import SCENARIOS, Scenario
from benchmarks.gauntlet.systems import SYSTEMS
from benchmarks.gauntlet.systems.system import System

Kind = TypeVar("Kind")

BUILD_FOLDER = Path("build/gauntlet")
PAGE = Path("docs/gauntlet.md")
EXIT_IMPOSSIBLE = 2
_KNOWN_SYSTEMS = {system.name: system for system in SYSTEMS}
_KNOWN_SCENARIOS = {scenario.name: scenario for scenario in SCENARIOS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives the exit code: 0 when all could be run, whatever was heard; 1 when not; 2 when nothing can be run here."""
    options = _parser().parse_args(arguments)
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:18}{scenario.words}")
        return 0
    if reason := why_not():
        print(f"The gauntlet cannot be run here: {reason}.", file=sys.stderr)
        return EXIT_IMPOSSIBLE
    if options.fresh:
        options.results.unlink(missing_ok=True)
    left_out = {system.name: reason for system in options.systems if (reason := system.why_not())}
    for name, reason in left_out.items():
        print(f"{name} is left out: {reason}")
    plan = Plan(
        systems=[system for system in options.systems if system.name not in left_out],
        scenarios=options.only,
        seeds=options.seeds,
        bitrates=options.bitrates,
        is_quick=options.quick,
        parallel=options.parallel,
        folder=BUILD_FOLDER,
    )
    results = Results(options.results)
    if options.undisturbed and (count := results.forget_held_up(HELD_UP_SECONDS)):
        print(f"{count} that were held up for more than {HELD_UP_SECONDS:g} s are run again")
    all_were_run = options.page
    if not options.page:
        # At a signal what is still running is ended, and the page is written of what there is.
        with contextlib.suppress(asyncio.CancelledError):
            all_were_run = asyncio.run(_until_a_signal(plan, results))
    if options.write:
        PAGE.write_text(report(plan, results, left_out, _machine(plan.parallel)))
        print(f"{PAGE} is written.")
    return 0 if all_were_run else 1


async def _until_a_signal(plan: Plan, results: Results) -> bool:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await run_gauntlet(plan, results, lambda text: print(text, flush=True))


def _machine(parallel: int) -> str:
    """What this machine is, in words."""
    kernel = ".".join(platform.release().split(".")[:2])
    python = platform.python_version()
    return f"a machine with {os.cpu_count()} cores, Linux {kernel} and Python {python}, {parallel} runs at a time"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make gauntlet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="only list the scenarios")
    parser.add_argument("--only", type=_scenarios, default=list(SCENARIOS), metavar="NAMES", help="scenarios to run")
    parser.add_argument("--systems", type=_systems, default=list(SYSTEMS), metavar="NAMES", help="what to run")
    parser.add_argument("--seeds", type=_numbers, default=[1, 2, 3], metavar="NUMBERS", help="1,2,3 unless told")
    parser.add_argument("--bitrates", type=_numbers, default=[128, 320], metavar="KBIT/S", help="128,320 unless told")
    parser.add_argument(
        "--quick", action="store_true", help="shorter; with --seeds 1 --bitrates 128 it takes half an hour"
    )
    parser.add_argument(
        "--parallel", type=int, default=2 * (os.cpu_count() or 1), help="runs at a time; twice the cores"
    )
    parser.add_argument("--results", type=Path, default=BUILD_FOLDER / "results.jsonl", help="what was found so far")
    parser.add_argument("--fresh", action="store_true", help="forget what was found so far")
    parser.add_argument(
        "--undisturbed", action="store_true", help="run again what something else on this machine held up"
    )
    parser.add_argument("--page", action="store_true", help="run nothing, only write the page of what was found so far")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True, help=f"write {PAGE}")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _scenarios(text: str) -> list[Scenario]:
    return [_known(_KNOWN_SCENARIOS, name) for name in text.split(",")]


def _systems(text: str) -> list[System]:
    return [_known(_KNOWN_SYSTEMS, name) for name in text.split(",")]


def _known(known: Mapping[str, Kind], name: str) -> Kind:
    if name not in known:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(known)}")
    return known[name]


if __name__ == "__main__":
    sys.exit(main())
