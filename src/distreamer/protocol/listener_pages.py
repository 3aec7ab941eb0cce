"""What is served beside the stream: playlists, and the figures that Icecast and SHOUTcast give about a station.

Directories, automation and monitoring read these; each page has the form that its readers know, see the sources named.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from xml.sax.saxutils import escape

from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.server_view import SERVER, ServerView

_HOST = re.compile(r"[A-Za-z0-9.\-_~]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_UNKNOWN_HOST = "localhost"
_OGG_TYPE = "application/ogg"


def stream_url(request: RequestHead, view: ServerView) -> str:
    """Where the stream of a playlist is: on the host that was asked, at the path without the playlist's ending.
    ``/listen.pls``, as SHOUTcast calls it, is the stream at ``/``."""
    path = request.path.decode("latin-1").rpartition(".")[0]
    if view.required_path:
        path = "/" + view.required_path.removeprefix("/")
    return f"http://{_host(request)}{'/' if path in {'', '/', '/listen'} else path}"


def m3u(request: RequestHead, view: ServerView) -> str:
    """An extended M3U playlist."""
    return f"#EXTM3U\r\n#EXTINF:-1,{_name(view)}\r\n{stream_url(request, view)}\r\n"


def pls(request: RequestHead, view: ServerView) -> str:
    """A PLS playlist, version 2."""
    lines = ["[playlist]", "NumberOfEntries=1", f"File1={stream_url(request, view)}", f"Title1={_name(view)}"]
    return "\r\n".join([*lines, "Length1=-1", "Version=2", ""])


def xspf(request: RequestHead, view: ServerView) -> str:
    """An XSPF playlist (xspf.org, version 1)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
        f"<location>{escape(stream_url(request, view))}</location><title>{escape(_name(view))}</title>"
        "</track></trackList></playlist>\n"
    )


def current_song(_: RequestHead, view: ServerView) -> str:
    """The title alone (DNAS ``/currentsong``)."""
    return view.title()


def seven(_: RequestHead, view: ServerView) -> str:
    """``listeners,status,peak,maximum,unique,bitrate,title`` (SHOUTcast 1 ``/7.html``)."""
    bitrate = view.info.format.bitrate // 1000 if view.info else 0
    status = 1 if view.info else 0
    figures = (view.connected, status, view.peak, view.maximum, view.connected, bitrate, html.escape(view.title()))
    return f"<html><body>{','.join(map(str, figures))}</body></html>"


def status_json(request: RequestHead, view: ServerView) -> str:
    """Icecast's ``/status-json.xsl``: ``source`` is an object where there is one stream, and is left out where there
    is none."""
    stats: dict[str, object] = {"admin": "", "host": "", "location": "", "server_id": SERVER}
    if view.info is not None:
        station, audio = view.info.station, view.info.format
        url = stream_url(request, view) if view.required_path else f"http://{_host(request)}/"
        stats["source"] = {
            "bitrate": audio.bitrate // 1000,
            "channels": audio.channels,
            "genre": station.genre,
            "listener_peak": view.peak,
            "listeners": view.connected,
            "listenurl": url,
            "samplerate": audio.sample_rate,
            "server_description": station.description,
            "server_name": station.name,
            "server_type": _OGG_TYPE if audio.codec.is_ogg else audio.content_type,
            "server_url": station.url,
            "title": view.title(),
        }
    return json.dumps({"icestats": stats}, ensure_ascii=False)


Page = Callable[[RequestHead, ServerView], str]
PAGES: dict[bytes, tuple[str, Page]] = {
    b"/currentsong": ("text/plain; charset=utf-8", current_song),
    b"/7.html": ("text/html; charset=utf-8", seven),
    b"/status-json.xsl": ("application/json; charset=utf-8", status_json),
}
"""By path: content type and page."""
PLAYLISTS: dict[bytes, tuple[str, Page]] = {
    b".m3u": ("audio/x-mpegurl", m3u),
    b".pls": ("audio/x-scpls", pls),
    b".xspf": ("application/xspf+xml", xspf),
}
"""By the ending of any path."""


def page_of(path: bytes) -> tuple[str, Page] | None:
    """The content type and page that is served at ``path``; None where the stream is."""
    if path in PAGES:
        return PAGES[path]
    return next((page for ending, page in PLAYLISTS.items() if path.lower().endswith(ending)), None)


def _host(request: RequestHead) -> str:
    host = request.headers.get("host").strip()
    return host if _HOST.fullmatch(host) else _UNKNOWN_HOST


def _name(view: ServerView) -> str:
    name = view.info.station.name if view.info else ""
    return " ".join(name.split()) or "DiStreamer"
