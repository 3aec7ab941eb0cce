"""What can be typed while ``distreamer chaos`` runs. Pure; time is an argument."""

from __future__ import annotations

import math

from distreamer.chaos.outages import Timetable

HELP = "cut, cut SECONDS, restore or quit"
LONGEST_LINE = 200
"""Characters; more without an end of line is forgotten."""


class Commands:
    """Takes what is typed, in pieces of any size, and changes ``timetable``."""

    def __init__(self, timetable: Timetable) -> None:
        self.wants_to_quit = False
        self._timetable = timetable
        self._typed = ""

    def take(self, text: str, now: float) -> list[str]:
        """Does what the lines that are complete now say; gives answers to those that say nothing sensible."""
        *lines, rest = (self._typed + text).split("\n")
        self._typed = rest[:LONGEST_LINE]
        return [answer for line in lines if (answer := self._do(line.split(), now))]

    def _do(self, words: list[str], now: float) -> str:
        match words:
            case []:
                pass
            case ["cut"]:
                self._timetable.cut(now)
            case ["cut", number] if (seconds := _seconds(number)) is not None:
                self._timetable.cut(now, seconds)
            case ["restore"]:
                self._timetable.restore(now)
            case ["quit"]:
                self.wants_to_quit = True
            case _:
                return f"Not understood. Type {HELP}."
        return ""


def _seconds(text: str) -> float | None:
    """A number of seconds above 0; None when ``text`` is none."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None
