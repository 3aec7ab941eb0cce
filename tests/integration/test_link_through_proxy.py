"""The link through a real HTTP proxy, tinyproxy, with TLS to the far end and without."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from tests.support.input_context import input_context
from tests.support.instances import free_port
from tests.support.listening_modules import until
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.programs import ended_process, find_program

pytestmark = pytest.mark.integration


START_SECONDS = 60
"""A bound, not an expectation."""


async def listens(port: int) -> None:
    """Waits until somebody does."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_programme_comes_through_tinyproxy(scheme: str, tmp_path: Path) -> None:
    program, proxy_port = find_program("tinyproxy"), free_port()
    config = tmp_path / "tinyproxy.conf"
    config.write_text(
        f"Port {proxy_port}\nListen 127.0.0.1\nBasicAuth anna secret\nMaxClients 20\n"
        f'LogFile "{tmp_path}/log"\nLogLevel Connect\n'
    )
    source = Store()
    fill(source, 5, 1, 5)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password="right")
    server = DiStreamerServer(settings, output_context(source))
    serving = asyncio.create_task(server.run())
    process = await asyncio.create_subprocess_exec(program, "-d", "-c", str(config))
    async with ended_process(process):
        await until(lambda: server.address is not None)
        await listens(proxy_port)
        assert server.address is not None
        port = server.address[1]
        context = input_context()
        client_settings = DiStreamerClientSettings(
            serverurl=f"{scheme}://127.0.0.1:{port}",
            password="right",
            tlsverify=False,
            proxy=f"http://anna:secret@127.0.0.1:{proxy_port}",
        )
        client = DiStreamerClient(client_settings, context)
        receiving = asyncio.create_task(client.run())
        await until(lambda: list(context.store) == list(source))
        assert client.links()[0].carrier == "websocket"
        receiving.cancel()
        serving.cancel()
        await asyncio.gather(receiving, serving, return_exceptions=True)
    assert f"CONNECT 127.0.0.1:{port}" in (tmp_path / "log").read_text()
