"""The list: which fragments there are, where their metadata blocks begin, and what the source says about itself.

Read with tolerance, written as DiStreamer 2 writes it: the same keys in the same order, ``json.dumps`` with its
default separators, everything but ASCII escaped.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import Headers
from distreamer.protocol.icy import MAXIMUM_BLOCK_BYTES, MAXIMUM_METAINT
from distreamer.protocol.legacy import limits

NO_ICYINT: Final = -1
"""``icyint`` while there is no stream."""
_SHOWN_CHARACTERS: Final = 60
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}")


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _only_texts(headers: object) -> object:
    """A value that is no text is left out: it is not worth the programme."""
    if not isinstance(headers, dict):
        return headers
    return {name: value for name, value in headers.items() if isinstance(value, str)}


def _ascending(values: object, smallest: int, largest: int, most: int) -> tuple[int, ...]:
    """Only the first fault is told, since a hostile list has a hundred thousand."""
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{_shown(values)} is no array")
    if len(values) > most:
        raise ValueError(f"{len(values)} numbers are above the limit of {most}")
    for value in values:
        if type(value) is not int or not smallest <= value <= largest:
            raise ValueError(f"{_shown(value)} is no number from {smallest} to {largest}")
    return tuple(sorted(set(values)))


def _numbers(values: object) -> tuple[int, ...]:
    return _ascending(values, 1, limits.LARGEST_NUMBER, limits.LISTED_FRAGMENTS)


def _offsets_by_number(values: object) -> dict[int, tuple[int, ...]]:
    if not isinstance(values, dict):
        raise ValueError(f"{_shown(values)} is no object")
    if len(values) > limits.LISTED_FRAGMENTS:
        raise ValueError(f"{len(values)} keys are above the limit of {limits.LISTED_FRAGMENTS}")
    found = {}
    for key, offsets in values.items():
        number = str(key)
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"the key {_shown(key)} is no number of a fragment")
        found[int(number)] = _ascending(offsets, 0, limits.FRAGMENT_BYTES - 1, limits.LISTED_BLOCKS)
    return found


class Listing(BaseModel):
    """The list as a value. The order of the fields is that of the wire."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    fragmentslist: Annotated[tuple[int, ...], BeforeValidator(_numbers)]
    """The numbers that can be had, ascending."""
    icylist: Annotated[dict[int, tuple[int, ...]], BeforeValidator(_offsets_by_number)] = Field(default_factory=dict)
    """For a fragment the offsets of its metadata blocks (of their length bytes), in bytes, ascending. It may name the
    fragment that is still being filled."""
    icyint: Annotated[int, Field(ge=NO_ICYINT, le=MAXIMUM_METAINT)]
    """Bytes of audio between two metadata blocks; 0 when there are none, -1 while there is no stream."""
    icytitle: str = ""
    """The last metadata block that was not empty, without its length byte, in base64 as Python 2 makes it: in lines of
    76 characters, each with a line feed."""
    icyheaders: Annotated[dict[str, str], BeforeValidator(_only_texts)] = Field(default_factory=dict)
    """The source's headers."""
    sourcegen: Annotated[int, Field(ge=0, le=limits.LARGEST_NUMBER)]
    """Counts the connections of the source; 0 before the first."""

    @property
    def has_stream(self) -> bool:
        """Whether there is anything that fragments could be of."""
        return self.icyint != NO_ICYINT and self.sourcegen > 0

    @property
    def title_block(self) -> bytes:
        """``icytitle`` decoded; empty when there is none, or when it is no metadata block."""
        try:
            block = base64.b64decode(self.icytitle)
        except (binascii.Error, ValueError):
            return b""
        return block if len(block) <= MAXIMUM_BLOCK_BYTES else b""

    @property
    def headers(self) -> Headers:
        """``icyheaders`` as if they had come from the source itself: text by Latin-1, one character for each byte."""
        return Headers(
            (name, value.encode("utf-8", "replace").decode("latin-1")) for name, value in self.icyheaders.items()
        )


NO_STREAM: Final = Listing(fragmentslist=(), icyint=NO_ICYINT, sourcegen=0)
"""What a store says that has never held anything."""


def title_text(block: bytes) -> str:
    """A metadata block, without its length byte, as ``icytitle`` carries it."""
    return base64.encodebytes(block).decode("ascii")


def encode_listing(listing: Listing) -> bytes:
    """The list as JSON, byte for byte as DiStreamer 2 would write it."""
    return json.dumps(listing.model_dump()).encode("ascii")


def parse_listing(data: bytes) -> Listing:
    """Raises ProtocolError that names the value and the limit; nothing else."""
    if len(data) > limits.LIST_BYTES:
        raise ProtocolError(f"a list of {len(data)} bytes is above the limit of {limits.LIST_BYTES}")
    try:
        return Listing.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part)[:_SHOWN_CHARACTERS] for part in first["loc"])
        where = f"the list's {place}" if place else "the list"
        # Our own checks name the value themselves.
        what = first["msg"].removeprefix("Value error, ")
        what += "" if first["type"] == "value_error" else f"; it is {_shown(first['input'])}"
        raise ProtocolError(f"{where} cannot be read: {what}") from None
