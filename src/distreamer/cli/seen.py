"""What the commands read of an ADMIN's answer. The other side may be another version: what it does not say has a
default, and what it says beyond this is left out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from distreamer.config.wording import printable

Text = Annotated[str, AfterValidator(printable)]
"""From the network: fit for a terminal."""


class Seen(BaseModel):
    """The base of what is read."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class SeenProblem(Seen):
    """Something that is the matter."""

    sentence: Text
    severity: Text = "error"
    since: float = 0.0
    """Unix time."""


class SeenConversation(Seen):
    """A link."""

    peer: Text = ""
    path: Text = ""
    connected: bool = False


class SeenLink(Seen):
    """A link and its last day, in words."""

    sentence: Text
    module: Text = ""
    link: SeenConversation = SeenConversation()


class SeenModule(Seen):
    """An input or output."""

    name: Text
    mode: Text = ""
    state: Text = ""
    detail: Text = ""
    last_error: Text = ""
    on_air: bool = True


class SeenPlayout(Seen):
    """What plays."""

    delay_seconds: float = 0.0


class SeenSnapshot(Seen):
    """The whole of an instance."""

    uptime_seconds: float = 0.0
    inputs: tuple[SeenModule, ...] = ()
    playout: SeenPlayout | None = None


class SeenTitle(Seen):
    """What is on air."""

    sentence: Text = ""


class SeenInstance(Seen):
    """How an instance is."""

    name: Text
    sentence: Text = ""
    is_ready: bool = False
    why_not_ready: Text = ""
    budget_sentence: Text = ""
    budget_seconds: float | None = None
    delay_sentence: Text = ""
    input_sentence: Text = ""
    listeners_sentence: Text = ""
    title: SeenTitle = SeenTitle()
    links: tuple[SeenLink, ...] = ()
    problems: tuple[SeenProblem, ...] = ()
    status: SeenSnapshot | None = None

    @property
    def is_well(self) -> bool:
        """Whether audio goes out and nothing is the matter."""
        return self.is_ready and not self.problems


class SeenStatus(Seen):
    """All instances of an ADMIN."""

    at: float
    """Unix time there."""
    version: Text
    instances: tuple[SeenInstance, ...]

    raw: tuple[dict[str, Any], ...] = ()
    """The instances as they were told."""
