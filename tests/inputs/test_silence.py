"""The input Silence: in the format of the programme, as much as is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from pydantic import ValidationError

from distreamer.core.cue import OnAir, StandbyCue
from distreamer.core.module import InputContext
from distreamer.errors import AudioError
from distreamer.inputs.silence import Silence, SilenceSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import AudioFormat, Codec, Frame, Station, StreamInfo
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded
from tests.support.input_context import input_context, stored_titles
from tests.support.made_audio import INFO
from tests.support.virtual_time import virtual_time

PROGRAMMES = ("libmp3lame", "mp2", "aac", "vorbis", "libopus", "flac")


@asynccontextmanager
async def silent(context: InputContext, settings: SilenceSettings) -> AsyncIterator[StandbyCue]:
    cue = StandbyCue()
    task = asyncio.create_task(Silence(settings, replace(context, cue=cue)).run())
    await asyncio.sleep(0.1)
    assert cue.is_offered
    try:
        yield cue
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def on_air(codec: str) -> tuple[OnAir, Frame]:
    """A fragment of a real programme, and one of its frames."""
    frame = AutoFramer().feed(encoded(codec, seconds=2, sample_rate=48000))[0]
    fragment = Fragment(1, 1, 0, frame.duration, frame.data, 0.0, setup=frame.setup)
    return OnAir(StreamInfo(frame.format, Station("Radio Example")), fragment), frame


@pytest.mark.parametrize("codec", PROGRAMMES)
def test_it_joins_what_was_on_air(codec: str) -> None:
    @virtual_time(60)
    async def run() -> None:
        before, frame = on_air(codec)
        context = input_context()
        async with silent(context, SilenceSettings()) as cue:
            cue.latest = before
            cue.begin()
            cue.want(10.0)
            await asyncio.sleep(0.1)
            (epoch,) = context.store.epochs
            assert frame.format.joins(epoch.info.format)
            assert epoch.info.station.name == "Radio Example"
            assert 10 <= context.ingest.audio_seconds <= 10.6
            assert context.ingest.dropped_bytes == 0

    run()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (SilenceSettings(), AudioFormat(Codec.MPEG, 44100, 44100, 2, "MPEG-1 layer III", 128_000)),
        (
            SilenceSettings(samplerate=24000, channels=1, bitrate=32),
            AudioFormat(Codec.MPEG, 24000, 24000, 1, "MPEG-2 layer III", 32_000),
        ),
        (SilenceSettings(codec="aac", samplerate=48000), AudioFormat(Codec.AAC, 48000, 48000, 2, "AAC LC")),
        (SilenceSettings(codec="opus"), AudioFormat(Codec.OPUS, 48000, 48000, 2)),
        (SilenceSettings(codec="flac", channels=1), AudioFormat(Codec.FLAC, 44100, 44100, 1, "16 bit")),
    ],
    ids=["mp3", "mp3 of 24 kHz", "aac", "opus", "flac"],
)
def test_where_nothing_was_on_air_it_is_what_the_config_says(settings: SilenceSettings, expected: AudioFormat) -> None:
    @virtual_time(60)
    async def run() -> None:
        context = input_context()
        async with silent(context, settings) as cue:
            cue.begin()
            cue.want(3.0)
            await asyncio.sleep(0.1)
            (epoch,) = context.store.epochs
            assert expected.joins(epoch.info.format)
            assert expected.bitrate in {0, epoch.info.format.bitrate}

    run()


@virtual_time(60)
async def test_the_title_is_said_when_there_is_one() -> None:
    context = input_context()
    async with silent(context, SilenceSettings(title="We are back soon")) as cue:
        cue.begin()
        cue.want(2.0)
        await asyncio.sleep(0.1)
        assert stored_titles(context.store) == [(0, "We are back soon")]


@virtual_time(60)
async def test_a_second_turn_in_ogg_is_another_logical_stream() -> None:
    context = input_context()
    async with silent(context, SilenceSettings(codec="opus")) as cue:
        for _ in range(2):
            cue.begin()
            cue.want(2.0)
            await asyncio.sleep(0.1)
            cue.end()
            await asyncio.sleep(0.1)
        assert len({fragment.setup for fragment in context.store}) == 2
        assert context.health.detail == "stands by"


@virtual_time(60)
async def test_a_format_of_which_there_is_no_silence_is_said() -> None:
    context = input_context()
    cue = StandbyCue()
    cue.latest = OnAir(replace(INFO, format=AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0)), Fragment(1, 1, 0, 1, b"", 0.0))
    cue.begin()
    cue.want(1.0)
    with pytest.raises(AudioError, match="Silence cannot be made"):
        await Silence(SilenceSettings(), replace(context, cue=cue)).run()
    assert not cue.is_offered


@pytest.mark.parametrize(
    "keys",
    [
        {"codec": "mp3", "samplerate": 96000},
        {"codec": "aac", "samplerate": 37800},
        {"codec": "mp3", "samplerate": 10000},
    ],
)
def test_formats_that_do_not_exist_are_found_before_anything_starts(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="CODEC and SAMPLERATE do not fit"):
        SilenceSettings.model_validate(keys)
