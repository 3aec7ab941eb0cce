"""Takes up what an earlier run has left in a spool: the newest before anything begins, the rest while all runs."""

from __future__ import annotations

from collections import deque
from functools import partial

from structlog.typing import FilteringBoundLogger

from distreamer.core.played import Place
from distreamer.core.spool_records import EpochOpened
from distreamer.core.store import Store
from distreamer.model.fragment import Fragment
from distreamer.runtime.disk_thread import Worker
from distreamer.runtime.spool_folder import Contents, Segment, SpoolFolder
from distreamer.units import spoken_seconds


class SpoolReading:
    """Into the store of an instance. Of what was written only as much is read as the store holds."""

    def __init__(self, folder: SpoolFolder, reader: Worker, store: Store, log: FilteringBoundLogger) -> None:
        self.restored_seconds = 0.0
        self.damages = 0
        self._folder = folder
        self._reader = reader
        self._store = store
        self._log = log
        self._unread: list[Segment] = []

    async def begin(self, segments: list[Segment], least_seconds: float) -> Place | None:
        """Reads the newest of ``segments``, so many seconds of audio at the least, and gives where the playout was."""
        contents, seconds = deque[Contents](), 0.0
        self._unread = list(segments)
        while self._unread and seconds < least_seconds:
            segment = self._unread.pop()
            contents.appendleft(await self._read(segment))
            seconds += segment.seconds
        place = None
        for one in contents:
            for record in one.records:
                if isinstance(record, EpochOpened):
                    self._store.open_epoch(record.id, record.info, is_own=record.is_own)
                elif isinstance(record, Place):
                    place = record
            self._restore(one)
        if len(self._store):
            self._log.info(f"{spoken_seconds(round(self._store.seconds))} of audio were taken up from the spool")
        return place

    async def read_rest(self) -> None:
        """What is older, until the store is full."""
        while self._unread:
            if not self._restore(await self._read(self._unread.pop())):
                self._unread.clear()

    async def _read(self, segment: Segment) -> Contents:
        try:
            return await self._reader.submit(partial(self._folder.read, segment))
        except OSError as error:
            self._log.warning("a file of the spool cannot be read", file=str(segment.path), reason=error.strerror)
            return Contents((), 0)

    def _restore(self, contents: Contents) -> bool:
        """Whether there was room for all of it."""
        before = self._store.seconds
        has_room = self._store.restore(one for one in contents.records if isinstance(one, Fragment))
        self.restored_seconds += max(self._store.seconds - before, 0.0)
        if contents.damages and not self.damages:
            folder = str(self._folder.path)
            self._log.warning("the spool is damaged in places; what is whole was taken up", folder=folder)
        self.damages += contents.damages
        return has_room


def spoken_error(error: BaseException) -> str:
    """Why, for people."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
