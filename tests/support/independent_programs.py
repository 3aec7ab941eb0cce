"""Programs for a second peer to talk with, and what it sends; see ``independent_peer``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.audio_samples import encoded
from tests.support.independent_wire import Header, Song
from tests.support.instances import free_port, running_distreamer

LIMIT_SECONDS = 90
"""A bound, not an expectation."""
ROUND_SECONDS, FRAGMENT_SECONDS = 2, 0.4


@asynccontextmanager
async def playing(folder: Path, codec: str, password: str = "") -> AsyncIterator[int]:
    """A DiStreamer that sends a file round after round; gives the port at which it waits for receivers."""
    file, config, port = folder / "programme", folder / "studio.conf", free_port()
    file.write_bytes(encoded(codec, seconds=ROUND_SECONDS))
    config.write_text(
        f"[INPUT]\nMODE = File\nPATH = {file}\nFRAGMENTSECONDS = {FRAGMENT_SECONDS}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nPASSWORD = {password}\n"
    )
    async with asyncio.timeout(LIMIT_SECONDS), running_distreamer(config) as running:
        await running.said("listening for receivers")
        yield port


@asynccontextmanager
async def taking(folder: Path, password: str = "") -> AsyncIterator[tuple[int, int]]:
    """A DiStreamer between a sender that dials it and receivers; gives the ports for either."""
    config, port, next_port = folder / "relay.conf", free_port(), free_port()
    config.write_text(
        f"[INPUT]\nMODE = DiStreamerRevServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\nPASSWORD = {password}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {next_port}\n"
    )
    async with asyncio.timeout(LIMIT_SECONDS), running_distreamer(config) as running:
        await running.said("listening for a sender")
        await running.said("listening for receivers")
        yield port, next_port


def described(epoch: int) -> dict[int, Header]:
    return {epoch: {"epoch": str(epoch), "codec": "ogg", "clock_rate": 48_000, "content_type": "audio/ogg"}}


def song(epoch: int, number: int, setup: bytes = b"") -> Song:
    title = {"text": f"Lied {number} – ä", "url": ""}
    place = {"epoch": str(epoch), "number": number, "start": 48_000 * number, "duration": 48_000}
    fields = {"captured_at": 1_763_900_000.5 + number, "title": title, "discontinuity": number == 3}
    marks = [{"offset": 10, "title": {"text": "Next", "url": "https://song.example"}}]
    return Song(place | fields | {"title_marks": marks}, f"{number} ".encode() * 4_000, setup)
