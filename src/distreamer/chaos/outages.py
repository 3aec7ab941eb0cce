"""When a link is to be dark. Pure; time is an argument."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)@(\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Outage:
    """Seconds since the start."""

    begin: float
    end: float
    """Infinite when nobody knows."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """``10@30`` = for 10 s, beginning 30 s after the start. Raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not an outage; 10@30 is one of 10 s, 30 s after the start")
        begin = float(found[2])
        return cls(begin, begin + float(found[1]))

    def goes_on(self, now: float) -> bool:
        return self.begin <= now < self.end


class Timetable:
    """The outages that are planned; those that are over are forgotten."""

    def __init__(self, outages: Iterable[Outage] = ()) -> None:
        self._outages = list(outages)

    def cut(self, now: float, seconds: float = math.inf) -> None:
        """An outage begins now."""
        self._outages.append(Outage(now, now + seconds))

    def restore(self, now: float) -> None:
        """What goes on now ends; what is planned for later stays."""
        self._outages = [outage for outage in self._outages if outage.begin > now]

    def is_dark(self, now: float) -> bool:
        """Whether an outage goes on."""
        self._outages = [outage for outage in self._outages if outage.end > now]
        return any(outage.goes_on(now) for outage in self._outages)

    def next_change(self, now: float) -> float:
        """The next moment behind ``now`` at which an outage begins or ends; infinite when there is none."""
        moments = (moment for outage in self._outages for moment in (outage.begin, outage.end))
        return min((moment for moment in moments if moment > now), default=math.inf)
