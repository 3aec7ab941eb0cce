"""A link that is away for longer than the buffer: players hear silence in between, stay connected, and go on."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import Recording, listening, media_seconds

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "opus": ffmpeg.OPUS}
CONTAINERS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg"}
DELAY_SECONDS = 4
SOME_AUDIO = 60_000
"""Bytes: 4 to 8 s."""
SOME_SILENCE = 30_000
"""Bytes; it takes as many as the programme, so that players that buffer by bytes do not stand still."""


def pair_of_configs(folder: Path, form: str, icecast: Icecast, relay_port: int, ports: tuple[int, int]) -> list[Path]:
    """The files of A and B; ``ports`` are those for receivers and for players."""
    studio, transmitter = folder / f"{form}-a.conf", folder / f"{form}-b.conf"
    studio.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url('/' + form)}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {ports[0]}\n"
    )
    transmitter.write_text(
        f"[GENERAL]\nDELAY = {DELAY_SECONDS}\nFILLERTITLE = Patience\n"
        f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{relay_port}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {ports[1]}\n"
    )
    return [studio, transmitter]


async def test_players_hear_silence_and_stay(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path))
        relays: list[Relay] = []
        studios, transmitters, players = [], [], {}
        for form, encoding in ENCODINGS.items():
            await enter(ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding))
            await icecast.wait_for_mount(f"/{form}")
            port, players[form] = free_port(), free_port()
            relays.append(await enter(Relay("127.0.0.1", port)))
            studio, transmitter = pair_of_configs(tmp_path, form, icecast, relays[-1].port, (port, players[form]))
            studios.append(studio)
            transmitters.append(transmitter)
        await enter(running_distreamer(*studios))
        running = await enter(running_distreamer(*transmitters))
        recordings: dict[str, Recording] = {}
        for form, player in players.items():
            await served(player)
            recordings[form] = await enter(listening(player, icy=form == "mp3"))

        async def hear_more(size: int) -> None:
            await asyncio.gather(*(recording.has_more(size) for recording in recordings.values()))

        await hear_more(SOME_AUDIO)
        for relay in relays:
            relay.cut()
        for form in players:
            await running.said(f"{form}-b playout: listeners hear silence")
        await hear_more(SOME_SILENCE)
        for relay in relays:
            relay.restore()
        for form in players:
            await running.said(f"{form}-b playout: listeners hear the programme again")
        await hear_more(SOME_AUDIO)
        for form, recording in recordings.items():
            audio = bytes(recording.audio)
            assert not recording.ended
            assert complaints_of_a_listener(audio, CONTAINERS[form]) == ""
            assert media_seconds(audio, CONTAINERS[form]) > 10
        titles = [title for _, title in recordings["mp3"].titles]
        assert "Patience" in titles
        assert titles[-1] != "Patience"
