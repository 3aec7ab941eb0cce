"""Playlists that stand in for a stream's address: M3U, PLS and XSPF."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from xml.etree import ElementTree

from distreamer.errors import ProtocolError
from distreamer.protocol.charset import repaired
from distreamer.protocol.stream_url import StreamUrl

MAXIMUM_PLAYLIST_BYTES = 262_144
MAXIMUM_ENTRIES = 20
"""Entries that are used: they are tried one after the other, so more would only take longer to fail."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SNIFFED_BYTES = 16
"""How much of a body ``recognised`` needs to see."""


class PlaylistFormat(StrEnum):
    """The formats that are read."""

    M3U = "M3U"
    PLS = "PLS"
    XSPF = "XSPF"


_BY_TYPE = {
    "audio/x-mpegurl": PlaylistFormat.M3U,
    "audio/mpegurl": PlaylistFormat.M3U,
    "application/x-mpegurl": PlaylistFormat.M3U,
    "application/vnd.apple.mpegurl": PlaylistFormat.M3U,
    "audio/x-scpls": PlaylistFormat.PLS,
    "audio/scpls": PlaylistFormat.PLS,
    "application/pls+xml": PlaylistFormat.PLS,
    "application/xspf+xml": PlaylistFormat.XSPF,
}
_BY_EXTENSION = {
    ".m3u": PlaylistFormat.M3U,
    ".m3u8": PlaylistFormat.M3U,
    ".pls": PlaylistFormat.PLS,
    ".xspf": PlaylistFormat.XSPF,
}
_PLS_FILE = re.compile(r"File(\d{1,6})\s*=\s*(.+)", re.IGNORECASE)
_DOCUMENT_TYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def says_little(content_type: str) -> bool:
    """Whether a body of that type may be a playlist as well as audio, so that its beginning must be looked at."""
    kind = _essence(content_type)
    return kind in {"", "application/octet-stream", "unknown/unknown"} or kind.startswith("text/") or "xml" in kind


def recognised(content_type: str, target: str, beginning: bytes = b"") -> PlaylistFormat | None:
    """Which playlist a body is: by its type; where that says little by the address's extension, then by the body's
    first bytes. None for what is no playlist."""
    by_type = _BY_TYPE.get(_essence(content_type))
    if by_type or not says_little(content_type):
        return by_type
    path = target.partition("?")[0].lower()
    by_extension = next((found for ending, found in _BY_EXTENSION.items() if path.endswith(ending)), None)
    return by_extension or _sniffed(beginning, content_type)


def parse_playlist(form: PlaylistFormat, body: bytes, base: StreamUrl, charset: str = "cp1252") -> list[StreamUrl]:
    """The addresses in a playlist that was found at ``base``, in order, at most 20, at least one.

    Raises ProtocolError for an HLS playlist, for XML with a document type, and when no http address is in it.
    """
    if len(body) > MAXIMUM_PLAYLIST_BYTES:
        raise ProtocolError(f"the playlist is longer than {MAXIMUM_PLAYLIST_BYTES} bytes")
    text = repaired(body.removeprefix(BYTE_ORDER_MARK), charset)
    entries = {
        PlaylistFormat.M3U: _m3u_entries,
        PlaylistFormat.PLS: _pls_entries,
        PlaylistFormat.XSPF: _xspf_entries,
    }[form](text)
    found = _followed(entries, base)
    if not found:
        raise ProtocolError(f"the {form} playlist names no http or https address")
    return found


def _followed(entries: Iterable[str], base: StreamUrl) -> list[StreamUrl]:
    found: list[StreamUrl] = []
    for entry in entries:
        if len(found) >= MAXIMUM_ENTRIES:
            break
        try:
            url = base.follow(entry)
        except ProtocolError:
            # Another entry may be of use: playlists name mms: and rtsp: addresses beside http: ones.
            continue
        if url not in found:
            found.append(url)
    return found


def _m3u_entries(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    if any(line.startswith("#EXT-X-") for line in lines):
        raise ProtocolError(
            "this is an HLS playlist, which is cut into files; give the address of the continuous stream instead"
        )
    return [line for line in lines if line and not line.startswith("#")]


def _pls_entries(text: str) -> list[str]:
    matches = [match for line in text.splitlines() if (match := _PLS_FILE.fullmatch(line.strip()))]
    return [match[2].strip() for match in sorted(matches, key=lambda match: int(match[1]))]


def _xspf_entries(text: str) -> list[str]:
    # Only a document type can declare entities, and no playlist needs one: with it go all attacks by expansion.
    if _DOCUMENT_TYPE.search(text):
        raise ProtocolError("the XSPF playlist declares a document type, which is not taken")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise ProtocolError(f"the XSPF playlist is no XML ({error})") from error
    return [element.text for element in root.iterfind(".//{*}track/{*}location") if element.text]


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _sniffed(beginning: bytes, content_type: str) -> PlaylistFormat | None:
    start = beginning.removeprefix(BYTE_ORDER_MARK).lstrip().lower()
    if start.startswith(b"#extm3u"):
        return PlaylistFormat.M3U
    if start.startswith(b"[playlist]"):
        return PlaylistFormat.PLS
    if start.startswith((b"<?xml", b"<playlist")) and "html" not in content_type:
        return PlaylistFormat.XSPF
    if start.startswith((b"http://", b"https://")):
        return PlaylistFormat.M3U
    return None
