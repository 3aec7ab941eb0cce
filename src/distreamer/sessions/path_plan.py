"""What each of several paths that bring the same programme is asked for. Pure; time is an argument.

    failover     one path brings everything, the others nothing; what it does not bring is asked of another
    share        numbers are dealt out by what each path manages; a path that has nothing to do helps the others
    duplicate    everything is asked of all

Only what a path is known to hold is asked of it: one whose newest epoch nobody else has brought carries another
programme, and waits until it is the only one that works.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from distreamer.core.epoch import Epoch
from distreamer.core.store import Store
from distreamer.protocol.native import limits
from distreamer.protocol.native.messages import Share, SharedNumbers
from distreamer.protocol.native.wish import closed_ranges
from distreamer.sessions.path_choice import MOST_AHEAD_FRAGMENTS, NOTHING, CarrierChoice, Multipath, PlannedPath
from distreamer.sessions.path_dealing import deal
from distreamer.sessions.path_missing import first_missing, spans_to_look_at

PARTS: Final = 16
"""Into which numbers are dealt: a path that hardly manages anything gets every sixteenth, so that it can get better."""
SHARE_PATIENCE_SECONDS, FAILOVER_PATIENCE_SECONDS = 1.2, 3.0
"""A path that brought nothing for so long, of what it was asked for, is helped by another …"""
PASSED_FRAGMENTS = 4
"""… or when it has brought so many that came later: it does not have this one."""
HELPED_AFTER_SECONDS = 0.5
"""What was only just asked for is not late."""
PATIENCE_ROUND_TRIPS, PATIENCE_BEYOND_SECONDS = 1.5, 0.7
MOST_DOUBLINGS = 5
DIFFERS_SECONDS = 10.0
"""A path that has an epoch which nobody brought, for so long, brings another programme."""
WORSE, BETTER, LEAST_WEIGHT = 0.5, 1.25, 1 / PARTS
"""What a path's part is multiplied with when it was late, and when it was in time; and the least that it can be."""
BEHIND_FRAGMENTS = 4
"""Others brought so many that this one did not: it is told that they are here."""
MANY_SECONDS = 1.0
"""Where more is missing than a message can name, a path is not asked more often than this."""
KEPT_EPOCHS = 4


@dataclass(slots=True)
class Asked:
    """A fragment that exists and is not here."""

    path: PlannedPath
    at: float
    passed: int = 0
    """Later ones that the path has brought meanwhile."""
    moves: int = 0


class PathPlan:
    """``look`` after each change and a few times a second, then ask each path of ``to_ask`` for its ``share``."""

    def __init__(self, multipath: Multipath, store: Store, back_seconds: Callable[[], float], now: float) -> None:
        """``back_seconds``: the history that is wanted when nothing is held."""
        self.multipath = multipath
        self.paths: list[PlannedPath] = []
        self._choice = CarrierChoice(store, self.paths, now)
        self._store = store
        self._back_seconds = back_seconds
        self._asked: dict[tuple[int, int], Asked] = {}
        self._first: dict[int, int] = {}
        self._complete: dict[int, int] = {}
        """By epoch: up to there all is here, or was never wanted."""
        self._newest: dict[int, int] = {}

    @property
    def carrier(self) -> PlannedPath | None:
        """Which brings everything, in a failover; elsewhere the one whose programme it is."""
        return self._choice.carrier

    @property
    def carrier_reason(self) -> str:
        """Why that one, in words."""
        return self._choice.reason

    # -- what happens

    def add(self, rank: int) -> PlannedPath:
        """There is one more path; the preferred one has the lowest ``rank``."""
        path = PlannedPath(rank)
        self.paths.append(path)
        return path

    def came(self, path: PlannedPath, now: float) -> None:
        """It is up, and nothing was asked of it yet on the carrier that it has now."""
        path.told = NOTHING
        self.went(path, now, is_up=True)

    def went(self, path: PlannedPath, now: float, *, is_up: bool) -> None:
        """It is heard, or not."""
        self._choice.went(path, now, is_up=is_up)

    def described(self, epoch: int, first: int | None) -> None:
        """A sender holds an epoch from that number on."""
        if first is not None:
            self._first[epoch] = min(first, self._first.get(epoch, first))

    def arrived(self, path: PlannedPath, epoch: int, number: int, now: float, *, is_new: bool) -> None:
        """``path`` has brought a fragment; ``is_new``: as the first."""
        asked = self._asked.pop((epoch, number), None)
        if is_new and (asked is None or (asked.path is path and not asked.moves)):
            path.weight = min(1.0, path.weight * BETTER)
        if asked is not None or not is_new:
            path.note_pace(now - max(path.brought_at, asked.at if asked and asked.path is path else -math.inf))
        path.brought_at = now
        path.unbrought.discard((epoch, number))
        if is_new:
            for other in self.paths:
                if other is not path and len(other.unbrought) < BEHIND_FRAGMENTS:
                    other.unbrought.add((epoch, number))
        for (other_epoch, other_number), one in self._asked.items():
            if one.path is path and other_epoch == epoch and other_number < number:
                one.passed += 1

    # -- deciding

    def look(self, now: float) -> None:
        """Decides anew."""
        before = self.carrier
        self._choice.choose(now)
        for path in self.paths:
            if self._choice.is_usable(path) or not path.is_up or self._store.newest() is None:
                path.differs_since = math.inf
            elif path.newest is not None:
                path.differs_since = min(path.differs_since, now)
        if self.multipath is Multipath.DUPLICATE:
            return
        self._deal()
        self._find_missing(now)
        if self.multipath is Multipath.FAILOVER and self.carrier is not None and self.carrier is not before:
            for asked in self._asked.values():
                asked.path, asked.at, asked.passed = self.carrier, now, 0
        self._move_overdue(now)
        if self.multipath is Multipath.SHARE:
            self._help(now)

    def differs(self, path: PlannedPath, now: float) -> bool:
        """Whether it brings another programme."""
        return now - path.differs_since >= DIFFERS_SECONDS

    def carries(self, path: PlannedPath) -> bool:
        """Whether it is asked for what comes."""
        if not path.is_up:
            return False
        return bool(path.parts) if self.multipath is not Multipath.DUPLICATE else self._choice.is_usable(path)

    def share(self, path: PlannedPath) -> Share | None:
        """What it is to be asked for; None for everything."""
        if self.multipath is Multipath.DUPLICATE:
            return None if self._choice.is_usable(path) else NOTHING
        numbers = self._numbers_of(path)
        is_everything = self.multipath is Multipath.FAILOVER and path is self.carrier
        if is_everything and not numbers:
            return None
        of = 1 if self.multipath is Multipath.FAILOVER else PARTS
        return Share(of=of, parts=path.parts, numbers=numbers)

    def to_ask(self, now: float) -> list[PlannedPath]:
        """The paths that have to be asked for something else than they were."""
        return [path for path in self.paths if path.is_up and self._must_ask(path, now)]

    def asked(self, path: PlannedPath, share: Share | None, now: float) -> None:
        """It was asked for ``share``."""
        path.told, path.told_at = share, now
        path.unbrought.clear()

    # -- who brings what

    def _deal(self) -> None:
        """Who brings what does not exist yet."""
        for path in self.paths:
            if self.multipath is Multipath.FAILOVER:
                path.parts = (0,) if path is self.carrier else ()
        if self.multipath is Multipath.FAILOVER:
            return
        users = sorted((path for path in self.paths if self._choice.is_usable(path)), key=lambda path: path.rank)
        dealt = dict(zip(users, deal([path.weight for path in users], PARTS), strict=True))
        for path in self.paths:
            path.parts = dealt.get(path, ())

    def _find_missing(self, now: float) -> None:
        held = [epoch for epoch in self._store.epochs[-KEPT_EPOCHS:] if epoch.numbers]
        self._newest = {epoch.id: self._choice.newest_of(epoch) for epoch in held}
        self._complete = {epoch: number for epoch, number in self._complete.items() if epoch in self._newest}
        self._first = {epoch: number for epoch, number in self._first.items() if self._store.epoch(epoch)}
        missing: dict[tuple[int, int], Asked] = {}
        for epoch in held:
            for number in self._lacking(epoch, self._newest[epoch.id]):
                name = epoch.id, number
                asked = self._asked.get(name) or self._new(number, now)
                if asked is not None:
                    missing[name] = asked
        self._asked = missing

    def _lacking(self, epoch: Epoch, newest: int) -> list[int]:
        first = self._complete.get(epoch.id)
        if first is None:
            one = epoch.seconds(epoch.fragments[epoch.numbers[0]].duration)
            wanted = newest - int(self._back_seconds() / one)
            first = max(self._first.get(epoch.id, 1), min(wanted, epoch.numbers[0]))
        first = max(first, epoch.floor)
        spans = spans_to_look_at(epoch.numbers, first, newest, MOST_AHEAD_FRAGMENTS)
        self._complete[epoch.id] = first = first_missing(spans, epoch.fragments) if spans else first
        return [number for span in spans for number in span if number >= first and number not in epoch.fragments]

    def _new(self, number: int, now: float) -> Asked | None:
        """It is owed by the path to which it was dealt."""
        of = 1 if self.multipath is Multipath.FAILOVER else PARTS
        for path in self.paths:
            if path.is_up and number % of in path.parts:
                return Asked(path, now)
        return None

    def _move_overdue(self, now: float) -> None:
        owed = Counter(asked.path for asked in self._asked.values())
        usable = [path for path in self.paths if self._choice.is_usable(path)]
        late: set[PlannedPath] = set()
        for asked in self._asked.values():
            others = [path for path in usable if path is not asked.path]
            if not others:
                continue
            is_gone = asked.path not in usable
            is_late = now - max(asked.at, asked.path.brought_at) > self._patience(asked)
            is_passed = asked.passed >= PASSED_FRAGMENTS and now - asked.at > self._patience(asked)
            if not (is_gone or is_late or is_passed):
                continue
            if is_late and not asked.moves:
                late.add(asked.path)
            asked.path = self._idlest(others, owed)
            owed[asked.path] += 1
            asked.at, asked.passed, asked.moves = now, 0, asked.moves + (not is_gone)
        for path in late:
            path.weight = max(LEAST_WEIGHT, path.weight * WORSE)

    def _patience(self, asked: Asked) -> float:
        is_share = self.multipath is Multipath.SHARE
        least = max(SHARE_PATIENCE_SECONDS, asked.path.patience_seconds) if is_share else FAILOVER_PATIENCE_SECONDS
        patience = max(least, PATIENCE_ROUND_TRIPS * asked.path.round_trip + PATIENCE_BEYOND_SECONDS)
        return patience * 2.0 ** min(max(asked.moves - len(self.paths), 0), MOST_DOUBLINGS)

    def _help(self, now: float) -> None:
        """Who has nothing to do takes the later half of what another one owes."""
        for helper in self.paths:
            if not self._choice.is_usable(helper) or self._owed(helper):
                continue
            busiest = max(self.paths, key=lambda path: len(self._owed(path)))
            owed = self._owed(busiest)
            since = now - HELPED_AFTER_SECONDS - PATIENCE_ROUND_TRIPS * busiest.round_trip
            if len(owed) >= 2 and all(self._asked[name].at <= since for name in owed):
                for name in owed[(len(owed) + 1) // 2 :]:
                    self._asked[name].path, self._asked[name].at = helper, now

    def _owed(self, path: PlannedPath) -> list[tuple[int, int]]:
        return [name for name, asked in self._asked.items() if asked.path is path]

    def _idlest(self, paths: list[PlannedPath], owed: Counter[PlannedPath]) -> PlannedPath:
        if self.multipath is Multipath.FAILOVER and self.carrier in paths:
            return self.carrier
        return min(paths, key=lambda path: (-path.weight, owed[path], path.rank))

    # -- what is told

    def _must_ask(self, path: PlannedPath, now: float) -> bool:
        told = path.told
        if self.multipath is Multipath.DUPLICATE:
            return told != self.share(path) or len(path.unbrought) >= BEHIND_FRAGMENTS
        if (told.parts if told else (0,)) != path.parts:
            return True
        named = sum(len(one.ranges) for one in told.numbers) if told else 0
        if named == limits.HELD_RANGES and now - path.told_at < MANY_SECONDS:
            return False
        return any(
            (asked.path is path) != (told is None or told.wants(epoch, number))
            for (epoch, number), asked in self._asked.items()
        )

    def _numbers_of(self, path: PlannedPath) -> tuple[SharedNumbers, ...]:
        """What is missing, epoch by epoch; the oldest, of very many."""
        left = limits.HELD_RANGES
        found: list[SharedNumbers] = []
        for epoch in sorted({epoch for epoch, _ in self._asked}, key=list(self._newest).index, reverse=True):
            owed = sorted(number for name, number in self._owed(path) if name == epoch)
            ranges = closed_ranges(owed)[:left]
            left -= len(ranges)
            found.append(SharedNumbers(epoch=epoch, last=self._newest[epoch], ranges=tuple(ranges)))
        return tuple(found)
