"""Where players hear an instance."""

from __future__ import annotations

from distreamer.admin.views import StreamView
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from distreamer.protocol.mount import USUAL_PATH, escaped
from distreamer.runtime.instance import Instance

ALL_ADDRESSES = frozenset({"", "0.0.0.0", "::"})


def streams_of(instance: Instance) -> tuple[StreamView, ...]:
    """Of each ShoutcastServer whose port is known, be it ready or not: a page that was opened early can play it."""
    found = []
    for part in instance.outputs:
        settings = part.settings
        if isinstance(part.module, ShoutcastServer) and isinstance(settings, ShoutcastServerSettings):
            host, port = part.module.address or (settings.hostname, settings.port)
            if port:
                required = settings.requireurl.removeprefix("/").encode()
                path = f"/{escaped(required)}" if required else USUAL_PATH
                host = "" if host in ALL_ADDRESSES else host
                found.append(StreamView(part.name, host, port, path, settings.certfile is not None))
    return tuple(found)
