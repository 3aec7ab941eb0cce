"""The figures of a station as Icecast gives them: directories, automation and monitoring read these.

``/status-json.xsl``, ``/admin/stats`` and ``/admin/listclients`` have the form of Icecast 2.4,
``/admin/publicstats.json`` that of Icecast 2.5.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime

from distreamer.model.audio import AudioFormat
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.mount import mount_path
from distreamer.protocol.server_view import SERVER, ServerView
from distreamer.protocol.source.admin_request import parse_form
from distreamer.protocol.xml_text import DECLARATION, elements, xml_text

_OGG_TYPE = "application/ogg"
_PUBLIC_SOURCE = ("genre", "listeners", "listenurl", "server_description", "server_name", "stream_start_iso8601")
"""What 2.5 tells everybody about a source, beside its type and title."""
_NAMESPACE = "http://icecast.org/specs/legacystats-0.0.1"
_AGENT_UNKNOWN = "Unknown"
"""What Icecast says of players that do not say what they are."""


def server_type(audio: AudioFormat) -> str:
    """The type that is told of a stream, which for Ogg is that of the container."""
    return _OGG_TYPE if audio.codec.is_ogg else audio.content_type


def asked_mount(request: RequestHead, view: ServerView) -> str | None:
    """The path of the mount that a page is asked about (``?mount=``), the usual one when none is named; None when
    there is no such."""
    return mount_path(parse_form(request.query).get("mount", b"").strip(), view)


def status_json(request: RequestHead, view: ServerView) -> str:
    """``source`` is an object where there is one stream, and is left out where there is none; with ``?array=1`` it
    is always an array, which is easier to read."""
    sources = _sources(request, view)
    stats: dict[str, object] = dict(_server(view))
    if parse_form(request.query).get("array") == b"1":
        stats["source"] = sources
    elif sources:
        stats["source"] = sources[0]
    return json.dumps({"icestats": stats}, ensure_ascii=False)


def public_stats(request: RequestHead, view: ServerView) -> str:
    """What names itself, then the figures: sources by their mount."""
    mount = asked_mount(request, view)
    sources: dict[str, object] = {}
    if mount is not None:
        for source in _sources(request, view):
            told = {name: source[name] for name in _PUBLIC_SOURCE if name in source}
            sources[mount] = {**told, "content-type": source["server_type"], "display-title": source["title"]}
    server = {name: value for name, value in _server(view).items() if name != "server_start"}
    found: list[object] = [{"name": "icestats", "ns": _NAMESPACE}, {**server, "source": sources}]
    return json.dumps(found, ensure_ascii=False)


def stats_xml(request: RequestHead, view: ServerView) -> str:
    """The same figures as in JSON, and some more."""
    sources = _sources(request, view)
    server = {
        **_server(view),
        "listener_connections": view.served,
        "listeners": view.connected,
        "sources": len(sources),
    }
    body = elements(sorted(server.items()))
    for source in sources:
        more = {**source, "max_listeners": view.maximum, "public": int(bool(view.info and view.info.station.public))}
        body += f"{_source_tag(request, view)}{elements(sorted(more.items()))}</source>"
    return f"{DECLARATION}<icestats>{body}</icestats>\n"


def list_clients(request: RequestHead, view: ServerView) -> str:
    """Each listener by address, User-Agent and the seconds for which it has been listening."""
    body = ""
    for listener in view.listeners():
        values = (
            ("IP", listener.address),
            ("UserAgent", listener.agent or _AGENT_UNKNOWN),
            ("Connected", int(listener.seconds)),
            ("ID", listener.number),
        )
        body += f'<listener id="{listener.number}">{elements(values)}</listener>'
    count = elements([("Listeners", view.connected)])
    return f"{DECLARATION}<icestats>{_source_tag(request, view)}{count}{body}</source></icestats>\n"


def _source_tag(request: RequestHead, view: ServerView) -> str:
    return f'<source mount="{xml_text(asked_mount(request, view) or "")}">'


def _server(view: ServerView) -> dict[str, object]:
    return {
        "admin": "",
        "host": view.base_url.partition("://")[2],
        "location": "",
        "server_id": SERVER,
        "server_start": _spoken(view.started_at),
        "server_start_iso8601": _iso8601(view.started_at),
    }


def _sources(request: RequestHead, view: ServerView) -> list[dict[str, object]]:
    mount = asked_mount(request, view)
    if view.info is None or mount is None:
        return []
    station, audio = view.info.station, view.info.format
    source: dict[str, object] = {
        "bitrate": audio.bitrate // 1000,
        "channels": audio.channels,
        "genre": station.genre,
        "listener_peak": view.peak,
        "listeners": view.connected,
        "listenurl": view.base_url + mount,
        "samplerate": audio.sample_rate,
        "server_description": station.description,
        "server_name": station.name,
        "server_type": server_type(audio),
        "server_url": station.url,
        "stream_start": _spoken(view.stream_began_at),
        "stream_start_iso8601": _iso8601(view.stream_began_at),
        "title": view.title(),
    }
    since = view.title_heard_since()
    if since is not None:
        source["title_heard_since_iso8601"] = _iso8601(since)
    return [source]


def _iso8601(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _spoken(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))
