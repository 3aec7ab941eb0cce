"""The daemon under a service manager and a health check: a real process, a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from pathlib import Path

import pytest

from distreamer.runtime.heartbeat import Heartbeat, write_heartbeat
from tests.support.instances import COMMAND, free_port, running_distreamer
from tests.support.manager_socket import manager_socket

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def config(folder: Path, name: str, port: int) -> Path:
    """A file whose source is not there."""
    path = folder / f"{name}.conf"
    path.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{free_port()}/\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path


async def can_connect(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def health(file: Path) -> tuple[int | None, str]:
    """The exit code of ``distreamer health FILE`` and all that it says."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "health", str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


async def first_beat(file: Path) -> None:
    """Waits until the file is there."""
    for _ in range(600):
        if file in _files(file.parent):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"there is no {file} within a minute")


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_the_manager_hears_that_it_is_ready_how_it_is_and_that_it_stops(tmp_path: Path) -> None:
    port = free_port()
    async with manager_socket(tmp_path) as manager:
        environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "1000000"}
        async with running_distreamer(config(tmp_path, "one", port), environment=environment) as running:
            await manager.heard("READY=1")
            assert await can_connect(port)
            status = await manager.heard("STATUS=")
            assert status.startswith("STATUS=nothing has arrived yet (")
            await manager.heard("WATCHDOG=1", times=5)
            assert not manager.with_text("STOPPING")
            running.process.send_signal(signal.SIGTERM)
            await manager.heard("STOPPING=1")
            assert await asyncio.wait_for(running.process.wait(), 60) == 0
        assert manager.with_text("READY") == ["READY=1"]
        assert manager.told.count("STOPPING=1") == 1


async def test_a_port_in_use_keeps_nobody_from_being_ready(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        manager = await stack.enter_async_context(manager_socket(tmp_path))
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        free = free_port()
        await stack.enter_async_context(
            running_distreamer(
                config(tmp_path, "no-port", taken.getsockname()[1]),
                config(tmp_path, "good", free),
                environment={"NOTIFY_SOCKET": manager.address},
            )
        )
        await manager.heard("READY=1")
        assert await can_connect(free)
        status = await manager.heard("another program listens there already")
        assert status.startswith("STATUS=no-port: ")
        assert " | good: " in status
        assert not manager.with_text("WATCHDOG")


async def test_a_manager_that_is_gone_disturbs_nothing(tmp_path: Path) -> None:
    port, beat = free_port(), tmp_path / "heartbeat"
    gone = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "100000", "DISTREAMER_HEARTBEAT": str(beat)}
    async with running_distreamer(config(tmp_path, "one", port), environment=gone) as running:
        await first_beat(beat)
        assert (await health(beat))[0] == 0
        assert running.process.returncode is None
    assert running.process.returncode == 0


async def test_health_tells_a_running_process_from_one_that_is_gone(tmp_path: Path) -> None:
    beat = tmp_path / "heartbeat"
    code, said = await health(beat)
    assert code == 1
    assert "there is no heartbeat file" in said
    environment = {"DISTREAMER_HEARTBEAT": str(beat)}
    async with running_distreamer(config(tmp_path, "studio", free_port()), environment=environment):
        await first_beat(beat)
        code, said = await health(beat)
        assert code == 0
        assert said.startswith("studio: nothing has arrived yet (")
    write_heartbeat(beat, Heartbeat(at=time.time() - 3600, instances={}))
    code, said = await health(beat)
    assert code == 1
    assert "DiStreamer hangs or has ended" in said


async def test_a_heartbeat_that_cannot_be_written_is_told_and_disturbs_nothing(tmp_path: Path) -> None:
    port = free_port()
    environment = {"DISTREAMER_HEARTBEAT": str(tmp_path / "missing" / "heartbeat")}
    async with running_distreamer(config(tmp_path, "studio", port), environment=environment) as running:
        await running.said("studio heartbeat: the heartbeat file")
        assert await can_connect(port)
    assert running.process.returncode == 0
