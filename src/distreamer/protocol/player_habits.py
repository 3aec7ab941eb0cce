"""What a request gives away about the player behind it. Players are older than any specification of what they speak,
so each rule here names who needs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from distreamer.model.audio import Codec
from distreamer.protocol.http1 import RequestHead

ICY_PLAYERS = ("shoutcastsource", "Windows-Media-Player", "RealMedia", "BlackBerry")
"""Parts of the User-Agents that want ``ICY 200 OK`` (Icecast-KH, ``apply_client_tweaks``). All others get HTTP:
browsers, curl, Go and most libraries refuse ICY."""
ENDINGS = {
    Codec.MPEG: (b".mp3", b".mp2"),
    Codec.AAC: (b".aac",),
    Codec.VORBIS: (b".ogg", b".oga"),
    Codec.OPUS: (b".opus", b".ogg", b".oga"),
    Codec.FLAC: (b".flac", b".ogg", b".oga"),
    Codec.OGG: (b".ogg", b".oga"),
    Codec.OPAQUE: (),
}
"""Endings by which a stream may be asked for. The first is the usual one."""
PROBE_BYTES = 1024
"""Who asks for less than this of a stream wants to see what it is, and comes again to listen."""

_PROBE = re.compile(r"bytes=0-(\d{1,9})")
_PAGE_DESTINATIONS = frozenset({"document", "iframe", "frame", "object", "embed"})
_PLAYERS_THAT_SAY_MOZILLA = re.compile(
    r"itunes|quicktime|coremedia|nsplayer|wmplayer|media-player|realplayer|vlc|winamp|exoplayer|stagefright|gstreamer|sonos",
    re.IGNORECASE,
)


def wants_page(request: RequestHead) -> bool:
    """Whether a browser asks for ``/`` to show it. Everything else that asks there wants to play: players, and the
    browser's own ``<audio src="/">``."""
    headers = request.headers
    if request.path != b"/" or "range" in headers or "icy-metadata" in headers:
        return False
    # Browsers send this on HTTPS and to their own machine only (W3C Fetch Metadata).
    destination = headers.get("sec-fetch-dest").strip().lower()
    if destination:
        return destination in _PAGE_DESTINATIONS
    accepted = headers.get("accept").lower()
    if "audio/" in accepted or "application/ogg" in accepted:
        return False
    agent = headers.get("user-agent")
    return "text/html" in accepted or (agent.startswith("Mozilla") and not _PLAYERS_THAT_SAY_MOZILLA.search(agent))


def is_probe(request: RequestHead) -> bool:
    """Whether only the first bytes are asked for: Safari and iOS do so (``bytes=0-1``) before they play."""
    found = _PROBE.fullmatch(request.headers.get("range").strip().lower())
    return found is not None and int(found[1]) < PROBE_BYTES


def wants_icy_status(request: RequestHead) -> bool:
    """Whether the player takes an answer only when it begins with ``ICY``."""
    agent = request.headers.get("user-agent")
    return any(name in agent for name in ICY_PLAYERS)


class Framing(StrEnum):
    """How a player can tell where the body of an answer that never ends is over."""

    NONE = "none"
    """When the connection ends. All players understand it."""
    CHUNKED = "chunked"
    """HTTP/1.1's chunks; some players accept nothing else (Sonos S1)."""
    LENGTH = "length"
    """By a length that is never reached; some players wait for one."""


@dataclass(frozen=True, slots=True)
class BodyRules:
    """Which players get which framing."""

    usual: Framing = Framing.NONE
    exceptions: tuple[tuple[str, Framing], ...] = ()
    """A part of the User-Agent in lower case, and what such players get; the first that fits counts."""

    @classmethod
    def parse(cls, text: str) -> BodyRules:
        """Of ``none``, or of ``none, Sonos: chunked, AVR: length``. Raises ValueError with a plain sentence."""
        usual = Framing.NONE
        exceptions: list[tuple[str, Framing]] = []
        for place, piece in enumerate(text.split(",")):
            agent, colon, name = (part.strip().lower() for part in piece.rpartition(":"))
            if name not in set(Framing) or (colon and not agent) or (not colon and place > 0):
                raise ValueError(
                    "must be none, chunked or length, and behind it, with commas between them, players that get "
                    f"something else, such as none, Sonos: chunked; {piece.strip()!r} is not understood"
                )
            if colon:
                exceptions.append((agent, Framing(name)))
            else:
                usual = Framing(name)
        return cls(usual, tuple(exceptions))

    def framing_for(self, request: RequestHead, *, icy: bool) -> Framing:
        """What the player that sent ``request`` gets. Chunks need HTTP/1.1, and never go with ICY metadata: players
        count the bytes of the one or of the other (Icecast-KH, release kh20)."""
        agent = request.headers.get("user-agent").lower()
        framing = next((framing for part, framing in self.exceptions if part in agent), self.usual)
        may_be_chunked = request.version == "1.1" and not icy and not wants_icy_status(request)
        return Framing.NONE if framing is Framing.CHUNKED and not may_be_chunked else framing
