"""The dashboard of a transmitter that runs, while the source, the link and the buffer fail, and come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.chromium import Page, chromium_page
from tests.support.instances import free_port, running_distreamer, served

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LIMIT_SECONDS = 90


def config(folder: Path, name: str, general: str, source: str, output: str) -> Path:
    file = folder / f"{name}.conf"
    file.write_text(f"[GENERAL]\n{general}\n[INPUT]\n{source}\n[OUTPUT]\nHOSTNAME = 127.0.0.1\n{output}\n")
    return file


async def until_read(page: Page, part: str, text: str) -> None:
    shown = f"document.querySelector('[data-part=\"{part}\"]')?.innerText.split(/\\s+/).join(' ')"
    await page.until(f"{shown}.includes({text!r})", LIMIT_SECONDS)


async def test_a_volunteer_watches_and_hears_what_fails(tmp_path: Path) -> None:
    source, link, players, admin = (free_port() for _ in range(4))
    encoder = config(tmp_path, "encoder", "DELAY = 3", "MODE = Silence", f"MODE = ShoutcastServer\nPORT = {source}")
    studio = config(
        tmp_path,
        "studio",
        "DELAY = 8",
        f"MODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{source}/",
        f"MODE = DiStreamerServer\nPORT = {link}\nPASSWORD = one",
    )
    transmitter = config(
        tmp_path,
        "transmitter",
        f"DELAY = 12\nADMIN = 127.0.0.1:{admin}",
        f"MODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{link}\nPASSWORD = one",
        f"MODE = ShoutcastServer\nPORT = {players}",
    )
    async with running_distreamer(transmitter) as far, chromium_page() as page:
        await far.said("listening for the operator")
        async with running_distreamer(studio):
            async with running_distreamer(encoder):
                await served(players, "/stream")
                await page.open(f"http://127.0.0.1:{admin}/")
                await until_read(page, "verdict", "On air")
                await until_read(page, "budget", "The link may be down for")
                await page.evaluate("document.querySelector('[data-part=play]').click()")
                await until_read(page, "player-state", "You hear what listeners hear.")
                await until_read(page, "chain", "Listeners 1")
                await page.evaluate("document.querySelector('[data-part=play]').click()")
                await until_read(page, "chain", "Listeners 0")
            await until_read(page, "verdict", "On air from the buffer: the source is silent")
            await until_read(page, "budget", "Nothing new arrives; what is held lasts for")
            await until_read(page, "chain", "Studio silent")
            await until_read(page, "problems", "Nothing arrives any more from input.")
            async with running_distreamer(encoder):
                await until_read(page, "problems-title", "No problems now")
                await until_read(page, "log", "Fine again")
        await until_read(page, "budget", "The link is down; what is held lasts for")
        await until_read(page, "chain", "Link down")
        await until_read(page, "verdict", "Off air: silence is sent")
        await until_read(page, "budget", "Nothing is left to play, silence is sent.")
        async with running_distreamer(encoder), running_distreamer(studio):
            await until_read(page, "problems-title", "No problems now")
            await until_read(page, "budget", "The link may be down for")
            await until_read(page, "day", "Listeners missed")
            await page.until("document.querySelectorAll('.strip .heard').length > 0", LIMIT_SECONDS)
        assert page.errors == []
        await page.command("Page.navigate", url="about:blank")
