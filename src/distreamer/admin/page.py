"""The dashboard: files that are the same for everybody, and show what the API answers to who may ask it.

A page's policy lets in nothing from elsewhere but the sound of the instances.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Final

from aiohttp import web

from distreamer.admin.handlers import Api
from distreamer.admin.routes import Route
from distreamer.admin.streams import streams_of
from distreamer.admin.views import StreamView

FOLDER: Final = "dashboard"
_INDEX = "index.html"
_MEDIA: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)
"""W3C Content Security Policy 3."""
_NAME = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


async def page(api: Api, request: web.Request) -> web.StreamResponse:
    """It tells nothing by itself; where a password is needed it asks for it."""
    policy = "; ".join((*_POLICY, " ".join(("media-src", *(_origins(api, request) or ["'none'"])))))
    return web.Response(
        body=_file(_INDEX), content_type="text/html", charset="utf-8", headers={"Content-Security-Policy": policy}
    )


async def page_file(api: Api, request: web.Request) -> web.StreamResponse:
    """What the page is made of."""
    name = request.path.removeprefix(f"/{FOLDER}/")
    return web.Response(body=_file(name), content_type=_MEDIA[name[name.rindex(".") :]], charset="utf-8")


def _origins(api: Api, request: web.Request) -> list[str]:
    """Of the streams, as far as whoever asks may know of them."""
    if not api.guard.sees_all(request.cookies.get(api.guard.cookie, ""), api.station.clock.now()):
        return []
    found = _NAME.match(request.headers.get("Host", ""))
    own = found[0] if found else "localhost"
    streams = [stream for instance in api.station.instances for stream in streams_of(instance)]
    return sorted({_origin(stream, own) for stream in streams})


def _origin(stream: StreamView, own: str) -> str:
    scheme, host = "https" if stream.is_encrypted else "http", stream.host or own
    # A policy cannot name an address of IPv6: Chromium ignores such a source.
    return f"{scheme}:" if ":" in host else f"{scheme}://{host}:{stream.port}"


@cache
def _file(name: str) -> bytes:
    return (resources.files("distreamer.admin") / FOLDER / name).read_bytes()


def _names() -> list[str]:
    folder = resources.files("distreamer.admin") / FOLDER
    return sorted(file.name for file in folder.iterdir() if file.name[file.name.rfind(".") :] in _MEDIA)


PAGE: Final = (
    Route("GET", "/", page, "The dashboard", None, media="text/html", is_open=True),
    *(
        Route("GET", f"/{FOLDER}/{name}", page_file, "A file of the dashboard", None, media="", is_open=True)
        for name in _names()
        if name != _INDEX
    ),
)
