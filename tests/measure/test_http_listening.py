"""What is noted on the way to a stream, over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

from distreamer.measure.http_listening import StreamOpener
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.source_opener import HttpSourceOptions
from distreamer.transport.tcp import listening_sockets
from tests.support.certificates import make_certificate
from tests.support.made_audio import mp3_stream

NOTICE = "<BR>SHOUTcast Distributed Network Audio Server/Linux v1.9.8<BR>"


async def test_tls_and_redirects_are_noted(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if request.startswith(b"GET /old"):
            writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /live\r\n\r\n")
        else:
            writer.write(b"ICY 200 OK\r\nicy-metaint: 4096\r\nicy-br: 128\r\n")
            writer.write(f"icy-notice2: {NOTICE}\r\n\r\n".encode() + mp3_stream(0, 10))
        writer.close()

    (listener,) = listening_sockets("127.0.0.1", 0)
    port = listener.getsockname()[1]
    url = StreamUrl.parse(f"https://localhost:{port}/old")
    async with await asyncio.start_server(serve, sock=listener, ssl=make_certificate(tmp_path).server_context()):
        opened = await StreamOpener(url, HttpSourceOptions(verify_tls=False)).open()
        await opened.source.close()
    assert opened.visited == (f"https://localhost:{port}/old", f"https://localhost:{port}/live")
    version, cipher = opened.tls.split()
    assert version.startswith("TLSv1.")
    assert "_" in cipher or "-" in cipher
    assert opened.server == "SHOUTcast Distributed Network Audio Server/Linux v1.9.8"
    assert (opened.metaint, opened.description.bitrate) == (4096, 128_000)
