"""A registry of made-up modules that between them have every kind of key."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from distreamer.config.fields import BindAddress, Bytes, HttpUrl, Password, Port, Seconds
from distreamer.config.registry import Registry
from distreamer.config.settings import AlertSettings, InputSettings, OutputSettings, PlayingOutputSettings


class Charset(StrEnum):
    """How titles are written."""

    AUTO = "auto"
    LATIN = "latin-1"


class PullSettings(InputSettings):
    """Listens to a server, like a player does.

    It goes on where it was.
    """

    streamurl: HttpUrl
    """The source's address."""

    fragmentsize: Annotated[Bytes, Field(ge=1)] = 81920
    """How large a fragment is."""

    getmetadata: bool = True
    """Whether titles are asked for."""

    httptimeout: Annotated[Seconds, Field(gt=0, lt=100)] = 5
    """How long it may be silent."""

    charset: Charset = Charset.AUTO
    """How titles are written."""

    password: Password = ""
    """What the server wants to hear."""


class ToneSettings(InputSettings):
    """Makes a tone."""

    hertz: Annotated[int, Field(ge=20, le=20000)]
    """How high it is."""


class ServeSettings(OutputSettings):
    """Serves players."""

    hostname: BindAddress = "0.0.0.0"
    """Where it listens."""

    port: Port = 8080
    """Where it listens."""

    timeout: Literal["never"] | Annotated[Seconds, Field(ge=1, le=60)] = 30
    """When it gives up."""


class PlaySettings(PlayingOutputSettings):
    """Plays the programme."""


class PushSettings(OutputSettings):
    """Sends to another server."""

    serverurl: HttpUrl
    """The other server."""


class BellSettings(AlertSettings):
    """Rings."""

    secret: Password
    """How."""


REGISTRY = Registry(
    inputs={"Pull": PullSettings, "Tone": ToneSettings},
    outputs={"Serve": ServeSettings, "Play": PlaySettings, "Push": PushSettings},
    alerts={"Bell": BellSettings},
    events={"link_down": "link_up", "source_lost": "source_back"},
)
