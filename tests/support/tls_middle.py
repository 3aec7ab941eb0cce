"""Somebody on the way who ends TLS with a certificate of his own and passes on what is said."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.certificates import Certificate


@asynccontextmanager
async def tls_middle(certificate: Certificate, target: int, *, speaks_tls: bool = True) -> AsyncIterator[int]:
    """The port on which he listens; he passes on to the port ``target``, by TLS too if he ``speaks_tls`` there."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if speaks_tls else None
        if context is not None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, ssl=context)
        ways = ((reader, far_writer), (far_reader, writer))
        mine = {asyncio.create_task(_pass_on(*way)) for way in ways}
        tasks.update(mine)
        await asyncio.wait(mine, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, far_writer):
            one.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate.server_context())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
