"""The receiver's side of several paths: holds their conversations, and asks each for its part."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import Clock
from distreamer.model.fragment import Fragment
from distreamer.protocol.native.messages import Share
from distreamer.sessions.native_receiver import ReceiverSession, Reception
from distreamer.sessions.pair_plan import FIRST, SECOND, PairPlan
from distreamer.sessions.path_choice import Multipath, PlannedPath
from distreamer.sessions.path_plan import PathPlan

LOOK_SECONDS = 0.2
"""Between two looks at how the paths are."""


class ReceivingPath:
    """One of them; a PathTap."""

    def __init__(self, name: str, planned: PlannedPath, common: Reception, paths: ReceivingPaths) -> None:
        self.name = name
        self.planned = planned
        self.reception = replace(common, fragments=0, duplicates=0, tap=self)
        self.sessions: list[ReceiverSession] = []
        """Those that were taken and have not ended; the newest is the last."""
        self._paths = paths

    def taken(self, session: ReceiverSession) -> Share | None:
        self.sessions = [one for one in self.sessions if not one.session.has_ended]
        self.sessions.append(session)
        return self._paths.taken(self)

    def described(self, epoch: int, first: int | None) -> None:
        self._paths.plan.described(epoch, first)

    def arrived(self, fragment: Fragment, *, is_new: bool) -> None:
        self._paths.arrived(self, fragment, is_new=is_new)

    @property
    def is_up(self) -> bool:
        """Whether it is heard."""
        return any(one.session.is_heard for one in self.sessions)

    def look(self) -> None:
        """Puts down how it is."""
        self.sessions = [one for one in self.sessions if not one.session.has_ended]
        for session in self.sessions:
            self.planned.newest = session.newest or self.planned.newest
            self.planned.round_trip = session.session.conversation.shortest_round_trip or 0.0

    def ask(self, share: Share | None) -> None:
        for session in self.sessions:
            session.ask(share)


class ReceivingPaths:
    """All paths of a receiver."""

    def __init__(
        self,
        multipath: Multipath,
        common: Reception,
        clock: Clock,
        log: FilteringBoundLogger,
        plan: PathPlan | None = None,
    ) -> None:
        """``common``: what the paths share; ``plan``: another one than that of ``multipath``."""
        self.paths: list[ReceivingPath] = []
        self.plan = plan or PathPlan(multipath, common.store, common.back_seconds, clock.now())
        self._common = common
        self._clock = clock
        self._log = log
        self._changed = asyncio.Event()
        self._told_carrier: PlannedPath | None = None
        self._told_different: set[str] = set()

    def add(self, name: str, rank: int) -> ReceivingPath:
        """One more path; the preferred one has the lowest ``rank``."""
        path = ReceivingPath(name, self.plan.add(rank), self._common, self)
        self.paths.append(path)
        return path

    async def run(self) -> None:
        """Asks anew when that is needed, until it is cancelled."""
        while True:
            self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            self._changed.clear()

    def look(self) -> None:
        """Looks how the paths are, and asks those of which something else is wanted now."""
        now = self._clock.now()
        for path in self.paths:
            path.look()
            self.plan.went(path.planned, now, is_up=path.is_up)
        self.plan.look(now)
        self._ask(now, self.plan.to_ask(now))
        self._tell(now)

    def taken(self, path: ReceivingPath) -> Share | None:
        """A new conversation of ``path`` is used from now on; gives what it is to be asked for."""
        now = self._clock.now()
        self.plan.came(path.planned, now)
        self.plan.look(now)
        share = self.plan.share(path.planned)
        self.plan.asked(path.planned, share, now)
        self._changed.set()
        return share

    def arrived(self, path: ReceivingPath, fragment: Fragment, *, is_new: bool) -> None:
        self.plan.arrived(path.planned, fragment.epoch, fragment.number, self._clock.now(), is_new=is_new)

    def carries(self, path: ReceivingPath) -> bool:
        """Whether it is asked for what comes."""
        return self.plan.carries(path.planned)

    def _ask(self, now: float, wanted: list[PlannedPath]) -> None:
        for path in self.paths:
            if path.planned in wanted:
                share = self.plan.share(path.planned)
                path.ask(share)
                self.plan.asked(path.planned, share, now)

    # -- what people are told

    def _tell(self, now: float) -> None:
        if self.plan.multipath is Multipath.FAILOVER:
            self._tell_carrier()
        for path in self.paths:
            if self.plan.differs(path.planned, now) and path.name not in self._told_different:
                self._told_different.add(path.name)
                self._log.warning(
                    "a path brings another programme and is used only when no other works; "
                    "two programmes need an [INPUT] each",
                    path=path.name,
                )

    def _tell_carrier(self) -> None:
        carrier, before = self.plan.carrier, self._told_carrier
        if carrier is before or carrier is None:
            return
        self._told_carrier = carrier
        if before is not None:
            self._log.info(
                "another path carries now",
                path=self._name(carrier),
                before=self._name(before),
                reason=self.plan.carrier_reason,
            )

    def _name(self, planned: PlannedPath) -> str:
        return next(path.name for path in self.paths if path.planned is planned)


class ReceivingPair(ReceivingPaths):
    """Two connections to the same sender, of which the second need not be there."""

    plan: PairPlan

    def __init__(self, common: Reception, clock: Clock, log: FilteringBoundLogger) -> None:
        plan = PairPlan(common.store, common.back_seconds, self._may_divide, clock.now())
        super().__init__(Multipath.SHARE, common, clock, log, plan)
        self.first, self.second = self.add("", FIRST), self.add("", SECOND)

    def _may_divide(self) -> bool:
        return not any(path.reception.appetite.is_limited for path in self.paths)
