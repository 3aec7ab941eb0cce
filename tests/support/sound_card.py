"""A sound card without hardware: ALSA reads noise from a pipe that ffmpeg fills, faster than real time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.programs import find_program

SPEED = 4
"""So much faster than real time does the card record."""
_CONFIG = """
pcm.null {{ type null }}
pcm.!default {{ type file slave.pcm "null" file "/dev/null" infile "{pipe}" format "raw" }}
"""


@asynccontextmanager
async def sound_card(folder: Path, samples: str, rate: int = 48000) -> AsyncIterator[dict[str, str]]:
    """The environment in which the ALSA device ``default`` is this card, until the end of the block. It records stereo
    in the format ``samples`` (ffmpeg's name), whatever the program asks for."""
    pipe, config = folder / "noise", folder / "sound.conf"
    os.mkfifo(pipe)
    config.write_text(_CONFIG.format(pipe=pipe))
    # Held open at both ends, so that neither the program, which may probe the card, nor ffmpeg meets its end.
    held = os.open(pipe, os.O_RDWR)
    try:
        process = await asyncio.create_subprocess_exec(
            *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin", "-readrate", str(SPEED)),
            *("-f", "lavfi", "-i", f"anoisesrc=color=pink:sample_rate={rate}:amplitude=0.3", "-ac", "2"),
            *("-f", samples, "pipe:1"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=held,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield {**os.environ, "ALSA_CONFIG_PATH": str(config)}
        finally:
            # It waits for room in the pipe, and would not hear a gentler signal.
            process.kill()
            await process.wait()
    finally:
        os.close(held)
