"""A program in a terminal of a known size: what it shows, what is typed, and how it leaves the terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.programs import ended_process

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""
_HOME = "\x1b[H"
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class PseudoTerminal:
    """Made by ``in_terminal``."""

    def __init__(self, keyboard: int, screen: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.text = ""
        """All that was shown so far."""
        self._keyboard = keyboard
        self._screen = screen
        self._read_to = 0
        self._grown = asyncio.Condition()

    @property
    def frame(self) -> list[str]:
        """The last whole picture of a program that draws from the top left corner each time, without its colours."""
        frames = self.text.split(_HOME)
        whole = frames[-2] if len(frames) > 2 else frames[-1]
        return [line.rstrip() for line in plain(whole).splitlines()]

    @property
    def modes(self) -> list[object]:
        """As termios tells them."""
        return termios.tcgetattr(self._screen)

    def type(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        _set_size(self._screen, columns, rows)

    async def shows(self, pattern: str) -> re.Match[str]:
        """Waits for something new that matches."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._grown:
                while (found := re.compile(pattern).search(plain(self.text), self._read_to)) is None:
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in:\n{self.text}") from None
        self._read_to = found.end()
        return found

    async def draws(self, pattern: str) -> list[str]:
        """Waits for a picture that matches; gives it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._grown:
                while not re.search(pattern, "\n".join(self.frame)):
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(self.frame)) from None
        return self.frame

    async def ends(self) -> int:
        """Gives the exit code."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.process.wait()

    async def read(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        data = asyncio.Queue[bytes]()
        loop.add_reader(self._keyboard, lambda: data.put_nowait(os.read(self._keyboard, 65_536)))
        try:
            while True:
                more = await data.get()
                async with self._grown:
                    self.text += more.decode("utf-8", "replace")
                    self._grown.notify_all()
        finally:
            loop.remove_reader(self._keyboard)


@asynccontextmanager
async def in_terminal(
    *command: str,
    columns: int = 80,
    rows: int = 24,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> AsyncIterator[PseudoTerminal]:
    """``command`` in a terminal of its own, ended at the end."""
    keyboard, screen = pty.openpty()
    _set_size(screen, columns, rows)
    environ = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}}
    environ |= {"TERM": "xterm-256color", **(environment or {})}
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=screen, stdout=screen, stderr=screen, env=environ, cwd=folder, preexec_fn=_own_terminal
        )
        terminal = PseudoTerminal(keyboard, screen, process)
        reading = asyncio.create_task(terminal.read(), name="reads the terminal")
        try:
            async with ended_process(process):
                yield terminal
        finally:
            reading.cancel()
            await asyncio.wait({reading})
    finally:
        os.close(keyboard)
        os.close(screen)


def plain(text: str) -> str:
    """``text`` without what steers a terminal."""
    return _CONTROLS.sub("", text).replace("\r", "")


def _own_terminal() -> None:
    """So that Ctrl-C and changes of the size reach the program, and nobody else."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
