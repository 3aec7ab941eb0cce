"""The table of faults, and the page that is made of what came of them."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from benchmarks.faults import receiver as receiver_module
from benchmarks.faults.__main__ import main
from benchmarks.faults.fault import Outcome
from benchmarks.faults.faults import FAULTS
from benchmarks.faults.page import page
from benchmarks.faults.receiver import receiving
from distreamer.runtime.event_rows import ROWS

KINDS = {row.begins for row in ROWS}


def test_every_fault_provokes_events_that_there_are() -> None:
    assert {kind for fault in FAULTS for kind in fault.kinds} <= KINDS
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_page_has_a_row_for_each_outcome_and_names_what_was_not_provoked() -> None:
    faults = {fault.name: fault for fault in FAULTS}
    link, port = faults["link"], faults["port"]
    outcomes = [
        Outcome("output_failing", port, 13.04, None),
        Outcome("link_down", link, 5.96, 3.0),
        Outcome("playout_dry", link, reason="ffmpeg is not installed"),
    ]
    text = page(outcomes, 0.034, "a machine")
    assert "was under way for 0.03 s at the most" in text
    rows = [line for line in text.splitlines() if line.startswith("| [`")]
    assert rows == [
        f"| [`link_down`](reference/events.md#link_down) | {link.how} | 6 s | {link.mended} | 3 s |",
        f"| [`playout_dry`](reference/events.md#playout_dry) | {link.how} | not tried: ffmpeg is not installed | "
        f"{link.mended} |  |",
        f"| [`output_failing`](reference/events.md#output_failing) | {port.how} | 13 s | {port.mended} | **never** |",
    ]
    (untried,) = (line for line in text.splitlines() if line.startswith("Not provoked here: "))
    assert "`path_down`" in untried
    assert "`link_down`" not in untried


async def test_the_receiver_tells_what_came_since(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, aiohttp.ClientSession() as session:

        async def post(**message: object) -> None:
            async with session.post(receiver.url("x-station"), json=message) as answer:
                assert answer.status == 200

        await post(at=time.time(), kind="link_down", state="problem", resolves="", problem=1)
        begun = time.monotonic()
        waiting = asyncio.create_task(receiver.told("x-station", "link_down", "problem", begun, 60))
        assert await receiver.told("y-station", "link_down", "problem", 0, 0.01) is None
        assert await receiver.told("x-station", "link_down", "resolved", 0, 0.01) is None
        assert not waiting.done()
        await post(at=time.time(), kind="link_down", state="problem", resolves="", problem=2)
        await post(at=time.time(), kind="link_up", state="resolved", resolves="link_down", problem=2)
        monkeypatch.setattr(receiver_module, "QUIET_SECONDS", 600.0)
        with pytest.raises(TimeoutError):  # it has been well for too short a time
            await receiver.well("x-station", ["link_down"], 0.01)
        await receiver.well("x-station", ["source_lost"], 0.01)
        at = await waiting
        assert at is not None
        assert at >= begun
        assert await receiver.told("x-station", "link_down", "resolved", begun, 60) is not None


def test_the_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FAULTS)
    with pytest.raises(SystemExit):
        main(["--only", "meteor"])
    assert "there is no fault meteor; there are password, encoder" in capsys.readouterr().err
