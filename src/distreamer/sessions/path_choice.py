"""Which of several paths carries the programme: the preferred one, unless it is silent or too slow. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from distreamer.core.epoch import Epoch
from distreamer.core.store import Store
from distreamer.protocol.native.messages import Share

NOTHING: Final = Share(of=1, parts=())
SLOW_SECONDS = 4.0
"""A path that carries and is so much audio behind what others have …"""
NEARER_SECONDS = 3.0
"""… and came no nearer for so long, is too slow."""
WELL_SECONDS = 30.0
"""The preferred path must have been up for so long before it carries again; twice as long when that did not last."""
MOST_WELL_SECONDS = 3600.0
LASTING_SECONDS = 300.0
"""What lasts so long, lasts."""
MOST_AHEAD_FRAGMENTS = 8192
"""What a sender says to have beyond this is not gone through one by one: it sends that by its own rules."""
START_SECONDS = 10.0
"""Paths come up one after the other at the start; that is no reason to wait."""
PATIENCE_FRAGMENTS: Final = 2.0
"""What a thin path is at takes longer than a second, and would be sent by another as well: it is waited for as long as
so many take there."""
LONGEST_TAKEN_SECONDS: Final = 1.75
"""A path on which one takes longer than this is not waited for: it manages hardly anything."""
AVERAGED_FRAGMENTS: Final = 4


class Multipath(StrEnum):
    """MULTIPATH: how several paths are used."""

    FAILOVER = "failover"
    SHARE = "share"
    DUPLICATE = "duplicate"

    @classmethod
    def read(cls, word: str) -> Multipath:
        """The one of that name; ``failover`` for one that is not known here."""
        try:
            return cls(word)
        except ValueError:
            return cls.FAILOVER


@dataclass(eq=False, slots=True)
class PlannedPath:
    """What is known of a path, and what it was asked for."""

    rank: int
    """The preferred one is the lowest."""
    is_up: bool = False
    newest: tuple[int, int] | None = None
    """Of its sender, as that said last: epoch and number."""
    round_trip: float = 0.0
    told: Share | None = NOTHING
    """What it was asked for last; None for everything."""
    told_at: float = -math.inf
    differs_since: float = math.inf
    """When its sender was first seen to have what nobody brought."""
    weight: float = 1.0
    up_since: float = -math.inf
    brought_at: float = -math.inf
    takes: float = 0.0
    """Seconds that it is busy with a fragment, about; 0 before that is known."""
    well_seconds: float = WELL_SECONDS
    carries_again_since: float | None = None
    parts: tuple[int, ...] = ()
    unbrought: set[tuple[int, int]] = field(default_factory=set)
    """What others brought since it was asked last and it did not, the first few."""

    def note_pace(self, seconds: float) -> None:
        """It was busy with a fragment for so long, or was silent before."""
        if seconds < PATIENCE_FRAGMENTS * LONGEST_TAKEN_SECONDS:
            self.takes += (seconds - self.takes) / (AVERAGED_FRAGMENTS if self.takes else 1)

    @property
    def patience_seconds(self) -> float:
        """How long what it is at is waited for at least."""
        return PATIENCE_FRAGMENTS * self.takes if self.takes <= LONGEST_TAKEN_SECONDS else 0.0


class CarrierChoice:
    """``choose`` after each change and a few times a second. Time is an argument."""

    def __init__(self, store: Store, paths: Collection[PlannedPath], now: float) -> None:
        """``paths`` may change."""
        self.carrier: PlannedPath | None = None
        """Which brings everything, in a failover; elsewhere the one whose programme it is."""
        self.reason = ""
        """Why it, in words."""
        self._store = store
        self._paths = paths
        self._none_until = now
        """Until then no path was up."""
        self._least_behind = math.inf
        self._nearer_at = now

    def went(self, path: PlannedPath, now: float, *, is_up: bool) -> None:
        """It is heard, or not."""
        if is_up and not path.is_up:
            # What was down with all the others, or has only just begun, has not proven to be bad.
            path.up_since = now if now - self._none_until > START_SECONDS else -math.inf
        path.is_up = is_up

    def choose(self, now: float) -> None:
        """Decides anew."""
        ups = sorted((path for path in self._paths if path.is_up), key=lambda path: path.rank)
        carrier = self.carrier
        if not ups:
            self._none_until = now
            return
        if carrier is None or not carrier.is_up:
            self._carry_by(
                min(ups, key=lambda path: (not self._is_current(path), path.rank)), now, "the one before is not heard"
            )
            return
        others = [path for path in ups if path is not carrier]
        if self._is_slow(now) and (better := [path for path in others if self.is_usable(path)]):
            carrier.up_since = now
            self._carry_by(
                min(better, key=lambda path: (not self._is_current(path), path.rank)), now, "the one before is too slow"
            )
            return
        for path in others:
            is_well = now - path.up_since >= path.well_seconds
            if path.rank < carrier.rank and is_well and self.is_usable(path) and self._is_current(path):
                was_down = path.up_since > -math.inf
                self._carry_by(path, now, "the preferred one is well again" if was_down else "it is the preferred one")
                path.carries_again_since = now if was_down else None
                return

    def _carry_by(self, path: PlannedPath, now: float, reason: str) -> None:
        self.reason = reason
        before, self.carrier = self.carrier, path
        if before is not None and before.rank < path.rank:
            since = before.carries_again_since
            did_last = since is None or now - since >= LASTING_SECONDS
            before.well_seconds = WELL_SECONDS if did_last else min(2 * before.well_seconds, MOST_WELL_SECONDS)
            before.carries_again_since = None
        self._least_behind, self._nearer_at = math.inf, now

    def is_usable(self, path: PlannedPath) -> bool:
        """Whether it is known to bring the programme that comes."""
        if not path.is_up:
            return False
        return path is self.carrier or (path.newest is not None and self._store.epoch(path.newest[0]) is not None)

    def _is_current(self, path: PlannedPath) -> bool:
        """Whether its sender has what the others have, as far as it is known."""
        epoch = self._store.newest_epoch
        if epoch is None or not epoch.numbers or path.newest is None:
            return True
        if path.newest[0] != epoch.id:
            return self._store.epoch(path.newest[0]) is None
        return self._seconds(epoch, epoch.numbers[-1] - path.newest[1]) < SLOW_SECONDS

    def _is_slow(self, now: float) -> bool:
        """Whether the path that carries is behind what is known to exist, and comes no nearer."""
        epoch = self._store.newest_epoch
        if epoch is None or not epoch.numbers:
            return False
        behind = self._seconds(epoch, self.newest_of(epoch) - epoch.numbers[-1])
        if behind < SLOW_SECONDS / 2:
            self._least_behind, self._nearer_at = math.inf, now
        elif behind < self._least_behind:
            self._least_behind, self._nearer_at = behind, now
        return behind >= SLOW_SECONDS and now - self._nearer_at >= NEARER_SECONDS

    def newest_of(self, epoch: Epoch) -> int:
        """The highest number of ``epoch`` that is known to exist."""
        held = epoch.numbers[-1] if epoch.numbers else 0
        said = [path.newest[1] for path in self._paths if path.newest and path.newest[0] == epoch.id]
        return max([held, *(number for number in said if number <= held + MOST_AHEAD_FRAGMENTS)])

    @staticmethod
    def _seconds(epoch: Epoch, fragments: int) -> float:
        return fragments * epoch.seconds(epoch.fragments[epoch.numbers[-1]].duration)
