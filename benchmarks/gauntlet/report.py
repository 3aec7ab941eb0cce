"""Writes docs/gauntlet.md: what was heard, in a table that people can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.gauntlet.gauntlet import Plan
from benchmarks.gauntlet.results import Result, Results, Run
from benchmarks.gauntlet.scenarios import (
    BUFFER_SECONDS,
    FIRST_FRAGMENT_SECONDS,
    QUICK_STEADY_SECONDS,
    STEADY_SECONDS,
    Scenario,
)
from benchmarks.gauntlet.systems import OURS, PEERS

_HEAD = """# The gauntlet

`make gauntlet` puts DiStreamer, and other ways to carry a programme where they are installed, between two hosts of
their own (network namespaces), over a link that is as bad as a scenario says, and notes what listeners of PC B hear.
It needs Linux and root; `make gauntlet ARGS=--help` says how to run a part of it, and `distreamer chaos` is the same
bad link for everybody.

This page is what it wrote{quick},
on {machine}.

- **The source** is MP3 at a constant bitrate, each of whose frames is known and occurs once, served in real time by a
  server that gives a new listener the last 30 s at once, as an Icecast with a large burst does.
- **The link** has 2 Mbit/s and 50 ms each way (a round trip of 100 ms), a queue of 32 kB in each direction, and then
  what the scenario says, both ways. All packets of all programs pass a program of ours: loss is real loss. Chance is
  seeded. Bursts are a matter of time (they last about 0.5 s), not of how many packets are sent.
- **The buffer** is {buffer:g} s in every system that has one.
- **The listeners** are strict players at PC B, three of them (one for a plain player). Each keeps 3 s of what comes and
  forgets the rest of a burst. Silence is the time in which a player had nothing to play, or was given silence instead
  of the programme. A frame that comes again counts as repeated, one that never came as missing. Of several players,
  the worst counts. The trouble begins when all have been playing for 5 s, and lasts {steady:g} s unless the scenario
  says otherwise; what is on air until then must be heard in the end.

"""
_OURS = """## {name} {version}

Seeds {seeds}; {bitrates} kbit/s; {words}. Of {runs} runs {good} had no fault. Meanwhile nothing was held up on this
machine for longer than {held_up:.2f} s. Figures are the worst of all runs of a row. *Slowest fragment*: from the studio
to PC B. *First fragment*: from the link's return to the first new fragment at PC B; it should be {first:g} s or less.
*On the link*: bytes that were sent at either end, lost or not, for each byte of the programme. A row in **bold** has
more than may be. A new title comes up to two seconds late by the nature of ICY metadata.
"""
_THEIRS = """## Beside others

The same source, link, seed ({seed}), bitrate ({bitrate} kbit/s) and players. A cell says what was heard of the trouble:
seconds of silence / frames missing / frames repeated / disconnects; a dot = nothing, a dash = not run. (A second has 38
frames.)

"""


_NOT_RUN = "–"
_COLUMNS = (
    "scenario", "runs", "silence", "missing", "repeated", "disconnects", "title late", "slowest fragment",
    "first fragment", "on the link",
)  # fmt: skip


def report(plan: Plan, results: Results, left_out: Mapping[str, str], machine: str) -> str:
    """The page: of all that ``plan`` wants and ``results`` have.

    ``left_out`` says why some systems were not run, ``machine`` what it was taken on.
    """
    found = results.of(plan.runs())
    ours = [result for result in found if result.run.system == OURS.name]
    theirs = [result for result in found if result.run.system != OURS.name]
    quick = f" in a quick run (steady troubles last {QUICK_STEADY_SECONDS:g} s)" if plan.is_quick else ""
    steady = QUICK_STEADY_SECONDS if plan.is_quick else STEADY_SECONDS
    parts = [_HEAD.format(quick=quick, machine=machine, buffer=BUFFER_SECONDS, steady=steady)]
    if ours:
        parts.append(_our_table(plan, ours))
    if theirs or left_out:
        parts.append(_their_table(plan, ours, theirs, left_out))
    return "".join(parts)


def _our_table(plan: Plan, ours: Sequence[Result]) -> str:
    head = _OURS.format(
        name=OURS.name,
        version=ours[-1].version,
        seeds=_listed(result.run.seed for result in ours),
        bitrates=_listed(result.run.kilobits for result in ours),
        words=OURS.words,
        runs=len(ours),
        good=sum(1 for result in ours if not result.faults),
        first=FIRST_FRAGMENT_SECONDS,
        held_up=_most(ours, lambda result: result.held_up_seconds) or 0.0,
    )
    rates = sorted({result.run.kilobits for result in ours})
    return head + "".join(_table_at(kilobits, plan, ours) for kilobits in rates)


def _table_at(kilobits: int, plan: Plan, ours: Sequence[Result]) -> str:
    """Of the runs with that bitrate."""
    rows = [f"\n### {kilobits} kbit/s\n\n", _row(*_COLUMNS), _row(*("---",) * len(_COLUMNS))]
    for scenario in plan.scenarios:
        of_it = [result for result in ours if (result.run.scenario, result.run.kilobits) == (scenario.name, kilobits)]
        if of_it:
            rows.append(_our_row(scenario, of_it))
    return "".join(rows)


def _our_row(scenario: Scenario, results: Sequence[Result]) -> str:
    name = f"`{scenario.name}` {scenario.words}"
    if any(result.faults for result in results):
        name = f"**{name}**"
    heard = [result for result in results if not result.trouble]
    shares = [result.download_share for result in heard if result.download_share is not None]
    if shares:
        name += f" (it got {min(shares):.0%} of the link or more)"
    away = [result.away_seconds for result in heard if result.away_seconds is not None]
    if away:
        name += f" (B was away for {min(away):.1f} s or more)"
    if not heard:
        return _row(name, str(len(results)), results[0].trouble, *("",) * 7)
    return _row(
        name,
        str(len(results)),
        _seconds(_most(heard, lambda result: result.silent_seconds)),
        f"{_most(heard, lambda result: result.missing):g}",
        f"{_most(heard, lambda result: result.repeated):g}",
        f"{_most(heard, lambda result: result.disconnects):g}",
        _seconds(_most(heard, lambda result: result.title_late_seconds)),
        _seconds(_most(heard, lambda result: result.latest_fragment_seconds)),
        _seconds(_most(heard, lambda result: result.first_fragment_seconds)),
        f"{_most(heard, _bytes_for_each_byte):.2f}",
    )


def _their_table(plan: Plan, ours: Sequence[Result], theirs: Sequence[Result], left_out: Mapping[str, str]) -> str:
    run = [peer for peer in PEERS if any(result.run.system == peer.name for result in theirs)]
    rows = [f"- **{peer.name}**: {peer.words}.\n" for peer in run]
    rows += [f"- **{name}** was left out: {reason}.\n" for name, reason in left_out.items()]
    if run:
        names = (OURS.name, *(peer.name for peer in run))
        rows += ["\n", _row("scenario", *names), _row(*("---",) * (len(names) + 1))]
        for scenario in plan.scenarios:
            cells = [_heard_cell(_comparable(plan, (*ours, *theirs), scenario, name)) for name in names]
            if any(cell != _NOT_RUN for cell in cells[1:]):
                rows.append(_row(f"`{scenario.name}` {scenario.words}", *cells))
    return "\n" + _THEIRS.format(seed=plan.seeds[0], bitrate=plan.bitrates[0]) + "".join(rows)


def _comparable(plan: Plan, results: Iterable[Result], scenario: Scenario, name: str) -> Result | None:
    """The run of that system with the seed and bitrate that all have in common."""
    wanted = Run(name, scenario.name, plan.seeds[0], plan.bitrates[0], plan.is_quick)
    return next((result for result in results if result.run == wanted), None)


def _heard_cell(result: Result | None) -> str:
    if result is None:
        return _NOT_RUN
    if result.trouble:
        return result.trouble
    figures = (f"{result.silent_seconds:.1f}", str(result.missing), str(result.repeated), str(result.disconnects))
    if figures == ("0.0", "0", "0", "0"):
        return "·"
    return " / ".join(figures) + ("" if result.came_through else ", does not recover")


def _bytes_for_each_byte(result: Result) -> float:
    return result.megabytes * 1e6 / (result.seconds * result.run.kilobits * 125) if result.seconds else 0.0


def _most(results: Iterable[Result], of: Callable[[Result], float | None]) -> float | None:
    return max((value for result in results if (value := of(result)) is not None), default=None)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(numbers))))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"
