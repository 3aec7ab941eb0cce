"""When the file that FILLER names is converted, and to what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.filler import Filler
from distreamer.core.store import Store
from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.clip import Clip
from distreamer.model.audio import AudioFormat, Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.runtime.filler_file import FillerFile
from tests.support.audio_samples import encoded
from tests.support.clips import clip
from tests.support.input_context import capturing_log
from tests.support.made_audio import AAC, MP3
from tests.support.virtual_time import virtual_time

PATH = Path("/music/soon.flac")
CLIP = clip("libmp3lame", sample_rate=44100)
VORBIS = AudioFormat(Codec.VORBIS, 48000, 48000, 2)
FLAC = AudioFormat(Codec.FLAC, 48000, 48000, 2, "16 bit")


class Station:
    """A store whose fragments last a second, a filler, and a converter that takes a minute."""

    def __init__(self) -> None:
        self.store = Store()
        self.filler = Filler(Title("Back soon"))
        self.asked: list[AudioFormat] = []
        self.samples: list[bytes] = []
        self.outcome: Clip | AudioError = CLIP
        self.logger = CapturingLogger()
        self.setup = b""
        self.number = 0
        self.epochs = 0

    async def convert(self, path: Path, wanted: AudioFormat, sample: bytes, title: Title | None) -> Clip:
        assert (path, title) == (PATH, Title("Back soon"))
        self.asked.append(wanted)
        self.samples.append(sample)
        await asyncio.sleep(60)
        if isinstance(self.outcome, AudioError):
            raise self.outcome
        return self.outcome

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        file = FillerFile(PATH, self.store, self.filler, capturing_log(self.logger), self.convert)
        task = asyncio.create_task(file.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def begin(self, audio: AudioFormat) -> None:
        """A new epoch."""
        self.epochs += 1
        self.number = 0
        self.store.open_epoch(self.epochs, StreamInfo(audio))

    async def bring(self, seconds: int, kilobits: int = 128) -> None:
        """So many fragments, a second apart."""
        epoch = self.store.newest_epoch
        assert epoch is not None
        ticks = epoch.info.format.clock_rate
        for _ in range(seconds):
            self.number += 1
            start = (self.number - 1) * ticks
            audio = bytes([self.number % 251]) * (kilobits * 125)
            self.store.add(Fragment(epoch.id, self.number, start, ticks, audio, 0.0, setup=self.setup))
            await asyncio.sleep(1)

    @property
    def said(self) -> list[str]:
        return [f"{call.method_name}: {call.kwargs['event']}" for call in self.logger.calls]


@virtual_time(3600)
async def test_it_is_converted_once_when_three_seconds_are_held() -> None:
    station = Station()
    async with station.running():
        station.begin(MP3)
        await station.bring(2)
        assert station.asked == []
        await station.bring(1)
        assert station.asked == [MP3]
        await station.bring(55)
        assert station.filler.clip is None
        await station.bring(100)
    assert station.filler.clip is CLIP
    assert station.asked == [MP3]
    assert station.said == ["info: the filler file was converted to 128 kbit/s MP3, 2 s long"]


@pytest.mark.parametrize(
    ("audio", "kilobits", "bitrate"),
    [
        (MP3, 128, 128_000),
        (MP3, 120, 128_000),
        (MP3, 190, 190_000),
        (MP3, 40, 48_000),
        (AAC, 64, 64_000),
        (replace(AAC, bitrate=0), 96, 96_000),
        (VORBIS, 2, 48_000),
        (VORBIS, 500, 500_000),
        (FLAC, 900, 0),
    ],
)
def test_the_bitrate_is_what_comes_unless_the_stream_says_about_the_same(
    audio: AudioFormat, kilobits: int, bitrate: int
) -> None:
    @virtual_time(3600)
    async def run() -> None:
        station = Station()
        async with station.running():
            station.begin(audio)
            await station.bring(4, kilobits)
        assert [wanted.bitrate for wanted in station.asked] == [bitrate]

    run()


@virtual_time(3600)
async def test_a_part_of_the_stream_is_shown() -> None:
    station = Station()
    async with station.running():
        station.begin(AAC)
        await station.bring(70, 64)
        station.setup = b"headers"
        station.begin(VORBIS)
        await station.bring(4)
    assert station.samples == [bytes([3]) * 8_000, b"headers" + bytes([3]) * 16_000]


@virtual_time(3600)
async def test_it_is_converted_anew_only_for_another_format() -> None:
    station = Station()
    async with station.running():
        for audio in (MP3, MP3, replace(MP3, bitrate=112_000), VORBIS, VORBIS, MP3):
            station.begin(audio)
            await station.bring(70)
        station.begin(replace(MP3, bitrate=64_000))
        await station.bring(70, 64)
    assert [(wanted.codec, wanted.bitrate) for wanted in station.asked] == [
        (Codec.MPEG, 128_000),
        (Codec.VORBIS, 128_000),
        (Codec.MPEG, 128_000),
        (Codec.MPEG, 64_000),
    ]


def vorbis_setup(bitrate: int, title: str) -> bytes:
    """Header pages."""
    return AutoFramer().feed(encoded("libvorbis", bitrate=bitrate, metadata=(("title", title),)))[0].setup


@virtual_time(3600)
async def test_other_code_books_are_another_format_and_other_titles_are_not() -> None:
    station = Station()
    async with station.running():
        station.begin(VORBIS)
        for bitrate, title in ((96_000, "One"), (96_000, "Two"), (192_000, "Two"), (192_000, "Three")):
            station.setup = vorbis_setup(bitrate, title)
            await station.bring(70)
    assert [sample[:-16_000] for sample in station.samples] == [
        vorbis_setup(96_000, "One"),
        vorbis_setup(192_000, "Two"),
    ]


@virtual_time(3600)
async def test_a_format_that_comes_during_the_work_gets_its_turn() -> None:
    station = Station()
    async with station.running():
        station.begin(MP3)
        await station.bring(10)
        station.begin(VORBIS)
        await station.bring(100)
    assert [wanted.codec for wanted in station.asked] == [Codec.MPEG, Codec.VORBIS]


@virtual_time(3600)
async def test_what_fails_is_told_once_and_silence_stays() -> None:
    station = Station()
    station.outcome = AudioError("there is no encoder")
    async with station.running():
        for _ in range(2):
            station.begin(MP3)
            await station.bring(70)
        assert len(station.asked) == 1
        assert station.said == ["warning: the filler file cannot be used, listeners would hear silence"]
        assert station.logger.calls[0].kwargs["reason"] == "there is no encoder"
        assert station.filler.clip is None


@virtual_time(3600)
async def test_what_was_made_is_kept_until_the_next_is_ready_or_fails() -> None:
    station = Station()
    async with station.running():
        station.begin(MP3)
        await station.bring(70)
        station.outcome = AudioError("there is no encoder")
        station.begin(AAC)
        await station.bring(30)
        assert station.filler.clip is CLIP
        await station.bring(40)
        assert station.filler.clip is None


@virtual_time(3600)
async def test_who_runs_again_does_not_convert_again() -> None:
    """The supervisor starts anew what had a defect."""
    station = Station()
    file = FillerFile(PATH, station.store, station.filler, capturing_log(station.logger), station.convert)
    station.begin(MP3)
    for _ in range(2):
        task = asyncio.create_task(file.run())
        await station.bring(70)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert len(station.asked) == 1
    assert station.filler.clip is CLIP
