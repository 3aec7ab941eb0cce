"""Text of strangers inside XML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NO_CHARACTERS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot say, not even escaped (XML 1.0, section 2.2)."""


def xml_text(text: str) -> str:
    """``text`` as it may stand in an element or an attribute."""
    return escape(_NO_CHARACTERS.sub("\ufffd", text), {'"': "&quot;"})


def elements(values: Iterable[tuple[str, object]]) -> str:
    """``<name>value</name>`` for each pair."""
    return "".join(f"<{name}>{xml_text(str(value))}</{name}>" for name, value in values)
