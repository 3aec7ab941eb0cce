"""The results as Markdown: tables, and what was reached of what was expected. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.listeners.cases import CASES, DISTREAMER, HERD_SECONDS, ICECAST, Case
from benchmarks.listeners.results import Key, Median

Medians = Mapping[Key, Median]
Show = Callable[[float], str]
SMALLEST_CROWD_FOR_MEMORY = 1_000
"""With fewer listeners their memory is lost in that of the program."""


def tables(medians: Medians) -> str:
    """All of them, one below the other."""
    rows = [(case, size) for case in CASES for size in case.sizes if _is_measured(medians, case, size)]
    crowds = [(case, size) for case, size in rows if not case.herd]
    parts = ["### What it costs", _cost(medians, crowds), "### What listeners notice", _notice(medians, crowds)]
    for case, size in rows:
        if case.herd:
            parts += [f"### A herd of {case.herd:,} joins {size:,} in {HERD_SECONDS:g} s", _herd(medians, case, size)]
    return "\n\n".join(parts)


def _cost(medians: Medians, rows: Sequence[tuple[Case, int]]) -> str:
    lines = []
    for case, size in rows:
        cpu = _pair(medians, case, size, "cpu_microseconds")
        memory = _pair(medians, case, size, "memory_bytes_each")
        if size < SMALLEST_CROWD_FOR_MEMORY:
            memory = (None, None)
        cores = _cells(medians, case, size, "core_share", _percent)
        cpu_cells = _cells(medians, case, size, "cpu_microseconds", _plain)
        memory_cells = (_shown(one, _kilobytes) for one in memory)
        lines.append([case.row(size), *cpu_cells, _ratio(cpu), *cores, *memory_cells, _ratio(memory)])
    head = ("listeners", "CPU of Icecast", "of DiStreamer", "ratio", "core in use, Icecast", "DiStreamer")
    return _table([*head, "memory of Icecast", "of DiStreamer", "ratio"], lines)


def _notice(medians: Medians, rows: Sequence[tuple[Case, int]]) -> str:
    wanted: tuple[tuple[str, str, Show], ...] = (
        ("connected", "watched", _count),
        ("delivered", "delivered_share", _percent),
        ("stalled", "stalled_listeners", _count),
        ("lateness", "lateness_p99", _milliseconds),
        ("first byte", "first_byte_p99", _milliseconds),
    )
    lines = [
        [case.row(size), *(cell for _, name, show in wanted for cell in _cells(medians, case, size, name, show))]
        for case, size in rows
    ]
    names = [name for title, _, _ in wanted for name in (f"{title}, Icecast", "DiStreamer")]
    return _table(["listeners", *names], lines)


def _herd(medians: Medians, case: Case, size: int) -> str:
    wanted: tuple[tuple[str, str, Show], ...] = (
        ("first byte of the herd, median", "herd_first_byte_p50", _milliseconds),
        ("first byte of the herd, 99th percentile", "herd_first_byte_p99", _milliseconds),
        ("first byte of the herd, slowest", "herd_first_byte_max", _milliseconds),
        ("of the herd without a byte 10 s later", "herd_waiting", _count),
        ("lateness of the others before, 99th percentile", "lateness_p99", _milliseconds),
        ("lateness of the others meanwhile, 99th percentile", "herd_lateness_p99", _milliseconds),
        ("lateness of the others meanwhile, highest", "herd_lateness_max", _milliseconds),
        ("stalled of the others meanwhile", "herd_stalled_listeners", _count),
        ("core in use meanwhile", "herd_core_share", _percent),
    )
    lines = [[title, *_cells(medians, case, size, name, show)] for title, name, show in wanted]
    return _table(["", "Icecast", "DiStreamer"], lines)


def _cells(medians: Medians, case: Case, size: int, name: str, show: Show) -> list[str]:
    return [_cell(medians, case, size, server, name, show) for server in (ICECAST, DISTREAMER)]


def _cell(medians: Medians, case: Case, size: int, server: str, name: str, show: Show) -> str:
    if server not in case.servers:
        return ""
    found = medians.get((case.name, server, size))
    if found is not None and not found.runs:
        return "failed"
    return _shown(found.figures.get(name) if found else None, show)


def _pair(medians: Medians, case: Case, size: int, name: str) -> tuple[float | None, float | None]:
    found = (medians.get((case.name, server, size)) for server in (ICECAST, DISTREAMER))
    icecast, distreamer = (one.figures.get(name) if one else None for one in found)
    return icecast, distreamer


def _ratio(pair: tuple[float | None, float | None]) -> str:
    icecast, distreamer = pair
    if not icecast or not distreamer:
        return ""
    return f"1/{icecast / distreamer:.1f}" if icecast > distreamer else f"{distreamer / icecast:.1f}"


def _is_measured(medians: Medians, case: Case, size: int) -> bool:
    return any((case.name, server, size) in medians for server in case.servers)


def _shown(value: float | None, show: Show) -> str:
    return "–" if value is None else show(value)


def _plain(value: float) -> str:
    return f"{value:.1f} µs"


def _kilobytes(value: float) -> str:
    return f"{value / 1000:.1f} kB"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))
