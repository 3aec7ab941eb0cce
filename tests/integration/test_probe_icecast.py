"""``distreamer probe`` and ``distreamer listen`` at a real Icecast that ffmpeg sends to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.ffmpeg import AAC, MP3, VORBIS, Encoding, running_source
from tests.support.icecast import Icecast, running_icecast
from tests.support.programs import ended_process

pytestmark = pytest.mark.integration

MOUNT = "/live"
BURST_BYTES = 131_072
BURST_SECONDS = BURST_BYTES * 8 / 128_000
"""8.2 s."""
ATTEMPTS = 5
"""To hear the stream on a machine that does not stand still meanwhile for as long as the player holds audio."""
PATIENCE_SECONDS = 90
"""A bound, not an expectation."""


@pytest.fixture
async def icecast(tmp_path: Path) -> AsyncIterator[Icecast]:
    async with running_icecast(tmp_path, BURST_BYTES) as server:
        yield server


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "distreamer", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with ended_process(process):
        yield process


async def answer(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate()
    return out.decode()


async def full_burst(icecast: Icecast) -> None:
    """Waits until the server has as much as it gives at once."""
    await icecast.wait_for_mount(MOUNT)
    await asyncio.sleep(BURST_SECONDS + 2)


@pytest.mark.parametrize(
    ("encoding", "form"), [(MP3, "128 kbit/s MP3"), (AAC, "AAC LC"), (VORBIS, "Ogg Vorbis")], ids=["mp3", "aac", "ogg"]
)
async def test_what_it_is(icecast: Icecast, encoding: Encoding, form: str) -> None:
    async with running_source(icecast.source_url(MOUNT), encoding, title="On air now", name="Radio Loopback"):
        await full_burst(icecast)
        async with command("probe", icecast.listen_url(MOUNT), "--seconds", "8", "--json") as process:
            [report] = json.loads(await answer(process))
        assert process.returncode == 0
    assert report["kind"] == "stream"
    assert report["server"].startswith("Icecast")
    assert report["station"] == "Radio Loopback"
    assert form in report["format"]
    assert report["type_fault"] == ""
    assert report["damaged_bytes"] == 0
    assert report["burst_seconds"] > 5
    assert report["splice"]["works"], report["splice"]
    assert report["splice"]["bridges_seconds"] > 3
    assert report["titles"][-1:] == (["On air now"] if encoding is VORBIS else [""])


async def test_listening_without_fault_and_until_the_server_ends(icecast: Icecast) -> None:
    async with running_source(icecast.source_url(MOUNT)) as source:
        await full_burst(icecast)
        for _ in range(ATTEMPTS):
            async with command("listen", icecast.listen_url(MOUNT), "--seconds", "6", "--json") as process:
                lines = [json.loads(line) for line in (await answer(process)).splitlines()]
            if {line["kind"] for line in lines[:-1]} != {"underrun"}:
                break
        assert process.returncode == 0, lines
        assert lines[-1]["verdict"] == "nothing was wrong"
        await icecast.wait_for_listeners(0)
        async with command("listen", icecast.listen_url(MOUNT), "--json") as process:
            await icecast.wait_for_listeners(1)
            source.terminate()
            while (kind := await next_kind(process)) == "underrun":
                pass
            process.terminate()
            verdict: dict[str, Any] = json.loads((await answer(process)).splitlines()[-1])
    assert kind == "disconnected"
    assert process.returncode == 1
    assert verdict["disconnects"] == 1
    assert not verdict["is_fine"]


async def next_kind(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return str(json.loads(await process.stdout.readline())["kind"])
