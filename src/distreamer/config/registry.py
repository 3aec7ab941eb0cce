"""Which MODEs there are: the one table that the loader, the manual and the command line ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from distreamer.config.settings import AudioFault, InputSettings, ModuleSettings, OutputSettings

ModuleKind = Literal["INPUT", "OUTPUT"]
MODULE_KINDS: tuple[ModuleKind, ...] = ("INPUT", "OUTPUT")


@dataclass(frozen=True, slots=True)
class Registry:
    """The known MODEs with their settings, keyed by the MODE's name as people write it."""

    inputs: Mapping[str, type[InputSettings]]
    outputs: Mapping[str, type[OutputSettings]]
    audio_fault: AudioFault | None = None
    """Looks at audio files that must be decoded; None: nobody does."""

    def modes(self, kind: ModuleKind) -> Mapping[str, type[ModuleSettings]]:
        """All MODEs of a kind, in the table's order."""
        return self.inputs if kind == "INPUT" else self.outputs

    def spelling(self, kind: ModuleKind, mode: str) -> str | None:
        """The table's spelling of ``mode``, which may be in any case; None when there is no such MODE."""
        return next((known for known in self.modes(kind) if known.lower() == mode.lower()), None)

    def choice(self, kind: ModuleKind) -> str:
        """For messages: what MODE may be."""
        return f"MODE may be {', '.join(self.modes(kind))}"
