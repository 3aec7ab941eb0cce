"""The end of a command's help: how it is used."""

from __future__ import annotations

from collections.abc import Mapping

GAP = 3
"""Spaces between a command and what it does."""


def examples(lines: Mapping[str, str]) -> str:
    """For click's ``epilog``: what is typed, and what that does."""
    width = max(map(len, lines)) + GAP
    return "\n".join(["\b", "Examples:", *(f"  {typed:<{width}}{does}".rstrip() for typed, does in lines.items())])
