"""An instance tells alerts what happens to it, and their configuration may change meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from distreamer.alerts.message import Stage
from distreamer.config.instance import ConfiguredAlert
from distreamer.core.clock import LoopClock
from distreamer.errors import LinkError, PeerError
from distreamer.model.status import ModuleState
from distreamer.runtime.alert_side import AlertSide
from distreamer.runtime.commands import test_alerts as try_alerts
from distreamer.runtime.part import Job, Jobs
from tests.support.alerts import RingSettings, began, ended, rings
from tests.support.changing_instance import LiveSettings, configured, players_server, running
from tests.support.input_context import capturing_log
from tests.support.virtual_time import virtual_time

LIVE = ("input", LiveSettings())
SILENT = ("input", LiveSettings(works=False))
PLAYERS = ("output", players_server())
RING = ("alert", RingSettings())
NIGHT = ("alert night", RingSettings(events="source_lost", hold=30, resolved=False))


@virtual_time(600)
async def test_each_alert_is_told_what_it_wants() -> None:
    with rings() as made:
        async with running(configured(LIVE, PLAYERS, RING, NIGHT)) as station:
            await asyncio.sleep(30)
            await station.become(configured(SILENT, PLAYERS, RING, NIGHT))
            await asyncio.sleep(60)
            await station.become(configured(LIVE, PLAYERS, RING, NIGHT))
            await asyncio.sleep(60)
            all_told, night = made
            problems = {kind for _, stage, kind in all_told.rung if stage is Stage.PROBLEM}
            assert problems == {"source_lost", "budget_low", "playout_dry", "filler_on_air"}
            assert [stage for _, stage, _ in all_told.rung].count(Stage.RESOLVED) == 4
            ((late, _, kind),) = night.rung
            (soon,) = [at for at, _, told in all_told.rung if told == "source_lost"]
            assert (kind, late) == ("source_lost", soon + 30)
            first, second = station.instance.snapshot().alerts
            assert (first.name, first.mode, first.delivered, first.state) == ("alert", "Ring", 8, ModuleState.RUNNING)
            assert (second.name, second.delivered, second.receiver) == ("alert night", 1, "ring of alert night")


@virtual_time(600)
async def test_an_alert_that_fails_is_seen() -> None:
    ring = ("alert", RingSettings(events="source_lost"))
    with rings() as made:
        async with running(configured(LIVE, PLAYERS, ring)) as station:
            made[0].fault = LinkError("ring", "cannot be reached")
            await asyncio.sleep(20)
            await station.become(configured(SILENT, PLAYERS, ring))
            await asyncio.sleep(10)
            await station.become(configured(LIVE, PLAYERS, ring))
            await asyncio.sleep(60)
            (alert,) = station.instance.snapshot().alerts
            assert (alert.state, alert.waiting, alert.delivered) == (ModuleState.RETRYING, 2, 0)
            assert alert.last_error == "ring: cannot be reached"


@virtual_time(600)
async def test_nothing_that_plays_notices_what_becomes_of_alerts() -> None:
    with rings() as made:
        async with running(configured(LIVE, PLAYERS, RING)) as station:
            made[0].seconds = 1000
            await asyncio.sleep(20)
            player = station.player()
            station.instance.events.book.add(began())
            await asyncio.sleep(20)
            await station.become(configured(LIVE, PLAYERS, RING, NIGHT))
            await asyncio.sleep(20)
            await station.become(configured(LIVE, PLAYERS))
            await asyncio.sleep(20)
            assert len(made[0].tries) == 1
            player.assert_unbroken(55)


@virtual_time(600)
async def test_only_what_changed_is_made_anew_and_is_told_what_is_the_matter() -> None:
    with rings() as made:
        async with running(configured(SILENT, PLAYERS, RING, NIGHT)) as station:
            await asyncio.sleep(20)
            assert [kind for _, _, kind in made[0].rung] == ["source_lost"]
            said = await station.become(
                configured(SILENT, PLAYERS, RING, ("alert night", RingSettings(volume=2)), ("alert b", RingSettings()))
            )
            assert said == ["[ALERT night] was restarted (EVENTS, HOLD, RESOLVED, VOLUME)", "[ALERT b] was added"]
            await asyncio.sleep(1)
            assert len(made) == 4
            assert [[kind for _, _, kind in ring.rung] for ring in made] == [
                ["source_lost"],
                [],
                ["source_lost"],
                ["source_lost"],
            ]
            said = await station.become(configured(SILENT, PLAYERS, RING))
            assert said == ["[ALERT night] was removed", "[ALERT b] was removed"]
            await station.become(configured(LIVE, PLAYERS, RING))
            await asyncio.sleep(60)
            assert [stage for _, stage, _ in made[0].rung] == [Stage.PROBLEM, Stage.RESOLVED]
            assert [len(ring.rung) for ring in made[1:]] == [0, 1, 1]


class LateJobs(Jobs):
    """While jobs end, something else does."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(capturing_log())
        self._meanwhile = meanwhile

    async def end(self, jobs: Iterable[Job]) -> None:
        self._meanwhile()

    def begin(self, jobs: Iterable[Job]) -> None:
        """Each is run by the test."""


@virtual_time(600)
async def test_what_ends_while_an_alert_is_exchanged_is_told_to_have_ended() -> None:
    with rings() as made:
        side = AlertSide(LoopClock(), capturing_log())
        side.install(side.prepare([ConfiguredAlert("alert", RingSettings())]))
        down = began()
        change = side.prepare([ConfiguredAlert("alert", RingSettings(volume=2))])
        await side.commit(change, LateJobs(lambda: side.note(ended(down))), [down])
        told = asyncio.create_task(change.parts[0].delivery.run())
        await asyncio.sleep(10)
        told.cancel()
        assert [stage for _, stage, _ in made[1].rung] == [Stage.PROBLEM, Stage.RESOLVED]


@virtual_time(600)
async def test_all_can_be_tried() -> None:
    with rings() as made:
        async with running(configured(LIVE, PLAYERS, RING, NIGHT)) as station:
            made[1].fault = PeerError("ring", "answered 500")
            made[1].seconds = 2
            said, event, trials = await try_alerts(station.instance)
            assert said == "not all were told: alert night: ring: answered 500 (after 2 s)"
            assert event == station.instance.events.book.after(0)[-1]
            assert [(trial.name, trial.mode, trial.receiver, trial.is_delivered) for trial in trials] == [
                ("alert", "Ring", "ring of alert", True),
                ("alert night", "Ring", "ring of alert night", False),
            ]
            assert [trial.sentence for trial in trials] == ["rang in less than 0.1 s", "ring: answered 500 (after 2 s)"]
            assert made[0].rung[0][1:] == (Stage.TEST, "test")
            made[1].fault = None
            said, *_ = await try_alerts(station.instance)
            assert said == "all 2 alerts were told"
            # A test is told once, and only by itself.
            await asyncio.sleep(10)
            assert [len(ring.rung) for ring in made] == [2, 1]
            await station.become(configured(LIVE, PLAYERS))
            said, _, trials = await try_alerts(station.instance)
            assert (said, trials) == ("there is no [ALERT] section, so nobody is told anything", ())
