"""The messages: their fields with all bounds, and their form on the wire."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import ConversationError, GoodbyeCode, broken_rule

CRITICAL_BIT = 0x80
"""An unknown type with this bit must not be ignored."""
_PREFIX_BYTES = 3


class Role(StrEnum):
    """What a peer is in a conversation."""

    SENDER = "sender"
    """Has a store."""
    RECEIVER = "receiver"
    """Wants it."""

    @property
    def other(self) -> Role:
        return Role.RECEIVER if self is Role.SENDER else Role.SENDER


def _read_epoch(value: object, info: ValidationInfo) -> object:
    if info.mode != "json":
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19 and str(int(value)) == value:
        return int(value)
    raise ValueError("an epoch is a string of decimal digits without leading zeros")


def _check_ranges(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    floor = 0
    for first, last in ranges:
        if first <= floor or last < first:
            raise ValueError("ranges are pairs [first, last] from 1 on, ascending")
        floor = last
    return ranges


Integer = Annotated[int, Field(ge=0, le=limits.LARGEST_INTEGER)]
Positive = Annotated[int, Field(ge=1, le=limits.LARGEST_INTEGER)]
EpochId = Annotated[
    int, BeforeValidator(_read_epoch), Field(ge=0, le=limits.LARGEST_EPOCH), PlainSerializer(str, return_type=str)
]
Ranges = Annotated[
    tuple[tuple[Positive, Positive], ...], Field(max_length=limits.HELD_RANGES), AfterValidator(_check_ranges)
]
"""Closed ranges of fragment numbers, ascending, with holes between them."""
Seconds = Annotated[float, Field(ge=0, le=1e9)]
WantedSeconds = Annotated[float, Field(ge=0, le=limits.WANTED_SECONDS)]
Text = Annotated[str, Field(max_length=limits.TEXT_CHARACTERS)]
Name = Annotated[str, Field(min_length=1, max_length=limits.NAME_CHARACTERS)]
Version = tuple[Integer, Integer]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Fields(BaseModel):
    # Texts differ from message to message, so remembering them would only cost; the keys repeat.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False, cache_strings="keys")


class Message(_Fields):
    """The header of a message; ``TYPE`` is the first byte on the wire."""

    TYPE: ClassVar[int]
    NAME: ClassVar[str]


class KnownSession(_Fields):
    """One with which a dialler goes on."""

    id: Name
    use: Positive
    proof: Text


class NewSession(_Fields):
    """One with which a dialler may go on."""

    id: Name
    uses: Positive


class PathFields(_Fields):
    """One of the paths of a dialler that has several."""

    party: Name
    """The same for all of them."""
    name: Text
    rank: Annotated[int, Field(ge=0, lt=limits.PATHS)]
    """The preferred one is 0."""
    multipath: Name
    """How they are to be used."""


class Hello(Message):
    TYPE = 0x01
    NAME = "hello"
    version: Version = limits.VERSION
    role: Role
    node: Name
    agent: Text
    scram: Text | None = None
    session: KnownSession | None = None
    path: PathFields | None = None


class Challenge(Message):
    TYPE = 0x02
    NAME = "challenge"
    scram: Text


class Proof(Message):
    TYPE = 0x03
    NAME = "proof"
    scram: Text


class Welcome(Message):
    TYPE = 0x04
    NAME = "welcome"
    version: Version = limits.VERSION
    node: Name
    agent: Text
    scram: Text | None = None
    session: NewSession | None = None
    resumed: Text | None = None


class Goodbye(Message):
    TYPE = 0x05
    NAME = "goodbye"
    code: Name
    reason: Text


class Newest(_Fields):
    epoch: EpochId
    number: Positive


class Ping(Message):
    TYPE = 0x06
    NAME = "ping"
    id: Integer
    newest: Newest | None = None
    budget_seconds: Seconds | None = None
    buffer_seconds: Seconds | None = None


class Pong(Message):
    TYPE = 0x07
    NAME = "pong"
    id: Integer


class Holding(_Fields):
    epoch: EpochId
    ranges: Ranges


class SharedNumbers(_Fields):
    """What is wanted from this sender of an epoch, up to ``last``."""

    epoch: EpochId
    last: Positive
    ranges: Ranges


Ranged = TypeVar("Ranged", Holding, SharedNumbers)


def _check_holdings(holdings: tuple[Ranged, ...]) -> tuple[Ranged, ...]:
    ranges = sum(len(holding.ranges) for holding in holdings)
    if ranges > limits.HELD_RANGES:
        raise ValueError(f"{ranges} ranges are more than {limits.HELD_RANGES}")
    return holdings


class Share(_Fields):
    """Which part of what is wanted is wanted from this sender."""

    of: Annotated[int, Field(ge=1, le=limits.SHARE_PARTS)]
    parts: Annotated[tuple[Integer, ...], Field(max_length=limits.SHARE_PARTS)]
    numbers: Annotated[
        tuple[SharedNumbers, ...], Field(max_length=limits.HELD_EPOCHS), AfterValidator(_check_holdings)
    ] = ()

    @model_validator(mode="after")
    def _parts_are_below(self) -> Self:
        if any(part >= self.of for part in self.parts) or list(self.parts) != sorted(set(self.parts)):
            raise ValueError(f"parts are integers below {self.of}, ascending")
        return self

    def names(self, epoch: int, number: int) -> bool:
        """Whether that fragment is of those that are told one by one."""
        return any(one.epoch == epoch and number <= one.last for one in self.numbers)

    def wants(self, epoch: int, number: int) -> bool:
        """Whether that fragment belongs to the part."""
        for one in self.numbers:
            if one.epoch == epoch and number <= one.last:
                return any(first <= number <= last for first, last in one.ranges)
        return number % self.of in self.parts


class Want(Message):
    TYPE = 0x10
    NAME = "want"
    holdings: Annotated[tuple[Holding, ...], Field(max_length=limits.HELD_EPOCHS), AfterValidator(_check_holdings)]
    back_seconds: WantedSeconds
    resume_seconds: WantedSeconds
    share: Share | None = None


class Have(Message):
    TYPE = 0x11
    NAME = "have"
    epoch: EpochId
    ranges: Ranges


class StationFields(_Fields):
    name: Text = ""
    description: Text = ""
    genre: Text = ""
    url: Text = ""
    public: bool | None = None


class EpochDescription(Message):
    TYPE = 0x20
    NAME = "epoch"
    epoch: EpochId
    codec: Name
    clock_rate: Positive
    sample_rate: Integer = 0
    channels: Integer = 0
    profile: Text = ""
    bitrate: Integer = 0
    content_type: Text
    station: StationFields = StationFields()
    legacy_fragment_bytes: Integer = 0
    first: Positive | None = None
    last: Positive | None = None


class SetupHead(Message):
    TYPE = 0x21
    NAME = "setup"
    size: Annotated[int, Field(ge=1, le=limits.SETUP_BYTES)]
    digest: Digest


class TitleFields(_Fields):
    text: Text
    url: Text = ""


class TitleMarkFields(_Fields):
    offset: Integer
    title: TitleFields


class FragmentHead(Message):
    TYPE = 0x22
    NAME = "fragment"
    epoch: EpochId
    number: Positive
    start: Integer
    duration: Positive
    captured_at: float
    title: TitleFields | None = None
    title_marks: Annotated[tuple[TitleMarkFields, ...], Field(max_length=limits.TITLE_MARKS)] = ()
    setup: bool = False
    discontinuity: bool = False
    size: Annotated[int, Field(ge=1, le=limits.FRAGMENT_BYTES)]
    digest: Digest


class Piece(Message):
    TYPE = 0x23
    NAME = "piece"


MESSAGES: Final[tuple[type[Message], ...]] = (
    Hello, Challenge, Proof, Welcome, Goodbye, Ping, Pong, Want, Have, EpochDescription, SetupHead, FragmentHead, Piece,
)  # fmt: skip
_BY_TYPE: Final = {message.TYPE: message for message in MESSAGES}


Fields = TypeVar("Fields", bound=_Fields)


class _AnyVersion(_Fields):
    """What every version's ``hello`` and ``welcome`` have in common."""

    version: Version


def encode(message: Message, payload: bytes = b"") -> bytes:
    """The message as it goes on the wire. Raises ProtocolError beyond the limits."""
    header = message.model_dump_json(exclude_none=True).encode()
    if len(header) > limits.HEADER_BYTES:
        raise broken_rule(f"a header of {len(header)} bytes is above the limit of {limits.HEADER_BYTES}")
    size = _PREFIX_BYTES + len(header) + len(payload)
    if size > limits.MESSAGE_BYTES:
        raise broken_rule(f"a message of {size} bytes is above the limit of {limits.MESSAGE_BYTES}")
    return bytes((message.TYPE,)) + len(header).to_bytes(2, "big") + header + payload


def decode(data: bytes) -> tuple[Message | None, bytes]:
    """The message and its payload; None for a message of an unknown type that may be ignored.

    Raises ConversationError, a ProtocolError, that names the value and the limit; nothing else.
    """
    if len(data) > limits.MESSAGE_BYTES:
        raise broken_rule(f"a message of {len(data)} bytes is above the limit of {limits.MESSAGE_BYTES}")
    if len(data) < _PREFIX_BYTES:
        raise broken_rule(f"a message of {len(data)} bytes is cut off: it has at least {_PREFIX_BYTES}")
    kind = _BY_TYPE.get(data[0])
    if kind is None:
        if data[0] & CRITICAL_BIT:
            raise ConversationError(GoodbyeCode.UNSUPPORTED, f"the message type 0x{data[0]:02x} is unknown here")
        return None, b""
    length = int.from_bytes(data[1:_PREFIX_BYTES], "big")
    end = _PREFIX_BYTES + length
    if length > limits.HEADER_BYTES:
        raise broken_rule(f"{kind.NAME}: a header of {length} bytes is above the limit of {limits.HEADER_BYTES}")
    if len(data) < end:
        raise broken_rule(f"{kind.NAME}: a header of {length} bytes is cut off after {len(data) - _PREFIX_BYTES}")
    header = data[_PREFIX_BYTES:end]
    if kind in (Hello, Welcome):
        _check_version(kind, header)
    return _validated(kind, kind.NAME, header), data[end:]


def _check_version(kind: type[Message], header: bytes) -> None:
    theirs, ours = _validated(_AnyVersion, kind.NAME, header).version, limits.VERSION
    if theirs[0] != ours[0]:
        raise ConversationError(
            GoodbyeCode.VERSION,
            f"version {theirs[0]}.{theirs[1]} there and {ours[0]}.{ours[1]} here do not talk to each other",
        )


def _validated(kind: type[Fields], name: str, header: bytes) -> Fields:
    try:
        return kind.model_validate_json(header)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "header"
        raise broken_rule(f"{name}: {place}: {first['msg']}; it is {_shown(first['input'])}") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"
