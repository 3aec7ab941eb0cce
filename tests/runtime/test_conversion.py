"""The program that checks and converts files, and what becomes of those who start it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from distreamer.core import killed
from distreamer.errors import AudioError, ResourceError
from distreamer.media.clip import clip_of
from distreamer.model.audio import Title
from distreamer.runtime import conversion
from distreamer.runtime.conversion import audio_fault, converted
from distreamer.runtime.transcoding import transcoded
from tests.support import broken_av
from tests.support.audio_samples import encoded
from tests.support.broken_av import replace_av
from tests.support.listening_modules import until
from tests.support.silences import aac, mpeg, opus
from tests.support.silent_aac import silent_pair
from tests.support.tones import write_tone
from tests.support.undead import undead

MP3 = mpeg("1", "III", 44100, 2, 128_000)
AAC = replace(aac(22050, 2), bitrate=64_000)
LIMIT_SECONDS = 60
"""A bound, not an expectation."""


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A file."""
    return write_tone(tmp_path / "Žofie, back soon?.wav", 2)


async def test_it_gives_what_is_made_in_one_process(tone: Path) -> None:
    title = Title("Žofie is back soon")
    for wanted in (MP3, opus(2)):
        with tone.open("rb") as file:
            expected = clip_of(transcoded(file, wanted, title=title), wanted)
        assert await converted(tone, wanted, b"", title) == expected


async def test_aac_is_made_for_aac_and_not_for_he_aac(tone: Path) -> None:
    clip = await converted(tone, AAC, 40 * silent_pair(sbr=False), None)
    assert clip.format.joins(AAC)
    with pytest.raises(AudioError, match="the stream is HE-AAC, for which there is no encoder here"):
        await converted(tone, AAC, 40 * silent_pair(sbr=True), None)


async def test_what_cannot_be_made_is_told(tone: Path, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"there is no encoder for MPEG-1 layer I$"):
        await converted(tone, mpeg("1", "I", 44100, 2), b"", None)
    with pytest.raises(AudioError, match="it cannot be read: No such file or directory"):
        await converted(tmp_path / "gone.mp3", MP3, b"", None)


def test_a_file_that_can_be_decoded_has_no_fault(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tone.parent)
    for path in (tone, Path(tone.name)):
        assert audio_fault(path) is None


def test_faults_are_told_in_words(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp3"
    text.write_text("no music\n" * 100)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert audio_fault(tmp_path / "gone.mp3") == "it cannot be read: No such file or directory"
    assert [audio_fault(path) for path in (tmp_path, pipe)] == ["it is no file"] * 2
    assert (audio_fault(text) or "").startswith("it holds no audio that can be decoded")


MUST_BE_INSTALLED = (
    "PyAV, which decodes it, is missing (No module named 'av'): install distreamer[audio], or use FILLER = silence"
)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (broken_av.MISSING, MUST_BE_INSTALLED),
        (broken_av.CRASHING, "the program that decodes it was ended by SIGSEGV"),
        (broken_av.DEFECTIVE, "the program that decodes it failed: ZeroDivisionError: nothing to divide"),
    ],
    ids=["missing", "crashing", "defective"],
)
async def test_a_pyav_that_breaks_disturbs_nobody(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, fault: str
) -> None:
    replace_av(monkeypatch, tmp_path, source)
    assert audio_fault(tone) == fault
    for sample in (b"", bytes(1_000_000)):  # Nobody reads it.
        with pytest.raises(AudioError) as caught:
            await converted(tone, AAC, sample, None)
        assert str(caught.value) == fault


async def test_who_is_cancelled_leaves_nothing_behind(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("AV_PIPE", str(pipe))
    replace_av(monkeypatch, tmp_path, broken_av.ENDLESS)
    task = asyncio.create_task(converted(tone, MP3, b"", None))
    process, niceness = map(int, (await asyncio.to_thread(pipe.read_text)).split())
    os.kill(process, 0)
    assert niceness == min(os.nice(0) + 10, 19)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: is_gone(process))


def is_gone(process: int) -> bool:
    """Whether there is no such process any more."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


async def test_what_takes_too_long_is_given_up(tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AV_PIPE", str(tmp_path / "anything"))
    replace_av(monkeypatch, tmp_path, broken_av.ENDLESS)
    monkeypatch.setattr(conversion, "CONVERSION_SECONDS", 0.5)
    monkeypatch.setattr(conversion, "CHECK_SECONDS", 0.5)
    with pytest.raises(AudioError, match=r"it could not be converted within 0\.5 s"):
        await converted(tone, MP3, b"", None)
    assert audio_fault(tone) == "it could not be read within 0.5 s"


async def test_one_that_cannot_even_be_killed_is_not_waited_for(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that waits for a disk that hangs."""
    monkeypatch.setenv("AV_PIPE", str(tmp_path / "anything"))
    replace_av(monkeypatch, tmp_path, broken_av.ENDLESS)
    monkeypatch.setattr(conversion, "CONVERSION_SECONDS", 0.5)
    monkeypatch.setattr(killed, "DYING_SECONDS", 0.1)
    async with undead(), asyncio.timeout(LIMIT_SECONDS):
        with pytest.raises(AudioError, match=r"it could not be converted within 0\.5 s"):
            await converted(tone, MP3, b"", None)


async def test_a_program_that_cannot_be_started(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_PROGRAM", ("/nowhere/python",))
    with pytest.raises(ResourceError, match="no program can be started that converts it: No such file or directory"):
        await converted(tone, MP3, b"", None)
    assert (audio_fault(tone) or "").startswith("it cannot be checked: ")


async def test_a_stranger_that_answers_something_else(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_PROGRAM", ("/bin/echo",))
    with pytest.raises(AudioError, match="the program that decodes it answered"):
        await converted(tone, MP3, b"", None)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_program_that_ends_before_it_is_given_anything(
    loop: Callable[[], asyncio.AbstractEventLoop], tone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = asyncio.create_subprocess_exec

    async def start_and_see_it_end(*arguments: str, **pipes: Any) -> asyncio.subprocess.Process:
        process = await start(*arguments, **pipes)
        await process.wait()
        assert process.stdin is not None
        with suppress(ConnectionError):
            await process.stdin.wait_closed()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_see_it_end)
    monkeypatch.setattr(conversion, "_PROGRAM", ("/bin/sh", "-c", "echo broken >&2; exit 1"))
    with asyncio.Runner(loop_factory=loop) as runner, pytest.raises(AudioError, match="decodes it failed: broken"):
        runner.run(asyncio.wait_for(converted(tone, MP3, bytes(1_000_000), None), LIMIT_SECONDS))


def test_a_damaged_file_is_still_played(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mp3"
    stream = encoded("libmp3lame", seconds=2)
    path.write_bytes(stream[:9_000] + bytes(3_000) + stream[9_500:])
    assert audio_fault(path) is None
