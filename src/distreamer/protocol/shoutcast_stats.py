"""The figures of a station as SHOUTcast servers give them: version 1 ``/7.html``, and DNAS 2 ``/stats?sid=1`` in XML
and JSON (DNAS Server XML and JSON Responses, section 2.2)."""

from __future__ import annotations

import html
import json

from distreamer import __version__
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.icecast_stats import server_type
from distreamer.protocol.mount import stream_path
from distreamer.protocol.server_view import ServerView
from distreamer.protocol.xml_text import elements

VERSION = f"2.6.1 compatible (DiStreamer {__version__})"
"""Readers tell DNAS 2 from SHOUTcast 1 by the number in front."""


def current_song(_: RequestHead, view: ServerView) -> str:
    """The title alone (DNAS ``/currentsong``)."""
    return view.title()


def seven(_: RequestHead, view: ServerView) -> str:
    """``listeners,status,peak,maximum,unique,bitrate,title`` (SHOUTcast 1 ``/7.html``)."""
    bitrate = view.info.format.bitrate // 1000 if view.info else 0
    status = 1 if view.info else 0
    figures = (view.connected, status, view.peak, view.maximum, view.unique, bitrate, html.escape(view.title()))
    return f"<html><body>{','.join(map(str, figures))}</body></html>"


def stats_xml(_: RequestHead, view: ServerView) -> str:
    """``/stats?sid=1``."""
    values = ((name.upper(), value) for name, value in _figures(view).items())
    declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n'
    return f"{declaration}<SHOUTCASTSERVER>{elements(values)}</SHOUTCASTSERVER>\n"


def stats_json(_: RequestHead, view: ServerView) -> str:
    """``/stats?sid=1&json=1``."""
    return json.dumps(_figures(view), ensure_ascii=False)


def _figures(view: ServerView) -> dict[str, object]:
    station = view.info.station if view.info else None
    audio = view.info.format if view.info else None
    return {
        "currentlisteners": view.connected,
        "peaklisteners": view.peak,
        "maxlisteners": view.maximum,
        "uniquelisteners": view.unique,
        "averagetime": round(view.average_seconds),
        "servergenre": station.genre if station else "",
        "servergenre2": "",
        "servergenre3": "",
        "servergenre4": "",
        "servergenre5": "",
        "serverurl": station.url if station else "",
        "servertitle": station.name if station else "",
        "songtitle": view.title(),
        "streamhits": view.served,
        "streamstatus": 1 if audio else 0,
        "backupstatus": 0,
        "streamlisted": 1 if station and station.public else 0,
        "streampath": stream_path(view),
        "streamuptime": round(view.at - view.stream_began_at) if audio else 0,
        # Texts, as DNAS has them.
        "bitrate": str(audio.bitrate // 1000) if audio else "0",
        "samplerate": str(audio.sample_rate) if audio else "0",
        "content": server_type(audio) if audio else "",
        "version": VERSION,
    }
