"""How messages show what people wrote, and guess what they meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from distreamer.config.redact import redacted_url

LONGEST_SHOWN = 80
"""Characters of a value that a message repeats."""


def printable(text: str) -> str:
    """``text`` with everything that could break a line or steer a terminal written as an escape (``\\n``)."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shown(text: str) -> str:
    """What someone wrote, fit for a message: printable, without passwords, cut to LONGEST_SHOWN."""
    text = printable(redacted_url(text))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``word`` was most likely meant to be, in whatever case; None when none is near."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower()[:LONGEST_SHOWN], by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], form: str = "{}") -> str:
    """``; did you mean X?``, or nothing; ``form`` says how X is written."""
    guess = nearest(word, known)
    return f"; did you mean {form.format(guess)}?" if guess else ""
