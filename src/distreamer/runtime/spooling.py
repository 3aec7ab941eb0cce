"""The spool of an instance, if it has one: what it gives at the start, and what becomes of it when SPOOL changes."""

from __future__ import annotations

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from distreamer.config.settings import GeneralSettings
from distreamer.core.kept_first import KeptFirst
from distreamer.core.module import Health
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock, Unsubscribe
from distreamer.core.store import Store
from distreamer.model.status import SpoolStatus
from distreamer.runtime.disk_thread import DiskThread
from distreamer.runtime.part import Job, Jobs
from distreamer.runtime.spool import Spool
from distreamer.runtime.spool_folder import SpoolFolder, SpoolLimits

BYTES_PER_MEGABYTE = 1_000_000


class Spooling:
    """Made with the instance; without SPOOL it does nothing."""

    def __init__(
        self,
        general: GeneralSettings,
        owner: Callable[[], str],
        store: Store,
        playout: PlayoutHead,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        """``owner`` is what an instance is told that wants the same folder."""
        self.writer = KeptFirst(store)
        """Where a lone input's ingest writes."""
        self._owner = owner
        self._store = store
        self._playout = playout
        self._clock = clock
        self._log = log
        self._general = general
        self._spool = self._make()
        self._job = self._make_job()
        self._unsubscribe: Unsubscribe | None = None

    def status(self) -> SpoolStatus | None:
        return self._spool.status() if self._spool else None

    def jobs(self) -> list[Job]:
        return [self._job] if self._job else []

    async def begin(self, delay_seconds: float, *, plays: bool) -> bool:
        """Fills the store and places the playout as an earlier run left them; says whether it left anything.
        ``delay_seconds`` is how much a playout needs at once."""
        if self._spool is None:
            return False
        place = await self._spool.restore(delay_seconds)
        if place is not None and plays:
            self._playout.resume(place)
        self._attach(self._spool)
        return self._store.newest() is not None

    async def follow(self, general: GeneralSettings, jobs: Jobs) -> None:
        """Other settings. Another folder begins with what is held; what stands in it from before stays, until it is too
        old. What stands in the one before is left there."""
        before, self._general = self._general, general
        if before.spool == general.spool:
            self.limit()
            return
        spool, ending = self._spool, self.jobs()
        self._detach()
        self._spool = self._make()
        self._job = self._make_job()
        if self._spool is not None:
            self._attach(self._spool)
        await jobs.end(ending)
        if spool is not None:
            await spool.close()
        jobs.begin(self.jobs())

    def limit(self) -> None:
        """Keeps as much as the store does, and no more than SPOOLSIZE."""
        if self._spool is not None:
            self._spool.folder.limits = self._limits()

    async def end(self) -> None:
        """Everything else has ended."""
        self._detach()
        if self._spool is not None:
            await self._spool.close()

    def _make(self) -> Spool | None:
        if self._general.spool is None:
            return None
        folder = SpoolFolder(self._general.spool, self._owner(), self._limits())
        return Spool(folder, self._store, self._clock, self._log, DiskThread)

    def _make_job(self) -> Job | None:
        return Job("spool", self._spool.run, Health(self._clock)) if self._spool else None

    def _limits(self) -> SpoolLimits:
        return SpoolLimits(self._store.limits.seconds, self._general.spoolsize * BYTES_PER_MEGABYTE)

    def _attach(self, spool: Spool) -> None:
        spool.begin()
        self.writer.keep = spool.keep
        self._unsubscribe = self._playout.subscribe(lambda _: spool.played_to(self._playout.place))

    def _detach(self) -> None:
        self.writer.keep = None
        self._store.journal = None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
