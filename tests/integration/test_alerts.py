"""Alerts of a real process: a webhook that cannot be reached at first, a command, and a changed file."""

from __future__ import annotations

import contextlib
import json
import signal
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.instances import free_port, running_distreamer
from tests.support.listening_modules import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LIMIT_SECONDS = 90
"""For anything that is awaited."""


async def test_what_happened_in_the_dark_is_told_when_there_is_light_again(tmp_path: Path) -> None:
    link, hook, noted = free_port(), free_port(), tmp_path / "noted"
    studio, transmitter = tmp_path / "studio.conf", tmp_path / "transmitter.conf"
    studio.write_text(
        "[GENERAL]\nDELAY = 5\n[INPUT]\nMODE = Silence\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {link}\nPASSWORD = one\n"
    )
    alerts = f"[ALERT]\nMODE = Webhook\nURL = http://127.0.0.1:{hook}/T0/geheim\nEVENTS = link_*\n"
    command = f"[ALERT note]\nMODE = Command\nCOMMAND = tee {noted}\nEVENTS = link_*\nRESOLVED = no\n"
    transmitter.write_text(
        f"[GENERAL]\nDELAY = 5\n[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{link}\nPASSWORD = one\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {free_port()}\n{alerts}{command}"
    )
    came: list[dict[str, object]] = []

    async def take(request: web.Request) -> web.Response:
        came.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/T0/geheim", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        async with contextlib.AsyncExitStack() as stack, contextlib.AsyncExitStack() as first:
            near = await first.enter_async_context(running_distreamer(studio))
            # A transmitter that misses it from the beginning would tell that too.
            await near.said("listening for receivers")
            far = await stack.enter_async_context(running_distreamer(transmitter))
            await far.said("listeners can hear the programme")
            await first.aclose()
            await far.said("command tee: ended with exit code 0")
            assert json.loads(noted.read_text())["kind"] == "link_down"
            # Nobody has been there yet to take it.
            await far.said(f"127.0.0.1:{hook}: cannot be reached: Connection refused")
            async with running_distreamer(studio):
                await web.TCPSite(runner, "127.0.0.1", hook).start()
                await far.said(f"webhook of 127.0.0.1:{hook}: answered 200 OK", times=2, seconds=LIMIT_SECONDS)
                await until(lambda: len(came) == 2)
                assert [(one["kind"], one["state"]) for one in came] == [
                    ("link_down", "problem"),
                    ("link_up", "resolved"),
                ]
                assert came[0]["problem"] == came[1]["problem"] == came[0]["number"]
                assert isinstance(came[0]["at"], float)
                assert isinstance(came[1]["at"], float)
                assert came[1]["at"] > came[0]["at"]
                transmitter.write_text(transmitter.read_text().replace("RESOLVED = no", "RESOLVED = no\nHOLD = 5"))
                far.process.send_signal(signal.SIGHUP)
                await far.said("[ALERT note] was restarted (HOLD)")
                assert not [line for line in far.lines if "geheim" in line or "defect" in line]
    finally:
        await runner.cleanup()
