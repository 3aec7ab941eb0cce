"""A small file that is written again and again, by which a container's health check sees that the process works.

Its time is the machine's wall clock: the file is written and read on one machine. When that clock is set, one look at
the file may be wrong, until it is written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from distreamer.errors import ResourceError
from distreamer.units import spoken_seconds

BEAT_SECONDS = 5.0
FRESH_SECONDS = 30.0
"""Several beats may be late on a busy machine."""
LARGEST_FILE_BYTES = 1_000_000


class Heartbeat(BaseModel):
    """What stands in the file, as JSON."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    at: float
    """Unix time."""
    instances: dict[str, str]
    """How each is, in plain words, by name."""


async def keep_heartbeat(file: Path, sentences: Callable[[], Mapping[str, str]], wall: Callable[[], float]) -> None:
    """Writes ``file`` every BEAT_SECONDS until it is cancelled; raises ResourceError when it cannot.

    The event loop gives the beat, a thread writes: a slow disk must not hold up the programme.
    """
    while True:
        beat = Heartbeat(at=wall(), instances=dict(sentences()))
        await asyncio.to_thread(write_heartbeat, file, beat)
        await asyncio.sleep(BEAT_SECONDS)


def write_heartbeat(file: Path, beat: Heartbeat) -> None:
    """Puts the new file in the place of the old one, so that nobody reads half of it. Raises ResourceError."""
    new = file.with_name(file.name + ".new")
    try:
        new.write_text(beat.model_dump_json() + "\n", encoding="utf-8")
        new.replace(file)
    except OSError as error:
        raise ResourceError(f"the heartbeat file {file} cannot be written: {error.strerror}") from error


def read_heartbeat(file: Path, now: float) -> Heartbeat:
    """The beat in ``file``; raises ResourceError, which says what is wrong, unless it is fresh at ``now`` (Unix
    time)."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE_BYTES)
        beat = Heartbeat.model_validate_json(data)
    except FileNotFoundError:
        raise ResourceError(
            f"there is no heartbeat file {file}: DiStreamer does not run, or not with --heartbeat {file}"
        ) from None
    except OSError as error:
        raise ResourceError(f"the heartbeat file {file} cannot be read: {error.strerror}") from error
    except ValidationError:
        raise ResourceError(f"{file} is no heartbeat file of DiStreamer") from None
    age = now - beat.at
    if age >= FRESH_SECONDS:
        raise ResourceError(
            f"the heartbeat file {file} was written {spoken_seconds(age)} ago: DiStreamer hangs or has ended"
        )
    if age <= -FRESH_SECONDS:
        raise ResourceError(
            f"the heartbeat file {file} is {spoken_seconds(-age)} ahead of the clock, which was set back: "
            "DiStreamer has not written it since"
        )
    return beat
