"""Listens many times over to one stream, and says how well that went.

    python -m benchmarks.load --url http://127.0.0.1:8080/ --listeners 5000 --seconds 20

Any server of the Icecast kind will do. The programme's order is checked when it is one of numbered frames
(benchmarks/numbered.py); of other MP3 streams only that they consist of whole frames.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from benchmarks.load.crowds import Crowds
from benchmarks.load.report import Report, summary
from benchmarks.load.target import target_of

SETTLE_SECONDS = 3.0
JOIN_SECONDS = 60.0
"""Beyond the time that joining should take: then it is measured with those who are there."""


def main() -> int:
    """The exit code: 0 when everybody heard everything."""
    arguments = _arguments()
    target = target_of(arguments.url, titles=arguments.icy, kbits=arguments.kbits)
    joining = arguments.listeners / arguments.pace
    with Crowds(
        target,
        most=arguments.listeners + arguments.herd,
        sample=arguments.sample,
        processes=arguments.processes,
    ) as crowds:
        crowds.join(arguments.listeners, joining)
        crowds.wait_until_joined(joining + JOIN_SECONDS)
        time.sleep(SETTLE_SECONDS)
        reports = {"window": _window(crowds, arguments.seconds)}
        if arguments.herd:
            crowds.begin()
            crowds.join(arguments.herd, arguments.herd_seconds, sampled=False)
            crowds.wait_until_joined(arguments.herd_seconds + JOIN_SECONDS)
            time.sleep(SETTLE_SECONDS)
            reports["herd"] = crowds.end()
    figures = {name: summary(report, target.bytes_per_second) for name, report in reports.items()}
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, values in figures.items():
            print(f"{name}:")
            for key, value in values.items():
                print(f"    {key}: {value}")
    return 0 if all(map(_is_flawless, reports.values())) else 1


def _window(crowds: Crowds, seconds: float) -> Report:
    crowds.begin()
    time.sleep(seconds)
    return crowds.end()


def _is_flawless(report: Report) -> bool:
    faults = (report.waiting, report.disconnected, report.failures.total(), report.stalled_listeners, report.stalls)
    return not any((*faults, report.missing, report.repeated, report.damaged_bytes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--url", required=True, help="with https:// each listener agrees on TLS; no certificate is checked"
    )
    parser.add_argument("--listeners", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20, help="how long it is measured, once all have joined")
    parser.add_argument("--pace", type=float, default=1000, help="listeners that join in a second")
    parser.add_argument("--icy", action="store_true", help="ask for titles")
    parser.add_argument("--kbits", type=float, default=128, help="the stream's bitrate, on which lateness is built")
    parser.add_argument("--herd", type=int, default=0, help="so many more join while it is measured once more")
    parser.add_argument("--herd-seconds", type=float, default=5, help="within so long")
    parser.add_argument(
        "--sample", type=int, default=200, help="how many are read whenever something comes, and checked"
    )
    parser.add_argument("--processes", type=int, default=0, help="at least so many; more are used when they are needed")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
