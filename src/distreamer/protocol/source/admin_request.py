"""Titles as encoders and automations send them: ``/admin/metadata`` of Icecast, ``/admin.cgi`` of SHOUTcast.

Everything is bytes until the charset is known: butt leaves raw 8-bit bytes in the request's target.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.charset import is_charset, one_line, repaired

MAXIMUM_TITLE_CHARACTERS = 2_000
"""A title is cut there; ICY metadata hold 4080 bytes."""
_JOINED = b" - "


def parse_form(encoded: bytes) -> dict[str, bytes]:
    """The fields of a query or a form; the first of a name wins.

    A piece without ``=`` belongs to the value before it: some encoders leave the ``&`` of a title as it is.
    """
    pairs: list[tuple[bytes, bytes]] = []
    for piece in encoded.strip().split(b"&"):
        name, equals, value = piece.partition(b"=")
        if equals:
            pairs.append((name, value))
        elif pairs and piece:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + b"&" + piece)
    fields: dict[str, bytes] = {}
    for name, value in pairs:
        fields.setdefault(_decoded(name).decode("latin-1").lower(), _decoded(value))
    return fields


def title_of(fields: dict[str, bytes], charset: str) -> Title:
    """The title that a metadata request sets; ``charset`` is tried when the request names none.

    ``song`` counts before ``artist`` and ``title``. Raises ProtocolError for a request that sets none.
    """
    mode = fields.get("mode", b"updinfo")
    if mode.lower() != b"updinfo":
        raise ProtocolError(f"mode is {one_line(repaired(mode))[:40]!r}; only updinfo, which sets the title, is served")
    song = fields.get("song")
    if song is None:
        if "artist" not in fields and "title" not in fields:
            raise ProtocolError("there is no title in it: give song, or artist and title")
        song = _JOINED.join(part for name in ("artist", "title") if (part := fields.get(name, b"").strip()))
    said = fields.get("charset", b"").decode("latin-1").strip()
    return Title(_text(song, said, charset), _text(fields.get("url", b""), said, charset))


def _text(value: bytes, said: str, charset: str) -> str:
    text = _strict(value, said)
    return one_line(repaired(value, charset) if text is None else text)[:MAXIMUM_TITLE_CHARACTERS].rstrip()


def _strict(value: bytes, said: str) -> str | None:
    """``value`` in the charset that the request names; None when it is not in it, or there is no such charset."""
    if not said or not is_charset(said):
        return None
    try:
        return value.decode(said).encode("utf-8", "replace").decode("utf-8")
    except (UnicodeError, LookupError):
        return None


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))
