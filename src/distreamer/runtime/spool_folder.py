"""The folder of a spool: segment files that are only ever appended to, and deleted whole. All of this may block, and
runs in threads of its own."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from distreamer.core.spool_records import Decoder, EpochOpened, Record, encode, encode_setup, setup_key
from distreamer.core.store import REMEMBERED_EPOCHS
from distreamer.errors import ResourceError
from distreamer.model.fragment import Fragment

LOCK: Final = "lock"
_NAME: Final = re.compile(r"\d{12}\.spool")
SEGMENTS: Final = 64
"""A full spool consists of about so many files: what is deleted at once is little, and what is read at the start."""
SHORTEST_SEGMENT_SECONDS: Final = 30.0
SMALLEST_SEGMENT_BYTES: Final = 262_144
LARGEST_SEGMENT_BYTES: Final = 64_000_000
"""A segment is read as a whole."""
MOST_SEGMENTS: Final = 2_000
"""However little they hold: each start of the program begins one."""
MOST_UNSYNCED: Final = 8
"""Finished files that may wait for the disk; of a further one it is not waited for."""
READ_BYTES: Final = 1_048_576
EPOCHS_PER_SEGMENT: Final = 16
"""The store holds no more."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much a spool keeps; the newest segment is always kept."""

    seconds: float
    size: int
    """Bytes."""

    @property
    def segment_seconds(self) -> float:
        return max(self.seconds / SEGMENTS, SHORTEST_SEGMENT_SECONDS)

    @property
    def segment_size(self) -> int:
        return min(max(self.size // SEGMENTS, SMALLEST_SEGMENT_BYTES), LARGEST_SEGMENT_BYTES)


@dataclass(eq=False, slots=True)
class Segment:
    """A file of the spool."""

    path: Path
    size: int = 0
    seconds: float = 0.0
    """Of audio; 0 while it is not known."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in a segment."""

    records: Sequence[Record]
    damages: int


class SpoolFolder:
    """Made without touching the disk. ``write`` and what it needs is for one thread, ``read`` and ``sync`` for another.

    Whatever the system refuses is raised as OSError; ResourceError says that another instance has the folder.
    """

    def __init__(self, path: Path, owner: str, limits: SpoolLimits) -> None:
        """``owner`` is what another instance is told that wants the same folder."""
        self.path = path
        self.limits = limits
        """May be changed at any time."""
        self.size = 0
        """Bytes of all segments."""
        self._owner = owner
        self._lock: int | None = None
        self._segments: list[Segment] = []
        self._next = 1
        self._file: int | None = None
        self._epochs: OrderedDict[int, EpochOpened] = OrderedDict()
        self._rates: dict[int, int] = {}
        self._written_epochs: dict[int, EpochOpened] = {}
        self._written_setups: set[str] = set()
        self._unsynced: list[int] = []
        self._guard = threading.Lock()
        """Of the open files, which the syncing thread looks at too."""

    # -- the writing thread

    def open(self) -> list[Segment]:
        """Takes the folder, which is made if it is not there; gives the segments that are in it, oldest first."""
        self._end_segment()
        self.path.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        known = {segment.path: segment for segment in self._segments}
        paths = sorted(path for path in self.path.iterdir() if _NAME.fullmatch(path.name))
        self._segments = [known.get(path, Segment(path)) for path in paths]
        for segment in self._segments:
            segment.size = segment.path.stat().st_size
        self.size = sum(segment.size for segment in self._segments)
        self._next = max((int(path.stem) for path in paths), default=0) + 1
        return list(self._segments)

    def write(self, records: Sequence[Record]) -> None:
        """Appends ``records``; when it returns, a crash of the program loses none of them."""
        waiting: list[bytes] = []
        try:
            for record in records:
                if isinstance(record, EpochOpened):
                    self._note_epoch(record)
                    continue
                if self._file is None or self._is_full():
                    self._append(waiting)
                    self._begin_segment()
                waiting += self._encoded(record)
            self._append(waiting)
        except OSError:
            # What comes later must not stand behind half a record.
            self._end_segment()
            raise

    def close(self) -> None:
        """Gives the folder up."""
        self._end_segment()
        self.sync()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- the other thread

    def read(self, segment: Segment) -> Contents:
        """Everything in it. What was deleted meanwhile is empty."""
        decoder = Decoder()
        records: list[Record] = []
        with suppress(FileNotFoundError), segment.path.open("rb") as file:
            while data := file.read(READ_BYTES):
                records += decoder.feed(data)
        records += decoder.close()
        rates = {one.id: one.info.format.clock_rate for one in records if isinstance(one, EpochOpened)}
        segment.seconds = sum(
            one.duration / rates[one.epoch] for one in records if isinstance(one, Fragment) and one.epoch in rates
        )
        return Contents(records, decoder.damages)

    def sync(self) -> None:
        """Has the disk take what was written. Waits for that."""
        with self._guard:
            finished, self._unsynced = self._unsynced, []
            current = os.dup(self._file) if self._file is not None else None
        files = [*finished, current] if current is not None else finished
        if not files:
            return
        files.append(os.open(self.path, os.O_RDONLY | os.O_CLOEXEC))  # It says which files there are.
        try:
            for file in files:
                os.fsync(file)
        finally:
            for file in files:
                os.close(file)

    # -- inside

    def _take_lock(self) -> None:
        if self._lock is not None:
            if os.fstat(self._lock).st_nlink:
                return
            os.close(self._lock)  # The folder was deleted, and the lock with it.
            self._lock = None
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(lock, 1000).decode(errors="replace").strip()
            os.close(lock)
            raise ResourceError(f"the folder {self.path} is the SPOOL of another instance: {other}") from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{self._owner}\n".encode(), 0)

    def _note_epoch(self, record: EpochOpened) -> None:
        """It is written with the first fragment that needs it."""
        self._epochs[record.id] = record
        self._rates[record.id] = record.info.format.clock_rate
        while len(self._epochs) > REMEMBERED_EPOCHS:
            old, _ = self._epochs.popitem(last=False)
            self._rates.pop(old)

    def _encoded(self, record: Record) -> list[bytes]:
        parts: list[bytes] = []
        if isinstance(record, Fragment):
            epoch = self._epochs.get(record.epoch)
            if epoch is not None and self._written_epochs.get(record.epoch) != epoch:
                self._written_epochs[record.epoch] = epoch
                parts.append(encode(epoch))
            key = setup_key(record.setup)
            if key and key not in self._written_setups:
                self._written_setups.add(key)
                parts.append(encode_setup(record.setup))
            self._segments[-1].seconds += record.duration / self._rates.get(record.epoch, record.duration)
        parts.append(encode(record))
        return parts

    def _is_full(self) -> bool:
        segment = self._segments[-1]
        return segment.seconds >= self.limits.segment_seconds or segment.size >= self.limits.segment_size

    def _append(self, waiting: list[bytes]) -> None:
        data = memoryview(b"".join(waiting))
        waiting.clear()
        if self._file is None or not data:
            return
        if not os.fstat(self._file).st_nlink:
            raise FileNotFoundError(2, "the files were deleted", str(self.path))
        while data:
            written = os.write(self._file, data)
            data = data[written:]
            self._segments[-1].size += written
            self.size += written

    def _begin_segment(self) -> None:
        self._end_segment()
        segment = Segment(self.path / f"{self._next:012}.spool")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        file = os.open(segment.path, flags, 0o644)
        self._next += 1
        self._segments.append(segment)
        with self._guard:
            self._file = file
        self._written_setups.clear()
        newest = list(self._epochs.values())[-EPOCHS_PER_SEGMENT:]
        self._written_epochs = {epoch.id: epoch for epoch in newest}
        self._append([encode(epoch) for epoch in newest])
        self._prune()

    def _end_segment(self) -> None:
        with self._guard:
            file, self._file = self._file, None
            if file is None:
                return
            if len(self._unsynced) < MOST_UNSYNCED:
                self._unsynced.append(file)
                return
        os.close(file)

    def _prune(self) -> None:
        """Deletes the oldest segments that are not needed any more."""
        seconds = sum(segment.seconds for segment in self._segments)
        while len(self._segments) > 1:
            oldest = self._segments[0]
            is_needed = seconds - oldest.seconds < self.limits.seconds
            has_room = self.size + self.limits.segment_size <= self.limits.size and len(self._segments) <= MOST_SEGMENTS
            if is_needed and has_room:
                return
            seconds -= oldest.seconds
            self._delete(oldest)

    def _delete(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        if segment in self._segments:
            self._segments.remove(segment)
            self.size -= segment.size


def folder_fault(path: Path) -> str | None:
    """What keeps this user from having a spool in ``path``; None when nothing does. Changes nothing."""
    try:
        existing = next(one for one in (path, *path.absolute().parents) if one.exists())
        if not existing.is_dir():
            return f"{existing} is not a folder"
        if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            what = "used for writing" if existing == path else f"made, for {existing} cannot be used for writing"
            return f"{path} cannot be {what}"
    except OSError as error:
        return f"{path} cannot be used: {error.strerror}"
    return None
