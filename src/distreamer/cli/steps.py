"""What a command that takes long is doing, on standard error."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from types import TracebackType
from typing import Self

import click
from rich.cells import cell_len, set_cell_size

SILENT_SECONDS = 2.0
"""What is done sooner needs no word."""
LINE_SECONDS = 1.0
"""Between two lines on a terminal; elsewhere each thing that is done gets one."""
USUAL_COLUMNS = 80


class Steps:
    """``say`` is told what is done now. An async context manager; a terminal is left as it was."""

    def __init__(self, name: str, *, is_terminal: bool | None = None) -> None:
        """``name``: of what is probed."""
        self._name = name
        self._is_terminal = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._doing = ""
        self._since = time.monotonic()
        self._width = 0
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        self.clear()

    def clear(self) -> None:
        """Takes its line off a terminal, for another to be printed there."""
        if self._width:
            click.echo("\r" + " " * self._width + "\r", nl=False, err=True)
            self._width = 0

    def say(self, doing: str) -> None:
        """What is done from now on, in a few words."""
        self._doing, self._since = doing, time.monotonic()

    async def _tick(self) -> None:
        told = ""
        await asyncio.sleep(SILENT_SECONDS)
        while True:
            if self._is_terminal:
                line = _fitted(self._name, f": {self._doing} ({time.monotonic() - self._since:.0f} s)", _columns() - 1)
                self._width = max(self._width, cell_len(line))
                click.echo("\r" + set_cell_size(line, self._width), nl=False, err=True)
            elif self._doing != told:
                told = self._doing
                click.echo(f"{self._name}: {self._doing}", err=True)
            await asyncio.sleep(LINE_SECONDS)


def _fitted(name: str, doing: str, width: int) -> str:
    """On one line of ``width`` columns: what is longer cannot be written over. The name gives way first."""
    room = max(width - cell_len(doing), 0)
    if cell_len(name) > room:
        name = set_cell_size(name, room - 1) + "…" if room else ""
    return name + doing if cell_len(name + doing) <= width else set_cell_size(name + doing, width)


def _columns() -> int:
    """Of the terminal; some, such as serial ones, do not know."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL_COLUMNS
    except OSError:
        return USUAL_COLUMNS
