"""How many connections the system lets this process have."""

from __future__ import annotations

import resource
from contextlib import suppress

from distreamer.transport.tcp import BACKLOG

SPARE_FILES = 256
"""Open files for all else than players: above all for the link, which must get its connections however many come."""
MAXIMUM_OTHERS = 2 * BACKLOG
"""Connections beyond MAXLISTENERS that may have yet to ask, or to take an answer: a herd of players is accepted
before the first of them is heard."""


def most_connections(most_listeners: int) -> int:
    """How many players this process can have at once when ``most_listeners`` are allowed to listen: with those that
    have yet to ask, and as far as the system lets it."""
    wanted = most_listeners + MAXIMUM_OTHERS
    files = raise_open_file_limit(wanted + SPARE_FILES)
    return min(wanted, max(files - SPARE_FILES, files // 2))


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
