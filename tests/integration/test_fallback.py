"""A source dies for good: a file goes on air, and players hear one stream that every decoder finds in order."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import Recording, listening, packets
from tests.support.made_audio import mp3_stream
from tests.support.programs import find_program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

FIVE_SECONDS = 80_000
"""Bytes at 128 kbit/s."""
AHEAD_SECONDS, BURST_BYTES = 15, 500_000
"""What the source sends at once, so that the buffer is full at once."""
SOME_SILENCE = 1_000
"""Bytes; in most formats silence takes hardly any."""
CONTAINERS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg"}
ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "opus": ffmpeg.OPUS}
ENDINGS = {"mp3": ".mp3", "aac": ".aac", "vorbis": ".ogg", "opus": ".opus"}


async def emergency_file(folder: Path, form: str, sample_rate: int = 44100) -> Path:
    """A tone of a few seconds in the format of the programme, at another bitrate where it has one."""
    encoding = ENCODINGS[form]
    path = folder / f"We are back soon{ENDINGS[form]}"
    process = await asyncio.create_subprocess_exec(
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi"),
        *("-i", f"sine=frequency=440:sample_rate={sample_rate}:duration=7", "-ac", "2", "-c:a", encoding.encoder),
        *("-b:a", "64k", *encoding.options, "-y", str(path)),
    )
    assert await process.wait() == 0
    return path


def station_config(folder: Path, form: str, icecast: Icecast, file: Path) -> tuple[Path, int]:
    """An instance that plays a mount, then a file once, then silence; and its port for players."""
    port = free_port()
    path = folder / f"{form}.conf"
    path.write_text(
        f"[GENERAL]\nDELAY = 9\nFALLBACKAFTER = 5\n[INPUT]\nMODE = ShoutcastClient\n"
        f"STREAMURL = {icecast.listen_url(f'/{form}')}\nHTTPTIMEOUT = 10\nRETURN = 3\n"
        f"[INPUT fallback]\nMODE = File\nPATH = {file}\nLOOP = no\n[INPUT silence]\nMODE = Silence\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path, port


async def test_a_file_of_the_same_format_is_joined_and_players_go_on(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        sources = await enter(contextlib.AsyncExitStack())
        stations = {}
        for form, encoding in ENCODINGS.items():
            source = ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding, ahead=AHEAD_SECONDS)
            await sources.enter_async_context(source)
            await icecast.wait_for_mount(f"/{form}")
            stations[form] = station_config(tmp_path, form, icecast, await emergency_file(tmp_path, form))
        running = await enter(running_distreamer(*(config for config, _ in stations.values())))
        recordings: list[tuple[str, Recording]] = []
        for form, (_, port) in stations.items():
            await served(port)
            recordings += [(form, await enter(listening(port, icy=icy))) for icy in (False, True)]

        async def hear_more(size: int = FIVE_SECONDS) -> None:
            await asyncio.gather(*(recording.has_more(size) for _, recording in recordings))

        await hear_more()
        await sources.aclose()
        for form in stations:
            await running.said(f"{form} input switch: input fallback goes on air")
        for form in stations:
            await running.said(f"{form} input switch: input silence goes on air")
        await hear_more(SOME_SILENCE)
        for form, encoding in ENCODINGS.items():
            await enter(ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding))
        for form in stations:
            await running.said(f"{form} input switch: input is on air again")
        await hear_more()
        for form, recording in recordings:
            assert not recording.ended
            assert complaints_of_a_listener(bytes(recording.audio), CONTAINERS[form]) == ""
            assert len(packets(bytes(recording.audio), CONTAINERS[form])) > 300
            if recording.titles:
                assert "We are back soon" in [title for _, title in recording.titles]
        assert sum(bool(recording.titles) for _, recording in recordings) == 2


async def test_a_file_of_another_format_is_a_new_stream(tmp_path: Path) -> None:
    file = await emergency_file(tmp_path, "opus")
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        source = await enter(contextlib.AsyncExitStack())
        await source.enter_async_context(
            ffmpeg.running_source(icecast.source_url("/mp3"), ffmpeg.MP3, ahead=AHEAD_SECONDS)
        )
        await icecast.wait_for_mount("/mp3")
        config, port = station_config(tmp_path, "mp3", icecast, file)
        running = await enter(running_distreamer(config))
        await served(port)
        before = await enter(listening(port))
        await before.has(FIVE_SECONDS)
        await source.aclose()
        await running.said("input fallback goes on air")
        await before.has_ended()
        assert complaints_of_a_listener(bytes(before.audio), "mp3") == ""
        after = await enter(listening(port))
        assert after.headers["content-type"] == "audio/ogg"
        await after.has(60_000)
        assert complaints_of_a_listener(bytes(after.audio), "ogg") == ""


async def test_a_folder_is_a_programme_of_its_own(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.mp3").write_bytes(mp3_stream(number * 200, 200))
    port = free_port()
    config = tmp_path / "folder.conf"
    config.write_text(
        f"[GENERAL]\nDELAY = 5\n[INPUT]\nMODE = File\nPATH = {tmp_path}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    async with running_distreamer(config):
        await served(port)
        async with listening(port) as recording, listening(port, icy=True) as titled:
            await recording.has(2 * FIVE_SECONDS + 20_000)
            assert bytes(recording.audio) in mp3_stream(0, 400) * 3
            await titled.has(2 * FIVE_SECONDS + 20_000)
            assert {title for _, title in titled.titles} == {"0", "1"}
