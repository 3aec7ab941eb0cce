"""A chain of four nodes that mixes old wires and new: what the source sent arrives at its end, all of it, once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.icecast import running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import assert_same_run, listening, packets

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TWENTY_SECONDS = 320_000
"""Bytes at 128 kbit/s."""
PASSWORD = "Wellenreiter"


def node(folder: Path, name: str, general: str, source: str, output: str) -> Path:
    path = folder / f"{name}.conf"
    path.write_text(f"[GENERAL]\n{general}\n[INPUT]\n{source}\n[OUTPUT]\n{output}\n")
    return path


async def test_a_chain_of_old_and_new_wires_delivers_every_frame_once(tmp_path: Path) -> None:
    pers, rev, native, player = free_port(), free_port(), free_port(), free_port()
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ffmpeg.MP3))
        await icecast.wait_for_mount("/live")
        sent = await enter(listening(icecast.port, "/live"))
        url, secret = "http://127.0.0.1", f"PASSWORD = {PASSWORD}"
        await enter(
            running_distreamer(
                node(
                    tmp_path,
                    "studio",
                    "",
                    f"MODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url('/live')}\nFRAGMENTSIZE = 16384",
                    f"MODE = DiStreamerPersServer\nHOSTNAME = 127.0.0.1\nPORT = {pers}\n{secret}",
                ),
                node(
                    tmp_path,
                    "relay",
                    "",
                    f"MODE = DiStreamerPersClient\nSERVERURL = {url}:{pers}\n{secret}",
                    f"MODE = DiStreamerPersRevClient\nSERVERURL = {url}:{rev}\n{secret}",
                ),
                node(
                    tmp_path,
                    "hub",
                    "",
                    f"MODE = DiStreamerPersRevServer\nHOSTNAME = 127.0.0.1\nPORT = {rev}\n{secret}",
                    f"MODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {native}\n{secret}",
                ),
                node(
                    tmp_path,
                    "transmitter",
                    "DELAY = 5",
                    f"MODE = DiStreamerClient\nSERVERURL = {url}:{native}\n{secret}",
                    f"MODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player}",
                ),
            )
        )
        await served(player)
        heard = await enter(listening(player))
        await heard.has(TWENTY_SECONDS)
        assert not heard.ended
        assert_same_run(packets(bytes(heard.audio), "mp3"), packets(bytes(sent.audio), "mp3"))
