"""Compares ShoutcastServer and Icecast on this machine, and writes docs/benchmarks.md.

    make bench                                  everything, about 50 minutes
    make bench ARGS='--quick'                   a first impression in 4 minutes, which changes no file
    make bench ARGS='--cases tls,herd --runs 1'

What is measured is appended to a file. A run that was interrupted goes on where it was when it is started again; to
measure anew, take another file or --fresh.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.listeners import page, results
from benchmarks.listeners.cases import BOTH, CASES, ICECAST, QUICK_CASES, QUICK_SIZES, Case
from benchmarks.listeners.measure import Pace, measure
from benchmarks.listeners.processes import ServerError
from benchmarks.listeners.results import Result
from benchmarks.listeners.servers import icecast_program, version

RESULTS = Path(__file__).parents[1] / "results" / "listeners.jsonl"
PACE = Pace(window=15, warm_up=15, settle=3)
QUICK_PACE = Pace(window=5, warm_up=8, settle=2)


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    if ICECAST in arguments.servers:
        icecast_program()
    with contextlib.ExitStack() as stack:
        if arguments.quick:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            _run(arguments, _chosen(arguments, QUICK_CASES, QUICK_SIZES), Path(folder) / "quick.jsonl", 1, QUICK_PACE)
            return 0
        if arguments.fresh:
            arguments.results.unlink(missing_ok=True)
        cases = _chosen(arguments, [one.name for one in CASES], ())
        _run(arguments, cases, arguments.results, arguments.runs, PACE)
    if not arguments.no_page:
        page.PAGE.write_text(page.placed(page.PAGE.read_text(), page.text(results.read(arguments.results))))
    return 0


def _run(arguments: argparse.Namespace, cases: Sequence[Case], file: Path, runs: int, pace: Pace) -> None:
    machine = results.machine(len(os.sched_getaffinity(0)))
    # What failed by chance is tried once more at the end.
    for number in (*range(1, runs + 1), runs):
        for case in cases:
            # One after the other, so that what changes on the machine meanwhile meets both.
            for server in (one for one in case.servers if one in arguments.servers):
                done = Counter(one.key for one in results.read(file) if not one.failure)
                sizes = tuple(size for size in case.sizes if done[case.name, server, size] < number)
                if sizes:
                    _measure(server, dataclasses.replace(case, sizes=sizes), file, pace, machine)
    print(page.text(results.read(file)))


def _measure(server: str, case: Case, file: Path, pace: Pace, machine: str) -> None:
    left = list(case.sizes)
    try:
        for size, figures in measure(server, case, pace):
            left.remove(size)
            _note(file, Result(case.name, server, size, figures, "", version(server), machine))
    except (ServerError, OSError, TimeoutError) as error:
        for size in left:
            _note(file, Result(case.name, server, size, {}, str(error), machine=machine))


def _note(file: Path, result: Result) -> None:
    results.append(file, result)
    words = result.failure or ", ".join(f"{name} {value}" for name, value in result.figures.items())
    print(f"{result.server}, {result.case}, {result.listeners:,}: {words}", file=sys.stderr, flush=True)


def _chosen(arguments: argparse.Namespace, names: Sequence[str], sizes: Sequence[int]) -> list[Case]:
    names, sizes = arguments.cases or names, arguments.sizes or sizes
    chosen = [one for one in CASES if one.name in names]
    if sizes:
        chosen = [dataclasses.replace(one, sizes=tuple(size for size in one.sizes if size in sizes)) for one in chosen]
    return [one for one in chosen if one.sizes]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.listeners", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ", ".join(one.name for one in CASES)
    parser.add_argument("--cases", type=_list, help=f"some of {names}")
    parser.add_argument(
        "--sizes", type=lambda text: [int(one) for one in _list(text)], help="some numbers of listeners"
    )
    parser.add_argument("--servers", type=_list, default=BOTH, help=f"some of {', '.join(BOTH)}")
    parser.add_argument("--runs", type=int, default=3, help="how many of each the file shall hold")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file")
    parser.add_argument("--fresh", action="store_true", help="empties the file first")
    parser.add_argument("--quick", action="store_true", help="small crowds, once, for a short time; changes no file")
    parser.add_argument("--no-page", action="store_true", help="leaves docs/benchmarks.md as it is")
    return parser.parse_args()


def _list(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerError as error:
        sys.exit(str(error))
