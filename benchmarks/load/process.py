"""A process that holds some of the listeners, and does what its parent says."""

from __future__ import annotations

import gc
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.load.crowd import Crowd
from benchmarks.load.target import Target
from distreamer.outputs.open_files import raise_open_file_limit

SPARE_FILES = 64


@dataclass(frozen=True)
class Join:
    """So many listeners come; see ``Crowd.join``. There is no answer."""

    count: int
    seconds: float
    sampled: bool


@dataclass(frozen=True)
class Count:
    """Answered by ``Crowd.counts``."""


@dataclass(frozen=True)
class Begin:
    """A window begins; answered by None."""


@dataclass(frozen=True)
class End:
    """It ends; answered by its Report."""


Command = Join | Count | Begin | End


def hold(parent: Connection, target: Target, sources: Sequence[str], most: int, sample: int, seed: int) -> None:
    """Until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent gets it too, and ends this.
    gc.disable()  # There are no cycles here, and a search for them would delay what is measured.
    raise_open_file_limit(most + SPARE_FILES)
    crowd = Crowd(target, sources, sample, seed)
    try:
        while True:
            crowd.run_once()
            if parent.poll():
                _obey(parent.recv(), crowd, parent)
    except (EOFError, ConnectionError):
        return


def _obey(command: Command, crowd: Crowd, parent: Connection) -> None:
    if isinstance(command, Join):
        crowd.join(command.count, command.seconds, command.sampled)
    elif isinstance(command, Count):
        parent.send(crowd.counts)
    elif isinstance(command, Begin):
        crowd.begin()
        parent.send(None)
    else:
        parent.send(crowd.end())
