"""The tables of all inputs, outputs and alerts. A new one is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from distreamer.alerts.command import Command, CommandSettings
from distreamer.alerts.context import AlertContext
from distreamer.alerts.mail import Mail, MailSettings
from distreamer.alerts.sender import Sender
from distreamer.alerts.webhook import Webhook, WebhookSettings
from distreamer.config.registry import Registry
from distreamer.config.settings import AlertSettings, InputSettings, OutputSettings
from distreamer.core.module import InputContext, Module, OutputContext
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.inputs.distreamer_pers_client import DiStreamerPersClient, DiStreamerPersClientSettings
from distreamer.inputs.distreamer_pers_rev_server import DiStreamerPersRevServer, DiStreamerPersRevServerSettings
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.inputs.file import File, FileSettings
from distreamer.inputs.shoutcast_client import ShoutcastClient, ShoutcastClientSettings
from distreamer.inputs.shoutcast_source_server import ShoutcastSourceServer, ShoutcastSourceServerSettings
from distreamer.inputs.silence import Silence, SilenceSettings
from distreamer.outputs.distreamer_pers_rev_client import DiStreamerPersRevClient, DiStreamerPersRevClientSettings
from distreamer.outputs.distreamer_pers_server import DiStreamerPersServer, DiStreamerPersServerSettings
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.outputs.hls_server import HlsServer, HlsServerSettings
from distreamer.outputs.icecast_client import IcecastClient, IcecastClientSettings
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from distreamer.runtime.conversion import audio_fault
from distreamer.runtime.event_rows import ROWS


@dataclass(frozen=True, slots=True)
class InputMode:
    """A MODE of an [INPUT] section. ``make`` takes the settings of exactly that class."""

    settings: type[InputSettings]
    make: Callable[[Any, InputContext], Module]


@dataclass(frozen=True, slots=True)
class OutputMode:
    """A MODE of an [OUTPUT] section. ``make`` takes the settings of exactly that class."""

    settings: type[OutputSettings]
    make: Callable[[Any, OutputContext], Module]


@dataclass(frozen=True, slots=True)
class AlertMode:
    """A MODE of an [ALERT] section. ``make`` takes the settings of exactly that class, and raises nothing."""

    settings: type[AlertSettings]
    make: Callable[[Any, AlertContext], Sender]


INPUTS = {
    "ShoutcastClient": InputMode(ShoutcastClientSettings, ShoutcastClient),
    "ShoutcastSourceServer": InputMode(ShoutcastSourceServerSettings, ShoutcastSourceServer),
    "DiStreamerClient": InputMode(DiStreamerClientSettings, DiStreamerClient),
    "DiStreamerRevServer": InputMode(DiStreamerRevServerSettings, DiStreamerRevServer),
    "DiStreamerPersClient": InputMode(DiStreamerPersClientSettings, DiStreamerPersClient),
    "DiStreamerPersRevServer": InputMode(DiStreamerPersRevServerSettings, DiStreamerPersRevServer),
    "File": InputMode(FileSettings, File),
    "Silence": InputMode(SilenceSettings, Silence),
}

OUTPUTS = {
    "ShoutcastServer": OutputMode(ShoutcastServerSettings, ShoutcastServer),
    "HlsServer": OutputMode(HlsServerSettings, HlsServer),
    "IcecastClient": OutputMode(IcecastClientSettings, IcecastClient),
    "DiStreamerServer": OutputMode(DiStreamerServerSettings, DiStreamerServer),
    "DiStreamerRevClient": OutputMode(DiStreamerRevClientSettings, DiStreamerRevClient),
    "DiStreamerPersServer": OutputMode(DiStreamerPersServerSettings, DiStreamerPersServer),
    "DiStreamerPersRevClient": OutputMode(DiStreamerPersRevClientSettings, DiStreamerPersRevClient),
}

ALERTS = {
    "Mail": AlertMode(MailSettings, Mail),
    "Webhook": AlertMode(WebhookSettings, Webhook),
    "Command": AlertMode(CommandSettings, Command),
}

REGISTRY = Registry(
    inputs={mode: entry.settings for mode, entry in INPUTS.items()},
    outputs={mode: entry.settings for mode, entry in OUTPUTS.items()},
    audio_fault=audio_fault,
    alerts={mode: entry.settings for mode, entry in ALERTS.items()},
    events={row.begins: row.ends for row in ROWS},
)
