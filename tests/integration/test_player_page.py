"""The page at ``/`` in a real browser: it plays, says what is on air, and comes back by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from distreamer.model.audio import Station, StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.transport.relay import Relay
from tests.support.chromium import Page, chromium_page
from tests.support.shoutcast_server import serving_to
from tests.support.tone_programme import tone_programme

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SECONDS = 195.0
TITLE_SECONDS = 10.0
LEFT_SECONDS = SECONDS - TITLE_SECONDS
"""When the first listener comes there is so much left: more than any test takes."""
BOUND_SECONDS = 60
NAME = 'Radio <i>"Ünder"</i> & Co'
STATION = Station(NAME, "Everything & more", "talk", "https://radio.example/")
READY = "document.readyState === 'complete' && !document.getElementById('play').hidden"
STATE = "document.getElementById('state').textContent"
PLAY = "document.getElementById('play').click()"
PHONE = {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True}


def programme(codec: str) -> tuple[StreamInfo, tuple[Fragment, ...]]:
    """Three minutes of a tone, with a title that changes after 10 s."""
    titles = (0.0, "The first – Ärger"), (TITLE_SECONDS / SECONDS, "<b>The</b> second")
    info, fragments = tone_programme(codec, SECONDS, *titles)
    return replace(info, station=STATION), fragments


async def text(page: Page, element: str) -> str:
    return str(await page.evaluate(f"document.getElementById({element!r}).textContent"))


def heard(seconds: float) -> str:
    return f"document.getElementById('audio').currentTime > {seconds}"


@pytest.mark.parametrize("codec", ["libmp3lame", "aac", "libopus"])
async def test_it_plays_and_says_what_is_on_air(codec: str) -> None:
    info, fragments = programme(codec)
    async with serving_to(1, info, fragments, delay=LEFT_SECONDS) as (server, port), chromium_page() as page:
        await page.open(f"http://127.0.0.1:{port}/")
        await page.until(READY, BOUND_SECONDS)
        assert await text(page, "name") == NAME
        assert await page.evaluate("document.getElementById('audio').paused")
        listeners = server.listeners()
        assert listeners is not None
        assert listeners.served == 0, "the page listened before it was told to, or asked for more than a page"
        await page.evaluate(PLAY)
        await page.until(heard(3), BOUND_SECONDS)
        assert await page.evaluate("document.getElementById('play').getAttribute('aria-label')") == "Stop"
        await page.until(f"{STATE} === ''", BOUND_SECONDS)
        assert server.players.connected == 1
        await page.until("document.getElementById('title').textContent === '<b>The</b> second'", BOUND_SECONDS)
        assert await page.evaluate("document.title") == f"<b>The</b> second – {NAME}"
        await page.evaluate(PLAY)
        assert await page.evaluate("document.getElementById('audio').paused")
        assert await page.evaluate("document.getElementById('audio').networkState") == 0
        assert page.errors == []


@asynccontextmanager
async def playing_through_a_relay() -> AsyncIterator[tuple[Relay, Page]]:
    """The page plays; what it fetches goes through a link that can be cut."""
    info, fragments = programme("libmp3lame")
    async with (
        serving_to(1, info, fragments, delay=LEFT_SECONDS) as (_, port),
        Relay("127.0.0.1", port) as relay,
        chromium_page() as page,
    ):
        await page.open(f"http://127.0.0.1:{relay.port}/")
        await page.until(READY, BOUND_SECONDS)
        await page.evaluate(PLAY)
        await page.until(heard(2), BOUND_SECONDS)
        yield relay, page


async def test_it_connects_again_by_itself() -> None:
    async with playing_through_a_relay() as (relay, page):
        relay.refuse()
        await page.until(f"{STATE}.includes('again')", BOUND_SECONDS)
        relay.restore()
        await page.until(f"{STATE} === '' && {heard(2)}", BOUND_SECONDS)
        assert await page.evaluate("document.getElementById('play').getAttribute('aria-label')") == "Stop"


async def test_a_connection_that_hangs_is_given_up() -> None:
    async with playing_through_a_relay() as (relay, page):
        relay.cut()
        await page.until(f"{STATE}.includes('again')", BOUND_SECONDS)
        relay.drop_connections()
        relay.restore()
        await page.until(f"{STATE} === '' && {heard(2)}", BOUND_SECONDS)


async def test_an_audio_element_at_the_root_plays() -> None:
    info, fragments = programme("libmp3lame")
    async with serving_to(1, info, fragments, delay=LEFT_SECONDS) as (server, port), chromium_page() as page:
        await page.open(f"http://127.0.0.1:{port}/7.html")
        await page.until("document.readyState === 'complete'", BOUND_SECONDS)
        await page.evaluate(
            "{const audio = document.createElement('audio'); audio.id = 'audio'; audio.src = '/';"
            "document.body.append(audio); audio.play();}"
        )
        await page.until(heard(2), BOUND_SECONDS)
        assert server.players.connected == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_on_a_phone_in_light_and_in_dark(scheme: str) -> None:
    info, fragments = programme("libmp3lame")
    station = replace(STATION, name="A very long name of a station " * 4, description="w" * 200)
    info = replace(info, station=station)
    async with serving_to(1, info, fragments, delay=LEFT_SECONDS) as (_, port), chromium_page() as page:
        await page.command("Emulation.setDeviceMetricsOverride", **PHONE)
        await page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        await page.open(f"http://127.0.0.1:{port}/")
        await page.until(READY, BOUND_SECONDS)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        size = "document.getElementById('play').getBoundingClientRect()"
        assert await page.evaluate(f"{size}.width >= 44 && {size}.height >= 44")
        for element in ("name", "title", "on-air"):
            assert await page.evaluate(CONTRAST.replace("ELEMENT", element)) >= 4.5
        assert page.errors == []


CONTRAST = """(() => {
  const light = (color) => {
    const [red, green, blue] = color.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ink = light(getComputedStyle(document.getElementById("ELEMENT")).color);
  const ground = light(getComputedStyle(document.querySelector("main")).backgroundColor);
  return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
})()"""
"""Of text on its ground, as WCAG 2.2 defines it (section 1.4.3)."""
