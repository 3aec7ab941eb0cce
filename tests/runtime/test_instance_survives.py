"""An instance goes on when one of its parts has a defect, and its process ends when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from distreamer.config.instance import InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.runtime.instance import Instance
from tests.support.input_context import capturing_log
from tests.support.instances import free_port
from tests.support.virtual_time import virtual_time


@virtual_time(3600)
async def test_a_defect_in_the_status_line_does_not_end_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(status: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("distreamer.runtime.instance.status_sentence", broken)
    logger = CapturingLogger()
    config = InstanceConfig("studio", None, GeneralSettings(statusseconds=1), (), ())
    task = asyncio.create_task(Instance(config, capturing_log(logger)).run())
    done, _ = await asyncio.wait({task}, timeout=60)
    assert not done
    said = [call.kwargs["event"] for call in logger.calls if call.method_name == "error"]
    assert set(said) == {"a defect in DiStreamer; please report it"}
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


LOOKING_UP_FOR_EVER = """
import os, socket, sys, threading
sys.modules["uvloop"] = None
look_up = socket.getaddrinfo

def hanging(host, *rest, **more):
    if host != "hangs.example":
        return look_up(host, *rest, **more)
    os.write(2, b"looking up\\n")  # at once: print writes the end of the line by itself, and others write here too
    threading.Event().wait()

socket.getaddrinfo = hanging
from distreamer.cli.main import main
main()
"""
CONFIG = """
[INPUT]
MODE=ShoutcastClient
STREAMURL=http://hangs.example/
[OUTPUT]
MODE=ShoutcastServer
HOSTNAME=127.0.0.1
PORT={port}
"""


NEVER_ENDING = """
import asyncio, os
from distreamer.inputs.silence import Silence
from distreamer.runtime import daemon

async def run(self):
    os.write(2, b"begins\\n")  # at once: print writes the end of the line by itself, and others write here too
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            os.write(2, b"goes on\\n")

Silence.run = run
daemon.END_SECONDS = 0.2
from distreamer.cli.main import main
main()
"""


@pytest.mark.integration
async def test_a_second_signal_ends_a_process_in_which_something_does_not_end(tmp_path: Path) -> None:
    silence = "[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = 0\n"
    async with told_to_end(tmp_path, NEVER_ENDING, silence, begun=b"begins\n", told=b"goes on\n") as process:
        await killed_by_more_signals(process)
        assert process.returncode == -signal.SIGTERM


@pytest.mark.integration
async def test_a_process_whose_name_look_up_hangs_does_not_wait_for_it(tmp_path: Path) -> None:
    text = CONFIG.format(port=free_port())
    async with told_to_end(tmp_path, LOOKING_UP_FOR_EVER, text, begun=b"looking up\n", told=b": stopped\n") as process:
        assert await process.wait() == 0


@asynccontextmanager
async def told_to_end(
    folder: Path, program: str, text: str, *, begun: bytes, told: bytes
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``program`` is told to end when it has said ``begun``, and it has said ``told`` when the block begins."""
    config = folder / "distreamer.conf"
    config.write_text(text)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(config), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            await process.stderr.readuntil(begun)
            process.send_signal(signal.SIGTERM)
            await process.stderr.readuntil(told)
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def killed_by_more_signals(process: asyncio.subprocess.Process) -> None:
    """Sends SIGTERM until it has ended."""
    while process.returncode is None:
        # asyncio's own send_signal also looks whether the process has ended, and then nobody learns its code.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        await asyncio.sleep(0.05)
