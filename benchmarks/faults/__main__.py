"""Provokes every event for real, and writes down when the alert came, and when it was told to be over.

    python -m benchmarks.faults [--only link,disk] [--list]

Takes about ten minutes; with root it fills a disk of its own, too.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.fault import Fault, Outcome, measured
from benchmarks.faults.faults import FAULTS
from benchmarks.faults.page import page
from benchmarks.faults.receiver import receiving
from distreamer.units import spoken_seconds

PAGE = Path("docs/faults.md")
AT_A_TIME = 2
"""More would hold up one another on a small machine."""
_KNOWN = {fault.name: fault for fault in FAULTS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives the exit code: 1 when something was not told."""
    options = _parser().parse_args(arguments)
    if options.list:
        for fault in FAULTS:
            print(f"{fault.name:12}{fault.how}: {', '.join(fault.kinds)}")
        return 0
    outcomes, slowest = asyncio.run(_measure(options.only or FAULTS))
    if not options.only:
        PAGE.write_text(
            page(outcomes, slowest, f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
        )
        print(f"{PAGE} was written")
    return 0 if all(outcome.is_complete or outcome.reason for outcome in outcomes) else 1


async def _measure(faults: Sequence[Fault]) -> tuple[list[Outcome], float]:
    """And how long the slowest message was under way."""
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(fault: Fault, folder: Path) -> list[Outcome]:
        async with places:
            print(f"{fault.name}: {fault.how} …", flush=True)
            found = await measured(fault, folder / fault.name, receiver)
        for outcome in found:
            print(f"{fault.name}: {outcome.kind}: {_words(outcome)}", flush=True)
        return found

    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        async with receiving() as receiver:
            outcomes = await asyncio.gather(*(one(fault, Path(name)) for fault in faults))
    return [outcome for found in outcomes for outcome in found], receiver.slowest_seconds


def _words(outcome: Outcome) -> str:
    if outcome.reason:
        return f"not tried: {outcome.reason}"
    told, over = (
        "never" if seconds is None else f"after {spoken_seconds(round(seconds, 1))}"
        for seconds in (outcome.told_seconds, outcome.resolved_seconds)
    )
    return f"told {told}, told to be over {over}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", type=_named, metavar="NAME,…", help="only these; the page is not written")
    parser.add_argument("--list", action="store_true", help="say what there is")
    return parser


def _named(text: str) -> list[Fault]:
    unknown = [name for name in text.split(",") if name not in _KNOWN]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no fault {unknown[0]}; there are {', '.join(_KNOWN)}")
    return [_KNOWN[name] for name in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
