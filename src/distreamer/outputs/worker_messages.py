"""What an instance and its listener workers tell one another, over a socket that only they have.

Both are processes of one program in one version, so the messages are pickled values behind their length.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from distreamer.core.played import Played
from distreamer.model.status import ListenersStatus
from distreamer.outputs.player_rules import PlayerRules
from distreamer.protocol.server_view import Programme

REPORT_SECONDS = 5.0
"""A worker reports at the least so often, also when nothing has changed."""
Value = TypeVar("Value")
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message to a worker: how it must serve."""

    rules: PlayerRules
    programme: Programme
    recent: tuple[Played, ...]
    certificate: Path | None
    key: Path | None
    details: bool
    """Whether anybody reads the detailed log."""


@dataclass(frozen=True, slots=True)
class Obey:
    """Other rules from now on."""

    rules: PlayerRules


@dataclass(frozen=True, slots=True)
class News:
    """What has changed about the programme, or among the listeners of the other workers."""

    programme: Programme


@dataclass(frozen=True, slots=True)
class Report:
    """From a worker: its listeners."""

    status: ListenersStatus


@dataclass(frozen=True, slots=True)
class Said:
    """From a worker: a line for the log."""

    level: str
    event: str
    values: dict[str, object] = field(default_factory=dict)


Message = Begin | News | Obey | Played | Report | Said


@dataclass(frozen=True, slots=True)
class _Told(Generic[Value]):
    """Answers a question with what was known when it was sent."""

    value: Value

    def __call__(self) -> Value:
        return self.value


def packed(message: Message) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def travelling(programme: Programme) -> Programme:
    """``programme`` as it can be sent: with the title itself instead of the way to ask for it."""
    return replace(
        programme,
        title=_Told(programme.title()),
        title_heard_since=_Told(programme.title_heard_since()),
        fragment_numbers=tuple(programme.fragment_numbers),
    )


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end."""
    try:
        (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: Message = pickle.loads(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return message
