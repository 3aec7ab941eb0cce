"""Which kinds of events an alert tells, as it stands in EVENTS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from distreamer.config.wording import did_you_mean, shown

ALL = "problems"
"""Stands for all kinds."""
_PATTERN = re.compile(r"[a-z0-9_*]+")


def check_events(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it names no kinds of events."""
    patterns = event_patterns(text)
    wrong = next((pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)), "")
    if wrong or not patterns:
        said = f", and not {shown(wrong)}" if wrong else ""
        raise ValueError(f"must be {ALL}, or kinds of events with commas between them, such as link_*{said}")
    return text


def event_patterns(text: str) -> tuple[str, ...]:
    """The kinds in ``text``, in lower case, with ``*`` for any letters."""
    patterns = (part.strip().lower() for part in text.split(","))
    return tuple("*" if pattern == ALL else pattern for pattern in patterns if pattern)


def is_chosen(kind: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of ``patterns`` means that kind of event."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)


def event_faults(text: str, events: Mapping[str, str]) -> list[str]:
    """What of ``text`` means no event, in words; ``events`` are those that begin, each with the one that ends it."""
    faults: list[str] = []
    for pattern in event_patterns(text):
        if any(is_chosen(kind, (pattern,)) for kind in events):
            continue
        begins = next((kind for kind, ends in events.items() if is_chosen(ends, (pattern,))), None)
        if begins is not None:
            faults.append(f"{pattern} is the end of {begins}: name that; RESOLVED says whether its end is told")
        else:
            guess = did_you_mean(pattern, events) or "; docs/reference/events.md lists them"
            faults.append(f"there is no event {shown(pattern)}{guess}")
    return faults
