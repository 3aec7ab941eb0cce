"""What is served beside the stream, by path. Each page has the form that its readers know."""

from __future__ import annotations

import json
from collections.abc import Callable

from distreamer.protocol.basic_auth import CHALLENGE, is_admin
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.icecast_stats import asked_mount, list_clients, public_stats, stats_xml, status_json
from distreamer.protocol.listener_playlists import m3u, pls, xspf
from distreamer.protocol.listener_replies import Reply, refused, whole
from distreamer.protocol.mount import has_key
from distreamer.protocol.player_habits import wants_page
from distreamer.protocol.player_page import player_page
from distreamer.protocol.server_view import Refusal, ServerView
from distreamer.protocol.shoutcast_stats import current_song, seven, stats_json
from distreamer.protocol.shoutcast_stats import stats_xml as shoutcast_stats_xml
from distreamer.protocol.source.admin_request import parse_form

JSON = "application/json; charset=utf-8"
XML = "text/xml; charset=utf-8"
ADMIN_FOLDER = b"/admin/"
"""Nothing plays below it: who asks there for a page that there is not shall not get a stream."""

Route = Callable[[RequestHead, ServerView], Reply]


def route_of(request: RequestHead) -> Route | None:
    """What answers ``request``; None where the stream is."""
    path = request.path
    if path in _ROUTES:
        return _ROUTES[path]
    if path.startswith(ADMIN_FOLDER):
        return _nothing
    if wants_page(request):
        return _page
    return next((route for ending, route in _PLAYLISTS.items() if path.lower().endswith(ending)), None)


def _shown(content_type: str, page: Callable[[RequestHead, ServerView], str]) -> Route:
    return lambda request, view: whole(request, content_type, page(request, view))


def _playlist(content_type: str, page: Callable[[RequestHead, ServerView], str]) -> Route:
    def route(request: RequestHead, view: ServerView) -> Reply:
        if not has_key(request, view):
            return refused(request, 403, "Not authorized")
        return whole(request, content_type, page(request, view))

    return route


def _page(request: RequestHead, view: ServerView) -> Reply:
    if not has_key(request, view):
        return refused(request, 403, "Not authorized")
    text, fields = player_page(view)
    return whole(request, "text/html; charset=utf-8", text, fields)


def _stats(request: RequestHead, view: ServerView) -> Reply:
    """What DiStreamer 2 answers; who asks as one asks DNAS gets what that answers."""
    asked = parse_form(request.query)
    if asked.get("json") == b"1":
        return whole(request, JSON, stats_json(request, view))
    if "sid" in asked:
        return whole(request, XML, shoutcast_stats_xml(request, view))
    values = {
        "connectedClients": view.connected,
        "fragmentsList": list(view.fragment_numbers),
        "storeAge": round(view.store_age_seconds, 3),
    }
    return whole(request, "application/json", json.dumps(values))


def _clients(request: RequestHead, view: ServerView) -> Reply:
    """Addresses are personal data: only the operator sees them."""
    if not view.admin_password:
        return refused(request, 403, "This page shows listeners' addresses; it is served where ADMINPASSWORD is set.")
    authorization = request.headers.get("authorization")
    if not is_admin(authorization, view.admin_password):
        refusal = Refusal.PASSWORD if authorization else None
        return refused(request, 401, "A password is needed, and it must be the right one", (CHALLENGE,), refusal)
    if asked_mount(request, view) is None:
        return refused(request, 400, "Source does not exist")
    return whole(request, XML, list_clients(request, view))


def _nothing(request: RequestHead, _: ServerView) -> Reply:
    return refused(request, 404, "There is nothing here")


_ROUTES: dict[bytes, Route] = {
    b"/stats": _stats,
    b"/7.html": _shown("text/html; charset=utf-8", seven),
    b"/currentsong": _shown("text/plain; charset=utf-8", current_song),
    b"/status-json.xsl": _shown(JSON, status_json),
    b"/admin/stats": _shown(XML, stats_xml),
    b"/admin/listclients": _clients,
    b"/admin/publicstats.json": _shown(JSON, public_stats),
    # Browsers and crawlers ask for these by themselves, and would be listeners.
    b"/favicon.ico": _nothing,
    b"/apple-touch-icon.png": _nothing,
    b"/apple-touch-icon-precomposed.png": _nothing,
    b"/robots.txt": _nothing,
}
_PLAYLISTS: dict[bytes, Route] = {
    b".m3u": _playlist("audio/x-mpegurl", m3u),
    b".pls": _playlist("audio/x-scpls", pls),
    b".xspf": _playlist("application/xspf+xml", xspf),
}
"""By the ending of any path."""
