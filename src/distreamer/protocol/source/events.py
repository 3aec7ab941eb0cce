"""What a connection of an encoder brings, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from distreamer.model.audio import Title
from distreamer.protocol.http1 import Headers


class Dialect(StrEnum):
    """How an encoder sends its audio."""

    SHOUTCAST = "SHOUTcast 1"
    """A password line, icy headers, audio."""
    XAUDIOCAST = "xaudiocast"
    """``SOURCE password /mount`` without a version, as for Icecast 1."""
    SOURCE = "SOURCE"
    """Icecast 2."""
    PUT = "PUT"
    """HTTP/1.1, Icecast from 2.4 on."""


@dataclass(frozen=True, slots=True)
class SourceAsks:
    """The password is right; ``accept`` or ``refuse`` must be called before anything else comes."""

    user: str
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class SourceBegins:
    """Audio follows."""

    headers: Headers
    """How the source describes itself."""
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class AudioData:
    """Bytes of the programme, freed from chunking; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """No more audio comes."""

    problem: str = ""
    """Why it was not the proper end, in words; empty when it was."""


@dataclass(frozen=True, slots=True)
class TitleSet:
    """Someone who knows the password says what is on air."""

    title: Title


@dataclass(frozen=True, slots=True)
class StatsAsked:
    """``tell_stats`` must be called before anything else comes."""


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """A wrong password was given, and refused."""

    by: str
    """What it was given for, in words."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was answered that changes nothing: a probe, a question, an unknown page."""

    request: str
    status: int


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """What came cannot be taken; the connection is over."""

    reason: str


SourceEvent = (
    SourceAsks
    | SourceBegins
    | AudioData
    | SourceEnded
    | TitleSet
    | StatsAsked
    | PasswordRefused
    | Answered
    | Misunderstood
)
