"""One instance's whole configuration, ready to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from distreamer.config.settings import AlertSettings, GeneralSettings, InputSettings, OutputSettings


class ConfiguredInput(NamedTuple):
    """An [INPUT] section."""

    name: str
    """``input``, or ``input backup`` for ``[INPUT backup]``: what logs and status call it."""
    settings: InputSettings


class ConfiguredOutput(NamedTuple):
    """An [OUTPUT] section."""

    name: str
    """``output``, or ``output studio`` for ``[OUTPUT studio]``: what logs and status call it."""
    settings: OutputSettings


class ConfiguredAlert(NamedTuple):
    """An [ALERT] section."""

    name: str
    """``alert``, or ``alert night`` for ``[ALERT night]``: what logs and status call it."""
    settings: AlertSettings


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """What one file, with the environment over it, says; every value was checked."""

    name: str
    """NAME, or the file's stem, or ``distreamer``; unique among the instances that run side by side."""
    path: Path | None
    """The file that it came from; None when it is made of environment variables alone."""
    general: GeneralSettings
    inputs: tuple[ConfiguredInput, ...]
    """At least one, in the order of the file."""
    outputs: tuple[ConfiguredOutput, ...]
    """At least one."""
    alerts: tuple[ConfiguredAlert, ...] = ()
    """In the order of the file."""


Load = Callable[[], Sequence[InstanceConfig]]
"""Reads all files, and the environment, anew; raises ConfigError with all faults. It gives as many instances each time,
in the same order."""


def by_preference(inputs: Sequence[ConfiguredInput]) -> list[ConfiguredInput]:
    """The inputs by PRIORITY; the first that works is on air, the others stand by in this order."""
    return sorted(inputs, key=lambda one: one.settings.priority)
