"""All kinds of real players, on a real stream, through an outage that is far longer than the buffer."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg, player_table
from tests.support.decoding import complaints_of_a_listener
from tests.support.instances import free_port, running_distreamer, served
from tests.support.player_table import AAC, FLAC, MP3, VORBIS
from tests.support.real_players import (
    Chromium,
    Curl,
    DecodingPlayer,
    Ffmpeg,
    GStreamer,
    Mpg123,
    Mpv,
    RealPlayer,
    Vlc,
    listening_players,
)
from tests.support.two_ends import encoder_port, encoder_url, studio_config, transmitter_config

DELAY_SECONDS = 12
OUTAGE_SECONDS = 40
MOST_LATER_SECONDS = 15
"""By which players of one stream may drift apart, whose buffers differ. VLC would wait for a time that jumps as far as
the outage was long."""
ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "flac": ffmpeg.FLAC}
KINDS: tuple[type[RealPlayer], ...] = (Ffmpeg, Mpg123, Mpv, Vlc, GStreamer, Curl, Chromium)
PLAYERS = {
    form: {
        kind: player_table.proves(row, column)
        for kind, row in zip(KINDS, player_table.ROWS, strict=True)
        if (row, column) not in player_table.NOT_OFFERED
    }
    for form, column in (("mp3", MP3), ("aac", AAC), ("vorbis", VORBIS), ("flac", FLAC))
}
"""Who plays which form, and what it proves."""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    *(mark for marks in PLAYERS.values() for mark in marks.values()),
]


async def test_no_player_is_disconnected_and_all_go_on(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        relays: list[Relay] = []
        studios, transmitters, ports = [], [], {}
        for form in ENCODINGS:
            link, ports[form] = free_port(), free_port()
            relays.append(await enter(Relay("127.0.0.1", link)))
            studios.append(studio_config(tmp_path, f"{form}-a", link))
            keys = {"delay": DELAY_SECONDS, "outputlevel": 3}
            transmitters.append(transmitter_config(tmp_path, f"{form}-b", relays[-1].port, ports[form], **keys))
        studio = await enter(running_distreamer(*studios))
        for form, encoding in ENCODINGS.items():
            url = encoder_url(await encoder_port(studio, f"{form}-a"))
            await enter(ffmpeg.running_source(url, encoding, ahead=DELAY_SECONDS + 5))
        transmitter = await enter(running_distreamer(*transmitters))
        for port in ports.values():
            await served(port)
        urls = {form: f"http://127.0.0.1:{port}/live" for form, port in ports.items()}
        players = await enter(listening_players(PLAYERS, urls))

        await all_hear(players, 5)
        before = await spread(players)
        for relay in relays:
            relay.cut()
        await asyncio.sleep(OUTAGE_SECONDS)
        for relay in relays:
            relay.restore()
        for form in ENCODINGS:
            await transmitter.said(f"{form}-b playout: listeners hear the programme again")
        await all_hear(players, 8)
        after = await spread(players)

        for player in players:
            player.assert_well()
        for form in ENCODINGS:
            assert after[form] - before[form] < MOST_LATER_SECONDS, f"{form}: {before} s apart, then {after} s"
        for form, kinds in PLAYERS.items():
            assert connections(transmitter.lines, f"{form}-b") == sorted(kind.agent for kind in kinds)
        stored = next(player.stored() for player in players if isinstance(player, Curl))
        assert complaints_of_a_listener(stored, "mp3") == ""


async def all_hear(players: list[RealPlayer], seconds: int) -> None:
    await asyncio.gather(*(player.hears(seconds) for player in players))


async def spread(players: list[RealPlayer]) -> dict[str, float]:
    """How far apart those are that hear the same form: seconds of what they have written, or say to have played."""
    heard: dict[str, list[float]] = {form: [] for form in ENCODINGS}
    for player in players:
        if isinstance(player, DecodingPlayer | Chromium):
            heard[player.form].append(await player.seconds())
    return {form: max(seconds) - min(seconds) for form, seconds in heard.items()}


def connections(lines: list[str], instance: str) -> list[str]:
    """The players that ever connected to an instance, by the first word of their names; none has left."""
    of_listeners = [line for line in lines if f"{instance} output: listener " in line]
    assert [line for line in of_listeners if "listener joined" not in line] == []
    names = [re.search(r'player="?(\w+)', line) for line in of_listeners]
    return sorted(name[1] if name else "" for name in names)
