"""The end of a command's help: how it is used."""

from __future__ import annotations

from collections.abc import Mapping

WIDEST = 38
"""Columns for what is typed; what is longer has its explanation below, so that 80 columns are enough for all."""


def examples(lines: Mapping[str, str]) -> str:
    """For click's ``epilog``: what is typed, and what that does."""
    width = max((len(typed) for typed in lines if len(typed) <= WIDEST), default=4)
    return "\n".join(["\b", "Examples:", *(_line(typed, does, width) for typed, does in lines.items())])


def _line(typed: str, does: str, width: int) -> str:
    gap = f"\n{' ' * (width + 4)}" if len(typed) > width else "  "
    return f"  {typed:<{width}}{gap}{does}".rstrip()
