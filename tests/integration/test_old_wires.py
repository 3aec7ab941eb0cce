"""A chain of four nodes that mixes old wires and new: what the source sent arrives at its end, all of it, once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from distreamer.media.auto import AutoFramer
from tests.support import ffmpeg
from tests.support.icecast import running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import assert_same_run, listening, packets
from tests.support.module_table import (
    DISTREAMER_CLIENT,
    DISTREAMER_PERS_CLIENT,
    DISTREAMER_PERS_REV_CLIENT,
    DISTREAMER_PERS_REV_SERVER,
    DISTREAMER_PERS_SERVER,
    DISTREAMER_REV_CLIENT,
    DISTREAMER_REV_SERVER,
    DISTREAMER_SERVER,
    NATIVE_WIRE,
    OLD_WIRE,
    proves,
)
from tests.support.programs import ended_process, find_program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

BYTES_PER_SECOND = 16_000
AHEAD_SECONDS = 15
"""So that buffers are full at once."""
TWENTY_SECONDS = 20 * BYTES_PER_SECOND
PASSWORD = "Wellenreiter"


def node(folder: Path, name: str, general: str, source: str, output: str) -> Path:
    path = folder / f"{name}.conf"
    path.write_text(f"[GENERAL]\n{general}\n[INPUT]\n{source}\n[OUTPUT]\n{output}\n")
    return path


@proves(DISTREAMER_PERS_SERVER, OLD_WIRE)
@proves(DISTREAMER_PERS_CLIENT, OLD_WIRE)
@proves(DISTREAMER_PERS_REV_SERVER, OLD_WIRE)
@proves(DISTREAMER_PERS_REV_CLIENT, OLD_WIRE)
@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
async def test_a_chain_of_old_and_new_wires_delivers_every_frame_once(tmp_path: Path) -> None:
    pers, rev, native, player = free_port(), free_port(), free_port(), free_port()
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, AHEAD_SECONDS * BYTES_PER_SECOND))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount("/live")
        sent = await enter(listening(icecast.port, "/live"))
        url, secret = "http://127.0.0.1", f"PASSWORD = {PASSWORD}"
        await enter(
            running_distreamer(
                node(
                    tmp_path,
                    "studio",
                    "",
                    f"MODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url('/live')}\n"
                    "HTTPTIMEOUT = 60\nFRAGMENTSIZE = 16384",
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
                    "DELAY = 10",
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


@proves(DISTREAMER_REV_CLIENT, NATIVE_WIRE)
@proves(DISTREAMER_REV_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_PERS_SERVER, OLD_WIRE)
@proves(DISTREAMER_PERS_CLIENT, OLD_WIRE)
@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
async def test_a_chain_behind_a_shoutcast_1_encoder_delivers_every_frame_once(tmp_path: Path) -> None:
    """ezstream (SHOUTcast 1) → RevClient → RevServer → PersServer → PersClient → Server → Client → a listener."""
    rev, pers, native, player = free_port(), free_port(), free_port(), free_port()
    url, secret = "http://127.0.0.1", f"PASSWORD = {PASSWORD}"
    programme = tmp_path / "programme.mp3"
    await make_programme(programme)
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        running = await enter(
            running_distreamer(
                node(
                    tmp_path,
                    "studio",
                    "",
                    f"MODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\n{secret}",
                    f"MODE = DiStreamerRevClient\nSERVERURL = {url}:{rev}\n{secret}",
                ),
                node(
                    tmp_path,
                    "hub",
                    "",
                    f"MODE = DiStreamerRevServer\nHOSTNAME = 127.0.0.1\nPORT = {rev}\n{secret}",
                    f"MODE = DiStreamerPersServer\nHOSTNAME = 127.0.0.1\nPORT = {pers}\n{secret}",
                ),
                node(
                    tmp_path,
                    "relay",
                    "",
                    f"MODE = DiStreamerPersClient\nSERVERURL = {url}:{pers}\n{secret}",
                    f"MODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {native}\n{secret}",
                ),
                node(
                    tmp_path,
                    "transmitter",
                    "DELAY = 12",
                    f"MODE = DiStreamerClient\nSERVERURL = {url}:{native}\n{secret}",
                    f"MODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player}\nBURSTSECONDS = 25",
                ),
            )
        )
        line = await running.said("studio input: listening for encoders")
        port = int(line.partition("shoutcast_port=")[2].split()[0]) - 1
        await enter(running_ezstream(tmp_path, programme, port))
        await served(player)
        heard = await enter(listening(player))
        await heard.has(TWENTY_SECONDS + 10 * BYTES_PER_SECOND)
        assert not heard.ended
        # From the very first frame on: the burst held all that was ever played.
        frames = AutoFramer().feed(programme.read_bytes())
        whole = b"".join(frame.data for frame in frames)
        assert whole.startswith(bytes(heard.audio))


async def make_programme(path: Path) -> None:
    """Two minutes of noise, in which no two frames are alike."""
    process = await asyncio.create_subprocess_exec(
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi"),
        *("-i", "anoisesrc=color=pink:sample_rate=44100:amplitude=0.3:duration=120", "-ac", "2"),
        *("-c:a", "libmp3lame", "-b:a", "128k", *ffmpeg.MP3.options, str(path)),
    )
    assert await process.wait() == 0


@contextlib.asynccontextmanager
async def running_ezstream(folder: Path, programme: Path, port: int) -> AsyncIterator[None]:
    """Sends the file once, in real time, by libshout's SHOUTcast 1."""
    config = folder / "ezstream.xml"
    config.write_text(
        f"""<ezstream><servers><server><protocol>ICY</protocol><hostname>127.0.0.1</hostname><port>{port}</port>
        <password>{PASSWORD}</password></server></servers><streams><stream><mountpoint>/live</mountpoint><format>MP3</format></stream></streams>
        <intakes><intake><type>file</type><filename>{programme}</filename><stream_once>yes</stream_once></intake></intakes>
        </ezstream>"""
    )
    config.chmod(0o600)
    process = await asyncio.create_subprocess_exec(
        find_program("ezstream"),
        *("-c", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with ended_process(process):
        yield
