"""Bodies in chunks, read by another implementation of HTTP."""

from __future__ import annotations

import h11

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """What h11 makes of a body in chunks, and whether it ended."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(HEAD + data)
    body, event = b"", client.next_event()
    while event not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return body, True
        event = client.next_event()
    return body, False
