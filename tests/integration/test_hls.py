"""ffmpeg → Icecast → DiStreamer → HLS players: each frame is heard once, and nobody complains."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.icecast import running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import assert_same_run, listening, packets
from tests.support.programs import find_program, run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC}
AHEAD_SECONDS, BURST_BYTES = 15, 500_000
"""What the source sends at once, so that the buffer is full at once."""
LISTENED_SECONDS = 14


ACROSS_THE_EDGE = "non monotonically increasing dts"
"""ffmpeg reads MP3 in pieces of 1024 bytes and gives the time stamp of a segment to the last frames of the one before,
which came in the same piece (libavformat/hls.c, fill_timing_for_id3_timestamped_stream). It plays them all the same."""


async def ffmpeg_copies(url: str, form: str) -> bytes:
    """What ffmpeg gets of the stream, undecoded; it must not complain."""
    muxer = ("-id3v2_version", "0", "-write_xing", "0", "-f", "mp3") if form == "mp3" else ("-f", "adts")
    status, words, output = await run(
        *(find_program("ffmpeg"), "-nostdin", "-v", "warning", "-i", url, "-t", str(LISTENED_SECONDS)),
        *("-c", "copy", "-map_metadata", "-1", *muxer, "pipe:1"),
        timeout=120,
    )
    complaints = [line for line in words.splitlines() if form != "mp3" or ACROSS_THE_EDGE not in line]
    assert (status, complaints) == (0, [])
    return output


async def mpv_plays(url: str) -> None:
    """For five seconds, which it must reach without an error."""
    status, words, output = await run(
        *(find_program("mpv"), "--no-config", "--ao=null", "--length=5", "--msg-level=all=error", url), timeout=120
    )
    assert (status, words, output) == (0, "", b"")


@pytest.mark.parametrize("form", ENCODINGS)
async def test_players_get_an_unbroken_run_of_frames(form: str, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        icecast = await stack.enter_async_context(running_icecast(tmp_path, BURST_BYTES))
        await stack.enter_async_context(
            ffmpeg.running_source(icecast.source_url("/live"), ENCODINGS[form], ahead=AHEAD_SECONDS, title="On")
        )
        await icecast.wait_for_mount("/live")
        sent = await stack.enter_async_context(listening(icecast.port, "/live"))
        port, config = free_port(), tmp_path / "hls.conf"
        config.write_text(
            f"[GENERAL]\nDELAY = 8\n[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{icecast.port}/live\n"
            f"[OUTPUT]\nMODE = HlsServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nSEGMENTSECONDS = 2\n"
        )
        await stack.enter_async_context(running_distreamer(config))
        await served(port, "/live.m3u8")
        url = f"http://127.0.0.1:{port}/live.m3u8"
        audio, _ = await asyncio.gather(ffmpeg_copies(url, form), mpv_plays(url))
        heard = packets(audio, form)
        assert_same_run(heard, packets(bytes(sent.audio), form))
        assert len(heard) > LISTENED_SECONDS * 35
        assert complaints_of_a_listener(audio, form) == ""
