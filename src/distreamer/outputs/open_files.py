"""How many connections the system lets this process have."""

from __future__ import annotations

import resource
from contextlib import suppress


def raise_open_file_limit(wanted: int) -> int:
    """Raises the soft limit of open files to ``wanted``, or as near as the hard limit allows; gives what holds now.
    Every connection is an open file, and a usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
