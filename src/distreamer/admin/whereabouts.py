"""Where the ADMINs of this machine can be asked: each leaves a small note in a folder for as long as it listens.

The folder is in memory: ``/run/distreamer`` for services and for root, ``$XDG_RUNTIME_DIR/distreamer`` for whoever is
logged in. A note that a killed process has left behind is known by the process's number and the time of its start.
Until an instance of that name runs again, for a day at the most, it tells what was killed, and its time tells when.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distreamer.transport.tcp import spoken_address

FOLDER_VARIABLE = "DISTREAMER_RUNTIME"
"""Names the folder, instead of all others."""
SYSTEM_FOLDER = Path("/run/distreamer")
MOST_NOTES = 200
"""That are looked at in a folder."""
LARGEST_NOTE_BYTES = 10_000
MOST_NAMES = 20
LONGEST_NAME = 64
"""As in the configuration."""
RENEW_SECONDS = 30.0
"""How often the time of a note is set anew."""
KEPT_SECONDS = 86_400.0
"""What was killed before that is nobody's concern any more."""

_NAME = re.compile(r"\d+-\S+\.json")
_START = 19
"""The place of the start time among the fields behind the program's name in /proc/PID/stat (proc(5), field 22)."""


class Note(BaseModel):
    """What stands in a note, as JSON."""

    model_config = ConfigDict(frozen=True, strict=True)

    pid: int = Field(gt=0)
    started: int
    """When the process was started, in the kernel's own units."""
    host: str = Field(max_length=100)
    """The address that it listens on."""
    port: int = Field(gt=0, lt=65536)
    names: tuple[Annotated[str, Field(max_length=LONGEST_NAME)], ...] = Field((), max_length=MOST_NAMES)
    """Of the instances that are told of there, the first few."""


class EndedNote(NamedTuple):
    """What a process that ended without saying so has left behind."""

    note: Note
    seconds: float
    """Since its last word."""


class LeftNote:
    """A note that is left; to be used in one thread, ``renew`` apart."""

    def __init__(self, folder: Path, address: tuple[str, int]) -> None:
        self._pid = os.getpid()
        self._started = _started(self._pid) or 0
        self._address = address
        self._file = folder / f"{self._pid}-{spoken_address(*address)}.json"
        self._names: tuple[str, ...] | None = None

    def write(self, names: Sequence[str]) -> None:
        """Tells of instances of these names; raises OSError when it cannot."""
        told = tuple(name[:LONGEST_NAME] for name in names[:MOST_NAMES])
        if told == self._names:
            return
        host, port = self._address
        note = Note(pid=self._pid, started=self._started, host=host, port=port, names=told)
        new = self._file.with_suffix(".new")
        with suppress(FileNotFoundError):
            new.unlink()
        # Whoever may see the folder may read it: it holds no secret.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with open(descriptor, "w", encoding="utf-8") as opened:
            os.fchmod(descriptor, 0o644)
            opened.write(note.model_dump_json() + "\n")
        new.replace(self._file)
        self._names = told

    def renew(self) -> None:
        """The process still runs; raises OSError when that cannot be noted."""
        os.utime(self._file)

    def take_away(self) -> None:
        with suppress(OSError):
            self._file.unlink()


def own_folder(environ: Mapping[str, str], user: int) -> Path | None:
    """Where a process of that user leaves its notes; None when it has no such place."""
    named = environ.get(FOLDER_VARIABLE) or environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if named:
        return Path(named)
    return SYSTEM_FOLDER if user == 0 else _session_folder(environ)


def known_folders(environ: Mapping[str, str]) -> list[Path]:
    """Where whoever asks looks for notes."""
    if environ.get(FOLDER_VARIABLE):
        return [Path(environ[FOLDER_VARIABLE])]
    session = _session_folder(environ)
    return [SYSTEM_FOLDER] if session is None else [SYSTEM_FOLDER, session]


@contextmanager
def noted(folder: Path, address: tuple[str, int], names: Sequence[str] = ()) -> Iterator[LeftNote]:
    """Leaves a note, of instances of these ``names``, while the block runs; raises OSError when it cannot."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    _sweep(folder, address, names)
    left = LeftNote(folder, address)
    left.write(names)
    try:
        yield left
    finally:
        left.take_away()


def notes(folders: Sequence[Path]) -> list[Note]:
    """Those of processes that run, by their numbers."""
    found = {note for folder in folders for file in _files(folder) if (note := _read(file)) and _holds(note, file)}
    return sorted(found, key=lambda note: (note.pid, note.port, note.host))


def ended_notes(folders: Sequence[Path], wall: float) -> list[EndedNote]:
    """What processes left behind that were killed or crashed, as it stands at Unix time ``wall``; the last first."""
    found = [
        EndedNote(note, max(wall - written, 0.0))
        for folder in folders
        for file in _files(folder)
        if (note := _read(file)) and _started(note.pid) != note.started and (written := _written(file)) is not None
    ]
    return sorted(found, key=lambda one: one.seconds)


def _session_folder(environ: Mapping[str, str]) -> Path | None:
    session = environ.get("XDG_RUNTIME_DIR", "")
    return Path(session) / "distreamer" if session.startswith("/") else None


def _files(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry) for entry in islice(entries, MOST_NOTES) if _NAME.fullmatch(entry.name)]
    except OSError:
        return []


def _read(file: Path) -> Note | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return Note.model_validate_json(opened.read(LARGEST_NOTE_BYTES))
    except (OSError, ValidationError):
        return None


def _written(file: Path) -> float | None:
    """When, in Unix time; None when it is gone."""
    try:
        return file.lstat().st_mtime
    except OSError:
        return None


def _holds(note: Note, file: Path) -> bool:
    """Whether the process that left it runs, and it is that process's own."""
    try:
        return _started(note.pid) == note.started and _user(note.pid) == file.lstat().st_uid
    except OSError:
        return False


def _sweep(folder: Path, address: tuple[str, int], names: Sequence[str]) -> None:
    """Takes away what processes left behind that were killed, where they are back as this one, or after a day."""
    wall = time.time()
    for file in _files(folder):
        note = _read(file)
        if note is None or _holds(note, file):
            continue
        is_back = (note.host, note.port) == address or not set(names).isdisjoint(note.names)
        if is_back or wall - (_written(file) or 0.0) > KEPT_SECONDS:
            with suppress(OSError):
                file.unlink()


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[_START])
    except (OSError, IndexError):
        return None


def _user(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(b"Uid:")), None)
