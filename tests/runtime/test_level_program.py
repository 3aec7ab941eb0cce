"""The program that measures levels, and what becomes of those who ask it when it crashes, hangs or is not there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.core.module import Health
from distreamer.errors import AudioError, ResourceError
from distreamer.model.loudness import Loudness
from distreamer.model.status import ModuleState
from distreamer.runtime import level_program
from distreamer.runtime.level_program import MOST_WAITING, LevelProgram
from tests.support import broken_av
from tests.support.audio_samples import encoded
from tests.support.broken_av import replace_av
from tests.support.input_context import capturing_log
from tests.support.listening_modules import until

HANGING = "import time\ntime.sleep(600)\n"
MP3 = encoded("libmp3lame", seconds=1.0)


@dataclass
class Asking:
    """A program, and those who ask it."""

    program: LevelProgram
    health: Health
    said: CapturingLogger
    task: asyncio.Task[None]
    answers: list[Loudness | None] = field(default_factory=list)

    async def answer(self, audio: bytes = MP3, container: str = "mp3") -> Loudness | None:
        answered = asyncio.get_running_loop().create_future()
        assert self.program.ask(audio, container, answered.set_result)
        found: Loudness | None = await answered
        return found

    async def ends_with(self) -> BaseException | None:
        await asyncio.wait({self.task})
        return self.task.exception()


@asynccontextmanager
async def asking() -> AsyncIterator[Asking]:
    health, said = Health(LoopClock()), CapturingLogger()
    program = LevelProgram(health, capturing_log(said))
    task = asyncio.create_task(program.run())
    try:
        async with asyncio.timeout(60):
            await until(lambda: program.works or task.done())
            yield Asking(program, health, said, task)
    finally:
        task.cancel()
        await asyncio.wait({task})


def children() -> set[int]:
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(map(int, own.read_text().split()))


async def test_pieces_are_measured_one_after_the_other() -> None:
    async with asking() as asked:
        for _ in range(3):
            found = await asked.answer()
            assert found is not None
            assert found.left_dbfs == pytest.approx(-11.2, abs=1)
            assert found.peak_dbfs == pytest.approx(-10, abs=2)
        assert asked.health.state is ModuleState.RUNNING
        assert await asked.answer(b"no audio" * 1000) is None
        assert await asked.answer() == found
        answers: list[Loudness | None] = []
        for _ in range(MOST_WAITING):
            assert asked.program.ask(MP3, "mp3", answers.append)
        assert not asked.program.ask(MP3, "mp3", answers.append)
        await until(lambda: len(answers) == MOST_WAITING)
        assert answers == [found] * MOST_WAITING


async def test_nothing_is_left_behind_and_nobody_waits() -> None:
    before = children()
    answers: list[Loudness | None] = []
    async with asking() as asked:
        (process,) = children() - before
        os.kill(process, signal.SIGSTOP)
        for _ in range(3):
            asked.program.ask(MP3, "mp3", answers.append)
        await asyncio.sleep(0)
    assert answers == [None] * 3
    assert not asked.program.works
    await until(lambda: children() <= before)


async def test_what_is_meant_for_who_started_it_does_not_end_it() -> None:
    before = children()
    async with asking() as asked:
        await asked.answer()
        (process,) = children() - before
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(process, number)
        assert await asked.answer() is not None


async def test_a_decoder_that_is_killed_is_told() -> None:
    before = children()
    async with asking() as asked:
        await asked.answer()
        (process,) = children() - before
        os.kill(process, signal.SIGKILL)
        assert await asked.answer() is None
        error = await asked.ends_with()
        assert isinstance(error, AudioError)
        assert str(error) == "the program that decodes it was ended by SIGKILL"
        assert not asked.program.ask(MP3, "mp3", lambda _: None)


async def test_a_decoder_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_av(monkeypatch, tmp_path, HANGING)
    monkeypatch.setattr(level_program, "ANSWER_SECONDS", 0.5)
    before = children()
    async with asking() as asked:
        assert await asked.answer() is None
        error = await asked.ends_with()
        assert isinstance(error, AudioError)
        assert str(error) == "the program that measures levels said nothing for 0.5 s"
        await until(lambda: children() <= before)


QUICK = "import sys; from distreamer.runtime import level_meter as it; it.MOST_SECONDS = 1; "
QUICK += "sys.exit(it.main(sys.stdin.buffer, sys.stdout.buffer))"


async def started(*arguments: str) -> asyncio.subprocess.Process:
    """The program by itself, without anybody who looks after it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def test_a_decoder_that_hangs_ends_though_nobody_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_av(monkeypatch, tmp_path, HANGING)
    process = await started("-c", QUICK)
    assert await process.wait() == -signal.SIGALRM


async def test_it_ends_when_who_asks_it_is_gone() -> None:
    process = await started("-m", "distreamer.runtime.level_meter")
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (broken_av.CRASHING, "the program that decodes it was ended by SIGSEGV"),
        (broken_av.DEFECTIVE, "the program that decodes it failed: ZeroDivisionError: nothing to divide"),
    ],
    ids=["crashing", "defective"],
)
async def test_a_pyav_that_breaks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, fault: str
) -> None:
    replace_av(monkeypatch, tmp_path, source)
    async with asking() as asked:
        assert await asked.answer(bytes(1_000_000)) is None
        assert str(await asked.ends_with()) == fault


async def test_without_pyav_it_rests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_av(monkeypatch, tmp_path, broken_av.MISSING)
    async with asking() as asked:
        assert await asked.answer() is None
        await until(lambda: bool(asked.said.calls))
        assert [call.kwargs.get("event") for call in asked.said.calls] == [
            "levels are estimated: PyAV, which decodes it, is missing (No module named 'av'); install distreamer[audio]"
        ]
        assert not asked.task.done()
        assert not asked.program.works


async def test_a_program_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_program, "_PROGRAM", ("/nowhere/python",))
    async with asking() as asked:
        error = await asked.ends_with()
        assert isinstance(error, ResourceError)
        assert str(error).endswith("No such file or directory")


@pytest.mark.parametrize("answer", ["[]", "{}", "1", "null", '{"left_dbfs": "x"}', "\\xff"])
async def test_a_stranger_that_answers_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    program = tmp_path / "stranger.sh"
    program.write_text(f"printf '{answer}\\n'\nexec sleep 600\n")
    monkeypatch.setattr(level_program, "_PROGRAM", ("/bin/sh", str(program)))
    async with asking() as asked:
        assert await asked.answer() is None
