"""What is measured. Pure."""

from __future__ import annotations

from dataclasses import dataclass

ICECAST, DISTREAMER = "icecast", "distreamer"
BOTH = (ICECAST, DISTREAMER)


@dataclass(frozen=True)
class Case:
    """A crowd that grows from one size to the next; each size is a row of the tables."""

    name: str
    words: str
    """What is special about it, for the tables; empty for nothing."""
    sizes: tuple[int, ...]
    servers: tuple[str, ...] = BOTH
    titles: bool = False
    tls: bool = False
    herd: int = 0
    """So many more join within HERD_SECONDS, while it is measured once more."""
    workers: int = 0
    """DiStreamer's WORKERS; then it has all cores, and 0 for one process on one core."""
    uvloop: bool = False
    joins_per_second: float = 500
    """At more than that Icecast lets so many wait in vain that it takes minutes until all are there."""

    def row(self, size: int) -> str:
        """How the tables call it."""
        return f"{size:,}, {self.words}" if self.words else f"{size:,}"


HERD_SECONDS = 5.0
LADDER = (100, 1_000, 5_000, 10_000, 19_500)
QUICK_SIZES = (100, 1_000, 5_000)
QUICK_CASES = ("clean", "titles")
CASES = (
    Case("clean", "", LADDER),
    Case("titles", "titles", LADDER, titles=True),
    Case("tls", "TLS", (1_000,), tls=True, joins_per_second=200),
    Case("herd", "", (4_000,), herd=5_000),
    Case("workers", "WORKERS = 4", (40_000,), (DISTREAMER,), workers=4, joins_per_second=1_000),
    Case("uvloop", "uvloop", (5_000,), (DISTREAMER,), uvloop=True),
)
"""Icecast has no workers: it is one process, which may not open as many files here as there are listeners then."""
