"""What becomes of the parts of an instance when its configuration was read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic

from distreamer.config.differences import keys_of, section_title
from distreamer.config.settings import ModuleSettings
from distreamer.runtime.part import ContextT, Part


@dataclass(eq=False, slots=True)
class PartChange(Generic[ContextT]):
    """Of one section."""

    settings: ModuleSettings
    before: Part[ContextT] | None
    """What runs; None when the section is new."""
    made: Part[ContextT] | None
    """What is ready to take its place; None when that goes on in any case."""
    changed: frozenset[str]
    """Fields of the settings."""
    may_adopt: bool = True
    """Whether what runs could take the settings, as far as the instance is concerned."""

    def settle(self) -> None:
        """Decides which part it is: the one that runs if it can take the settings, else the one that was made."""
        before = self.before
        if before is not None and (self.made is None or (self.may_adopt and before.adopts(self.settings))):
            self.made = None
            before.settings = self.settings

    @property
    def part(self) -> Part[ContextT]:
        """The section's part from now on, once that is settled."""
        part = self.made or self.before
        assert part is not None, "a new section has no part"
        return part

    def words(self) -> list[str]:
        """What happened, once it is settled; empty when nothing did."""
        title, keys = section_title(self.part.name), ", ".join(keys_of(self.settings, self.changed))
        if self.before is None:
            return [f"{title} was added"]
        if self.made is not None:
            return [f"{title} was restarted ({keys})" if keys else f"{title} was restarted"]
        return [f"{title} took over {keys}"] if keys else []


def words_of(changes: Sequence[PartChange[ContextT]], before: Iterable[Part[ContextT]]) -> list[str]:
    """What happened to the parts of one kind, of which there were those ``before``."""
    said = [words for change in changes for words in change.words()]
    names = {change.part.name for change in changes}
    return said + [f"{section_title(part.name)} was removed" for part in before if part.name not in names]
