"""How ``distreamer top`` ends, whatever happens at the same moment."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from distreamer.cli import top_terminal
from distreamer.cli.top_board import Board


@pytest.mark.parametrize("turns", range(5))
async def test_it_ends_when_the_first_answers_come_at_that_moment(
    turns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(top_terminal, "_size", lambda: os.terminal_size((80, 24)))
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    board = Board(list, 1)
    resized, ending = asyncio.Event(), asyncio.Event()
    drawing = asyncio.create_task(top_terminal._draw(board, 1000, lambda: "12:00:00", resized, ending))
    for _ in range(5):
        await asyncio.sleep(0)
    board.has_asked.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    drawing.cancel()
    done, _ = await asyncio.wait({drawing}, timeout=60)
    assert done
    assert drawing.cancelled()


async def test_once_the_terminal_is_left_in_order_another_signal_ends_it_at_once() -> None:
    before = {number: signal.getsignal(number) for number in top_terminal.END_SIGNALS}
    try:
        showing = asyncio.create_task(top_terminal.show(list, 1000, lambda: "12:00:00", is_live=False))
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGTERM)
        await showing
        assert {signal.getsignal(number) for number in before} == {signal.SIG_DFL}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
