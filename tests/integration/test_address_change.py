"""PC B is another host behind a cable: the cable is unplugged, and B's address changes, while curl listens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import ffmpeg, network_namespace
from tests.support.icecast import running_icecast
from tests.support.instances import free_port, running_distreamer
from tests.support.listening import assert_same_run, listening, packets
from tests.support.network_namespace import FIRST_ADDRESS, SECOND_ADDRESS, STUDIO_ADDRESS, RemoteHost, remote_host
from tests.support.programs import ended_process, find_program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DELAY_SECONDS = 20
AHEAD_SECONDS = 25
"""What the encoder sends at once, so that the buffer is full at once."""
UNPLUGGED_SECONDS = 10
BYTES_PER_SECOND = 16_000
PLAYER_PORT = 8080
POLL_SECONDS = 0.2
LIMIT_SECONDS = 120
"""A bound, not an expectation."""


async def test_one_response_outlives_an_unplugged_cable_and_a_new_address(tmp_path: Path) -> None:
    reason = network_namespace.why_not()
    if reason:
        pytest.skip(reason)
    async with contextlib.AsyncExitStack() as stack:
        host = stack.enter_context(remote_host())
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, burst_bytes=2 * AHEAD_SECONDS * BYTES_PER_SECOND))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ffmpeg.MP3, ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount("/live")
        sent = await enter(listening(icecast.port, "/live"))
        studio, transmitter = configs(tmp_path, icecast.listen_url("/live"))
        await enter(running_distreamer(studio))
        far = await enter(running_distreamer(transmitter, prefix=host.prefix))
        await far.said("carrier=quic")
        heard = tmp_path / "heard.mp3"
        player = await enter(curl_on(host, heard))

        await grown(heard, 3)
        host.unplug()
        await asyncio.sleep(UNPLUGGED_SECONDS)
        host.plug()
        await grown(heard, 5)
        host.change_address(FIRST_ADDRESS, SECOND_ADDRESS)
        await grown(heard, DELAY_SECONDS + 5)

        assert player.returncode is None, "curl's response was ended"
        assert_same_run(packets(heard.read_bytes(), "mp3"), packets(bytes(sent.audio), "mp3"))


def configs(folder: Path, stream_url: str) -> tuple[Path, Path]:
    """Of A, on this side of the cable, and of B, on the far one."""
    port = free_port()
    studio, transmitter = folder / "studio.conf", folder / "transmitter.conf"
    studio.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {stream_url}\nHTTPTIMEOUT = 60\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = {STUDIO_ADDRESS}\nPORT = {port}\n"
    )
    transmitter.write_text(
        f"[GENERAL]\nDELAY = {DELAY_SECONDS}\n"
        f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://{STUDIO_ADDRESS}:{port}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {PLAYER_PORT}\n"
    )
    return studio, transmitter


@contextlib.asynccontextmanager
async def curl_on(host: RemoteHost, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """curl writes one response of B into ``file``, once B serves."""
    asking = ("--head", "--fail", "--retry", str(LIMIT_SECONDS), "--retry-delay", "1", "--retry-all-errors")
    async with curl_process(host, *asking, "--output", "/dev/null") as asker:
        assert await asyncio.wait_for(asker.wait(), LIMIT_SECONDS) == 0, "B does not serve"
    async with curl_process(host, "--no-buffer", "--output", str(file)) as process:
        yield process


@contextlib.asynccontextmanager
async def curl_process(host: RemoteHost, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """curl on the far host, with B's address."""
    process = await asyncio.create_subprocess_exec(
        *(*host.prefix, find_program("curl"), "--silent", *arguments, f"http://127.0.0.1:{PLAYER_PORT}/"),
        stdin=asyncio.subprocess.DEVNULL,
    )
    async with ended_process(process):
        yield process


async def grown(file: Path, seconds: float) -> None:
    """Waits until ``file`` holds ``seconds`` more of audio."""
    wanted = size_of(file) + seconds * BYTES_PER_SECOND
    for _ in range(int(LIMIT_SECONDS / POLL_SECONDS)):
        if size_of(file) >= wanted:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError(f"{file.name} holds {size_of(file)} bytes after {LIMIT_SECONDS} s; {wanted:.0f} were expected")


def size_of(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
