"""What players are answered. Pure: a request and a view of the server in, bytes out.

Players are older than any specification of what they speak, so each choice here names who needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from distreamer.model.audio import StreamInfo
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.listener_pages import route_of
from distreamer.protocol.listener_replies import Reply, head, refused
from distreamer.protocol.mount import is_required, is_stream
from distreamer.protocol.player_habits import Framing, wants_icy_status
from distreamer.protocol.server_view import Refusal, ServerView

METADATA_INTERVAL = 16_000
"""Bytes of audio between two ICY metadata blocks (``icy-metaint``); what Icecast uses."""
ENDLESS_BYTES = 2**31 - 1
"""The length of a body whose player waits for one: the longest that all of them can count, 37 hours at 128 kbit/s."""
_METHODS = "GET, HEAD, OPTIONS"
_CONTENT_TYPES = {"audio/aacp": "audio/aac"}
"""Types that some players do not know, and what they know instead (Icecast-KH rewrites the same)."""


@dataclass(frozen=True, slots=True)
class StreamBegins:
    """The head of an endless answer; the audio follows."""

    head: bytes
    icy: bool
    """Whether ICY metadata goes between the audio, every METADATA_INTERVAL bytes."""
    framing: Framing = Framing.NONE


Answer = Reply | StreamBegins


def answer(request: RequestHead, view: ServerView) -> Answer:
    """What a player that sent ``request`` gets. ``Range`` is not looked at: who answers 206 to a live stream
    makes Safari and ffmpeg believe that it can be sought in (karlheyes/icecast-kh#441)."""
    if request.method == "OPTIONS":
        return _preflight()
    if request.method not in {"GET", "HEAD"}:
        return refused(request, 405, f"{request.method} is not served here", (("Allow", _METHODS),))
    # A station whose stream's own name is that of a page is asked for by REQUIREURL.
    route = None if is_required(request, view) else route_of(request)
    return route(request, view) if route else _stream(request, view)


def bad_request(reason: str) -> Reply:
    """The answer to what is no HTTP request."""
    return refused(None, 400, reason)


def _stream(request: RequestHead, view: ServerView) -> Answer:
    if not is_stream(request, view):
        return refused(request, 403, "Not authorized")
    if view.info is None:
        return refused(request, 404, "No stream yet")
    if view.refusal is Refusal.ADDRESS:
        return refused(request, 403, "Too many listeners at your address", refusal=view.refusal)
    if view.refusal is not None:
        return refused(request, 503, "Too many listeners", (("Retry-After", "30"),), view.refusal)
    # Titles of Ogg streams travel inside the container; Icecast does not interleave there either.
    icy = request.headers.get("icy-metadata").strip() == "1" and not view.info.format.codec.is_ogg
    framing = view.body.framing_for(request, icy=icy)
    data = _stream_head(view.info, icy, framing, "ICY" if wants_icy_status(request) else "HTTP/1.0")
    return Reply(data) if request.method == "HEAD" else StreamBegins(data, icy, framing)


@lru_cache(maxsize=16)
def _stream_head(info: StreamInfo, icy: bool, framing: Framing, protocol: str) -> bytes:
    """Remembered, because a herd of players asks for the same."""
    fields = _stream_fields(info, icy)
    if framing is Framing.CHUNKED:
        protocol = "HTTP/1.1"
        fields.append(("Transfer-Encoding", "chunked"))
    elif framing is Framing.LENGTH:
        fields.append(("Content-Length", str(ENDLESS_BYTES)))
    return head(200, fields, protocol)


def _stream_fields(info: StreamInfo, icy: bool) -> list[tuple[str, str]]:
    station, audio = info.station, info.format
    fields = [("Content-Type", _CONTENT_TYPES.get(audio.content_type, audio.content_type))]
    described = (
        ("icy-name", station.name),
        ("icy-description", station.description),
        ("icy-genre", station.genre),
        ("icy-url", station.url),
    )
    fields += [(name, value) for name, value in described if value]
    fields.append(("icy-pub", "1" if station.public else "0"))
    if audio.bitrate:
        # Some hardware radios play nothing without it (Edzelf/Esp-radio#27).
        fields.append(("icy-br", str(round(audio.bitrate / 1000))))
    known = (
        ("ice-samplerate", audio.sample_rate),
        ("ice-bitrate", round(audio.bitrate / 1000)),
        ("ice-channels", audio.channels),
    )
    audio_info = ";".join(f"{name}={value}" for name, value in known if value)
    if audio_info:
        fields.append(("ice-audio-info", audio_info))
    if icy:
        fields.append(("icy-metaint", str(METADATA_INTERVAL)))
    return fields


def _preflight() -> Reply:
    fields = (
        ("Allow", _METHODS),
        ("Access-Control-Allow-Methods", _METHODS),
        ("Access-Control-Allow-Headers", "Origin, Accept, X-Requested-With, Content-Type, Icy-MetaData, Range"),
        ("Access-Control-Max-Age", "86400"),
    )
    return Reply(head(204, fields))
