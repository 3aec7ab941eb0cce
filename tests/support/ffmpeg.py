"""ffmpeg as the encoder of a studio: sends noise, so that no two frames are alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.programs import ended_process, find_program


@dataclass(frozen=True)
class Encoding:
    """How ffmpeg encodes."""

    encoder: str
    muxer: str
    content_type: str
    bitrate: str = "128k"
    options: tuple[str, ...] = ()


MP3 = Encoding("libmp3lame", "mp3", "audio/mpeg", options=("-write_xing", "0", "-id3v2_version", "0"))
AAC = Encoding("aac", "adts", "audio/aac", bitrate="96k")
VORBIS = Encoding("libvorbis", "ogg", "application/ogg", options=("-page_duration", "200000"))
OPUS = Encoding("libopus", "ogg", "application/ogg", bitrate="96k", options=("-page_duration", "200000"))


@asynccontextmanager
async def running_source(
    url: str, encoding: Encoding = MP3, *, speed: float = 1.0, title: str = "", name: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Sends to ``url`` (``icecast://…``) at ``speed`` times real time until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        find_program("ffmpeg"),
        *("-hide_banner", "-loglevel", "error", "-nostdin"),
        *("-readrate", str(speed), "-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=44100:amplitude=0.3"),
        *("-ac", "2", "-c:a", encoding.encoder, "-b:a", encoding.bitrate, *encoding.options),
        *(("-metadata", f"title={title}") if title else ()),
        *(("-ice_name", name) if name else ()),
        *("-content_type", encoding.content_type, "-flush_packets", "1", "-f", encoding.muxer, url),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with ended_process(process):
        yield process
