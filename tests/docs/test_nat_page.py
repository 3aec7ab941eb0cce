"""The lines for nginx of docs/how-to/nat.md carry the link beside the listeners, through a real nginx."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from tests.support.input_context import input_context
from tests.support.listening_modules import until
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.nginx import running_nginx

pytestmark = pytest.mark.integration


async def test_the_link_has_a_path_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Store()
    fill(source, 5, 1, 5)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password="secret")
    server = DiStreamerServer(settings, output_context(source))
    serving = asyncio.create_task(server.run())
    await until(lambda: server.address is not None)
    assert server.address is not None
    async with running_nginx(tmp_path, server.address[1], "how-to/nat.md", 7080) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        context = input_context()
        keys = {"serverurl": f"https://localhost:{port}/link", "password": "secret"}
        receiving = asyncio.create_task(DiStreamerClient(DiStreamerClientSettings.model_validate(keys), context).run())
        await until(lambda: list(context.store) == list(source) or receiving.done())
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert list(context.store) == list(source)
