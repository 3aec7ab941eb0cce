"""The types that settings are made of: bounds, units and wording travel with the type.

The markers ``Unit``, ``Words`` and ``Secret`` are read by ``config.describe``; pydantic enforces the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from distreamer.config.event_choice import check_events
from distreamer.errors import ProtocolError
from distreamer.protocol.charset import is_charset
from distreamer.protocol.forwarded import TrustedProxies
from distreamer.protocol.player_habits import BodyRules
from distreamer.protocol.stream_url import StreamUrl


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts: ``seconds``, ``bytes``, ``fragments``."""

    name: str

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Puts ``unit`` beside the number's bounds in the JSON schema."""
        return {**handler(core_schema), "unit": self.name}


@dataclass(frozen=True, slots=True)
class Words:
    """How a value is asked for in a sentence, where the bare type would say too little."""

    text: str


@dataclass(frozen=True, slots=True)
class Secret:
    """The value is never shown."""


def check_http_url(url: str) -> str:
    """``url`` as it is; raises ValueError with a plain sentence when a client could not connect to it."""
    parts = urlsplit(url)  # raises ValueError for brackets that do not match
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("must name a host after http:// or https://")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("must have a port from 1 to 65535 after the colon")
    if any(character.isspace() for character in url):
        raise ValueError("must not contain a space")
    return url


def check_stream_url(url: str) -> str:
    """``url`` as it is; raises ValueError with a plain sentence when no request can be made of it."""
    try:
        StreamUrl.parse(url)
    except ProtocolError as error:
        raise ValueError(str(error)) from error
    return url


def check_charset(name: str) -> str:
    """``name`` as it is; raises ValueError with a plain sentence when there is no such charset."""
    if not is_charset(name):
        raise ValueError("must be the name of a charset, such as cp1252, cp1251 or latin-1")
    return name


def split_host_port(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8090`` or ``[::1]:8090``; raises ValueError with a plain sentence."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise ValueError("must end with a colon and a port from 0 to 65535, such as 127.0.0.1:8090")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    if not host or (":" in host and not is_bracketed) or any(character.isspace() for character in host):
        raise ValueError("must begin with an address of this machine, such as 127.0.0.1:8090 or [::1]:8090")
    return host, int(port)


def check_host_port(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it is no host and port."""
    split_host_port(text)
    return text


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_networks(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it names no addresses and networks."""
    TrustedProxies.parse(text)
    return text


def check_fingerprint(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it is no SHA-256."""
    digits = text.replace(":", "").replace(" ", "")
    if text and (len(digits) != 64 or not set(digits) <= set("0123456789abcdefABCDEF")):
        raise ValueError("must be the SHA-256 of a certificate: 64 hexadecimal digits, with colons or without")
    return text


def check_proxy(url: str) -> str:
    """``url`` as it is; raises ValueError with a plain sentence when it is not the address of an HTTP proxy."""
    if url and urlsplit(check_http_url(url)).scheme != "http":
        raise ValueError("must begin with http://: to the proxy itself TLS is not spoken")
    return url


def check_bodies(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it says not which players get what."""
    BodyRules.parse(text)
    return text


Seconds = Annotated[float, Unit("seconds")]
Bytes = Annotated[int, Unit("bytes")]
Level = Annotated[int, Field(ge=0, le=4)]
"""DiStreamer 2's scale of what is told, see ``GeneralSettings.outputlevel``."""
Port = Annotated[int, Field(ge=0, le=65535)]
"""A port to listen on; 0 lets the system pick a free one, which the log then names."""
BindAddress = Annotated[
    str,
    Words("an address of this machine, or 0.0.0.0 for all of them"),
    Field(
        description="""The address to listen on; 0.0.0.0 for all of this machine's IPv4 addresses, :: for all of its
        IPv6 addresses.""",
    ),
]
"""HOSTNAME of the modules that listen, with its text."""
Password = Annotated[str, Field(repr=False), Secret()]
HostPort = Annotated[
    str,
    AfterValidator(check_host_port),
    Words("an address of this machine and a port, such as 127.0.0.1:8090"),
    Field(examples=["127.0.0.1:8090"]),
]
"""Kept as it was written."""
HttpUrl = Annotated[
    str,
    AfterValidator(check_http_url),
    Words("an address that begins with http:// or https://"),
    Field(examples=["http://radio.example:8000/live"]),
]
"""Kept as it was written: SHOUTcast addresses that end in ``/;`` must reach the server unchanged."""
StreamAddress = Annotated[HttpUrl, AfterValidator(check_stream_url)]
"""Of a stream: one that a request can be made of."""
Charset = Annotated[str, AfterValidator(check_charset), Words("the name of a charset")]
Networks = Annotated[
    str,
    AfterValidator(check_networks),
    Words("addresses or networks with commas between them"),
    Field(examples=["127.0.0.1, 10.0.0.0/8"]),
]
"""Kept as they were written."""
PlayerBodies = Annotated[
    str, AfterValidator(check_bodies), Words("none, chunked or length, and behind it players that get another")
]
"""Kept as it was written."""
EventKinds = Annotated[
    str,
    AfterValidator(check_events),
    Words("problems, or kinds of events with commas between them and * for any letters"),
]
"""Kept as they were written."""
