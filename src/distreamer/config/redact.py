"""Passwords stay out of everything that is shown."""

from __future__ import annotations

import re

HIDDEN = "***"
"""What is shown in the place of a password."""

_CREDENTIALS = re.compile(r"(://[^/?#\s:@]*):[^/?#\s]*@")


def redacted_url(text: str) -> str:
    """``text``, a URL or a sentence with URLs in it, with ``***`` for each ``user:password@``'s password."""
    return _CREDENTIALS.sub(rf"\1:{HIDDEN}@", text)
