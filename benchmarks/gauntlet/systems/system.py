"""What the gauntlet needs to know of a program that carries a programme."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.gauntlet.scenarios import Scenario

SOURCE_PORT = 8000
"""Of the studio's server, at A."""
PLAYER_PORT = 8080
"""Where players listen, at B."""
PREBUFFER_SECONDS = 3.0
"""What a strict player gathers before it starts."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process that is started at A or B, and again when it ends."""

    name: str
    side: str
    """``a`` or ``b``."""
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how the strict players listen; they are at B."""

    host: str = "127.0.0.1"
    port: int = PLAYER_PORT
    path: str = "/"
    players: int = 3
    prebuffer_seconds: float = PREBUFFER_SECONDS
    arrivals_port: int | None = None
    """Where fragments can be seen arriving; None = nowhere."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be carried, and through what."""

    scenario: Scenario
    kilobits: int
    folder: Path
    """For files."""
    source_url: str
    """Of the studio, for A."""
    host_of_a: str
    """A's name, for B."""
    addresses_of_a: Sequence[str] = ()
    """One for each path, for B."""
    pair: int = 0
    """Of several pairs of programs: which one. Each has files and ports of its own."""


class System(Protocol):
    """A way to carry a programme."""

    name: str
    words: str
    """For the table: what it is."""
    has_titles: bool
    sides: str
    """Where it has programs that may be killed: ``a``, ``b``, ``ab`` or nowhere."""

    def why_not(self) -> str:
        """Why it cannot run here; empty when it can."""
        ...

    def programs(self, order: Order) -> list[Program]:
        """Writes the files that they need, and gives the processes of a run."""
        ...

    def listening(self, order: Order) -> Listening: ...


def missing(*programs: tuple[str, str]) -> str:
    """Why not, when one of ``programs`` (a command and its Debian package) is not installed."""
    packages = sorted({package for program, package in programs if shutil.which(program) is None})
    return f"not installed: {', '.join(packages)}" if packages else ""
