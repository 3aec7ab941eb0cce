"""What the commands need from the program around them, so that tests can give them something smaller."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distreamer.config.environment import has_variables
from distreamer.config.instance import InstanceConfig, Load
from distreamer.config.loader import load_all, load_environment
from distreamer.config.registry import Registry
from distreamer.errors import ConfigError

DEFAULT_FILE = Path("distreamer.conf")


@dataclass(frozen=True, slots=True)
class Application:
    """Given to every command as click's ``obj``."""

    registry: Callable[[], Registry]
    """Called by the commands that need it: it imports all modules."""
    run: Callable[[Load, Path | None], int]
    """Runs the instances that its first argument gives until a signal ends them, and writes the heartbeat file if there
    is to be one; gives the exit code. It asks for the instances again whenever it is told that they have changed."""
    environ: Mapping[str, str]
    wall: Callable[[], float] = time.time
    """Unix time."""
    pages: Callable[[], Mapping[str, str]] = dict
    """Further pages of the reference, by file name."""

    def load(self, files: Sequence[Path]) -> tuple[InstanceConfig, ...]:
        """The instances of ``files``; without files that of ``distreamer.conf`` in the current folder or, when
        there is none, that of the environment alone. Raises ConfigError."""
        if files:
            return load_all(files, self.registry(), self.environ)
        if DEFAULT_FILE.exists():
            return load_all([DEFAULT_FILE], self.registry(), self.environ)
        if has_variables(self.environ):
            return (load_environment(self.registry(), self.environ),)
        begin = f"distreamer config sample > {DEFAULT_FILE}"
        raise ConfigError([f"there is no {DEFAULT_FILE} here: name a file, or begin one with {begin}"])
