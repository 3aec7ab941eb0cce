"""The programs of a run, pretended: each is started once, however many pairs there are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import cast

import pytest

from benchmarks.gauntlet import run
from benchmarks.gauntlet.lane import Lane
from benchmarks.gauntlet.processes import Keeper, listens
from benchmarks.gauntlet.results import Run
from benchmarks.gauntlet.scenarios import named
from benchmarks.gauntlet.systems import OURS


class Hosts:
    """A lane in which nothing happens."""

    def on(self, side: str, command: tuple[str, ...]) -> tuple[str, ...]:
        return (side, *command)


async def test_each_program_of_two_pairs_runs_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[str] = []

    async def keep(keeper: Keeper) -> None:
        started.append(keeper.name)
        await asyncio.Event().wait()

    monkeypatch.setattr(Keeper, "run", keep)
    scenario = named("twins")
    one = run._Run(Run(OURS.name, scenario.name, 1, 128, True), scenario, OURS, cast(Lane, Hosts()), tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        for pair in range(scenario.pairs):
            await stack.enter_async_context(one._programs(one._order(pair)))
        await asyncio.sleep(0)
        assert sorted(started) == ["a", "a2", "b", "b2"]


def test_who_listens_is_seen_from_outside() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not listens(os.getpid(), port)
        listener.listen()
        assert listens(os.getpid(), port)
    assert not listens(os.getpid(), port)
    assert not listens(2**30, port)
