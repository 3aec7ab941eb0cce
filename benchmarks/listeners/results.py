"""The file of results: a line of JSON for each server, case, size and run, so that a long run can be split."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

Key = tuple[str, str, int]
"""Case, server, listeners."""


@dataclass(frozen=True)
class Result:
    """One line."""

    case: str
    server: str
    listeners: int
    figures: dict[str, object] = field(default_factory=dict)
    failure: str = ""
    """Why there are no figures."""
    version: str = ""
    """Of the server."""
    machine: str = ""

    @property
    def key(self) -> Key:
        return self.case, self.server, self.listeners


@dataclass(frozen=True)
class Median:
    """Of all runs of the same."""

    runs: int
    """Those that gave figures."""
    figures: Mapping[str, float]
    """Of each figure that is a number the median."""
    failure: str = ""
    """Why the last run that failed did so."""


def read(path: Path) -> list[Result]:
    """All lines of the file; none when there is no such file."""
    if not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text().splitlines() if line.strip()]


def append(path: Path, result: Result) -> None:
    """One more line; the folder is made when it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def medians(results: Sequence[Result]) -> dict[Key, Median]:
    """By key."""
    grouped: dict[Key, list[Result]] = {}
    for one in results:
        grouped.setdefault(one.key, []).append(one)
    return {key: _median(runs) for key, runs in grouped.items()}


def _median(runs: Sequence[Result]) -> Median:
    worked = [one.figures for one in runs if not one.failure]
    failures = [one.failure for one in runs if one.failure]
    names = {name for figures in worked for name in figures}
    middle = {name: statistics.median(values) for name in names if (values := _numbers(worked, name))}
    return Median(len(worked), middle, failures[-1] if failures else "")


def _numbers(worked: Iterable[Mapping[str, object]], name: str) -> list[float]:
    values = (figures.get(name) for figures in worked)
    return [value for value in values if isinstance(value, int | float)]


def machine(cores: int) -> str:
    """What this is, in words and without its name."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    release = ".".join(platform.release().split(".")[:2])
    return f"{cores} cores of {model}, Linux {release}, Python {platform.python_version()}"
