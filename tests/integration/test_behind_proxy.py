"""A ShoutcastServer behind a real nginx: the audio passes as it is, and addresses are those of players and of nginx."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from distreamer.protocol.icy import Audio, IcyDemuxer
from tests.support.listening_modules import until
from tests.support.nginx import running_nginx
from tests.support.programs import run
from tests.support.shoutcast_server import serving
from tests.support.tone_programme import tone_programme

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PLAYER = "127.0.0.7"
"""The address that the player uses; nginx itself comes from 127.0.0.1."""
TITLES_WISHED = ("-H", "Icy-MetaData: 1")


async def fetched(port: int, path: str, *options: str) -> bytes:
    """What curl gets through nginx, head included."""
    code, messages, output = await run(
        *("curl", "-sSik", "--interface", PLAYER, *options, f"https://localhost:{port}{path}"), timeout=120
    )
    assert code == 0, messages
    return output


async def test_the_audio_passes_as_it_is(tmp_path: Path) -> None:
    info, fragments = tone_programme("libmp3lame", 15.0, (0.0, "The first – Ärger"), (0.5, "The second"))
    audio = b"".join(one.audio for one in fragments)
    async with (
        serving(info, fragments, delay=10.0, timeout=5, burstseconds=6) as (_, port),
        running_nginx(tmp_path, port) as proxy,
    ):
        # All at once: whoever comes when the last has been played hears nothing.
        wishes = [(version, titles) for version in ("--http1.1", "--http2") for titles in (False, True)]
        outputs = await asyncio.gather(
            *(fetched(proxy, "/live", version, *(TITLES_WISHED if titles else ())) for version, titles in wishes)
        )
    for (_, titles), output in zip(wishes, outputs, strict=True):
        assert_heard(output, audio, titles=titles)


def assert_heard(output: bytes, audio: bytes, *, titles: bool) -> None:
    head, _, body = output.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/(1\.1|2) 200", head)
    interval = re.search(rb"icy-metaint: (\d+)", head)
    assert bool(interval) is titles
    heard = b"".join(
        one.data for one in IcyDemuxer(int(interval[1]) if interval else 0).feed(body) if isinstance(one, Audio)
    )
    # Behind the tag with which a player with titles begins.
    assert heard[-5 * 16_000 :] == audio[-5 * 16_000 :]


async def test_players_are_known_by_their_own_address_and_pages_by_nginx_s(tmp_path: Path) -> None:
    info, fragments = tone_programme("libmp3lame", 8.0)
    keys: dict[str, float | str] = {"trustedproxies": "127.0.0.1", "maxperaddress": 1, "adminpassword": "secret"}
    async with (
        serving(info, fragments, delay=6.0, played=1, timeout=0, **keys) as (server, port),
        running_nginx(tmp_path, port) as proxy,
    ):
        playlist = await fetched(proxy, "/live.m3u", "-H", "X-Forwarded-Host: evil.example")
        assert playlist.endswith(f"\r\nhttps://localhost:{proxy}/live\r\n".encode())

        listening = asyncio.create_task(
            fetched(proxy, "/live", "-H", "X-Forwarded-For: 203.0.113.5", "--max-time", "100")
        )
        await until(lambda: server.players.connected == 1)
        page = await fetched(proxy, "/admin/listclients", "-u", "admin:secret")
        tree = ElementTree.fromstring(page.partition(b"\r\n\r\n")[2])
        assert [one.text for one in tree.iter("IP")] == [PLAYER], "nginx's address, or what the player said"
        assert (await fetched(proxy, "/live")).split(b" ", 2)[1] == b"403"
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
