"""Which MODEs there are: the one table that the loader, the manual and the command line ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from distreamer.config.settings import AlertSettings, AudioFault, InputSettings, ModuleSettings, OutputSettings

ModuleKind = Literal["INPUT", "OUTPUT", "ALERT"]
MODULE_KINDS: tuple[ModuleKind, ...] = ("INPUT", "OUTPUT", "ALERT")
NEEDED_KINDS: tuple[ModuleKind, ...] = ("INPUT", "OUTPUT")
"""Those of which every file must have one."""


@dataclass(frozen=True, slots=True)
class Registry:
    """The known MODEs with their settings, keyed by the MODE's name as people write it."""

    inputs: Mapping[str, type[InputSettings]]
    outputs: Mapping[str, type[OutputSettings]]
    audio_fault: AudioFault | None = None
    """Looks at audio files that must be decoded; None: nobody does."""
    alerts: Mapping[str, type[AlertSettings]] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    """The kinds of events that alerts may tell, each with the kind that ends it."""

    def modes(self, kind: ModuleKind) -> Mapping[str, type[ModuleSettings]]:
        """All MODEs of a kind, in the table's order."""
        match kind:
            case "INPUT":
                return self.inputs
            case "OUTPUT":
                return self.outputs
            case "ALERT":
                return self.alerts

    def spelling(self, kind: ModuleKind, mode: str) -> str | None:
        """The table's spelling of ``mode``, which may be in any case; None when there is no such MODE."""
        return next((known for known in self.modes(kind) if known.lower() == mode.lower()), None)

    def choice(self, kind: ModuleKind) -> str:
        """For messages: what MODE may be."""
        return f"MODE may be {', '.join(self.modes(kind))}"
