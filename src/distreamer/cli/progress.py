"""Says on a terminal what takes its time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

PATIENCE_SECONDS = 1.5
"""What is done sooner needs no word."""
_CLEAR_LINE = "\r\x1b[K"


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Shows ``what …`` on standard error for as long as the block runs, unless it ends soon or nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    has_shown = threading.Event()

    def show() -> None:
        has_shown.set()
        click.echo(f"{what} …", err=True, nl=False)

    timer = threading.Timer(PATIENCE_SECONDS, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if has_shown.is_set():
            click.echo(_CLEAR_LINE, err=True, nl=False)
