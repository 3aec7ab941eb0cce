"""The input File: what is played, when, and what is refused."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.cue import OnAir, StandbyCue, SteadyCue
from distreamer.core.module import InputContext
from distreamer.errors import AudioError, ResourceError
from distreamer.inputs import file as file_module
from distreamer.inputs.file import File, FileSettings
from distreamer.media.ogg_pages import PageReader
from distreamer.model.audio import Frame, Station
from tests.support.audio_samples import encoded
from tests.support.input_context import WALL, input_context, stored_audio, stored_titles
from tests.support.made_audio import INFO, MP3_FRAME_BYTES, fragment, mp3_stream

FRAMES = 200
"""Of a made file: 5.2 s."""


def made_file(path: Path, first: int = 0, frames: int = FRAMES) -> bytes:
    """An MP3 file of distinct frames; gives its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = mp3_stream(first, frames)
    path.write_bytes(data)
    return data


@asynccontextmanager
async def playing(
    path: Path,
    context: InputContext,
    *,
    loop: bool = True,
    order: Literal["name", "shuffle"] = "name",
    title: str = "",
) -> AsyncIterator[asyncio.Task[None]]:
    settings = FileSettings(path=path, loop=loop, order=order, title=title)
    task = asyncio.create_task(File(settings, context, shuffle=lambda paths: paths.reverse()).run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, AudioError, ResourceError):
            await task


async def until(reached: Callable[[], bool], task: asyncio.Task[None]) -> None:
    """Files are read by threads, which do not say when they are ready."""
    async with asyncio.timeout(60):
        while not reached():
            assert not task.done(), task.exception()
            await asyncio.sleep(0.002)


def standby(context: InputContext) -> tuple[InputContext, StandbyCue]:
    cue = StandbyCue()
    return replace(context, cue=cue), cue


def has(context: InputContext, size: int) -> Callable[[], bool]:
    """Whether so many bytes of audio were given, those that wait for the rest of their fragment included."""
    return lambda: len(stored_audio(context.store)) >= size


async def test_it_gives_what_is_wanted_and_waits_for_more(tmp_path: Path) -> None:
    data = made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.mp3", context) as task:
        await until(lambda: cue.is_offered, task)
        assert not context.store.seconds
        cue.begin()
        cue.want(2.0)
        await until(lambda: context.store.seconds >= 1.8, task)
        assert context.ingest.audio_seconds >= 2.0
        assert context.ingest.audio_seconds < 2.7
        cue.want(1.0)
        await until(lambda: context.store.seconds >= 2.8, task)
        assert data.startswith(stored_audio(context.store))
        assert stored_titles(context.store) == [(0, "a")]
        assert context.health.detail == "plays a.mp3"


async def test_it_begins_again_at_its_end_and_at_each_turn(tmp_path: Path) -> None:
    data = made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.mp3", context) as task:
        cue.begin()
        cue.want(8.0)
        await until(has(context, len(data) + 2 * MP3_FRAME_BYTES), task)
        assert stored_audio(context.store).startswith(data + data[: 2 * MP3_FRAME_BYTES])
        cue.end()
        await until(lambda: "stands by" in context.health.detail, task)
        heard = len(stored_audio(context.store))
        cue.begin()
        cue.want(1.0)
        await until(has(context, heard + 10 * MP3_FRAME_BYTES), task)
        assert data.startswith(stored_audio(context.store)[heard:])


async def test_once_is_once_a_turn(tmp_path: Path) -> None:
    data = made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.mp3", context, loop=False) as task:
        for turn in (1, 2):
            await until(lambda: cue.is_offered, task)
            cue.begin()
            cue.want(60.0)
            await until(lambda: not cue.is_offered, task)
            assert stored_audio(context.store) == data * turn
            cue.end()
            await asyncio.sleep(0.01)
            assert not cue.is_offered
            cue.relieve()


async def test_a_folder_is_played_by_name_with_all_that_is_below(tmp_path: Path) -> None:
    wanted = b""
    for number, name in enumerate(["1/a.mp3", "1/b.MP3", "2.mp3"]):
        wanted += made_file(tmp_path / name, number * FRAMES)
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "1" / "list.m3u").write_text("a.mp3\n")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path, context) as task:
        cue.begin()
        cue.want(15.5)
        await until(has(context, len(wanted) - 20 * MP3_FRAME_BYTES), task)
        assert wanted.startswith(stored_audio(context.store)[: len(wanted)])
        assert [title for _, title in stored_titles(context.store)][:3] == ["a", "b", "2"]


async def test_a_folder_can_be_shuffled(tmp_path: Path) -> None:
    first, second = made_file(tmp_path / "a.mp3"), made_file(tmp_path / "b.mp3", FRAMES)
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path, context, order="shuffle") as task:
        cue.begin()
        cue.want(9.0)
        await until(has(context, len(second) + 10 * MP3_FRAME_BYTES), task)
        assert (second + first).startswith(stored_audio(context.store))


async def test_a_file_that_is_no_audio_is_passed_over_and_named_once(tmp_path: Path) -> None:
    data = made_file(tmp_path / "b.mp3")
    (tmp_path / "a.mp3").write_bytes(b"RIFF" + bytes(200_000))
    (tmp_path / "c.ogg").write_bytes(b"")
    log = CapturingLogger()
    context, cue = standby(input_context(0.2, log))
    async with playing(tmp_path, context) as task:
        cue.begin()
        cue.want(12.0)
        await until(has(context, 2 * len(data)), task)
        assert (data * 3).startswith(stored_audio(context.store))
        reasons = [str(call.kwargs["reason"]) for call in log.calls if call.method_name == "warning"]
        assert len(reasons) == 2
        assert "a.mp3 holds no audio that can be sent as it is" in reasons[0]


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("missing.mp3", ResourceError, "there is no such file or folder"),
        ("empty", ResourceError, "nothing below this folder ends in"),
        ("noise.mp3", AudioError, "noise.mp3 holds no audio that can be sent as it is"),
        ("folder", AudioError, "none of the 2 files in .*folder can be played; .*a.mp3 holds no audio"),
    ],
)
async def test_what_cannot_be_played_is_said(tmp_path: Path, path: str, error: type[Exception], words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    for name in ("a.mp3", "b.mp3"):
        (tmp_path / "folder" / name).write_bytes(b"no audio " * 10_000)
    (tmp_path / "noise.mp3").write_bytes(b"nothing that anybody could play " * 5_000)
    context, cue = standby(input_context())
    with pytest.raises(error, match=words):
        await File(FileSettings(path=tmp_path / path), context).run()
    assert not cue.is_offered


async def test_an_ogg_file_that_is_played_again_is_another_logical_stream(tmp_path: Path) -> None:
    (tmp_path / "a.ogg").write_bytes(encoded("libopus", seconds=2, sample_rate=48000, metadata=(("title", "Within"),)))
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.ogg", context) as task:
        cue.begin()
        cue.want(5.0)
        await until(lambda: context.store.seconds >= 4.5, task)
    setups = list(dict.fromkeys(one.setup for one in context.store))
    assert len(setups) == 3
    serials = [{page.serial for page in PageReader().feed(setup)} for setup in setups]
    assert len(set.union(*serials)) == 3
    for one in context.store:
        pages = PageReader().feed(one.setup + one.audio)
        assert len({page.serial for page in pages}) == 1
    assert stored_titles(context.store) == [(0, "Within")]


async def test_the_title_and_the_station_are_those_that_were_asked_for(tmp_path: Path) -> None:
    made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    station = Station("Radio Example")
    cue.latest = OnAir(replace(INFO, station=station), fragment(1))
    async with playing(tmp_path / "a.mp3", context, title="We are back soon") as task:
        cue.begin()
        cue.want(1.0)
        await until(lambda: context.store.seconds >= 0.8, task)
        assert stored_titles(context.store) == [(0, "We are back soon")]
        assert context.store.epochs[-1].info.station == station


async def test_alone_it_plays_in_real_time_with_a_lead(tmp_path: Path) -> None:
    made_file(tmp_path / "a.mp3")

    class Time:
        """Stands still until it is moved."""

        seconds = 5.0

        def now(self) -> float:
            return self.seconds

        def wall(self) -> float:
            return WALL

    time = Time()
    context = replace(input_context(0.2), cue=SteadyCue(time, lead_seconds=3.0))
    async with playing(tmp_path / "a.mp3", context) as task:
        await until(lambda: context.store.seconds >= 2.8, task)
        assert context.ingest.audio_seconds < 3.6
        assert context.health.detail == "plays a.mp3"


async def test_it_offers_itself_only_when_there_is_something_to_play(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"no audio " * 10_000)
    context, cue = standby(input_context())
    with pytest.raises(AudioError):
        await File(FileSettings(path=tmp_path / "a.mp3"), context).run()
    assert cue.offers == 0


async def test_going_off_air_at_the_very_beginning_of_a_round_is_no_fault(tmp_path: Path) -> None:
    data = made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.mp3", context) as task:
        for turn in range(1, 4):
            cue.begin()
            cue.want(FRAMES * 1152 / 44100)
            await until(has(context, turn * len(data)), task)
            cue.end()
            await until(lambda: "stands by" in context.health.detail, task)


async def test_a_file_name_in_another_charset_is_readable(tmp_path: Path) -> None:
    name = os.fsdecode(b"Caf\xe9 f\xfcr alle.mp3")
    made_file(tmp_path / name)
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path, context) as task:
        cue.begin()
        cue.want(1.0)
        await until(lambda: context.store.seconds >= 0.8, task)
        assert stored_titles(context.store) == [(0, "Café für alle")]


async def test_the_station_is_that_of_the_moment_when_it_goes_on_air(tmp_path: Path) -> None:
    made_file(tmp_path / "a.mp3")
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path / "a.mp3", context) as task:
        await until(lambda: cue.is_offered, task)
        station = Station("Radio Example")
        cue.latest = OnAir(replace(INFO, station=station), fragment(1))
        cue.begin()
        cue.want(1.0)
        await until(lambda: context.store.seconds >= 0.8, task)
        assert context.store.epochs[-1].info.station == station


async def test_an_ogg_file_without_a_title_is_called_by_its_name(tmp_path: Path) -> None:
    made_file(tmp_path / "1 first.mp3", frames=40)
    (tmp_path / "2 second.ogg").write_bytes(encoded("libopus", seconds=2, sample_rate=48000))
    context, cue = standby(input_context(0.2))
    async with playing(tmp_path, context) as task:
        cue.begin()
        cue.want(2.5)
        await until(lambda: len(context.store.epochs) == 2 and context.store.seconds >= 2, task)
        assert [title for _, title in stored_titles(context.store)] == ["1 first", "2 second"]


async def test_a_file_that_cannot_be_read_to_its_end_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card that is dying."""
    first, _, third = (made_file(tmp_path / f"{name}.mp3", number * FRAMES) for number, name in enumerate("abc"))

    class Dying(io.BytesIO):
        name = "b.mp3"
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 3:
                raise OSError(5, "Input/output error")
            return super().read(size)

    opened = file_module.open_audio

    def opening(path: Path) -> tuple[BinaryIO, Frame]:
        file, frame = opened(path)
        if path.name != "b.mp3":
            return file, frame
        with file:
            return Dying(file.read()), frame

    monkeypatch.setattr(file_module, "open_audio", opening)
    log = CapturingLogger()
    context, cue = standby(input_context(0.2, log))
    async with playing(tmp_path, context) as task:
        cue.begin()
        cue.want(11.0)
        await until(lambda: third[:10_000] in stored_audio(context.store), task)
        assert stored_audio(context.store).startswith(first)
        reasons = [str(call.kwargs["reason"]) for call in log.calls if call.method_name == "warning"]
        assert reasons == ["b.mp3 cannot be read to its end: Input/output error"]
