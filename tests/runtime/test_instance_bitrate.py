"""An instance tells when a source sends another bitrate than it says."""

from __future__ import annotations

import asyncio

from tests.support.audio_samples import encoded
from tests.support.changing_instance import ChangingInstance, ProbeSettings, configured, running
from tests.support.loudness_programme import RecordedSettings, bringing
from tests.support.virtual_time import virtual_time

STUDIO = ("output", ProbeSettings())


def kinds(station: ChangingInstance) -> list[str]:
    return [event.kind for event in station.instance.events.book.after(0) if event.kind.startswith("bitrate")]


def saying(kilobits: int) -> tuple[str, RecordedSettings]:
    return "input", RecordedSettings(declared_kilobits=kilobits)


@virtual_time(600)
async def test_a_source_that_sends_another_bitrate_than_it_says() -> None:
    with bringing(encoded("libmp3lame", seconds=120, bitrate=96_000)):
        async with running(configured(saying(128), STUDIO)) as station:
            await asyncio.sleep(38)
            assert kinds(station) == []
            await asyncio.sleep(7)
            assert kinds(station) == ["bitrate_wrong"]
            event = station.instance.events.book.after(0)[-1]
            assert event.sentence == "the source says 128 kbit/s and sends 96"
            # It says something else when it comes again; nobody else is disturbed by that.
            await station.become(configured(saying(96), STUDIO))
            await asyncio.sleep(15)
            assert kinds(station) == ["bitrate_wrong", "bitrate_right"]
            assert len(station.instance.store.epochs) == 1


@virtual_time(600)
async def test_a_source_that_says_nothing_or_the_truth_is_left_alone() -> None:
    with bringing(encoded("libmp3lame", seconds=120, bitrate=96_000)):
        for kilobits in (0, 96, 100):
            async with running(configured(saying(kilobits), STUDIO)) as station:
                await asyncio.sleep(110)
                assert kinds(station) == []
                store = station.instance.snapshot().store
                assert (store.declared_bitrate, store.constant_bitrate) == (kilobits * 1000, 96_000)
