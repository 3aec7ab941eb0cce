"""The demo as a visitor meets it: the command, its page in a real browser, the sound, and a cut link."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator

import pytest

from tests.support.chromium import Page, chromium_page
from tests.support.instances import COMMAND, free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

START_SECONDS = 90
END_SECONDS = 60
CUT_SECONDS = 20

RECORDER = """
globalThis.heard = {events: []};
const player = document.getElementById("audio");
const end = () => player.buffered.length ? player.buffered.end(player.buffered.length - 1) : 0;
for (const name of ["waiting", "ended", "error"])
  player.addEventListener(name, () => heard.events.push(
    `${name} at ${player.currentTime} s with ${end() - player.currentTime} s held`));
heard.faults = () => heard.events.filter((one) => !one.startsWith("waiting") || Number(one.split(" ")[5]) < 1);
"""
"""A player that waits with audio in its hands does so because the browser itself got no time; that is no fault."""


@contextlib.asynccontextmanager
async def running_demo() -> AsyncIterator[str]:
    """The URL of its page; at the end Ctrl-C must end it without a word of complaint."""
    demo = await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        "--no-browser",
        "--port",
        str(free_port()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield await asyncio.wait_for(_page_url(demo), START_SECONDS)
        demo.send_signal(signal.SIGINT)
        _, complaints = await asyncio.wait_for(demo.communicate(), END_SECONDS)
        assert (demo.returncode, complaints.decode()) == (0, "")
    finally:
        if demo.returncode is None:
            demo.kill()
            await demo.communicate()


async def _page_url(demo: asyncio.subprocess.Process) -> str:
    assert demo.stdout is not None
    async for line in demo.stdout:
        if found := re.search(r"Watch and listen: +(http://\S+)", line.decode()):
            return found[1]
    assert demo.stderr is not None
    raise AssertionError(f"the demo ended: {(await demo.stderr.read()).decode()}")


async def _text(page: Page, element: str) -> str:
    return str(await page.evaluate(f"document.getElementById({element!r}).textContent"))


async def _played_seconds(page: Page) -> float:
    return float(await page.evaluate("document.getElementById('audio').currentTime"))


def _reads(element: str, text: str) -> str:
    return f"document.getElementById({element!r}).textContent.includes({text!r})"


async def test_a_visitor_listens_through_a_cut() -> None:
    button = f"document.querySelector('[data-seconds=\"{CUT_SECONDS}\"]')"
    async with running_demo() as url, chromium_page() as page:
        await page.open(url)
        await page.until(f"{button}?.textContent.includes('nobody hears it') && !{button}.disabled", START_SECONDS)
        assert "PC B can lose the link for" in await _text(page, "sentence")

        await page.evaluate("document.getElementById('play').click()")
        await page.until("document.getElementById('audio').currentTime > 3", START_SECONDS)
        await page.evaluate(RECORDER)
        await page.until(_reads("ears", "You hear the programme."), START_SECONDS)
        await page.until(_reads("heard-title", "DiStreamer demo – "), START_SECONDS)

        before = await _played_seconds(page)
        await page.evaluate(f"{button}.click()")
        await page.until("document.getElementById('chain').dataset.link === 'cut'", START_SECONDS)
        assert (await _text(page, "link-words")).startswith("cut, back in ")
        await page.until(_reads("log", "The link is back after "), CUT_SECONDS + START_SECONDS)
        await page.until(_reads("log", "PC B has everything that it missed"), START_SECONDS)
        # A stop for buffering would have been an event; this is to be sure that the sound went on at all.
        await page.until(f"document.getElementById('audio').currentTime > {before + CUT_SECONDS}", START_SECONDS)
        assert await page.evaluate("heard.faults()") == []
        assert "0 s of silence, 0 frames missing, 0 repeated, 0 disconnects" in await _text(page, "heard")

        await page.evaluate("document.getElementById('play').click()")
        assert await page.evaluate("document.getElementById('audio').paused")
        assert page.errors == []
