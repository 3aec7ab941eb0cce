"""What was expected of ShoutcastServer, from a prototype, and what was reached. Pure."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.listeners.cases import DISTREAMER, ICECAST
from benchmarks.listeners.results import Median
from benchmarks.listeners.tables import Medians

Verdict = tuple[bool, str]
"""Whether it was reached, and what was reached in words."""

FULL = 19_500


def verdicts(medians: Medians) -> str:
    """A Markdown list, one line for each expectation."""
    lines = []
    for wanted, judge in _EXPECTATIONS:
        found = judge(medians)
        if found is None:
            lines.append(f"- {wanted}: not measured.")
        else:
            reached, words = found
            lines.append(f"- {wanted}: **{'reached' if reached else 'not reached'}**, {words}.")
    return "\n".join(lines)


def _cpu(case: str, listeners: int, wanted: float) -> Callable[[Medians], Verdict | None]:
    """At most 1/``wanted`` of Icecast's."""

    def judge(medians: Medians) -> Verdict | None:
        icecast = _figure(medians, case, ICECAST, listeners, "cpu_microseconds")
        ours = _figure(medians, case, DISTREAMER, listeners, "cpu_microseconds")
        if not icecast or not ours:
            return None
        return icecast / ours >= wanted, f"1/{icecast / ours:.1f} ({ours:.1f} µs for each second of a listener)"

    return judge


def _memory(case: str, listeners: int, wanted_bytes: float) -> Callable[[Medians], Verdict | None]:
    def judge(medians: Medians) -> Verdict | None:
        ours = _figure(medians, case, DISTREAMER, listeners, "memory_bytes_each")
        return None if ours is None else (ours <= wanted_bytes, f"{ours / 1000:.1f} kB")

    return judge


def _full_core(medians: Medians) -> Verdict | None:
    found = _of(medians, "clean", DISTREAMER, FULL)
    if found is None:
        return None
    share, stalled, watched = (found.get(name) for name in ("core_share", "stalled_listeners", "watched"))
    if share is None or stalled is None or watched is None:
        return None
    words = f"{watched:,.0f} were connected, {stalled:,.0f} stalled, {share:.0%} of the core was in use"
    return share <= 0.25 and not stalled and watched >= FULL, words.replace("%", " %")


def _herd_first_byte(medians: Medians) -> Verdict | None:
    seconds = _figure(medians, "herd", DISTREAMER, 4_000, "herd_first_byte_p99")
    return None if seconds is None else (seconds <= 0.05, f"{seconds * 1000:.0f} ms")


def _herd_disturbs_nobody(medians: Medians) -> Verdict | None:
    found = _of(medians, "herd", DISTREAMER, 4_000)
    if found is None:
        return None
    stalled, before, meanwhile = (
        found.get(name) for name in ("herd_stalled_listeners", "lateness_max", "herd_lateness_max")
    )
    if stalled is None or before is None or meanwhile is None:
        return None
    words = (
        f"{stalled:.0f} of them stalled, audio was at most {meanwhile * 1000:.0f} ms late"
        f" ({before * 1000:.0f} ms without the herd)"
    )
    return not stalled, words


def _of(medians: Medians, case: str, server: str, listeners: int) -> dict[str, float] | None:
    found: Median | None = medians.get((case, server, listeners))
    return dict(found.figures) if found is not None and found.runs else None


def _figure(medians: Medians, case: str, server: str, listeners: int, name: str) -> float | None:
    return (_of(medians, case, server, listeners) or {}).get(name)


_EXPECTATIONS: tuple[tuple[str, Callable[[Medians], Verdict | None]], ...] = (
    ("At most 1/6 of Icecast's CPU for each of 5,000 listeners", _cpu("clean", 5_000, 6)),
    ("The same with titles", _cpu("titles", 5_000, 6)),
    ("19,500 listeners on one core, none of whom stalls, and three quarters of it free", _full_core),
    ("At most 3 kB of memory for each of 5,000 listeners", _memory("clean", 5_000, 3_000)),
    ("With TLS at most 1/4 of Icecast's CPU for each of 1,000 listeners", _cpu("tls", 1_000, 4)),
    ("With TLS at most 30 kB of memory for each of 1,000 listeners", _memory("tls", 1_000, 30_000)),
    ("Of 5,000 who join 4,000 others in 5 s, 99 % get their first byte within 50 ms", _herd_first_byte),
    ("They disturb none of the 4,000", _herd_disturbs_nobody),
)
