"""A link that is away for longer than the buffer: players hear silence or a file, stay connected, and go on."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener, heard, whole_frames
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import Recording, listening, media_seconds
from tests.support.tones import BLOCK_SECONDS, LEVEL, tone_levels, write_tone

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "opus": ffmpeg.OPUS}
CONTAINERS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg"}
DELAY_SECONDS = 8
AHEAD_SECONDS, BURST_BYTES = 15, 500_000
"""What the source sends at once, so that the buffer is full at once."""
SOME_AUDIO = 60_000
"""Bytes: 4 to 8 s."""
SOME_SILENCE = 30_000
"""Bytes; it takes as many as the programme, so that players that buffer by bytes do not stand still."""


OF_THE_FILE = {"mp3": 96_000, "aac": 70_000, "vorbis": 25_000, "opus": 80_000}
"""Bytes: about 6 s, in which it begins anew. (In Vorbis a tone takes little.)"""
FILE_SECONDS = 3


def pair_of_configs(
    folder: Path, form: str, icecast: Icecast, relay_port: int, ports: tuple[int, int], filler: str = "silence"
) -> list[Path]:
    """The files of A and B; ``ports`` are those for receivers and for players."""
    studio, transmitter = folder / f"{form}-a.conf", folder / f"{form}-b.conf"
    studio.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url('/' + form)}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {ports[0]}\n"
    )
    transmitter.write_text(
        f"[GENERAL]\nDELAY = {DELAY_SECONDS}\nFILLER = {filler}\nFILLERTITLE = Patience\n"
        f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{relay_port}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {ports[1]}\n"
    )
    return [studio, transmitter]


@pytest.mark.parametrize("kind", ["silence", "file"])
async def test_players_hear_it_and_stay(tmp_path: Path, kind: str) -> None:
    is_file = kind == "file"
    filler = write_tone(tmp_path / "soon.wav", FILE_SECONDS, channels=1) if is_file else "silence"
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        relays: list[Relay] = []
        studios, transmitters, players = [], [], {}
        for form, encoding in ENCODINGS.items():
            await enter(ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding, ahead=AHEAD_SECONDS))
            await icecast.wait_for_mount(f"/{form}")
            port, players[form] = free_port(), free_port()
            relays.append(await enter(Relay("127.0.0.1", port)))
            studio, transmitter = pair_of_configs(
                tmp_path, form, icecast, relays[-1].port, (port, players[form]), str(filler)
            )
            studios.append(studio)
            transmitters.append(transmitter)
        await enter(running_distreamer(*studios))
        running = await enter(running_distreamer(*transmitters))
        recordings: dict[str, Recording] = {}
        for form, player in players.items():
            await served(player)
            recordings[form] = await enter(listening(player, icy=form == "mp3"))

        async def hear_more(size: int | dict[str, int]) -> None:
            sizes = size if isinstance(size, dict) else dict.fromkeys(recordings, size)
            await asyncio.gather(*(recording.has_more(sizes[form]) for form, recording in recordings.items()))

        await hear_more(SOME_AUDIO)
        for form in players if is_file else ():
            await running.said(f"{form}-b playout: the filler file was converted to")
        for relay in relays:
            relay.cut()
        for form in players:
            await running.said(f"{form}-b playout: listeners hear {'the filler file' if is_file else 'silence'}")
        await hear_more(OF_THE_FILE if is_file else SOME_SILENCE)
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
            assert_heard_as_it_is(form, audio) if is_file else assert_no_tone(form, audio)
        titles = [title for _, title in recordings["mp3"].titles]
        assert "Patience" in titles
        assert titles[-1] != "Patience"


def blocks_of_tone(form: str, audio: bytes) -> npt.NDArray[np.float64]:
    """How loud the tone of the file is in what was heard; the programme is noise, and has hardly any of it."""
    samples = heard(whole_frames(audio, CONTAINERS[form]), CONTAINERS[form])
    return tone_levels(samples, 48_000 if form == "opus" else 44_100)


def assert_no_tone(form: str, audio: bytes) -> None:
    assert blocks_of_tone(form, audio).max() < LEVEL / 2, form


def assert_heard_as_it_is(form: str, audio: bytes) -> None:
    """The file comes once, goes on over its end, and is as loud as it was."""
    levels = blocks_of_tone(form, audio)
    loud = np.flatnonzero(levels > LEVEL / 2)
    first, last = loud[0], loud[-1]
    assert first * BLOCK_SECONDS > 3, form
    assert (last - first) * BLOCK_SECONDS > FILE_SECONDS + 1, form
    assert (len(levels) - last) * BLOCK_SECONDS > 2, form
    inside = levels[first + 1 : last]
    assert np.median(inside) == pytest.approx(LEVEL, rel=0.1), form  # LAME makes all it encodes half a decibel softer.
    # Where a round ends and the next begins, an encoder leaves a moment of silence.
    assert np.count_nonzero(inside < LEVEL * 0.8) <= 3 * ((last - first) * BLOCK_SECONDS / FILE_SECONDS + 1), form
    assert inside.max() < LEVEL * 1.1, form
