"""An instance goes over to another configuration: what did not change goes on without noticing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from structlog.typing import FilteringBoundLogger

from distreamer.config.settings import GeneralSettings
from distreamer.core.filler import Filler
from distreamer.core.store import Store
from distreamer.errors import ResourceError
from distreamer.model.audio import Title
from distreamer.model.status import PlayoutState
from distreamer.outputs.shoutcast_server import ShoutcastServer
from distreamer.runtime.part import END_SECONDS
from tests.support.changing_instance import (
    ChangingInstance,
    LiveSettings,
    MadeSettings,
    ProbeSettings,
    configured,
    players_server,
    running,
)
from tests.support.virtual_time import virtual_time

SERVED = ("output", players_server())
LIVE = ("input", LiveSettings())
OTHER_URL = LiveSettings(url="http://two.example/")


def epochs(store: Store) -> int:
    return len(store.epochs)


def on_air(one: ChangingInstance) -> dict[str, bool]:
    """Of each input, the preferred one first."""
    return {status.name: status.on_air for status in one.instance.snapshot().inputs}


@virtual_time(600)
async def test_what_did_not_change_is_not_touched() -> None:
    config = configured(LIVE, SERVED, ("output probe", ProbeSettings()))
    async with running(config) as one:
        await asyncio.sleep(30)
        player = one.player()
        assert await one.become(config) == []
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert one.stage.events == ["output probe 1 begins", "input http://one.example/ begins"]


@virtual_time(600)
async def test_outputs_come_go_and_are_restarted_while_others_play() -> None:
    config = configured(LIVE, SERVED, ("output old", ProbeSettings()), ("output moved", ProbeSettings(port=2)))
    async with running(config) as one:
        await asyncio.sleep(30)
        player = one.player()
        said = await one.become(
            configured(LIVE, ("output moved", ProbeSettings(port=3)), SERVED, ("output new", ProbeSettings(port=4)))
        )
        assert said == ["[OUTPUT moved] was restarted (PORT)", "[OUTPUT new] was added", "[OUTPUT old] was removed"]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert one.stage.events[3:] == [
            "output old 1 ends",
            "output moved 2 ends",
            "output moved 3 begins",
            "output new 4 begins",
        ]
        assert [part.name for part in one.instance.snapshot().outputs] == ["output moved", "output", "output new"]


@virtual_time(600)
async def test_the_port_of_another_players_server_changes_and_only_its_listeners_go() -> None:
    config = configured(LIVE, SERVED, ("output two", players_server(burstseconds=1)))
    async with running(config) as one:
        await asyncio.sleep(30)
        player, other = one.player(), one.player("output two")
        before = one.instance.output("output two")
        await one.become(configured(LIVE, SERVED, ("output two", players_server(hostname="127.0.0.2"))))
        assert other.transport.is_closed
        assert isinstance(before, ShoutcastServer)
        assert before.address is None
        again = one.player("output two")
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        again.assert_unbroken(30)


@virtual_time(600)
async def test_what_does_not_touch_the_sockets_is_taken_while_players_listen() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30)
        player = one.player()
        other = players_server(burstseconds=0, maxlisteners=2, requireurl="live", timeout=99, minfragments=3)
        said = await one.become(configured(LIVE, ("output", other)))
        assert said == [
            "who listens is as far behind live as before until the buffer fills anew",
            "[OUTPUT] took over MINFRAGMENTS, TIMEOUT, REQUIREURL, BURSTSECONDS, MAXLISTENERS",
        ]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert b" 200 " not in one.player().transport.data.partition(b"\r\n")[0]  # its path is not REQUIREURL


@virtual_time(600)
async def test_a_module_that_can_take_settings_over_is_not_restarted_for_them() -> None:
    async with running(configured(LIVE, ("output", ProbeSettings()))) as one:
        said = await one.become(configured(LIVE, ("output", ProbeSettings(volume=9))))
        assert said == ["[OUTPUT] took over VOLUME"]
        assert one.stage.events[-1] == "output 1 adopts 9"
        assert await one.become(configured(LIVE, ("output", ProbeSettings(volume=9)))) == []
        said = await one.become(configured(LIVE, ("output", ProbeSettings(volume=1, port=7))))
        assert said == ["[OUTPUT] was restarted (PORT, VOLUME)"]
        assert one.stage.events[-2:] == ["output 1 ends", "output 7 begins"]


@virtual_time(600)
async def test_another_url_goes_on_in_the_same_epoch_and_nobody_hears_the_change() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30.5)
        player = one.player()
        said = await one.become(configured(("input", OTHER_URL), SERVED))
        assert said == ["[INPUT] was restarted (URL)"]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert epochs(one.instance.store) == 1
        assert one.stage.events[1:] == ["input http://one.example/ ends", "input http://two.example/ begins"]
        status = one.instance.snapshot()
        assert status.store.title is not None
        assert status.store.title.text == "http://two.example/"
        assert status.playout is not None
        assert status.playout.dry_times == 0


@virtual_time(600)
async def test_one_input_becomes_two_and_one_again_and_nobody_hears_it() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30.5)
        player = one.player()
        said = await one.become(configured(LIVE, ("input two", OTHER_URL), SERVED))
        assert said == ["[INPUT] was restarted", "[INPUT two] was added"]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        inputs = one.instance.snapshot().inputs
        assert [(one.name, one.on_air) for one in inputs] == [("input", True), ("input two", False)]
        begun = len(one.stage.events)
        assert await one.become(configured(LIVE, SERVED)) == ["[INPUT two] was removed"]
        assert one.stage.events[begun:] == ["input two http://two.example/ ends"]
        await asyncio.sleep(30)
        player.assert_unbroken(60)
        assert [(one.name, one.on_air) for one in one.instance.snapshot().inputs] == [("input", True)]
        said = await one.become(configured(("input", OTHER_URL), SERVED))
        assert said == ["[INPUT] was restarted (URL)"]
        await asyncio.sleep(30)
        player.assert_unbroken(90)
        assert epochs(one.instance.store) == 1
        assert len(one.instance.store) == one.instance.store.added


@virtual_time(600)
async def test_the_input_on_air_is_removed_and_the_other_goes_on() -> None:
    both = configured(LIVE, ("input two", OTHER_URL), SERVED, fallbackafter=2)
    async with running(both) as one:
        await asyncio.sleep(30.5)
        player = one.player()
        said = await one.become(configured(("input two", OTHER_URL), SERVED))
        assert said == ["FALLBACKAFTER changed", "[INPUT] was removed"]
        await asyncio.sleep(30)
        assert not player.transport.is_closed
        assert "input two is on air" in one.stage.lines()
        status = one.instance.snapshot().playout
        assert status is not None
        assert (status.state, status.dry_times) == (PlayoutState.PLAYING, 0)


@virtual_time(600)
async def test_the_input_on_air_is_started_anew_before_another_is_thought_of() -> None:
    made = configured(("input", MadeSettings()), ("input two", MadeSettings(path="two.mp3")), SERVED)
    async with running(made) as one:
        await asyncio.sleep(30.5)
        player = one.player()
        changed = configured(
            ("input", MadeSettings(path="new.mp3")), ("input two", MadeSettings(path="two.mp3")), SERVED
        )
        assert await one.become(changed) == ["[INPUT] was restarted (PATH)"]
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert [line for line in one.stage.lines() if "on air" in line] == []
        wrong = configured(
            ("input", MadeSettings(path="no.mp3", works=False)), ("input two", MadeSettings(path="two.mp3")), SERVED
        )
        await one.become(wrong)
        await asyncio.sleep(30)
        player.assert_unbroken(60)
        assert "input two goes on air" in one.stage.lines()


@virtual_time(600)
async def test_priorities_and_times_of_return_change_and_nothing_is_restarted() -> None:
    second = OTHER_URL.model_copy(update={"return_": 500.0})
    async with running(configured(LIVE, ("input two", second), SERVED)) as one:
        await asyncio.sleep(30.5)
        begun = list(one.stage.events)
        less = ("input", LiveSettings(priority=2))
        assert await one.become(configured(less, ("input two", second), SERVED)) == ["[INPUT] took over PRIORITY"]
        await asyncio.sleep(30)
        assert on_air(one) == {"input two": False, "input": True}
        sooner = OTHER_URL.model_copy(update={"return_": 3.0})
        assert await one.become(configured(less, ("input two", sooner), SERVED)) == ["[INPUT two] took over RETURN"]
        await asyncio.sleep(1)
        assert on_air(one) == {"input two": True, "input": False}
        assert one.stage.events == begun


@virtual_time(600)
async def test_a_lone_input_stays_on_air_when_a_better_one_comes_that_does_not_work() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30.5)
        player = one.player()
        await one.become(configured(("input best", LiveSettings(works=False)), LIVE, SERVED))
        assert on_air(one) == {"input best": False, "input": True}
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert on_air(one) == {"input best": False, "input": True}


@virtual_time(600)
async def test_a_part_that_hangs_holds_up_the_others_for_a_bounded_time() -> None:
    hanging = ("output hangs", ProbeSettings(ends="never"))
    async with running(configured(LIVE, SERVED, hanging, ("output late", ProbeSettings(ends="late")))) as one:
        await asyncio.sleep(30)
        player = one.player()
        clock = asyncio.get_running_loop()
        before = clock.time()
        await one.become(configured(("input", OTHER_URL), SERVED, ("output new", ProbeSettings(port=5))))
        assert clock.time() - before == pytest.approx(END_SECONDS)
        assert "output late 1 ends" in one.stage.events
        assert one.stage.events[-1] == "output new 5 begins"
        assert any("it does not end" in line for line in one.stage.lines())
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        one.stage.events.append("over")
        await asyncio.sleep(2)


@virtual_time(600)
async def test_a_module_that_cannot_be_made_changes_nothing() -> None:
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30)
        player = one.player()
        with pytest.raises(ResourceError):
            one.instance.prepare(configured(("input", OTHER_URL), ("output", ProbeSettings(is_wrong=True))))
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        assert one.stage.events == ["input http://one.example/ begins"]


@virtual_time(600)
async def test_the_first_output_that_plays_and_the_last() -> None:
    async with running(configured(LIVE, ("output", ProbeSettings()))) as one:
        await asyncio.sleep(30)
        assert one.instance.snapshot().playout is None
        await one.become(configured(LIVE, ("output", ProbeSettings()), ("output two", players_server())))
        await asyncio.sleep(1)
        player = one.player("output two")
        await asyncio.sleep(30)
        player.assert_unbroken(30)
        await one.become(configured(LIVE, ("output", ProbeSettings())))
        assert player.transport.is_closed
        await asyncio.sleep(100)
        await one.become(configured(LIVE, ("output", ProbeSettings()), ("output two", players_server(burstseconds=2))))
        player = one.player("output two")
        await asyncio.sleep(10)
        player.assert_unbroken(10)
        assert len(player.frames) < 14 * 38, "what was played while nobody could listen came as well"


class Jingle:
    """Stands for a filler file: remembers which were asked for, and runs until it is ended."""

    running: ClassVar[list[tuple[Path, Title | None]]] = []

    def __init__(self, path: Path, store: Store, filler: Filler, log: FilteringBoundLogger) -> None:
        del store, log
        self._key = (path, filler.title)

    async def run(self) -> None:
        self.running.append(self._key)
        try:
            await asyncio.Event().wait()
        finally:
            self.running.remove(self._key)


@virtual_time(600)
async def test_another_filler_file_or_title_has_a_file_converted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distreamer.runtime.instance.FillerFile", Jingle)
    first, second = Path("first.mp3"), Path("second.mp3")
    async with running(configured(LIVE, SERVED)) as one:
        await asyncio.sleep(30)
        player = one.player()
        for general, wanted in (
            ({"filler": first}, [(first, None)]),
            ({"filler": first, "fillertitle": "Soon"}, [(first, Title("Soon"))]),
            ({"filler": second, "fillertitle": "Soon"}, [(second, Title("Soon"))]),
            ({"filler": "silence"}, []),
            ({"filler": second}, [(second, None)]),
            ({"filler": "none"}, []),
        ):
            config = replace(configured(LIVE, SERVED), general=GeneralSettings.model_validate(general))
            await one.become(config)
            await asyncio.sleep(1)
            assert Jingle.running == wanted
        await asyncio.sleep(24)
        player.assert_unbroken(30)
