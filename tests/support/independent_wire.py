"""The values of a second DiStreamer 3 peer: its messages, its SCRAM, its digests; see ``independent_peer``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stringprep
import struct
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

Header: TypeAlias = dict[str, Any]
Name: TypeAlias = tuple[int, int]
"""Epoch and number of a fragment."""


class Type(IntEnum):
    """The message types of the document."""

    HELLO, CHALLENGE, PROOF, WELCOME, GOODBYE, PING, PONG = range(0x01, 0x08)
    WANT, HAVE = 0x10, 0x11
    EPOCH, SETUP, FRAGMENT, PIECE = range(0x20, 0x24)


class Message(NamedTuple):
    """One WebSocket message, taken apart."""

    type: int
    header: Header
    payload: bytes = b""


def pack(message: Message) -> bytes:
    """The bytes of a message."""
    header = json.dumps(message.header, separators=(",", ":"), ensure_ascii=False).encode()
    return struct.pack(">BH", message.type, len(header)) + header + message.payload


def unpack(data: bytes) -> Message:
    """A message from its bytes; ValueError when they are none."""
    if len(data) < 3 or len(data) < 3 + int.from_bytes(data[1:3], "big"):
        raise ValueError("the message is cut off")
    end = 3 + int.from_bytes(data[1:3], "big")
    header = json.loads(data[3:end])
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return Message(data[0], header, data[end:])


# -- SCRAM-SHA-256, RFC 5802 section 3


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def attributes(message: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in message.split(",")}


@dataclass(frozen=True)
class Scram:
    """What both sides compute from the password and the messages so far."""

    password: str
    first_bare: str
    server_first: str
    final_bare: str

    def _salted(self) -> bytes:
        """Hi() of the password after SASLprep (RFC 4013, without its prohibitions)."""
        spaced = (" " if stringprep.in_table_c12(char) else char for char in self.password)
        kept = "".join(char for char in spaced if not stringprep.in_table_b1(char))
        prepared = unicodedata.normalize("NFKC", kept).encode()
        server = attributes(self.server_first)
        return hashlib.pbkdf2_hmac("sha256", prepared, base64.b64decode(server["s"]), int(server["i"]))

    def _signature(self, key: bytes) -> bytes:
        return _mac(key, ",".join((self.first_bare, self.server_first, self.final_bare)))

    def client_final(self) -> str:
        client_key = _mac(self._salted(), "Client Key")
        signature = self._signature(hashlib.sha256(client_key).digest())
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        return f"{self.final_bare},p={base64.b64encode(proof).decode()}"

    def server_final(self) -> str:
        return f"v={base64.b64encode(self._signature(_mac(self._salted(), 'Server Key'))).decode()}"


# -- the programme


def digest_of(data: bytes) -> bytes:
    """The digest of a body."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _title_bytes(title: Mapping[str, str]) -> bytes:
    texts = (title["text"].encode(), title.get("url", "").encode())
    return b"".join(struct.pack(">I", len(text)) + text for text in texts)


@dataclass(frozen=True)
class Song:
    """A fragment: the fields of its message that describe it, its audio, and its set-up headers."""

    header: Header
    """Without ``setup``, ``size`` and ``digest``."""
    audio: bytes
    setup: bytes = b""

    @property
    def name(self) -> Name:
        return int(self.header["epoch"]), self.header["number"]

    def digest(self) -> str:
        head, title, marks = self.header, self.header.get("title"), self.header.get("title_marks", [])
        numbers = (*self.name, head["start"], head["duration"], head["captured_at"], head.get("discontinuity", False))
        parts = [struct.pack(">QQQQd?", *numbers), digest_of(self.setup) if self.setup else bytes(16)]
        parts += [b"\1", _title_bytes(title)] if title else [b"\0"]
        parts += [struct.pack(">I", len(marks))]
        parts += [struct.pack(">I", mark["offset"]) + _title_bytes(mark["title"]) for mark in marks]
        return digest_of(b"".join(parts) + self.audio).hex()

    def announcement(self) -> Header:
        described = {"setup": bool(self.setup), "size": len(self.audio), "digest": self.digest()}
        return self.header | described


def ranges_of(numbers: Iterable[int]) -> list[list[int]]:
    """Closed ranges, ascending."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
