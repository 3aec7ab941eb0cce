"""Has pieces of audio decoded and measured by a program of its own, one for all instances: ``level_meter`` says why."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from structlog.typing import FilteringBoundLogger

from distreamer.core.killed import until_dead
from distreamer.core.module import Health
from distreamer.errors import AudioError, ResourceError
from distreamer.model.loudness import Loudness
from distreamer.runtime.conversion import fault_words, tail_of
from distreamer.runtime.decoding_program import REFUSED, command

ANSWER_SECONDS = 20.0
"""For a piece, and for the program to begin, which takes longest on a small machine with a slow disk."""
MOST_WAITING = 8
"""Pieces of audio that wait for others to be decoded."""

_COMPLAINT_BYTES = 4_096
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""Its threads would do nothing but take memory."""
_PROGRAM = command("distreamer.runtime.level_meter")

Tell = Callable[[Loudness | None], None]
"""Gets how loud a piece of audio was; None when it could not be measured. It must be quick and must not raise."""


class Meter(Protocol):
    """Decodes and measures, elsewhere."""

    @property
    def works(self) -> bool:
        """Whether there is one that could be asked."""
        ...

    def ask(self, audio: bytes, container: str, tell: Tell) -> bool:
        """Has ``audio`` measured, which is whole frames in what libavformat calls ``container``, and its answer told
        later; False when it has too much to do."""
        ...


class _Piece(NamedTuple):
    audio: bytes
    container: str
    tell: Tell


class LevelProgram:
    """Satisfies ``Meter``. Whatever becomes of the program, whoever asked is told, and nobody waits."""

    def __init__(self, health: Health, log: FilteringBoundLogger) -> None:
        self.works = False
        self._health = health
        self._log = log
        self._waiting: asyncio.Queue[_Piece] = asyncio.Queue(MOST_WAITING)

    def ask(self, audio: bytes, container: str, tell: Tell) -> bool:
        if not self.works or self._waiting.full():
            return False
        self._waiting.put_nowait(_Piece(audio, container, tell))
        return True

    async def run(self) -> None:
        """Until it is cancelled; raises AudioError when the program crashes or hangs, ResourceError when there can be
        none. Without PyAV it rests."""
        try:
            process = await asyncio.create_subprocess_exec(
                *_PROGRAM,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:
            raise ResourceError(f"no program can be started that measures levels: {error.strerror}") from error
        assert process.stderr is not None
        complaints = asyncio.create_task(tail_of(process.stderr, _COMPLAINT_BYTES), name="complaints of the meter")
        try:
            self.works = True
            refusal = await self._serve(process, complaints)
        finally:
            self._drop_all()
            if process.returncode is None:
                process.kill()
            await until_dead(process)
            complaints.cancel()
        self._log.info(f"levels are estimated: {refusal}; install distreamer[audio]")
        await asyncio.Event().wait()

    async def _serve(self, process: asyncio.subprocess.Process, complaints: asyncio.Task[bytearray]) -> str:
        """Gives why the program refuses to work."""
        while True:
            piece = await self._waiting.get()
            line = b""
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    line = await _answer(process, piece)
                    if not line.endswith(b"\n"):
                        await process.wait()
                        await asyncio.wait({complaints})
            except TimeoutError as error:
                raise AudioError(f"the program that measures levels said nothing for {ANSWER_SECONDS:g} s") from error
            finally:
                loudness = _loudness(line)
                piece.tell(loudness)
            if process.returncode == REFUSED:
                return line.decode(errors="replace")
            if process.returncode is not None:
                raise AudioError(fault_words(process.returncode, line, complaints.result()))
            self._health.running("measures levels")

    def _drop_all(self) -> None:
        self.works = False
        while not self._waiting.empty():
            self._waiting.get_nowait().tell(None)


async def _answer(process: asyncio.subprocess.Process, piece: _Piece) -> bytes:
    """A line, or less when the program has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    head = json.dumps({"container": piece.container, "size": len(piece.audio)}).encode() + b"\n"
    with suppress(ConnectionError):  # It has ended already; its last words say why.
        if not process.stdin.is_closing():  # uvloop calls it a defect to write then.
            process.stdin.write(head + piece.audio)
            await process.stdin.drain()
    try:
        return await process.stdout.readline()
    except ValueError as error:
        raise AudioError("the program that measures levels answered too much") from error


def _loudness(line: bytes) -> Loudness | None:
    """What an answer says; None when it is a fault, or no answer."""
    try:
        answer = json.loads(line)
        return Loudness(float(answer["left_dbfs"]), float(answer["right_dbfs"]), float(answer["peak_dbfs"]))
    except (ValueError, TypeError, KeyError):
        return None
