"""What is typed, read as it comes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

_MOST_BYTES = 4096
_CONTROLLING = "/dev/tty"


class Keyboard:
    """Gives ``take`` what is typed on the terminal or written into the pipe ``descriptor``, and ``b""`` once at its
    end, until ``close``. Raises OSError where nobody can type, such as in a file."""

    def __init__(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._reading = _own(descriptor)
        try:
            self._loop.add_reader(self._reading, self._read)
        except OSError:
            os.close(self._reading)
            raise

    def close(self) -> None:
        """May be called twice."""
        if self._reading >= 0:
            self._loop.remove_reader(self._reading)
            os.close(self._reading)
            self._reading = -1

    def _read(self) -> None:
        try:
            typed = os.read(self._reading, _MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            typed = b""  # The terminal was closed.
        if not typed:
            self.close()
        self._take(typed)


def _own(descriptor: int) -> int:
    """A descriptor that does not wait, where it matters: Ctrl-C throws away what a terminal was about to give, and the
    read that was promised it would wait, deaf to the signal (termios(3), ISIG and NOFLSH). It is opened anew, as the
    flag would be that of the shell as well."""
    if os.isatty(descriptor):
        for name in (os.ttyname(descriptor), _CONTROLLING):
            with suppress(OSError):  # After su, the terminal is another's; its own is open to everyone.
                return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return os.dup(descriptor)
