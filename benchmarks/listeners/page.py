"""The part of docs/benchmarks.md that the results make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.listeners.results import Result, medians
from benchmarks.listeners.tables import tables
from benchmarks.listeners.verdict import verdicts

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN = "<!-- From here on `make bench` writes. -->"
END = "<!-- To here `make bench` writes. -->"


def text(results: Sequence[Result]) -> str:
    """Machine, verdicts and tables, as Markdown."""
    found = medians(results)
    versions = sorted({one.version for one in results if one.version})
    machines = sorted({one.machine for one in results if one.machine})
    runs = sorted({one.runs for one in found.values() if one.runs})
    spoken_runs = str(runs[0]) if len(runs) == 1 else f"{runs[0]} to {runs[-1]}" if runs else "no"
    failures = sorted({(one.server, one.case, one.failure) for one in results if one.failure})
    disturbed = max((_disturbance(one) for one in results), default=0.0)
    parts = [
        f"{' and '.join(versions)} on {'; '.join(machines)}. Medians of {spoken_runs} runs. While it was measured, the"
        f" encoder and other programs used up to {disturbed * 100:.0f} % of a core.",
        "### What was expected, and what was reached",
        verdicts(found),
        tables(found),
    ]
    if failures:
        parts += ["### What failed", "\n".join(f"- {server}, {case}: {why}" for server, case, why in failures)]
    return "\n\n".join(parts)


def _disturbance(result: Result) -> float:
    share = result.figures.get("other_core_share")
    return share if isinstance(share, float) else 0.0


def placed(page: str, made: str) -> str:
    """``page`` with ``made`` between the two marks; raises ValueError when they are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no “{BEGIN}” and “{END}”")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"
