"""What the runs found, one JSON object a line, so that a gauntlet that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.gauntlet.scenarios import FIRST_FRAGMENT_SECONDS, LEAST_DOWNLOAD_SHARE, Allowed, named


@dataclass(frozen=True, slots=True)
class Run:
    """Which run it is."""

    system: str
    scenario: str
    seed: int
    kilobits: int
    is_quick: bool

    def __str__(self) -> str:
        quick = ", quick" if self.is_quick else ""
        return f"{self.system}: {self.scenario}, seed {self.seed}, {self.kilobits} kbit/s{quick}"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found. Of several players, the one that heard the most of a fault counts, for each fault."""

    run: Run
    trouble: str = ""
    """Why nothing could be heard at all; empty when it could."""
    silent_seconds: float = 0.0
    stops: int = 0
    missing: int = 0
    repeated: int = 0
    damaged: int = 0
    disconnects: int = 0
    wrong_titles: int = 0
    title_late_seconds: float | None = None
    """The longest time for which a wrong title was shown; None where titles do not come through at all."""
    latency_seconds: float | None = None
    """At the end, from the studio to the ear."""
    came_through: bool = True
    """Whether every player heard, in the end, what was on air when the trouble ended."""
    latest_fragment_seconds: float | None = None
    """How long the slowest fragment took to B; None where that cannot be seen."""
    first_fragment_seconds: float | None = None
    """From the return of the link to the first new fragment at B, the longest of several returns."""
    download_share: float | None = None
    """The part of the link's rate that a download beside it got; None without one."""
    away_seconds: float | None = None
    """From the moment at which B was killed to that at which players could connect again; None when it was not."""
    held_up_seconds: float = 0.0
    """The longest time for which this machine let those wait that measure, the players among them: latencies may have
    suffered as much."""
    ended_by_themselves: int = 0
    """How often a program ended without being killed."""
    megabytes: float = 0.0
    """Sent at both ends of the link."""
    cpu_seconds_a: float = 0.0
    cpu_seconds_b: float = 0.0
    seconds: float = 0.0
    """How long players were watched."""
    version: str = ""
    faults: list[str] = field(default_factory=list)
    """In words, what was heard that may not be; empty = a success."""


def faults_of(result: Result) -> list[str]:
    """What ``result`` has beyond what its scenario allows."""
    scenario = named(result.run.scenario)
    if result.trouble:
        return [result.trouble]
    allowed: Allowed = scenario.allowed
    found = [
        f"{value:g} {what} where {limit:g} may be"
        for value, limit, what in (
            (round(result.silent_seconds, 2), allowed.silent_seconds, "s of silence"),
            (result.missing, allowed.missing, "frames missing"),
            (result.repeated, allowed.repeated, "frames repeated"),
            (result.disconnects, allowed.disconnects, "disconnects"),
            (result.stops, allowed.stops, "stops"),
            (round(result.latency_seconds or 0.0), allowed.latency_seconds, "s behind the studio at the end"),
            (result.damaged, 0, "frames damaged"),
            (result.wrong_titles, 0, "wrong titles"),
        )
        if limit is not None and value > limit
    ]
    if result.away_seconds is not None and result.silent_seconds > result.away_seconds:
        found.append(f"{result.silent_seconds:g} s of silence where B was away for {result.away_seconds:g} s")
    if result.download_share is not None and result.download_share < LEAST_DOWNLOAD_SHARE:
        found.append(f"the download got {result.download_share:.0%} of the link")
    if not result.came_through:
        found.append("players did not hear what was on air at the end of the trouble")
    if result.first_fragment_seconds is not None and result.first_fragment_seconds > FIRST_FRAGMENT_SECONDS:
        found.append(f"the first fragment came {result.first_fragment_seconds:.1f} s after the link's return")
    return found


class Results:
    """The file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._results: dict[Run, Result] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                result = _parse(line)
                self._results[result.run] = result

    def __contains__(self, run: Run) -> bool:
        return run in self._results

    def add(self, result: Result) -> None:
        """Keeps it, in the file too; it stands for an earlier one of the same run."""
        self._results[result.run] = result
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as out:
            out.write(json.dumps(asdict(result)) + "\n")

    def forget_held_up(self, seconds: float) -> int:
        """Those that were held up for longer are to be run again; says how many that are."""
        found = [run for run, result in self._results.items() if result.held_up_seconds > seconds]
        for run in found:
            del self._results[run]
        return len(found)

    def of(self, runs: Iterable[Run]) -> list[Result]:
        """Those of ``runs`` that there are."""
        return [self._results[run] for run in runs if run in self._results]

    @property
    def all(self) -> list[Result]:
        return list(self._results.values())


def _parse(line: str) -> Result:
    fields = json.loads(line)
    return Result(**{**fields, "run": Run(**fields["run"])})
