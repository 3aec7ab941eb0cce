"""A pytest plugin: makes the tables of docs/compatibility.md of the tests that prove their cells.

A test says with ``@pytest.mark.proves(table, row=…, column=…)`` which cell it fills. At the end of a run of all tests
the page must be what they have just proved; ``pytest -m proves --write-tables`` writes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import encoders, module_table, player_table, server_table

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
PROPERTY = "proves"
"""Under which a report carries its cells, so that it does not matter which process ran the test."""
PROVED = "yes"

_INTRODUCTION = """\
# What works with what

This page is made by the tests: a cell says “yes” when all tests that try it have passed, in this very version
(`make tables`). Each of them runs the real thing, nothing is assumed.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """What a table is to show."""

    name: str
    """As marks call it."""
    heading: str
    text: str
    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    not_offered: Mapping[tuple[str, str], str]
    """Cells that no test can fill, each with the reason."""


TABLES = (
    Table(
        "modules",
        "Modules",
        "Each module with either kind of DiStreamer at the other end. The recordings are of real exchanges of\n"
        "DiStreamer 2; the damaged ones are cut anywhere, or announce wrong lengths and absurd numbers, and end in a\n"
        "clear error.",
        "module",
        module_table.ROWS,
        module_table.COLUMNS,
        module_table.NOT_OFFERED,
    ),
    Table(
        "encoders",
        "Encoders",
        "Each sends to a `ShoutcastSourceServer`, as Debian packages it. All frames that it made must arrive, once.",
        "encoder",
        encoders.ROWS,
        encoders.COLUMNS,
        encoders.NOT_OFFERED,
    ),
    Table(
        "servers",
        "Servers",
        "What an `IcecastClient` sends to, as Debian packages it.",
        "server",
        server_table.ROWS,
        server_table.COLUMNS,
        {},
    ),
    Table(
        "players",
        "Players",
        "Each listens to a `ShoutcastServer` whose link is away for far longer than its buffer lasts. In the one\n"
        "connection that it made it hears the programme, silence, and the programme again, and its decoder complains\n"
        "of nothing. (Of Ogg Vorbis, mpv and VLC say that it begins anew behind silence, and go on. Of Ogg FLAC,\n"
        "ffmpeg 5.1 says once, as it joins, “non monotonically increasing dts”, unless it is told `-threads 1`; it\n"
        "does so with Icecast too, and decodes every sample.)",
        "player",
        player_table.ROWS,
        player_table.COLUMNS,
        player_table.NOT_OFFERED,
    ),
)

Cell = tuple[str, str, str]
"""Table, row, column."""


class Compatibility:
    """Collects what the tests of one run prove."""

    def __init__(self) -> None:
        self.passed: dict[Cell, int] = defaultdict(int)
        self.failed: set[Cell] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Writes the cells of a test into its reports."""
        for mark in item.iter_markers(PROPERTY):
            cell = (str(mark.args[0]), str(mark.kwargs["row"]), str(mark.kwargs["column"]))
            if not is_known(cell):
                pytest.fail(f"no table of docs/compatibility.md has the cell {cell}", pytrace=False)
            item.user_properties.append((PROPERTY, list(cell)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts what passed, and notes what did not."""
        for name, value in report.user_properties:
            if name != PROPERTY or not isinstance(value, list):
                continue
            table, row, column = value
            cell = (str(table), str(row), str(column))
            if not report.passed:
                self.failed.add(cell)
            elif report.when == "call":
                self.passed[cell] += 1

    def proves(self, cell: Cell) -> bool:
        """Whether tests tried it, and all passed."""
        return self.passed[cell] > 0 and cell not in self.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Writes the page when told to, else compares it when all tests were run."""
        config = session.config
        if hasattr(config, "workerinput") or exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        if config.getoption("write_tables"):
            PAGE.write_text(page(self), encoding="utf-8")
        elif is_whole(config) and PAGE.read_text(encoding="utf-8") != page(self):
            reporter = config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                reporter.write_line("docs/compatibility.md is not what the tests have proved: make tables", red=True)
                reporter.write_line("\n".join(self._unproved()))
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _unproved(self) -> list[str]:
        cells = [
            (table.name, row, column)
            for table in TABLES
            for row in table.rows
            for column in table.columns
            if (row, column) not in table.not_offered
        ]
        return [f"not proved: {cell}" for cell in cells if not self.proves(cell)]


def is_whole(config: pytest.Config) -> bool:
    """Whether all tests were asked for."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    left_out = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "maxfail")
    return everything and not any(config.getoption(name, None) for name in left_out)


def is_known(cell: Cell) -> bool:
    """Whether a table has it, and does not say that it cannot be."""
    name, row, column = cell
    return any(
        table.name == name and row in table.rows and column in table.columns and (row, column) not in table.not_offered
        for table in TABLES
    )


def page(found: Compatibility) -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_table(table, found) for table in TABLES)])


def _table(table: Table, found: Compatibility) -> str:
    reasons = list(dict.fromkeys(table.not_offered.values()))
    lines = [f"## {table.heading}", "", table.text, ""]
    lines.append(f"| {table.corner} | " + " | ".join(table.columns) + " |")
    lines.append("|---" * (len(table.columns) + 1) + "|")
    for row in table.rows:
        cells = [_cell(table, row, column, reasons, found) for column in table.columns]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"{number}. {reason}." for number, reason in enumerate(reasons, 1)]
    return "\n".join([*lines, ""])


def _cell(table: Table, row: str, column: str, reasons: list[str], found: Compatibility) -> str:
    reason = table.not_offered.get((row, column))
    if reason is not None:
        return f"– ({reasons.index(reason) + 1})"
    return PROVED if found.proves((table.name, row, column)) else "no"
