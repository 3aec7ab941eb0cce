"""Several instances in one process: one that cannot work does not disturb the others."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.icecast import running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import assert_same_run, listening, packets

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

DELAY_SECONDS = 10
AHEAD_SECONDS, BURST_BYTES = 15, 240_000
"""So that buffers are full at once."""
TEN_SECONDS = 160_000
"""Bytes at 128 kbit/s."""


def relay_config(folder: Path, name: str, stream_url: str, port: int) -> Path:
    """A file that takes a stream and plays it, far enough behind for a machine that stands still at times."""
    path = folder / f"{name}.conf"
    path.write_text(
        f"[GENERAL]\nDELAY = {DELAY_SECONDS}\n"
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {stream_url}\nHTTPTIMEOUT = 60\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path


async def test_two_files_run_side_by_side_and_those_that_fail_disturb_nobody(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        sent = {}
        for mount in ("/one", "/two"):
            await enter(ffmpeg.running_source(icecast.source_url(mount), ahead=AHEAD_SECONDS))
            await icecast.wait_for_mount(mount)
            sent[mount] = await enter(listening(icecast.port, mount))
        one, two = free_port(), free_port()
        running = await enter(
            running_distreamer(
                relay_config(tmp_path, "one", icecast.listen_url("/one"), one),
                relay_config(tmp_path, "no-source", icecast.listen_url("/missing"), free_port()),
                relay_config(tmp_path, "no-port", icecast.listen_url("/one"), taken.getsockname()[1]),
                relay_config(tmp_path, "two", icecast.listen_url("/two"), two),
            )
        )
        await running.said("no-source input: ")
        in_use = await running.said("no-port output: ")
        heard = {}
        for port, mount in ((one, "/one"), (two, "/two")):
            await served(port)
            heard[mount] = await enter(listening(port))
        for mount, recording in heard.items():
            await recording.has(TEN_SECONDS)
            assert_same_run(packets(bytes(recording.audio), "mp3"), packets(bytes(sent[mount].audio), "mp3"))
            assert not recording.ended
        assert running.process.returncode is None
    assert "another program listens there already" in in_use
    assert running.process.returncode == 0


async def test_a_wrong_file_is_told_and_nothing_starts(tmp_path: Path) -> None:
    good = relay_config(tmp_path, "good", "http://127.0.0.1:9/", free_port())
    wrong = tmp_path / "wrong.conf"
    wrong.write_text(
        good.read_text().replace("STREAMURL", "STREMURL").replace(f"DELAY = {DELAY_SECONDS}", "DELAY = soon")
    )
    async with running_distreamer(good, wrong) as running:
        assert await asyncio.wait_for(running.process.wait(), 60) == 2
    said = "\n".join(running.lines)
    assert "wrong.conf:5: [INPUT] has no key STREMURL for MODE = ShoutcastClient; did you mean STREAMURL?" in said
    assert "wrong.conf:2: [GENERAL] DELAY = soon must be a number of seconds from 1 to 3600" in said
    assert "starting" not in said
