"""ffmpeg as the encoder of a studio: sends noise, so that no two frames are alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.programs import ended_process, find_program, words_of


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
FLAC = Encoding("flac", "ogg", "application/ogg", options=("-sample_fmt", "s16", "-page_duration", "200000"))
OPUS = Encoding("libopus", "ogg", "application/ogg", bitrate="96k", options=("-page_duration", "200000"))

TEE_SPEED = 8
"""This much faster than real time, so that tests are short."""
TITLE_WITHIN = "Žofie – Within & Co"
"""What ``tee`` writes into Ogg."""


def tee(
    encoding: Encoding, *targets: tuple[str, Sequence[str]], speed: float = TEE_SPEED, ahead: float = 0
) -> list[str]:
    """The command that sends the same bytes of noise to each target, a file or an URL (``:`` escaped), each with the
    options of its own; ``speed`` is in units of real time, but ``ahead`` seconds are sent at once."""
    # Without bitexact, each Ogg has a serial number of its own by chance.
    muxer = f"f={encoding.muxer}:fflags=+bitexact+flush_packets"
    muxer += {"mp3": ":write_xing=0:id3v2_version=0", "ogg": ":page_duration=200000"}.get(encoding.muxer, "")
    return [
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin"),
        *("-readrate", str(speed), *_begins(ahead)),
        *("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:amplitude=0.3", "-map", "0:a", "-ac", "2"),
        *_from_zero(ahead),
        *("-c:a", encoding.encoder, "-b:a", encoding.bitrate, "-flags", "+bitexact"),
        *("-metadata", f"title={TITLE_WITHIN}"),
        *("-f", "tee", "|".join(f"[{':'.join([muxer, *options])}]{target}" for target, options in targets)),
    ]


NOISE = "anoisesrc=color=pink:sample_rate=44100:amplitude=0.3"


def _begins(ahead: float) -> tuple[str, ...]:
    """Options of the input. What is before the time 0 is read at once; ffmpeg has an option for it from 6.1 on only."""
    return ("-itsoffset", f"{-ahead:g}") if ahead else ()


def _from_zero(ahead: float) -> tuple[str, ...]:
    """Options of the output: in what is sent, time begins with 0 all the same."""
    return ("-af", "asetpts=N/SR/TB") if ahead else ()


@asynccontextmanager
async def running_source(
    url: str,
    encoding: Encoding = MP3,
    *,
    speed: float = 1.0,
    ahead: float = 0,
    title: str = "",
    name: str = "",
    sound: str = NOISE,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Sends to ``url`` (``icecast://…``) at ``speed`` times real time until the end of the block; ``sound`` is made by
    libavfilter. ``ahead`` seconds are sent at once, so that buffers are full at once."""
    with words_of(f"ffmpeg, which sends to {url},") as words:
        process = await asyncio.create_subprocess_exec(
            find_program("ffmpeg"),
            *("-hide_banner", "-loglevel", "error", "-nostdin"),
            *("-readrate", str(speed), *_begins(ahead), "-f", "lavfi", "-i", sound),
            *("-ac", "2", *_from_zero(ahead), "-c:a", encoding.encoder, "-b:a", encoding.bitrate, *encoding.options),
            *(("-metadata", f"title={title}") if title else ()),
            *(("-ice_name", name) if name else ()),
            *("-content_type", encoding.content_type, "-flush_packets", "1", "-f", encoding.muxer, url),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=words,
        )
        async with ended_process(process):
            yield process
