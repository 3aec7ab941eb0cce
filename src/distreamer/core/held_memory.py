"""Keeps a process in memory, so that a disk that hangs or is slow cannot hold up the audio.

A program is read from the disk piece by piece, and Linux gives such pieces back when memory is short. Whatever needs
one of them later waits for the disk: on an old SD card for seconds.
"""

from __future__ import annotations

import ctypes
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4
"""Flags of mlockall(2): MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT."""
_IPC_LOCK = 14
"""CAP_IPC_LOCK, see capabilities(7)."""


def hold_memory() -> bool:
    """Holds what the calling process uses now, and what it will have used later; gives whether it does.

    Only for a process that may hold as much as it likes (RLIMIT_MEMLOCK, CAP_IPC_LOCK): with a limit the kernel would
    refuse it memory later on.
    """
    if not sys.platform.startswith("linux") or not _is_unlimited():
        return False
    with suppress(OSError, AttributeError, MemoryError):  # what a C library other than Linux's may lead to
        library = ctypes.CDLL(None)
        # First all that is there is read; later only what is needed, for the stacks of threads are mostly empty.
        held: int = library.mlockall(_CURRENT) or library.mlockall(_CURRENT | _FUTURE | _ON_FAULT)
        return held == 0
    return False


def _is_unlimited() -> bool:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    with suppress(OSError):
        found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
        return found is not None and bool(int(found[1], 16) >> _IPC_LOCK & 1)
    return False
