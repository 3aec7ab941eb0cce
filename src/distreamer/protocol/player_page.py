"""The page that browsers get at ``/``: the station's name, what is on air, and a player.

It is one file without anything from elsewhere; its policy lets nothing else in, and no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib import resources

from distreamer.protocol.listener_playlists import station_name
from distreamer.protocol.listener_replies import Fields
from distreamer.protocol.mount import stream_path
from distreamer.protocol.server_view import ServerView

_FILE = "player_page.html"
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_LINK = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)


def player_page(view: ServerView) -> tuple[str, Fields]:
    """The page and its header fields. Its addresses are relative, so that it works behind a proxy in any folder."""
    template, policy = _template()
    station = view.info.station if view.info else None
    path = stream_path(view, key=True)
    values = {
        "name": station_name(view),
        "description": station.description if station else "",
        "home": station.url if station and _LINK.fullmatch(station.url) else "",
        "title": view.title(),
        "stream": f".{path}",
        "query": "".join(path.partition("?")[1:]),
    }
    page = _PLACE.sub(lambda place: html.escape(values[place[1]]), template)
    fields = (
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    )
    return page, fields


@cache
def _template() -> tuple[str, str]:
    """The page with places for what changes, and its policy (W3C Content Security Policy 3)."""
    text = (resources.files("distreamer.protocol") / _FILE).read_text(encoding="utf-8")
    policy = (
        "default-src 'none'",
        f"script-src {_digest(text, 'script')}",
        f"style-src {_digest(text, 'style')}",
        "img-src data:",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return text, "; ".join(policy)


def _digest(text: str, tag: str) -> str:
    content = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
