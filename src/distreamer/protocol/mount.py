"""Where the stream is: the path that REQUIREURL demands, what means the same, and what others are told."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from distreamer.model.audio import StreamInfo
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.player_habits import ENDINGS
from distreamer.protocol.server_view import ServerView

USUAL_PATH = "/stream"
"""What is told where every path plays; ``/`` is a page for browsers. SHOUTcast's servers call it so."""

_KEPT = "%/:;?&=@!$'()*+,~"
"""What may stand in an address as it is; all else is escaped."""


def is_required(request: RequestHead, view: ServerView) -> bool:
    """Whether exactly what REQUIREURL demands is asked for; False where it demands nothing."""
    path, _ = _required(view)
    return bool(path) and has_key(request, view) and _plain(request.path) == _plain(path)


def is_stream(request: RequestHead, view: ServerView) -> bool:
    """Whether what is asked for is the stream. Where REQUIREURL demands ``live``, an MP3 stream is ``/live.mp3`` too:
    Sonos knows by the ending what it will get (docs.sonos.com). A key without a path is demanded on every path."""
    path, _ = _required(view)
    if not path:
        return has_key(request, view)
    if is_required(request, view):
        return True
    plain = _plain(request.path)
    aliases = (_plain(path) + ending for ending in _endings(view.info))
    return has_key(request, view) and plain in aliases


def has_key(request: RequestHead, view: ServerView) -> bool:
    """Whether the query is right: one that stands in REQUIREURL is a key, and nothing tells it to who does not give
    it."""
    _, key = _required(view)
    return not key or unquote_to_bytes(request.query) == unquote_to_bytes(key)


def stream_path(view: ServerView, *, key: bool = False) -> str:
    """The path to tell others; with ``key``, what REQUIREURL demands behind it too."""
    path, query = _required(view)
    told = f"/{escaped(path)}"
    if not path:
        endings = ENDINGS[view.info.format.codec] if view.info else ()
        told = USUAL_PATH + (endings[0].decode() if endings else "")
    return told + (f"?{escaped(query)}" if key and query else "")


def mount_path(wanted: bytes, view: ServerView) -> str | None:
    """Where the mount is that a page is asked about, with or without its slash; None where there is no such."""
    path, _ = _required(view)
    if not wanted:
        return stream_path(view)
    if path and _plain(wanted) != _plain(path):
        return None
    return "/" + escaped(wanted.removeprefix(b"/"))


def escaped(target: bytes) -> str:
    """``target`` as it may stand in an address, in ASCII and without spaces."""
    return quote(target, safe=_KEPT)


def _required(view: ServerView) -> tuple[bytes, bytes]:
    path, _, query = view.required_path.removeprefix("/").encode().partition(b"?")
    return path, query


def _plain(path: bytes) -> bytes:
    return unquote_to_bytes(path).removeprefix(b"/")


def _endings(info: StreamInfo | None) -> tuple[bytes, ...]:
    """While nothing plays nobody knows what the stream will be."""
    if info is None:
        return tuple({ending for endings in ENDINGS.values() for ending in endings})
    return ENDINGS[info.format.codec]
