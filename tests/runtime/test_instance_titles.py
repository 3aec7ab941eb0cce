"""The snapshot has both times of a title: when the studio sent it, and when listeners began to hear it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from structlog.testing import CapturingLogger

from distreamer.config.instance import ConfiguredInput, ConfiguredOutput, InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.core.clock import LoopClock
from distreamer.inputs.shoutcast_source_server import ShoutcastSourceServerSettings
from distreamer.model.audio import Title
from distreamer.outputs.shoutcast_server import ShoutcastServerSettings
from distreamer.runtime.instance import Instance
from tests.support.input_context import capturing_log
from tests.support.made_audio import INFO, fragment
from tests.support.virtual_time import virtual_time

DELAY = 20
CHANGES_AT = 60
WALL = 1_800_000_000.0


def config() -> InstanceConfig:
    # They listen on the loopback, but in virtual time nobody connects; the test is the source.
    source = ShoutcastSourceServerSettings(mode="ShoutcastSourceServer", hostname="127.0.0.1", port=0)
    output = ShoutcastServerSettings(mode="ShoutcastServer", hostname="127.0.0.1", port=0)
    return InstanceConfig(
        "radio",
        None,
        GeneralSettings(delay=DELAY, statusseconds=0),
        (ConfiguredInput("input", source),),
        (ConfiguredOutput("output", output),),
    )


@virtual_time(600)
async def test_both_times_of_a_title_are_told() -> None:
    clock = LoopClock(wall=WALL)
    instance = Instance(config(), capturing_log(CapturingLogger()), clock)
    task = asyncio.create_task(instance.run())
    await asyncio.sleep(0.01)
    instance.store.open_epoch(1, INFO)

    async def live(seconds: int) -> None:
        for _ in range(seconds):
            await asyncio.sleep(1)
            number = instance.store.added + 1
            title = Title("first" if number <= CHANGES_AT else "second")
            instance.store.add(replace(fragment(number), title=title, captured_at=clock.wall()))

    await live(CHANGES_AT + 5)
    early = instance.snapshot()
    assert early.playout is not None
    assert (early.store.title, early.playout.title) == (Title("second"), Title("first"))
    assert early.store.title_sent_at == pytest.approx(WALL + CHANGES_AT, abs=0.1)
    assert early.playout.title_heard_since == pytest.approx(WALL + DELAY, abs=0.1)

    await live(DELAY)
    late = instance.snapshot()
    assert late.playout is not None
    assert (late.store.title, late.playout.title) == (Title("second"), Title("second"))
    assert late.store.title_sent_at == early.store.title_sent_at
    assert late.playout.title_heard_since is not None
    assert late.playout.behind_seconds is not None
    heard_after = late.playout.title_heard_since - (late.store.title_sent_at or 0.0)
    assert heard_after == pytest.approx(late.playout.behind_seconds, abs=0.1)
    assert heard_after == pytest.approx(DELAY, abs=4)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
