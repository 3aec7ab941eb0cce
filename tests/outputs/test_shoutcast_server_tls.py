"""ShoutcastServer with a certificate: TLS and none on one port, and a certificate that is renewed."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from distreamer.errors import ResourceError
from distreamer.model.audio import Title
from distreamer.outputs.shoutcast_server import ShoutcastServerSettings
from distreamer.transport import certificate as certificates
from distreamer.transport.tcp import client_tls
from tests.support.certificates import Certificate, make_certificate
from tests.support.listening import listening
from tests.support.made_audio import INFO, fragment
from tests.support.programs import ended_process, find_program
from tests.support.shoutcast_server import serving, serving_to

COUNT = 24
DELAY_SECONDS = 0.99
"""Of the programme, which waits for its listeners."""
FRAGMENTS = [fragment(number, seconds=0.25) for number in range(1, COUNT + 1)]
ALL = b"".join(one.audio for one in FRAGMENTS)
LIMIT_SECONDS = 60
"""A bound, not an expectation."""


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


def files(certificate: Certificate) -> dict[str, Any]:
    return {"certfile": str(certificate.certificate), "keyfile": str(certificate.key)}


def anyone() -> ssl.SSLContext:
    return client_tls(verify=False)


async def test_players_with_tls_and_without_hear_the_same_on_one_port(certificate: Certificate) -> None:
    async with serving_to(3, INFO, FRAGMENTS, delay=DELAY_SECONDS, **files(certificate)) as (server, port):
        trusting = ssl.create_default_context(cafile=str(certificate.certificate))
        async with (
            listening(port, host="localhost", tls=trusting) as safe,
            listening(port, host="localhost", tls=anyone(), icy=True) as titled,
            listening(port) as plain,
        ):
            for player in (safe, plain):
                assert player.status == "HTTP/1.0 200 OK"
                await player.has(len(ALL))
                assert bytes(player.audio) == ALL
            await titled.has(len(ALL))
            assert ALL in bytes(titled.audio)
            status = server.listeners()
            assert status is not None
            assert status.connected == 3


async def test_a_player_with_tls_is_told_the_end(certificate: Certificate) -> None:
    async with (
        serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS, timeout=1, **files(certificate)) as (_, port),
        listening(port, tls=anyone()) as player,
    ):
        await player.has(len(ALL))
        async with asyncio.timeout(LIMIT_SECONDS), player.grown:
            await player.grown.wait_for(lambda: player.ended)  # TLS without a farewell would be an error here


async def test_titles_come_over_tls_too(certificate: Certificate) -> None:
    titled = [replace(one, title=Title("Žofie – Ólafur")) for one in FRAGMENTS]
    async with (
        serving_to(1, INFO, titled, delay=DELAY_SECONDS, **files(certificate)) as (_, port),
        listening(port, tls=anyone(), icy=True) as player,
    ):
        await player.has(40_000)
        assert player.titles[0][1] == "Žofie – Ólafur"


async def test_a_renewed_certificate_is_taken_and_listeners_stay(
    certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "CHECK_SECONDS", 0.05)
    folder = tmp_path / "new"
    folder.mkdir()
    renewed = make_certificate(folder)
    async with (
        serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS, **files(certificate)) as (_, port),
        listening(port, tls=anyone()) as player,
    ):
        renewed.certificate.rename(certificate.certificate)
        renewed.key.rename(certificate.key)
        wanted = ssl.PEM_cert_to_DER_cert(certificate.certificate.read_text())
        async with asyncio.timeout(LIMIT_SECONDS):
            while await shown_certificate(port) != wanted:
                continue
        await player.has(len(ALL))
        assert bytes(player.audio) == ALL
        assert not player.ended


async def shown_certificate(port: int) -> bytes | None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anyone())
    shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


async def test_who_speaks_tls_where_there_is_none_is_told_in_plain_http() -> None:
    async with serving(INFO, FRAGMENTS) as (_, port):
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", port, ssl=anyone())


async def test_what_is_no_tls_after_all_harms_nobody(certificate: Certificate) -> None:
    async with (
        serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS, **files(certificate)) as (server, port),
        listening(port, tls=anyone()) as player,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\x02\x00" + b"nonsense" * 2_000)
        async with asyncio.timeout(LIMIT_SECONDS):
            answer = await reader.read()
        writer.close()
        assert answer[:1] in {b"\x15", b""}  # an alert
        await player.has(len(ALL))
        assert bytes(player.audio) == ALL
        status = server.listeners()
        assert status is not None
        assert status.served == 1


@pytest.mark.integration
async def test_a_stranger_cannot_make_it_calculate_again(certificate: Certificate) -> None:
    """The openssl program asks to agree anew (TLS 1.2) when it reads a line with an R."""
    async with (
        serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS, **files(certificate)) as (_, port),
        listening(port, tls=anyone()) as player,
    ):
        client = await asyncio.create_subprocess_exec(
            *(find_program("openssl"), "s_client", "-tls1_2", "-connect", f"127.0.0.1:{port}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with ended_process(client), asyncio.timeout(LIMIT_SECONDS):
            assert client.stdin is not None
            assert client.stdout is not None
            await client.stdout.readuntil(b"Verify return code")
            client.stdin.write(b"R\n")
            said = await client.stdout.read(-1)
            assert b"RENEGOTIATING" in said
            assert b"no renegotiation" in said
            assert await client.wait() != 0
        await player.has(len(ALL))
        assert bytes(player.audio) == ALL
        assert not player.ended


async def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    with pytest.raises(ResourceError, match=r"none\.pem"):
        async with serving(INFO, FRAGMENTS, certfile=missing, keyfile=missing):
            pass


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="CERTFILE and KEYFILE must both be given, or neither"):
        ShoutcastServerSettings.model_validate({"certfile": "a.pem"})
