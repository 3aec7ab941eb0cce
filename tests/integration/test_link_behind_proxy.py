"""The link through a real nginx that ends TLS, as docs/encryption.md says it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.protocol.native.scram import NO_CHANNEL
from distreamer.transport.self_signed import read_key_pair
from tests.support.input_context import input_context
from tests.support.listening_modules import until
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.nginx import running_nginx

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("vouched_by", ["authorities", "fingerprint", "nobody"])
async def test_what_vouches_for_nginx_s_certificate_decides(
    vouched_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Store()
    fill(source, 5, 1, 5)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password="secret")
    server = DiStreamerServer(settings, output_context(source))
    serving = asyncio.create_task(server.run())
    await until(lambda: server.address is not None)
    assert server.address is not None
    async with running_nginx(tmp_path, server.address[1], "encryption.md", 7080) as port:
        keys: dict[str, str] = {}
        certificate = tmp_path / "certificate.pem"
        if vouched_by == "authorities":
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        elif vouched_by == "fingerprint":
            pem = certificate.read_bytes()
            keys["fingerprint"] = read_key_pair(pem, (tmp_path / "key.pem").read_bytes()).fingerprint.hex()
        context = input_context()
        client_settings = DiStreamerClientSettings.model_validate(
            {
                "serverurl": f"https://localhost:{port}",
                "password": "secret",
                "tlsverify": vouched_by != "nobody",
                **keys,
            }
        )
        client = DiStreamerClient(client_settings, context)
        if vouched_by == "nobody":
            with pytest.raises(AuthenticationError, match=NO_CHANNEL[:60]):
                await client.run()
        else:
            receiving = asyncio.create_task(client.run())
            await until(lambda: list(context.store) == list(source))
            assert client.links()[0].carrier == "websocket"
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
