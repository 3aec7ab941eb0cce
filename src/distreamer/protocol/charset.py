"""Text of strangers: titles and station names come in any charset, and nobody says in which."""

from __future__ import annotations

import re
import sys

DEFAULT_CHARSET = "cp1252"
"""What Western European and American encoders send when it is not UTF-8."""


def repaired(data: bytes, charset: str = DEFAULT_CHARSET) -> str:
    """``data`` as text: UTF-8 if it is valid UTF-8 throughout, else ``charset``, with U+FFFD for what has no
    meaning there. Never raises, and never gives text that cannot be encoded."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode(charset, "replace")
    except (UnicodeError, LookupError):
        text = data.decode("latin-1")
    # Some codecs (UTF-7) let lone surrogates through.
    return text.encode("utf-8", "replace").decode("utf-8")


def is_charset(name: str) -> bool:
    """Whether ``name`` is a charset that ``repaired`` can use."""
    try:
        # Four bytes, since UTF-16 and UTF-32 need as many.
        b"a\0\0\0".decode(name, "replace")
    except (UnicodeError, LookupError, ValueError):
        return False
    return True


_REFERENCE = re.compile(r"&#(\d{3,7});")


def without_references(text: str) -> str:
    """``text`` with its numeric character references resolved.

    Icecast 2.4 sends titles of MP3 mounts in Latin-1, and ``&#381;`` for each character that Latin-1 lacks. Only such
    are resolved.
    """

    def character(match: re.Match[str]) -> str:
        code = int(match[1])
        return chr(code) if 0xFF < code <= sys.maxunicode and not 0xD800 <= code < 0xE000 else match[0]

    return _REFERENCE.sub(character, text)


_REPLACED_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


def one_line(text: str) -> str:
    """``text`` with control characters and line breaks made spaces, and without spaces at its ends."""
    return text.translate(_REPLACED_CONTROLS).strip()
