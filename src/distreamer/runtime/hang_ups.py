"""SIGHUP, from before anything else is loaded: without a handler it would end the process."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


class HangUps:
    """Notes SIGHUP until the event loop takes it over, and knows what is meant by it."""

    def __init__(self) -> None:
        self.came = False
        """Whether there was one so far."""
        self._had_terminal = os.isatty(sys.__stderr__.fileno()) if sys.__stderr__ else False
        signal.signal(signal.SIGHUP, self._note)

    @property
    def terminal_is_gone(self) -> bool:
        """Whether the terminal in which the program was started was closed. Nobody there could end it any more, so it
        ends, as programs do; otherwise somebody has sent the signal to have the configuration read again."""
        return self._had_terminal and sys.__stderr__ is not None and not os.isatty(sys.__stderr__.fileno())

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True
