"""An instance tells how loud its programme is, and when it is silent."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.model.event import Event
from distreamer.model.loudness import FLOOR_DBFS, Loudness
from distreamer.model.status import LevelMethod, LevelStatus, PlayoutState
from tests.support.changing_instance import (
    ChangingInstance,
    LiveSettings,
    ProbeSettings,
    configured,
    players_server,
    running,
)
from tests.support.loudness_programme import (
    BACK_AT,
    ENCODINGS,
    END,
    FADE_AT,
    SILENT_AT,
    HangingMeter,
    RecordedSettings,
    SameProcessMeter,
    bringing,
    fading,
)
from tests.support.virtual_time import virtual_time

LATE_SECONDS = 2.0
"""Seconds by which looks and fragments may be late."""
RECORDED = ("input", RecordedSettings())
STUDIO = ("output", ProbeSettings())
LOUD = Loudness(-20.0, -21.0, -6.0)


def levels(station: ChangingInstance) -> LevelStatus:
    found = station.instance.snapshot().levels
    assert found is not None
    return found


def told(station: ChangingInstance) -> list[Event]:
    return [event for event in station.instance.events.book.after(0) if event.kind.startswith("silence")]


def assert_told(events: list[Event], silent_at: float, began: float) -> None:
    """Once, after 20 s, until there was sound for 5 s."""
    assert [event.kind for event in events] == ["silence_on_air", "silence_over"]
    begin, end = events
    assert begin.at - began == pytest.approx(silent_at + 20, abs=LATE_SECONDS)
    assert end.at - began == pytest.approx(BACK_AT + 5, abs=LATE_SECONDS)
    assert end.lasted_seconds == pytest.approx(BACK_AT - silent_at, abs=LATE_SECONDS)
    assert begin.sentence.startswith("what comes in has been silent for 2")
    assert end.sentence.startswith("what comes in is silent no more (after ")


@pytest.mark.integration
@pytest.mark.parametrize("form", ENCODINGS)
@virtual_time(600)
async def test_silence_is_told_when_it_is_decoded(form: str) -> None:
    meter = SameProcessMeter()
    with bringing(fading(form)):
        async with running(configured(RECORDED, STUDIO, silenceseconds=20), meter) as station:
            began = station.instance.snapshot().at
            await asyncio.sleep(FADE_AT - 1)
            found = levels(station)
            assert found.method is LevelMethod.DECODED
            assert found.left_dbfs == pytest.approx(-22.5, abs=1)
            assert found.right_dbfs == pytest.approx(-22.5, abs=1)
            assert found.peak_dbfs == pytest.approx(-13.5, abs=2)
            await asyncio.sleep(END - FADE_AT)
            assert meter.count > END * 0.7  # FLAC has longer fragments during silence
            assert levels(station).silent_seconds == 0
            # The fade passes -50 dBFS half way.
            assert_told(told(station), FADE_AT + 2.5, began)
            assert levels(station).skipped == 0


@pytest.mark.integration
@pytest.mark.parametrize("form", ENCODINGS)
@virtual_time(600)
async def test_without_a_decoder_silence_is_told_as_far_as_frames_tell_it(form: str) -> None:
    with bringing(fading(form)):
        async with running(configured(RECORDED, STUDIO, silenceseconds=20)) as station:
            began = station.instance.snapshot().at
            await asyncio.sleep(FADE_AT - 1)
            found = levels(station)
            assert (found.method, found.peak_dbfs) == (LevelMethod.ESTIMATED, None)
            if form == "mp3":
                assert found.left_dbfs == pytest.approx(-22.5, abs=6)
            else:
                assert found.left_dbfs is None
            await asyncio.sleep(SILENT_AT + 5 - FADE_AT)
            assert levels(station).left_dbfs == FLOOR_DBFS
            await asyncio.sleep(END - SILENT_AT - 5)
            assert_told(told(station), FADE_AT + 2.5 if form == "mp3" else SILENT_AT, began)


@pytest.mark.integration
@virtual_time(600)
async def test_a_transmitter_judges_what_it_plays() -> None:
    with bringing(fading("mp3")):
        config = configured(RECORDED, ("output", players_server()), silenceseconds=20, delay=10)
        async with running(config, SameProcessMeter()) as station:
            await asyncio.sleep(5)
            assert station.instance.snapshot().levels is None
            await asyncio.sleep(SILENT_AT + 10)
            (event,) = told(station)
            assert event.sentence.startswith("what is played has been silent for 2")
            # As much later as it is heard later.
            assert event.at - station.instance.snapshot().at == pytest.approx(33 + 10 - (SILENT_AT + 15), abs=3)


@virtual_time(600)
async def test_filler_is_no_silence_on_air() -> None:
    live, off = ("input", LiveSettings()), ("input", LiveSettings(works=False))
    played = ("output", players_server())
    async with running(configured(live, played, silenceseconds=40)) as station:
        await asyncio.sleep(30)
        assert levels(station).silent_seconds > 10  # What it brings is digital silence.
        await station.become(configured(off, played, silenceseconds=40))
        await asyncio.sleep(200)
        status = station.instance.snapshot()
        assert status.playout is not None
        assert status.playout.is_filling
        assert status.levels is None
        assert told(station) == []


@virtual_time(600)
async def test_who_hears_nothing_has_no_levels() -> None:
    live, off = ("input", LiveSettings()), ("input", LiveSettings(works=False))
    played = ("output", players_server())
    async with running(configured(live, played, filler="none")) as station:
        await asyncio.sleep(30)
        await station.become(configured(off, played, filler="none"))
        for _ in range(1000):
            if station.instance.playout.state is PlayoutState.DRY:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.1)
        assert station.instance.playout.state is PlayoutState.DRY
        assert station.instance.snapshot().levels is None


@virtual_time(600)
async def test_silence_that_was_told_is_over_when_filler_is_on_air_instead() -> None:
    live, off = ("input", LiveSettings()), ("input", LiveSettings(works=False))
    played = ("output", players_server())
    async with running(configured(live, played, silenceseconds=20)) as station:
        await asyncio.sleep(60)
        assert [event.kind for event in told(station)] == ["silence_on_air"]
        await station.become(configured(off, played, silenceseconds=20))
        await asyncio.sleep(100)
        assert [event.kind for event in told(station)] == ["silence_on_air", "silence_over"]
        assert "filler_on_air" in [problem.kind for problem in station.instance.snapshot().problems]


@virtual_time(600)
async def test_the_limits_may_change_and_silence_can_be_left_untold() -> None:
    live, played = ("input", LiveSettings()), ("output", players_server())
    async with running(configured(live, played)) as station:
        await asyncio.sleep(100)
        assert told(station) == []
        await station.become(configured(live, played, silenceseconds=30))
        await asyncio.sleep(2)
        assert [event.kind for event in told(station)] == ["silence_on_air"]
        await station.become(configured(live, played, silenceseconds=0))
        await asyncio.sleep(2)
        assert [event.kind for event in told(station)] == ["silence_on_air", "silence_over"]


@virtual_time(600)
async def test_a_decoder_that_hangs_is_not_waited_for() -> None:
    meter = HangingMeter()
    played = ("output", players_server())
    async with running(configured(("input", LiveSettings()), played, silenceseconds=20), meter) as station:
        await asyncio.sleep(25)
        player = station.player()
        await asyncio.sleep(60)
        player.assert_unbroken(60)
        assert len(meter.waiting) == 1  # Nothing queues up behind it.
        found = levels(station)
        assert found.method is LevelMethod.ESTIMATED
        assert found.skipped > 60
        assert [event.kind for event in told(station)] == ["silence_on_air"]

        meter.answer(LOUD)
        await asyncio.sleep(0)
        found = levels(station)
        assert (found.method, found.left_dbfs, found.silent_seconds) == (LevelMethod.DECODED, -20.0, 0)
        await asyncio.sleep(1.5)
        assert len(meter.waiting) == 1


@virtual_time(600)
async def test_a_decoder_that_fails_leaves_an_estimate() -> None:
    meter = HangingMeter()
    async with running(configured(("input", LiveSettings()), STUDIO), meter) as station:
        for _ in range(5):
            await asyncio.sleep(1)
            if meter.waiting:
                meter.answer(None)
        found = levels(station)
        assert (found.method, found.left_dbfs, found.skipped) == (LevelMethod.ESTIMATED, FLOOR_DBFS, 3)
        meter.works = False
        await asyncio.sleep(5)
        assert levels(station).skipped == 3  # There is nobody who could be asked.


@virtual_time(600)
async def test_an_answer_about_what_is_no_longer_on_air_is_not_taken() -> None:
    meter = HangingMeter()
    async with running(configured(("input", LiveSettings()), STUDIO), meter) as station:
        await asyncio.sleep(5)
        await station.become(configured(("input", LiveSettings(works=False)), STUDIO))
        await asyncio.sleep(30)
        assert station.instance.snapshot().levels is None
        meter.answer(LOUD)
        assert station.instance.snapshot().levels is None
