"""Playlists of one entry, the stream: what players are given to open."""

from __future__ import annotations

from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.mount import escaped, stream_path
from distreamer.protocol.server_view import ServerView
from distreamer.protocol.xml_text import DECLARATION, elements

_NO_NAMES = {b"", b"/", b"/listen"}
"""Playlists at these are those of the station, ``/listen.pls`` as SHOUTcast calls it; others are named after the
stream's path."""


def station_name(view: ServerView) -> str:
    """In one line, whatever the source said."""
    name = view.info.station.name if view.info else ""
    return " ".join(name.split()) or "DiStreamer"


def stream_url(request: RequestHead, view: ServerView) -> str:
    """Where the stream of a playlist is: on the host that was asked, at the path without the playlist's ending."""
    path = request.path.rpartition(b".")[0]
    is_own = view.required_path or path in _NO_NAMES
    return view.base_url + (stream_path(view, key=True) if is_own else escaped(path))


def m3u(request: RequestHead, view: ServerView) -> str:
    """An extended M3U playlist."""
    return f"#EXTM3U\r\n#EXTINF:-1,{station_name(view)}\r\n{stream_url(request, view)}\r\n"


def pls(request: RequestHead, view: ServerView) -> str:
    """A PLS playlist, version 2."""
    lines = ["[playlist]", "NumberOfEntries=1", f"File1={stream_url(request, view)}", f"Title1={station_name(view)}"]
    return "\r\n".join([*lines, "Length1=-1", "Version=2", ""])


def xspf(request: RequestHead, view: ServerView) -> str:
    """An XSPF playlist (xspf.org, version 1)."""
    track = elements([("location", stream_url(request, view)), ("title", station_name(view))])
    return (
        f'{DECLARATION}<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>{track}'
        "</track></trackList></playlist>\n"
    )
