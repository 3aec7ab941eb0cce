"""What each message must look like by the tables of docs/protocol.md; see ``independent_peer``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, NoReturn, TypeAlias

from tests.support.independent_wire import Header, Message, Type, unpack

Check: TypeAlias = Callable[[Any], bool]

MOST_MESSAGE_BYTES = 65_536
MOST_HEADER_BYTES = 32_768
MOST_PIECE_BYTES = 4_096
MOST_RANGES = 256
KNOWN = frozenset(Type)


class BrokenRule(Exception):  # noqa: N818 - the name of what happened
    """The other side broke a rule of the document; ``code`` is that of the goodbye."""

    def __init__(self, reason: str, code: str = "protocol") -> None:
        super().__init__(reason)
        self.code = code


class Presence(Enum):
    """Whether a field may be missing."""

    REQUIRED = "must be there"
    DEFAULT = "may be absent"
    OPTIONAL = "may be absent or null"


def _integer(low: int = 0, high: int = 2**53 - 1) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _seconds(high: float) -> Check:
    return lambda value: type(value) in (int, float) and math.isfinite(value) and 0 <= value <= high


def _text(high: int = 1_024, low: int = 0) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, str) and low <= len(value) <= high and not re.search("[\ud800-\udfff]", value)

    return check


def _epoch(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("0|[1-9][0-9]{0,18}", value)) and int(value) < 2**63


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _version(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_integer(), value))


def _digest(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{32}", value))


def _ranges(value: Any) -> bool:
    if not isinstance(value, list) or len(value) > MOST_RANGES:
        return False
    before = 0
    for each in value:
        if not isinstance(each, list) or len(each) != 2 or not all(map(_integer(1), each)):
            return False
        if not before < each[0] <= each[1]:
            return False
        before = each[1]
    return True


def _shape(**fields: tuple[Presence, Check]) -> Check:
    return lambda value: isinstance(value, dict) and _fault(value, fields) is None


def _fault(header: Header, fields: dict[str, tuple[Presence, Check]]) -> str | None:
    """The name of the first field that breaks a rule."""
    for name, (presence, check) in fields.items():
        if name not in header:
            fine = presence is not Presence.REQUIRED
        elif header[name] is None and presence is Presence.OPTIONAL:
            fine = True
        else:
            fine = check(header[name])
        if not fine:
            return name
    return None


def _holdings(value: Any) -> bool:
    one = _shape(epoch=(NEEDED, _epoch), ranges=(NEEDED, _ranges))
    return (
        isinstance(value, list)
        and len(value) <= 16
        and all(map(one, value))
        and sum(len(each["ranges"]) for each in value) <= MOST_RANGES
    )


NEEDED, DEFAULT, OPTIONAL = Presence
TITLE = _shape(text=(NEEDED, _text()), url=(DEFAULT, _text()))
MARK = _shape(offset=(NEEDED, _integer()), title=(NEEDED, TITLE))
STATION = _shape(
    **dict.fromkeys(("name", "description", "genre", "url"), (DEFAULT, _text())), public=(OPTIONAL, _truth)
)
SCRAM = _text()
FIELDS: dict[int, dict[str, tuple[Presence, Check]]] = {
    Type.HELLO: {
        "version": (NEEDED, _version),
        "role": (NEEDED, lambda value: value in ("sender", "receiver")),
        "node": (NEEDED, _text(64, 1)),
        "agent": (NEEDED, _text()),
        "scram": (OPTIONAL, SCRAM),
    },
    Type.CHALLENGE: {"scram": (NEEDED, SCRAM)},
    Type.PROOF: {"scram": (NEEDED, SCRAM)},
    Type.WELCOME: {
        "version": (NEEDED, _version),
        "node": (NEEDED, _text(64, 1)),
        "agent": (NEEDED, _text()),
        "scram": (OPTIONAL, SCRAM),
    },
    Type.GOODBYE: {"code": (NEEDED, _text(64)), "reason": (NEEDED, _text())},
    Type.PING: {
        "id": (NEEDED, _integer()),
        "newest": (OPTIONAL, _shape(epoch=(NEEDED, _epoch), number=(NEEDED, _integer(1)))),
        "budget_seconds": (OPTIONAL, _seconds(1e9)),
        "buffer_seconds": (OPTIONAL, _seconds(1e9)),
    },
    Type.PONG: {"id": (NEEDED, _integer())},
    Type.WANT: {
        "holdings": (NEEDED, _holdings),
        **dict.fromkeys(("back_seconds", "resume_seconds"), (NEEDED, _seconds(86_400))),
    },
    Type.HAVE: {"epoch": (NEEDED, _epoch), "ranges": (NEEDED, _ranges)},
    Type.EPOCH: {
        "epoch": (NEEDED, _epoch),
        "codec": (NEEDED, _text(64)),
        "clock_rate": (NEEDED, _integer(1)),
        **dict.fromkeys(("sample_rate", "channels", "bitrate", "legacy_fragment_bytes"), (DEFAULT, _integer())),
        "profile": (DEFAULT, _text()),
        "content_type": (NEEDED, _text()),
        "station": (DEFAULT, STATION),
        **dict.fromkeys(("first", "last"), (OPTIONAL, _integer())),
    },
    Type.SETUP: {"size": (NEEDED, _integer(1, 1_048_576)), "digest": (NEEDED, _digest)},
    Type.FRAGMENT: {
        "epoch": (NEEDED, _epoch),
        "number": (NEEDED, _integer(1)),
        "start": (NEEDED, _integer()),
        "duration": (NEEDED, _integer(1)),
        "captured_at": (NEEDED, lambda value: type(value) in (int, float) and math.isfinite(value)),
        "title": (OPTIONAL, TITLE),
        "title_marks": (DEFAULT, lambda value: isinstance(value, list) and len(value) <= 16 and all(map(MARK, value))),
        "setup": (DEFAULT, _truth),
        "discontinuity": (DEFAULT, _truth),
        "size": (NEEDED, _integer(1, 2_097_152)),
        "digest": (NEEDED, _digest),
    },
    Type.PIECE: {},
}


def _no_constant(name: str) -> NoReturn:
    raise BrokenRule(f"{name} is no JSON")


def checked(data: bytes) -> Message | None:
    """A message that keeps all rules for its form; None for an unknown one that may be ignored."""
    if len(data) > MOST_MESSAGE_BYTES or int.from_bytes(data[1:3], "big") > MOST_HEADER_BYTES:
        raise BrokenRule("the message is too long")
    try:
        message = unpack(data)
        json.loads(data[3 : 3 + int.from_bytes(data[1:3], "big")], parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BrokenRule(str(error)) from error
    if message.type not in KNOWN:
        if message.type >= 0x80:
            raise BrokenRule(f"type {message.type}", "unsupported")
        return None
    version = message.header.get("version") if message.type in (Type.HELLO, Type.WELCOME) else None
    if version is not None and _version(version) and version[0] != 3:
        raise BrokenRule(f"{version} is not [3, 0]", "version")
    fault = _fault(message.header, FIELDS[message.type])
    if fault:
        raise BrokenRule(f"{fault} of {Type(message.type).name} is {message.header.get(fault)!r}")
    if message.type == Type.PIECE and not 1 <= len(message.payload) <= MOST_PIECE_BYTES:
        raise BrokenRule(f"a piece of {len(message.payload)} bytes")
    places = [mark["offset"] for mark in message.header.get("title_marks", ())] if message.type == Type.FRAGMENT else []
    if places and (places != sorted(set(places)) or places[-1] >= message.header["size"]):
        raise BrokenRule(f"title marks at {places} of {message.header['size']} bytes")
    return message
