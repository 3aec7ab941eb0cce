"""What is typed comes at once, and nothing can make the program wait for it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from distreamer.transport import keyboard as module
from distreamer.transport.keyboard import Keyboard


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Where is typed, and what the program has; each key comes at once."""
    keys, screen = pty.openpty()
    tty.setcbreak(screen)
    yield keys, screen
    for descriptor in (keys, screen):
        try:
            os.close(descriptor)
        except OSError:  # The test has closed it.
            continue


async def taken(queue: asyncio.Queue[bytes], count: int) -> bytes:
    data = b""
    async with asyncio.timeout(50):
        while len(data) < count:
            data += await queue.get()
    return data


async def test_keys_come_in_their_order(terminal: tuple[int, int]) -> None:
    keys, screen = terminal
    queue = asyncio.Queue[bytes]()
    keyboard = Keyboard(screen, queue.put_nowait)
    for key in (b"a", b"bc", "ü".encode()):
        os.write(keys, key)
    assert await taken(queue, 5) == "abcü".encode()
    keyboard.close()
    keyboard.close()


@pytest.mark.parametrize("its_own_is_refused", [False, True])
@pytest.mark.timeout(60, method="signal")
async def test_what_the_terminal_throws_away_is_not_waited_for(
    terminal: tuple[int, int], its_own_is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, screen = terminal
    if its_own_is_refused:  # as to who has become another user; this test has no controlling one
        monkeypatch.setattr(module, "_CONTROLLING", os.ttyname(screen))
        monkeypatch.setattr(os, "ttyname", lambda descriptor: "/not/there")
    queue = asyncio.Queue[bytes]()
    keyboard = Keyboard(screen, queue.put_nowait)
    os.write(keys, b"x")
    assert select.select([screen], [], [], 50)[0]
    loop = asyncio.get_running_loop()
    troubles: list[object] = []  # The loop keeps to itself that a read had to be interrupted.
    loop.set_exception_handler(lambda loop, context: troubles.append(context))
    # Both are ready in one turn of the loop, and this is the first: so it is when Ctrl-C follows another key.
    loop.call_soon(termios.tcflush, screen, termios.TCIFLUSH)
    for _ in range(3):
        await asyncio.sleep(0)
    os.write(keys, b"y")
    assert await taken(queue, 1) == b"y"
    assert not troubles
    keyboard.close()


async def test_the_terminal_of_others_is_left_as_it_is(terminal: tuple[int, int]) -> None:
    before = fcntl.fcntl(terminal[1], fcntl.F_GETFL)
    keyboard = Keyboard(terminal[1], lambda typed: None)
    assert fcntl.fcntl(terminal[1], fcntl.F_GETFL) == before
    keyboard.close()


async def test_a_terminal_that_is_closed_is_the_end(terminal: tuple[int, int]) -> None:
    queue = asyncio.Queue[bytes]()
    Keyboard(terminal[1], queue.put_nowait)
    os.close(terminal[0])
    async with asyncio.timeout(50):
        assert await queue.get() == b""
    await asyncio.sleep(0)
    assert queue.empty()


async def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    queue = asyncio.Queue[bytes]()
    Keyboard(reading, queue.put_nowait)
    os.close(reading)
    os.write(writing, b"cut 5\n")
    assert await taken(queue, 6) == b"cut 5\n"
    os.close(writing)
    async with asyncio.timeout(50):
        assert await queue.get() == b""


async def test_nobody_types_into_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"cut 5\n")
    with (tmp_path / "file").open("rb") as file, pytest.raises(PermissionError):
        Keyboard(file.fileno(), lambda typed: None)
