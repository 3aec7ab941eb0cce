"""What the API answers: first how it is, in plain words and as numbers, then the whole snapshot.

These classes are the API's description too: names and texts appear in openapi.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from distreamer.model.event import Event, Problem
from distreamer.model.status import InstanceStatus, LinkStatus
from distreamer.runtime.alert_trial import AlertTrial

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Without what steers a terminal, or ends a line."""


@dataclass(frozen=True, slots=True)
class LinkView:
    """A conversation with another DiStreamer, or with a server that is sent to."""

    sentence: str
    """``up 3 d 4 h; last 24 h: 17 cuts, longest 11 s, 0 s heard``."""
    module: str
    """The input or output that it belongs to."""
    link: LinkStatus


@dataclass(frozen=True, slots=True)
class TitleView:
    """What is on air, as the studio sent it and as it is heard."""

    sentence: str
    sent: str | None
    """The newest title; None before the first."""
    sent_at: float | None
    """When that reached the source (Unix time)."""
    heard: str | None
    """None where nothing is played."""
    heard_since: float | None
    """Unix time."""


@dataclass(frozen=True, slots=True)
class StreamView:
    """Where players hear what an output plays."""

    output: str
    host: str
    """The address that it listens on; empty when it listens on all that this machine has."""
    port: int
    path: str
    """With what REQUIREURL demands."""
    is_encrypted: bool
    """Whether it knows TLS."""


@dataclass(frozen=True, slots=True)
class InstanceView:
    """How an instance is."""

    name: str
    sentence: str
    """All of it in one line."""
    is_ready: bool
    """Whether audio really goes out."""
    why_not_ready: str
    """Empty when it does."""
    budget_sentence: str
    """How long the link may be down before anyone hears it."""
    budget_seconds: float | None
    """The same: of what is played here, otherwise of the receiver that has the least; None when nobody says."""
    delay_sentence: str
    """How far behind the studio listeners hear."""
    delay_seconds: float | None
    """The same; None when nothing is played here, or nothing was yet."""
    input_sentence: str
    """Which input is on air, and whether it is the preferred one."""
    preferred_input: str
    real_input: str
    listeners_sentence: str
    listeners: int | None
    """None when nobody can listen here."""
    title: TitleView
    streams: tuple[StreamView, ...]
    """Of each ShoutcastServer."""
    links: tuple[LinkView, ...]
    """Without the slots of their histories, which ``/api/v1/instances/{instance}/links`` has."""
    problems: tuple[Problem, ...]
    """What began and has not ended; those that began first stand first."""
    status: InstanceStatus | None
    """The whole snapshot; None when the instance is only being started, or was ended by a defect."""


@dataclass(frozen=True, slots=True)
class StatusView:
    """Everything."""

    at: float
    """Unix time."""
    version: str
    """Of DiStreamer."""
    instances: tuple[InstanceView, ...]


@dataclass(frozen=True, slots=True)
class LinksView:
    """The links of an instance, with their last day in slots of five minutes."""

    links: tuple[LinkView, ...]


@dataclass(frozen=True, slots=True)
class EventsView:
    """What happened."""

    events: tuple[Event, ...]
    """The oldest first."""
    last: int
    """The number to ask for next time, as ``after``; 0 when there was nothing yet."""


@dataclass(frozen=True, slots=True)
class ListenerView:
    """One who listens."""

    number: int
    """Counts the listeners of the output since it began."""
    address: str
    player: str
    """What it calls itself."""
    seconds: float
    """For how long it has been listening."""


@dataclass(frozen=True, slots=True)
class ListenersView:
    """Everybody who listens to an output."""

    listeners: tuple[ListenerView, ...]


@dataclass(frozen=True, slots=True)
class HealthView:
    """That the process lives; it says nothing about the programme."""

    sentence: str


@dataclass(frozen=True, slots=True)
class ReadyView:
    """Whether audio really goes out."""

    sentence: str
    instances: dict[str, str]
    """Why it does not, by instance; empty sentences where it does."""


@dataclass(frozen=True, slots=True)
class DoneView:
    """What was done."""

    sentence: str


@dataclass(frozen=True, slots=True)
class AlertTestView:
    """What came of a test of all alerts."""

    sentence: str
    event: Event
    """Of the kind ``test``, as all who are told of events see it."""
    alerts: tuple[AlertTrial, ...]
    """Each alert, in the order of the configuration."""


@dataclass(frozen=True, slots=True)
class TitleWish:
    """A title to be set."""

    text: Annotated[str, Field(max_length=500, pattern=ONE_LINE)]
    """One line; empty for none."""


@dataclass(frozen=True, slots=True)
class Login:
    """For pages, which keep a cookie instead of the password."""

    password: Annotated[str, Field(max_length=200)]
