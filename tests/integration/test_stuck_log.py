"""A log that nobody reads stops no audio: a terminal at which somebody pressed Ctrl-S, an ssh connection that hangs."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import termios
from array import array
from pathlib import Path

import pytest

from tests.support.audio_samples import encoded
from tests.support.instances import COMMAND, END_SECONDS, free_port, served
from tests.support.listening import listening

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PIPE_BYTES = 4_096
MOST_PLAYERS = 500
BITRATE = 128_000


def waiting_bytes(reader: int) -> int:
    """What is in a pipe."""
    count = array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, count)
    return count[0]


async def test_a_log_that_nobody_reads_stops_no_audio(tmp_path: Path) -> None:
    song, port = tmp_path / "song.mp3", free_port()
    song.write_bytes(encoded("libmp3lame", seconds=10))
    config = tmp_path / "studio.conf"
    config.write_text(
        "[GENERAL]\nOUTPUTLEVEL = 3\nDELAY = 2\n"
        f"[INPUT]\nMODE = File\nPATH = {song}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    process = await asyncio.create_subprocess_exec(
        *COMMAND, str(config), stdin=asyncio.subprocess.DEVNULL, stderr=writer
    )
    os.close(writer)
    try:
        await served(port)
        players = 0
        while waiting_bytes(reader) < PIPE_BYTES - 200:
            async with listening(port):
                players += 1
            assert players < MOST_PLAYERS
        # From here on its thread can only wait.
        for _ in range(20):
            async with listening(port):
                pass
        async with listening(port) as heard:
            await heard.has_more(20 * BITRATE // 8)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(reader)
