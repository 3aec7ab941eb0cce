"""ICY metadata: titles inside the audio, a block after every ``icy-metaint`` bytes.

A block is one byte that counts units of 16 bytes, then that many units of ``StreamTitle='…';StreamUrl='…';``
filled up with NUL (SHOUTcast 1; never specified, this is what Winamp, VLC and Icecast agree on).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.charset import DEFAULT_CHARSET, one_line, repaired, without_references

UNIT_BYTES = 16
MAXIMUM_BLOCK_BYTES = 255 * UNIT_BYTES
"""Without the length byte."""
MAXIMUM_METAINT = 16_777_216
"""Bytes; a server that announces more is mistaken."""
MAXIMUM_URL_BYTES = 1_000
"""A StreamUrl that is longer is left out of a block, so that the title keeps its place."""

# A value ends at a quote and semicolon that the next key or the end follows: titles hold both characters. One
# that lost its end goes as far as the block. The block's padding is stripped before.
_VALUE = rb"\s*=\s*'(.*?)(?:';(?=\s*[A-Za-z][A-Za-z0-9_-]*=|\Z)|'?;?\Z)"
_TITLE = re.compile(rb"StreamTitle" + _VALUE, re.DOTALL | re.IGNORECASE)
_URL_BEHIND = re.compile(rb"';\s*StreamUrl" + _VALUE, re.DOTALL | re.IGNORECASE)
_URL_IN_FRONT = re.compile(rb"\s*StreamUrl" + _VALUE, re.DOTALL | re.IGNORECASE)
_PADDING = b"\0 \t\r\n"


@dataclass(frozen=True, slots=True)
class Audio:
    """Bytes between two metadata blocks, or a part of them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MetadataBlock:
    """A block that is not empty, without its length byte, with its NULs."""

    data: bytes


IcyEvent = Audio | MetadataBlock


class IcyDemuxer:
    """Takes the metadata out of a stream whose server announced ``metaint`` (bytes; 0 = there is no metadata)."""

    def __init__(self, metaint: int) -> None:
        if not 0 <= metaint <= MAXIMUM_METAINT:
            raise ProtocolError(f"icy-metaint is {metaint}; it must lie between 0 and {MAXIMUM_METAINT}")
        self._metaint = metaint
        self._audio_left = metaint
        self._block_left = 0
        self._block = bytearray()

    def feed(self, data: bytes) -> list[IcyEvent]:
        """What ``data`` brings, in order; a block once it is whole."""
        if self._metaint == 0:
            return [Audio(data)] if data else []
        events: list[IcyEvent] = []
        place = 0
        while place < len(data):
            if self._block_left:
                piece = data[place : place + self._block_left]
                self._block += piece
                self._block_left -= len(piece)
                if not self._block_left:
                    events.append(MetadataBlock(bytes(self._block)))
                    self._block.clear()
                    self._audio_left = self._metaint
            elif self._audio_left:
                piece = data[place : place + self._audio_left]
                self._audio_left -= len(piece)
                events.append(Audio(piece))
            else:
                piece = data[place : place + 1]
                self._block_left = piece[0] * UNIT_BYTES
                if not self._block_left:
                    self._audio_left = self._metaint
            place += len(piece)
        return events


def parse_metadata(block: bytes, charset: str = DEFAULT_CHARSET) -> Title | None:
    """The title that ``block`` sets; None when it sets none (an empty or a broken block: nothing changes).

    ``StreamTitle='';`` sets the empty title. A value that lost its end is taken as far as it goes.
    """
    text = block.rstrip(_PADDING)
    found = _TITLE.search(text)
    if found is None:
        return None
    url = _URL_BEHIND.search(text, found.end(1)) or _URL_IN_FRONT.match(text)
    return Title(
        text=_said(found[1], charset),
        url=_said(url[1], charset) if url else "",
    )


def encode_metadata(title: Title) -> bytes:
    """The block that sets ``title``, with its length byte: at most 1 + 4080 bytes, in UTF-8.

    A title that does not fit is cut at a character. What players would take for the end of the value, and what
    would break a line, is made harmless.
    """
    url = _harmless(title.url)
    tail = b"';StreamUrl='" + url + b"';" if 0 < len(url) <= MAXIMUM_URL_BYTES else b"';"
    head = b"StreamTitle='"
    text = _cut(_harmless(title.text), MAXIMUM_BLOCK_BYTES - len(head) - len(tail))
    payload = head + text + tail
    units = -(-len(payload) // UNIT_BYTES)
    return bytes([units]) + payload.ljust(units * UNIT_BYTES, b"\0")


def _said(value: bytes, charset: str) -> str:
    return one_line(without_references(repaired(value, charset)))


def _harmless(text: str) -> bytes:
    # Most players take the first quote that a semicolon follows for the end, whatever comes after.
    return one_line(text).replace("';", "’;").encode("utf-8", "replace")


def _cut(text: bytes, limit: int) -> bytes:
    return text if len(text) <= limit else text[:limit].decode("utf-8", "ignore").encode("utf-8")
