"""The spool: what the store is given goes to a disk as well, so that a process that was killed goes on where it was.

The disk is never waited for. As long as it takes what it is given within a moment, a fragment that is numbered here is
seen by others when it is written (``core/kept_first.py``): a restarted process knows all that anybody has of it, and
recognises what the source repeats. When the disk does not, everything goes on in memory, and the disk is tried again
now and then.

No number is ever given twice. Since a disk may have been away, or have lost its last seconds with the power, that
cannot depend on what it holds: a restarted process goes on in the same epoch, but skips more numbers than the one
before it could have given. Receivers see by the media time that nothing is missing there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from distreamer.core.played import Place
from distreamer.core.ports import Clock
from distreamer.core.spool_records import EpochOpened, Record, fits
from distreamer.core.store import START, Store
from distreamer.core.time_limit import time_limit
from distreamer.errors import ResourceError
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.model.status import SpoolStatus
from distreamer.runtime.disk_thread import DiskThread, Worker
from distreamer.runtime.spool_folder import SpoolFolder
from distreamer.runtime.spool_reading import SpoolReading, spoken_error
from distreamer.units import spoken_seconds

SKIPPED_NUMBERS = 1_000_000_000
"""At each start: what is given in six years at five fragments a second. The wire has room for nine million starts."""
PATIENCE_SECONDS = 2.0
"""A disk that has not done within this what it was told hangs. A fragment is held back no longer, and only once."""
START_SECONDS = 10.0
"""For all that must be read before anything begins."""
TICK_SECONDS = 0.5
SYNC_SECONDS = 5.0
"""Between two waits for the medium itself: what a power cut may cost. More often would wear out an SD card."""
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 60.0
QUEUED_BYTES = 8_000_000
"""That may wait for the disk."""
COPIED_BYTES = 1_000_000
"""At once, when a folder begins with what is held already."""
DOUBTFUL_SECONDS = 30.0
"""What came so long before a trouble is written once more behind it, with all that came meanwhile."""
LEAST_RESTORED_SECONDS = 150.0
"""Read before anything begins, beyond DELAY: what the source may repeat, and listeners' bursts. The rest is read
while everything runs."""


class Spool:
    """Of one instance and one folder; the journal of its store. Inside a running event loop."""

    def __init__(
        self,
        folder: SpoolFolder,
        store: Store,
        clock: Clock,
        log: FilteringBoundLogger,
        worker: Callable[[str], Worker] = DiskThread,
    ) -> None:
        self.folder = folder
        self._store = store
        self._clock = clock
        self._log = log
        self._writer, self._reader = worker("spool writer"), worker("spool reader")
        self._reading = SpoolReading(folder, self._reader, store, log)
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._kept: deque[Callable[[], None]] = deque()
        """Whom to tell when what waits, or is being written, is written."""
        self._writing: asyncio.Future[None] | None = None
        self._writing_since = 0.0
        self._writes_for: tuple[int, int] = (0, 0)
        """Fragments in what is being written, and how many of ``_kept`` belong to it."""
        self._syncing: asyncio.Future[None] | None = None
        self._synced_at = self._looked_at = clock.now()
        self._trouble, self._has_said = "it was not opened yet", False
        self._retry_at, self._retry_seconds = 0.0, RETRY_SECONDS
        self._trying: asyncio.Future[None] | None = None
        self._copied_to = self._copies_to = START
        self._place: Place | None = None
        self._written = self._unwritten = 0

    @property
    def works(self) -> bool:
        return not self._trouble

    def status(self) -> SpoolStatus:
        return SpoolStatus(
            folder=str(self.folder.path),
            works=self.works,
            trouble=self._trouble,
            size=self.folder.size,
            written=self._written,
            unwritten=self._unwritten,
            restored_seconds=self._reading.restored_seconds,
            damages=self._reading.damages,
        )

    # -- beginning

    async def restore(self, least_seconds: float) -> Place | None:
        """Takes the folder, and fills the store with the newest of what an earlier run left there, so many seconds and
        some more; gives where the playout was. It does not take long, whatever the disk does."""
        try:
            async with asyncio.timeout(START_SECONDS):
                segments = await self._writer.submit(self.folder.open)
                place = await self._reading.begin(segments, least_seconds + LEAST_RESTORED_SECONDS)
        except TimeoutError:
            self._fail(f"the disk does not answer within {spoken_seconds(START_SECONDS)}")
            return None
        except (OSError, ResourceError) as error:
            self._fail(spoken_error(error))
            return None
        self._trouble = ""
        return place

    def begin(self) -> None:
        """The store's journal from now on."""
        self._store.journal = self
        for epoch in self._store.epochs:
            self.opened(epoch.id, epoch.info, is_own=epoch.is_own)

    # -- what comes

    def opened(self, epoch_id: int, info: StreamInfo, *, is_own: bool) -> None:
        """See ``core.ports.Journal``."""
        if self.works:
            self._waiting.append(EpochOpened(epoch_id, info, is_own))
            self._write()

    def added(self, fragment: Fragment) -> None:
        """See ``core.ports.Journal``."""
        self._put(fragment)

    def keep(self, fragment: Fragment, kept: Callable[[], None]) -> bool:
        """See ``core.kept_first.Keep``."""
        return self._put(fragment, kept)

    def played_to(self, place: Place | None) -> None:
        """Where the playout is now."""
        if place is not None and self.works and place != self._place:
            self._place = place
            self._waiting.append(place)
            self._write()

    def _put(self, fragment: Fragment, kept: Callable[[], None] | None = None) -> bool:
        size = len(fragment.audio) + len(fragment.setup)
        if not self.works or self._waiting_bytes + size > QUEUED_BYTES or not fits(fragment):
            self._unwritten += 1
            return False
        self._waiting.append(fragment)
        self._waiting_bytes += size
        if kept is not None:
            self._kept.append(kept)
        self._write()
        return True

    def _write(self) -> None:
        """Has the thread write what waits, unless it writes already."""
        if self._writing is not None or self._trying is not None or not self.works or not self._waiting:
            return
        records, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._writes_for = sum(isinstance(one, Fragment) for one in records), len(self._kept)
        self._writing_since = self._clock.now()
        self._writing = self._writer.submit(partial(self.folder.write, records))
        self._writing.add_done_callback(self._wrote)

    def _wrote(self, writing: asyncio.Future[None]) -> None:
        self._writing = None
        if writing.cancelled():
            return
        (fragments, kept), error = self._writes_for, writing.exception()
        if error is not None:
            self._unwritten += fragments
            self._fail(spoken_error(error))
            return
        self._written += fragments
        if self.works:  # Else it hung, and all that waited for it has gone on.
            self._tell_kept(kept)
            self._write()

    def _tell_kept(self, count: int) -> None:
        for _ in range(count):
            self._kept.popleft()()

    # -- trouble

    def _fail(self, trouble: str) -> None:
        """Everything goes on in memory."""
        was_well, self._trouble = not self._trouble, trouble
        if was_well and self._copied_to >= self._copies_to:
            self._copied_to = self._store.position_before_newest(DOUBTFUL_SECONDS)
        self._retry_at = self._clock.now() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)
        self._unwritten += sum(isinstance(one, Fragment) for one in self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        if was_well or not self._has_said:
            self._has_said = True
            self._log.warning(
                "the spool cannot be used; everything goes on, but would not outlive the process",
                folder=str(self.folder.path),
                reason=trouble,
            )
        self._tell_kept(len(self._kept))

    def _look_for_trouble(self) -> None:
        now = self._clock.now()
        # Where this process stood still itself, the disk's answer may only wait to be heard.
        self._writing_since += max(now - self._looked_at - 2 * TICK_SECONDS, 0.0)
        self._looked_at = now
        is_writing = self._writing is not None and not self._writing.done()
        if self.works and is_writing and now - self._writing_since > PATIENCE_SECONDS:
            self._fail(f"the disk has not answered for {spoken_seconds(PATIENCE_SECONDS)}")
        if not self.works and self._writing is None and self._trying is None and now >= self._retry_at:
            newest = self._store.newest()
            epochs = [EpochOpened(one.id, one.info, one.is_own) for one in self._store.epochs]
            # The first thing written shows whether it works.
            records: list[Record] = [*epochs, newest] if newest else []
            self._trying = self._writer.submit(partial(self._open_and_write, records))
            self._trying.add_done_callback(self._tried)

    def _open_and_write(self, records: list[Record]) -> None:
        self.folder.open()
        self.folder.write(records)

    def _tried(self, trying: asyncio.Future[None]) -> None:
        self._trying = None
        if trying.cancelled():
            return
        if (error := trying.exception()) is not None:
            self._fail(spoken_error(error))
            return
        if self._has_said:
            self._log.info("the spool is written again", folder=str(self.folder.path), left_out=self._unwritten)
        self._trouble, self._has_said = "", False
        self._retry_seconds = RETRY_SECONDS
        self._synced_at = self._clock.now()
        self._waiting = [EpochOpened(one.id, one.info, one.is_own) for one in self._store.epochs]
        if (newest := self._store.newest()) is not None:
            # What came while there was trouble, or before there was this spool, is to be written too.
            self._copies_to = self._store.position_of(newest)
        self._write()

    # -- while it runs

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reading.read_rest(), name="rest of the spool")
            while True:
                self._look_for_trouble()
                self._copy()
                self._sync()
                await asyncio.sleep(TICK_SECONDS)

    async def close(self) -> None:
        """Writes what waits, and gives the folder up; a disk that hangs is not waited for."""
        try:
            async with time_limit(PATIENCE_SECONDS):
                while self.works and self._writing is not None:
                    await asyncio.wait([self._writing])
                await self._writer.submit(self.folder.close)
        except TimeoutError:
            self._fail(f"the disk does not answer within {spoken_seconds(PATIENCE_SECONDS)}")
        except OSError as error:
            self._fail(spoken_error(error))
        self._writer.stop()
        self._reader.stop()

    def _copy(self) -> None:
        """Gives the disk some more of what was held before it."""
        size = 0
        while self.works and self._copied_to < self._copies_to and size < COPIED_BYTES and not self._writing:
            fragment = self._store.after(self._copied_to)
            if fragment is None:
                self._copied_to = self._copies_to
                return
            self._copied_to = self._store.position_of(fragment)
            size += len(fragment.audio)
            self._waiting.append(fragment)
        self._write()

    def _sync(self) -> None:
        if not self.works or self._syncing is not None or self._clock.now() - self._synced_at < SYNC_SECONDS:
            return
        self._synced_at = self._clock.now()
        self._syncing = self._reader.submit(self.folder.sync)
        self._syncing.add_done_callback(self._synced)

    def _synced(self, syncing: asyncio.Future[None]) -> None:
        self._syncing = None
        error = None if syncing.cancelled() else syncing.exception()
        if error is not None and self.works:
            self._fail(spoken_error(error))
