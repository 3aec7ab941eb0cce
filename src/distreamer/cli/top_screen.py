"""The picture that ``distreamer top`` shows, made for a size of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from rich.console import Console
from rich.text import Text

from distreamer.cli.seen import SeenInstance
from distreamer.cli.status_words import LABEL_WIDTH, rows, state_words
from distreamer.cli.top_board import Entry
from distreamer.units import spoken_seconds

WIDEST_BAR = 30
NARROW = 60
"""Columns; below, words give way."""
OLD_SECONDS = 3.0
"""What was told so long ago is marked with its age."""
_STYLES = {"error": "bold red", "warning": "yellow", "info": ""}


class Detail(IntEnum):
    """How much of an instance is shown."""

    LINE = 0
    SHORT = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Block:
    """An instance, or an ADMIN that cannot be asked."""

    name: str
    at: float = 0.0
    """Unix time of what was told."""
    age: float = 0.0
    """How old that is, in seconds."""
    instance: SeenInstance | None = None
    trouble: str = ""

    @property
    def is_well(self) -> bool:
        return self.instance is not None and self.instance.is_well


def blocks_of(entries: Sequence[Entry], now: float) -> list[Block]:
    """What there is to show at ``now``, the event loop's time."""
    return [block for entry in entries for block in _blocks(entry, now)]


def _blocks(entry: Entry, now: float) -> Iterator[Block]:
    known = entry.status.instances if entry.status else ()
    if entry.trouble or not entry.status:
        names = ", ".join(one.name for one in known)
        name = f"{names} ({entry.target.url})" if names else entry.target.url
        if not entry.trouble:
            yield Block(name, trouble="is being asked")
        elif entry.missing_since is not None:
            yield Block(name, trouble=f"went away {spoken_seconds(round(now - entry.missing_since))} ago")
        else:
            since = spoken_seconds(round(now - entry.trouble_since))
            yield Block(name, trouble=f"cannot be asked for {since}: {entry.trouble}")
        return
    for one in known:
        yield Block(one.name, entry.status.at, now - entry.told_at, one)


def picture(blocks: Sequence[Block], width: int, height: int, clock: str, how_to_end: str, empty: str) -> list[Text]:
    """At most ``height`` lines of at most ``width`` columns. ``clock`` is the time of day, ``empty`` what is said when
    there is nothing to show."""
    room = height - 1
    head = _head(blocks, width, clock, how_to_end)
    if not blocks:
        return [head, *_wrapped(Text(empty), width)][:height]
    for well, troubled in (
        (Detail.FULL, Detail.FULL),
        (Detail.SHORT, Detail.FULL),
        (Detail.SHORT, Detail.SHORT),
        (Detail.LINE, Detail.SHORT),
        (Detail.LINE, Detail.LINE),
    ):
        made = [_lines(block, well if block.is_well else troubled, width) for block in blocks]
        if sum(map(len, made)) <= room:
            return [head, *(line for lines in made for line in lines)]
    return [head, *_cut(made, blocks, room, width)][:height]


def _cut(made: list[list[Text]], blocks: Sequence[Block], room: int, width: int) -> list[Text]:
    """One line each, what is the matter first; the last line says how many are left out."""
    order = sorted(range(len(blocks)), key=lambda number: blocks[number].is_well)
    lines = [made[number][0] for number in order[: max(room - 1, 0)]]
    return [*lines, _fitted(Text(f"and {len(blocks) - len(lines)} more, which need a larger terminal"), width)]


def _head(blocks: Sequence[Block], width: int, clock: str, how_to_end: str) -> Text:
    unwell = sum(not block.is_well for block in blocks)
    count = "1 instance" if len(blocks) == 1 else f"{len(blocks)} instances"
    state = f"{unwell} not well" if unwell else "all is well" if blocks else ""
    words = " ".join(filter(None, (clock, f"{count}," if state else count, state)))
    left = words if width < NARROW else f"DiStreamer  {words}"
    gap = max(width - len(left) - len(how_to_end), 1)
    return _fitted(Text(f"{left}{' ' * gap}{how_to_end}", "reverse"), width)


def _lines(block: Block, detail: Detail, width: int) -> list[Text]:
    if detail is Detail.LINE:
        return [_line(block, width)]
    gap = [Text("")] if detail is Detail.FULL else []
    one = block.instance
    if one is None:
        return [*gap, *_wrapped(Text.assemble((block.name, "bold"), " ", (block.trouble, "bold red")), width)]
    uptime = f"  up {spoken_seconds(round(one.status.uptime_seconds))}" if one.status else ""
    age = f"  {spoken_seconds(round(block.age))} old" if block.age >= OLD_SECONDS else ""
    lines = [*gap, _fitted(Text.assemble((one.name, "bold"), uptime, (age, "yellow")), width)]
    for label, text in rows(one, block.at):
        if detail is Detail.FULL or label in {"state", "error", "warning", "budget", "listeners"}:
            style = ("" if one.is_well else "bold red" if not one.is_ready else "yellow") if label == "state" else ""
            lines += _row(label, text, _STYLES.get(label, style), width)
            lines += _bar_row(one, width) if label == "budget" and detail is Detail.FULL else []
    return lines


def _line(block: Block, width: int) -> Text:
    one = block.instance
    if one is None:
        return _fitted(Text.assemble((block.name, "bold"), " ", (block.trouble, "bold red")), width)
    budget = "" if one.budget_seconds is None else f", {spoken_seconds(round(one.budget_seconds))} left"
    words = one.problems[0].sentence if one.is_ready and one.problems else state_words(one)
    return _fitted(Text.assemble((one.name, "bold"), " ", (words, "" if one.is_well else "bold red"), budget), width)


def _row(label: str, text: str, style: str, width: int) -> list[Text]:
    """With the label before the first line, and room for it before the others."""
    indent = LABEL_WIDTH if width >= NARROW else 0
    if not indent:
        return _wrapped(Text(text, style), width)
    lines = _wrapped(Text(text, style), width - indent)
    heads = [label, *[""] * (len(lines) - 1)]
    return [Text.assemble(f"{head:<{indent}}", line) for head, line in zip(heads, lines, strict=True)]


def _bar_row(one: SeenInstance, width: int) -> list[Text]:
    """How much of the buffer is there. Marks, not colours, say how much, for terminals that have none."""
    playout = one.status.playout if one.status else None
    if playout is None or one.budget_seconds is None or playout.delay_seconds <= 0:
        return []
    size = min(WIDEST_BAR, width - LABEL_WIDTH - 2)
    share = min(max(one.budget_seconds / playout.delay_seconds, 0.0), 1.0)
    full = round(share * size)
    words = f" {share:.0%} of DELAY" if width >= NARROW else ""
    bar = Text.assemble("[", ("#" * full, "green"), "-" * (size - full), "]", words)
    return [Text.assemble(" " * (LABEL_WIDTH if width >= NARROW else 0), bar)]


_MEASURE = Console(width=200, color_system=None)
"""Rich measures and wraps with one; nothing is printed to it."""


def _wrapped(text: Text, width: int) -> list[Text]:
    return list(text.wrap(_MEASURE, max(width, 1), overflow="fold")) or [Text("")]


def _fitted(text: Text, width: int) -> Text:
    text.truncate(max(width, 1), overflow="ellipsis")
    return text
