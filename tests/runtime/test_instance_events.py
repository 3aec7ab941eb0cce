"""An instance looks at itself, and tells what happens."""

from __future__ import annotations

import asyncio

from distreamer.model.event import Severity
from tests.support.changing_instance import LiveSettings, MadeSettings, configured, players_server, running
from tests.support.virtual_time import virtual_time

LIVE = LiveSettings()
SILENT = LiveSettings(works=False)


@virtual_time(600)
async def test_a_source_that_falls_silent_is_told_until_it_is_back() -> None:
    async with running(configured(("input", LIVE), ("output", players_server()))) as station:
        events = station.instance.events.book
        await asyncio.sleep(30)
        assert events.after(0) == []
        await station.become(configured(("input", SILENT), ("output", players_server())))
        await asyncio.sleep(30)
        kinds = [event.kind for event in events.after(0)]
        assert kinds == ["source_lost", "budget_low", "playout_dry", "filler_on_air"]
        status = station.instance.snapshot()
        assert [problem.kind for problem in status.problems] == kinds
        assert status.problems[0].sentence == "nothing arrives any more from input"
        await station.become(configured(("input", LIVE), ("output", players_server())))
        await asyncio.sleep(40)
        ends = events.after(0)[4:]
        assert {event.resolves for event in ends} == set(kinds)
        assert {event.instance for event in ends} == {"station"}
        assert station.instance.snapshot().problems == ()


@virtual_time(600)
async def test_the_preferred_input_and_its_stand_in_are_told() -> None:
    backup = ("input backup", MadeSettings(priority=2))
    async with running(configured(("input", SILENT), backup, ("output", players_server()))) as station:
        await asyncio.sleep(60)
        begins = [event for event in station.instance.events.book.after(0) if event.kind == "input_replaced"]
        assert [event.sentence for event in begins] == ["input backup is on air instead of input"]
        await station.become(configured(("input", LIVE), backup, ("output", players_server())))
        await asyncio.sleep(60)
        assert "input_back" in [event.kind for event in station.instance.events.book.after(0)]


@virtual_time(600)
async def test_the_limit_of_the_budget_may_change() -> None:
    async with running(configured(("input", LIVE), ("output", players_server()))) as station:
        await station.become(configured(("input", LIVE), ("output", players_server()), budgetwarn=0))
        await asyncio.sleep(20)
        await station.become(configured(("input", SILENT), ("output", players_server()), budgetwarn=0))
        await asyncio.sleep(60)
        kinds = [event.kind for event in station.instance.events.book.after(0)]
        assert "playout_dry" in kinds
        assert "budget_low" not in kinds


@virtual_time(60)
async def test_an_alert_can_be_tried() -> None:
    async with running(configured(("input", LIVE), ("output", players_server()))) as station:
        event = station.instance.events.test()
        assert (event.kind, event.severity) == ("test", Severity.INFO)
        assert station.instance.events.book.after(0) == [event]
