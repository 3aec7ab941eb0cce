"""How several paths are, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from distreamer.model.status import LinkStatus
from distreamer.units import spoken_seconds


def paths_sentence(links: Sequence[LinkStatus]) -> str:
    """``path via wwan0 to studio.example:7080: down for 12 s; path via eth1 to studio.example:7080 carries``."""
    down = [f"path {link.path}: {_down_words(link)}" for link in links if not link.connected]
    up = [f"path {link.path} {'carries' if link.carries else 'stands by'}" for link in links if link.connected]
    return "; ".join(down + up)


def _down_words(link: LinkStatus) -> str:
    words = f"down for {spoken_seconds(round(link.silent_seconds))}"
    return f"{words} ({link.trouble})" if link.trouble else words
