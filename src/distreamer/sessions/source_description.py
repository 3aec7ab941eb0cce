"""What the headers of a source say about it."""

from __future__ import annotations

import re

from distreamer.core.ingest import SourceDescription
from distreamer.model.audio import Station
from distreamer.protocol.charset import one_line, repaired
from distreamer.protocol.http1 import Headers

MAXIMUM_BITRATE = 10_000_000
"""Bits per second; whoever claims more is mistaken."""
_SMALLEST_BITS_PER_SECOND = 8_000
"""``icy-br`` is in kbit/s; a number from here on can only be meant in bits per second, as some servers send it."""

_LEADING_NUMBER = re.compile(r"\s*(\d{1,9})(?!\d)")
_AUDIO_INFO_BITRATE = re.compile(r"(?:^|;)\s*(?:ice-)?bitrate\s*=\s*(\d{1,9})(?!\d)", re.IGNORECASE)


def describe_source(headers: Headers, charset: str) -> SourceDescription:
    """The description in ``icy-*`` (SHOUTcast, Icecast to players) or ``ice-*`` headers (encoders to Icecast).

    Texts are UTF-8, or else in ``charset``.
    """

    def text(name: str) -> str:
        value = headers.raw(f"icy-{name}") or headers.raw(f"ice-{name}")
        return one_line(repaired(value, charset))

    return SourceDescription(
        content_type=one_line(headers.get("content-type")),
        bitrate=_bitrate(headers),
        station=Station(
            name=text("name"),
            description=text("description"),
            genre=text("genre"),
            url=text("url"),
            public=_public(text("pub") or text("public")),
        ),
    )


def _bitrate(headers: Headers) -> int:
    """Bits per second; 0 when nobody says. Icecast says ``Quality 0`` for Ogg, DNAS ``128,128`` at times."""
    for name in ("icy-br", "ice-bitrate", "x-audiocast-bitrate"):
        found = _LEADING_NUMBER.match(headers.get(name))
        if found and (bitrate := _bits(int(found[1]))):
            return bitrate
    found = _AUDIO_INFO_BITRATE.search(headers.get("ice-audio-info"))
    return _bits(int(found[1])) if found else 0


def _bits(value: int) -> int:
    bits = value if value >= _SMALLEST_BITS_PER_SECOND else value * 1000
    return bits if bits <= MAXIMUM_BITRATE else 0


def _public(value: str) -> bool | None:
    """Icecast says -1 where the source leaves it to the server."""
    return {"1": True, "0": False}.get(value)
