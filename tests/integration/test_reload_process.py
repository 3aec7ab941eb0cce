"""SIGHUP to a real process: what did not change plays on, and what changed is another one then."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import ffmpeg
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import COMMAND, RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import assert_same_run, listening, packets
from tests.support.manager_socket import manager_socket
from tests.support.programs import ended_process, find_program

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

READ_AGAIN = "the configuration was read again: "
DELAY_SECONDS = 15
AHEAD_SECONDS, BURST_BYTES = 20, 320_000
"""So that the buffer is full at once."""
TWO_SECONDS = 32_000
"""Bytes at 128 kbit/s."""


class Files:
    """The files of a studio and of a transmitter, and what is changed in them."""

    def __init__(self, folder: Path, icecast: Icecast) -> None:
        self.studio, self.transmitter = folder / "studio.conf", folder / "transmitter.conf"
        self.link_port, self.player_port, self.other_port = free_port(), free_port(), free_port()
        self._stream_url = icecast.listen_url("/live")
        self.write()

    def write(self, host: str = "127.0.0.1", password: str = "one", burst: float = 0, more: str = "") -> None:
        """``more`` are further sections of the transmitter."""
        self.studio.write_text(
            f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {self._stream_url}\nHTTPTIMEOUT = 60\n"
            f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {self.link_port}\nPASSWORD = {password}\n"
        )
        self.transmitter.write_text(
            f"[GENERAL]\nDELAY = {DELAY_SECONDS}\n"
            f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://{host}:{self.link_port}\nPASSWORD = {password}\n"
            f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {self.player_port}\n"
            f"BURSTSECONDS = {burst}\n{more}"
        )

    def other_output(self, port: int) -> str:
        return f"[OUTPUT other]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"


@contextlib.asynccontextmanager
async def curl(port: int, target: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Listens for as long as the block lasts, into a file."""
    process = await asyncio.create_subprocess_exec(
        find_program("curl"), "-sS", "-N", "-o", str(target), f"http://127.0.0.1:{port}/"
    )
    async with ended_process(process):
        yield process


async def reloaded(running: RunningDiStreamer, name: str, said: str) -> None:
    """Sends SIGHUP and waits for what instance ``name`` says of it."""
    running.process.send_signal(signal.SIGHUP)
    await running.said(f" {name}: {READ_AGAIN}{said}")


async def test_listeners_hear_an_unbroken_run_whatever_is_changed_beside_them(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount("/live")
        sent = await enter(listening(icecast.port, "/live"))
        files = Files(tmp_path, icecast)
        running = await enter(running_distreamer(files.studio, files.transmitter))
        await served(files.player_port)
        heard = tmp_path / "heard.mp3"
        player = await enter(curl(files.player_port, heard))
        other = await enter(listening(files.player_port, icy=True))
        await other.has_more(TWO_SECONDS)

        await reloaded(running, "studio", "nothing changed")
        files.write(host="localhost")
        await reloaded(running, "transmitter", "[INPUT] was restarted (SERVERURL)")
        await other.has_more(TWO_SECONDS)

        night = "[INPUT night]\nMODE = Silence\nPRIORITY = 2\n"
        files.write(host="localhost", more=night)
        await reloaded(running, "transmitter", "[INPUT] was restarted, [INPUT night] was added")
        await other.has_more(TWO_SECONDS)
        files.write(host="localhost")
        await reloaded(running, "transmitter", "[INPUT night] was removed")
        await other.has_more(TWO_SECONDS)

        first, second = free_port(), free_port()
        files.write(host="localhost", more=files.other_output(first))
        await reloaded(running, "transmitter", "[OUTPUT other] was added")
        await served(first)
        files.write(host="localhost", more=files.other_output(second))
        await reloaded(running, "transmitter", "[OUTPUT other] was restarted (PORT)")
        await served(second)
        files.write(host="localhost", burst=2)
        await reloaded(running, "transmitter", "[OUTPUT] took over BURSTSECONDS, [OUTPUT other] was removed")
        await other.has_more(TWO_SECONDS)

        files.write(host="localhost", burst=2, password="two")
        await reloaded(running, "transmitter", "[INPUT] was restarted (PASSWORD)")
        await running.said(f" studio: {READ_AGAIN}[OUTPUT] was restarted (PASSWORD)")
        await other.has_more(3 * TWO_SECONDS)

        assert player.returncode is None
        assert not other.ended
        was_sent = packets(bytes(sent.audio), "mp3")
        assert_same_run(packets(heard.read_bytes(), "mp3"), was_sent)
        assert_same_run(packets(bytes(other.audio), "mp3"), was_sent)
        assert "the buffer ran out" not in "\n".join(running.lines)


async def test_a_fault_is_told_with_its_line_and_everything_goes_on(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount("/live")
        files = Files(tmp_path, icecast)
        manager = await enter(manager_socket(tmp_path))
        running = await enter(
            running_distreamer(files.studio, files.transmitter, environment={"NOTIFY_SOCKET": manager.address})
        )
        await served(files.player_port)
        await manager.heard("READY=1")
        player = await enter(listening(files.player_port))
        files.write(password="two", burst=99)
        running.process.send_signal(signal.SIGHUP)
        fault = await running.said("everything goes on as before, for the configuration has a fault: ")
        assert fault.endswith(
            "transmitter.conf:11: [OUTPUT] BURSTSECONDS = 99 must be a number of seconds from 0 to 25"
        )
        assert " transmitter: " in fault
        await manager.heard("RELOADING=1\nMONOTONIC_USEC=")
        await manager.heard("READY=1", times=2)
        await player.has_more(TWO_SECONDS)
        assert not player.ended
        files.write(password="two")
        await reloaded(running, "studio", "[OUTPUT] was restarted (PASSWORD)")
        await manager.heard("READY=1", times=3)
        await player.has_more(3 * TWO_SECONDS)


def waiting_config(folder: Path) -> Path:
    """An instance whose source is not there."""
    path = folder / "waiting.conf"
    path.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{free_port()}/\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}\n"
    )
    return path


async def test_signals_while_it_starts_many_at_once_and_with_the_end(tmp_path: Path) -> None:
    async with running_distreamer(waiting_config(tmp_path)) as running:
        await running.said("waiting: starting")
        for _ in range(20):
            running.process.send_signal(signal.SIGHUP)
        await running.said(READ_AGAIN)
        for _ in range(20):
            running.process.send_signal(signal.SIGHUP)
        running.process.send_signal(signal.SIGTERM)
        for _ in range(20):
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(signal.SIGHUP)
        assert await asyncio.wait_for(running.process.wait(), 60) == 0


NOTED_EARLY = """
import os, signal, sys
from distreamer.cli import main
from distreamer.runtime.hang_ups import HangUps

class Noted(HangUps):
    def __init__(self):
        super().__init__()
        os.kill(os.getpid(), signal.SIGHUP)

main.HangUps = Noted
main.main()
"""


async def test_a_signal_before_there_is_an_event_loop_is_not_forgotten(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        COMMAND[0], "-c", NOTED_EARLY, str(waiting_config(tmp_path)), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with ended_process(process), asyncio.timeout(60):
        await process.stderr.readuntil(READ_AGAIN.encode())
        assert process.returncode is None


async def test_it_ends_when_its_terminal_is_closed(tmp_path: Path) -> None:
    screen, terminal = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, str(waiting_config(tmp_path)), stdin=asyncio.subprocess.DEVNULL, stderr=terminal
    )
    os.close(terminal)
    async with ended_process(process), asyncio.timeout(60):
        said = b""
        for text in (b"waiting: starting", READ_AGAIN.encode()):
            while text not in said:
                said += await asyncio.to_thread(os.read, screen, 4096)
            if text != READ_AGAIN.encode():
                process.send_signal(signal.SIGHUP)
        os.close(screen)
        process.send_signal(signal.SIGHUP)
        assert await process.wait() == 0
