"""Has audio files checked and converted, by a program of its own: ``converter`` says why."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from distreamer.core.interruptible import interruptible
from distreamer.core.killed import until_dead
from distreamer.errors import AudioError, ResourceError
from distreamer.media.clip import Clip, loaded
from distreamer.model.audio import AudioFormat, Title
from distreamer.runtime.decoding_program import REFUSED, command

CHECK_SECONDS = 60
"""More than the smallest machine needs while it starts."""
CONVERSION_SECONDS = 1800
"""A machine that takes longer for ten minutes of audio has no time for them."""

_PIECE_BYTES = 65_536
_ANSWER_BYTES, _COMPLAINT_BYTES = 64_000_000, 4_096
_PROGRAM = command("distreamer.runtime.converter")


def audio_fault(path: Path) -> str | None:
    """What keeps the file from being played as filler, in a sentence; None when nothing does. Takes up to a second,
    for a program is started."""
    try:
        with interruptible():
            done = subprocess.run(
                [*_PROGRAM, "check", str(path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CHECK_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return f"it could not be read within {CHECK_SECONDS} s"
    except (OSError, ValueError) as error:
        return f"it cannot be checked: {error}"
    return None if done.returncode == 0 else fault_words(done.returncode, done.stdout, done.stderr)


async def converted(path: Path, wanted: AudioFormat, sample: bytes, title: Title | None) -> Clip:
    """The file as a clip that joins ``wanted``, of about its bitrate; in Ogg with ``title``.

    ``sample`` is a part of the stream: whole frames, in Ogg with the header pages before them. Raises AudioError or
    ResourceError.
    """
    request = json.dumps({"format": asdict(wanted), "title": title.text if title else ""})
    try:
        process = await asyncio.create_subprocess_exec(
            *(*_PROGRAM, "convert", str(path), request),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise ResourceError(f"no program can be started that converts it: {error.strerror}") from error
    try:
        async with asyncio.timeout(CONVERSION_SECONDS):
            answer, complaints = await _talk(process, sample)
    except TimeoutError as error:
        raise AudioError(f"it could not be converted within {CONVERSION_SECONDS} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await until_dead(process)
    if process.returncode != 0:
        raise AudioError(fault_words(process.returncode or 0, answer, complaints))
    try:
        return loaded(answer)
    except ValueError as error:
        raise AudioError(f"the program that decodes it answered {error}") from error


async def _talk(process: asyncio.subprocess.Process, sample: bytes) -> tuple[bytearray, bytearray]:
    """Gives all that it says, on both ways, when it has ended. Nothing large is copied in one go: the loop plays."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _, answer, complaints = await asyncio.gather(
        _feed(process.stdin, sample), tail_of(process.stdout, _ANSWER_BYTES), tail_of(process.stderr, _COMPLAINT_BYTES)
    )
    await process.wait()
    return answer, complaints


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):  # It has ended already; its last words say why.
        if not stream.is_closing():  # uvloop calls it a defect to write then.
            stream.write(data)
            await stream.drain()
    stream.close()


async def tail_of(stream: asyncio.StreamReader, most: int) -> bytearray:
    """All that comes, but of more than ``most`` bytes only the last."""
    data = bytearray()
    while piece := await stream.read(_PIECE_BYTES):
        data += piece
        del data[:-most]
    return data


def fault_words(exit_code: int, answer: bytes | bytearray, complaints: bytes | bytearray) -> str:
    """Why a program failed that said ``answer`` and, on standard error, ``complaints``."""
    if exit_code == REFUSED:
        return answer.decode(errors="replace")
    if exit_code < 0:
        return f"the program that decodes it was ended by {signal.Signals(-exit_code).name}"
    lines = complaints.decode(errors="replace").strip().splitlines() or [f"exit code {exit_code}"]
    return f"the program that decodes it failed: {lines[-1]}"
