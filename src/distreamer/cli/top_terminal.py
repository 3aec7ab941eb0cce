"""The terminal of ``distreamer top``: what is drawn, what is typed, and how it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import click
from rich.console import Console, Group
from rich.live import Live

from distreamer.cli.admin_client import Answer
from distreamer.cli.status_words import as_lines
from distreamer.cli.targets import NONE_FOUND, Target
from distreamer.cli.top_board import Board
from distreamer.cli.top_screen import blocks_of, picture
from distreamer.core.ending import release_signals
from distreamer.transport.keyboard import Keyboard

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
END_KEYS = frozenset(b"qQ\x03")
"""Ctrl-C comes as a key where it is no signal."""
EMPTY = f"{NONE_FOUND[0].upper()}{NONE_FOUND[1:]}."


async def show(
    find: Callable[[], Sequence[Target]], seconds: float, clock: Callable[[], str], *, is_live: bool
) -> None:
    """Until it is ended by a key or a signal; live, or a plain paragraph for each instance every ``seconds``."""
    ending, resized = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        loop.add_signal_handler(number, ending.set)
    loop.add_signal_handler(signal.SIGWINCH, resized.set)
    board = Board(find, seconds)
    shown = _draw(board, seconds, clock, resized, ending) if is_live else _print(board, seconds, clock)
    tasks = [
        asyncio.create_task(board.run(), name="asks all"),
        asyncio.create_task(shown, name="shows all"),
        asyncio.create_task(_wait(ending), name="end"),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in done:
            task.result()
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)
        release_signals(END_SIGNALS)


async def _wait(ending: asyncio.Event) -> None:
    await ending.wait()


async def _draw(
    board: Board, seconds: float, clock: Callable[[], str], resized: asyncio.Event, ending: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    console = Console(highlight=False)
    how_to_end = "q ends" if sys.stdin.isatty() else "Ctrl-C ends"
    with _keys(ending.set), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            resized.clear()
            # Not as the environment may say: that stays what it was when the window is made larger.
            console.size = size = _size()
            blocks = blocks_of(board.entries, loop.time())
            lines = picture(blocks, size.columns, size.lines, clock(), how_to_end, EMPTY)
            live.update(Group(*lines), refresh=True)
            waiting = resized if board.has_asked.is_set() else board.has_asked
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiting.wait()


async def _print(board: Board, seconds: float, clock: Callable[[], str]) -> None:
    await board.has_asked.wait()
    while True:
        answers = [
            Answer(entry.target, None if entry.trouble else entry.status, entry.trouble) for entry in board.entries
        ]
        click.echo(clock())
        for line in as_lines(answers):
            click.echo(f"  {line}".rstrip())
        for answer in answers:
            if answer.trouble:
                click.echo(f"  {answer.target.url}: {answer.trouble}")
        if not answers:
            click.echo(f"  {NONE_FOUND}")
        click.echo("")
        sys.stdout.flush()
        await asyncio.sleep(seconds)


def _size() -> os.terminal_size:
    """Of the terminal; some, such as serial ones, do not know."""
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    return os.terminal_size((columns or 80, lines or 24))


@contextmanager
def _keys(end: Callable[[], None]) -> Iterator[None]:
    """Keys come at once and are not shown while the block runs; ``end`` is called for those that end it."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def typed(keys: bytes) -> None:
        if not keys or not END_KEYS.isdisjoint(keys):
            end()

    now = termios.tcgetattr(descriptor)
    now[3] &= ~(termios.ICANON | termios.ECHO)
    # Ctrl-Z would leave the shell with a screen that is not its own.
    now[6][termios.VSUSP] = b"\0"
    keyboard = Keyboard(descriptor, typed)
    try:
        termios.tcsetattr(descriptor, termios.TCSANOW, now)
        yield
    finally:
        keyboard.close()
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
