"""What is told of all instances of the process to whoever watches over it."""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.config.redact import redacted_url
from distreamer.config.wording import printable
from distreamer.runtime.instance import Instance
from distreamer.runtime.plain_words import status_sentence

ENDED = "a defect in DiStreamer ended this instance; the log says more"


class Overview:
    """Knows the instances by name, from before they are made until after they ended."""

    def __init__(self, names: Sequence[str]) -> None:
        self._instances: dict[str, Instance | None] = dict.fromkeys(names)
        self._ended: set[str] = set()

    def made(self, name: str, instance: Instance) -> None:
        """The instance is there and will run."""
        self._instances[name] = instance

    def ended(self, name: str) -> None:
        """It will not come back."""
        self._ended.add(name)

    def renamed(self, names: Sequence[str]) -> None:
        """The instances, in the order in which they were given, are called so now."""
        ended = [name in self._ended for name in self._instances]
        self._instances = dict(zip(names, self._instances.values(), strict=True))
        self._ended = {name for name, has_ended in zip(names, ended, strict=True) if has_ended}

    @property
    def has_begun(self) -> bool:
        """Whether no instance is still on its way to its first success or failure."""
        return all(
            name in self._ended or (instance is not None and instance.has_begun)
            for name, instance in self._instances.items()
        )

    def sentences(self) -> dict[str, str]:
        """How each instance is, in one line without passwords."""
        return {name: printable(redacted_url(self._sentence(name))) for name in self._instances}

    def _sentence(self, name: str) -> str:
        instance = self._instances[name]
        if name in self._ended:
            return ENDED
        return status_sentence(instance.snapshot()) if instance else "it is being started"
