"""The demo's page: what it serves, what it tells, and whom it obeys."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from importlib import resources
from urllib.parse import urlsplit

import aiohttp
import pytest

from distreamer.core.clock import LoopClock
from distreamer.demo import page_server
from distreamer.demo.cutter import LinkCutter
from distreamer.demo.page_server import PageServer
from distreamer.demo.state import DemoState
from distreamer.demo.story import Story
from distreamer.errors import BindError
from distreamer.model.status import PlayoutState
from distreamer.transport.relay import Relay
from tests.support.virtual_time import virtual_time

STREAM_URL = "http://127.0.0.1:9/"
PLAYING = DemoState(station="Radio", playout=PlayoutState.PLAYING, buffer_seconds=25)


@pytest.fixture
async def cutter() -> AsyncIterator[LinkCutter]:
    async with Relay("127.0.0.1", 9) as relay:
        cutter = LinkCutter(relay, LoopClock())
        yield cutter
        cutter.restore()


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
async def page(cutter: LinkCutter, story: Story) -> AsyncIterator[PageServer]:
    async with PageServer(0, STREAM_URL, lambda: PLAYING, story, cutter) as page:
        yield page


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


def origin(page: PageServer) -> str:
    return page.url.rstrip("/")


@pytest.mark.parametrize("path", page_server.FILES)
async def test_every_file_is_served_and_may_load_nothing_from_elsewhere(
    page: PageServer, browser: aiohttp.ClientSession, path: str
) -> None:
    async with browser.get(origin(page) + path) as response:
        assert response.status == 200
        assert response.content_type == page_server.FILES[path][1]
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert policy.endswith("media-src http://127.0.0.1:9")
        text = await response.text()
    addresses = set(re.findall(r"https?://[^\s\"'`]+", text)) - {"http://www.w3.org/2000/svg"}
    assert not addresses


def test_the_script_finds_every_element_that_it_looks_for() -> None:
    static = resources.files("distreamer.demo") / "static"
    page, script, style = ((static / name).read_text() for name in ("index.html", "page.js", "style.css"))
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'element\("([^"]+)"\)', script)) <= ids
    assert set(re.findall(r'fill\("([^"]+)"', script)) <= ids
    classes = {name for names in re.findall(r'class="([^"]+)"', page) for name in names.split()}
    assert classes - set(re.findall(r"\.([a-z][a-z-]*)", style)) == set(), "a class without a style"


async def test_the_state_and_what_happened_are_told_at_once(
    page: PageServer, story: Story, browser: aiohttp.ClientSession
) -> None:
    story.observe(PLAYING, 1000.0)
    async with browser.get(origin(page) + "/events") as response:
        assert response.content_type == "text/event-stream"
        first = await message(response)
        assert first["sentence"] == PLAYING.sentence
        assert first["stream_url"] == STREAM_URL
        assert first["events"] == [
            {"number": 1, "at": 1000.0, "text": "PC A receives the programme of “Radio”."},
            {"number": 2, "at": 1000.0, "text": "PC B holds 25 s and begins to play."},
        ]
        assert (await message(response))["events"] == [], "nothing is told twice"


async def message(response: aiohttp.ClientResponse) -> dict[str, object]:
    line = await response.content.readline()
    assert line.startswith(b"data: ")
    assert await response.content.readline() == b"\n"
    told: dict[str, object] = json.loads(line.removeprefix(b"data: "))
    return told


async def test_pages_are_bounded(
    page: PageServer, browser: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_server, "MAXIMUM_PAGES", 1)
    async with browser.get(origin(page) + "/events") as first:
        await message(first)
        async with browser.get(origin(page) + "/events") as second:
            assert second.status == 503


async def test_the_buttons_cut_and_mend_the_link(
    page: PageServer, cutter: LinkCutter, browser: aiohttp.ClientSession
) -> None:
    headers = {"Origin": origin(page)}
    async with browser.post(origin(page) + "/cut?seconds=20", headers=headers) as response:
        assert response.status == 204
    assert cutter.is_cut
    assert cutter.planned_seconds == pytest.approx(20)
    async with browser.post(origin(page) + "/restore", headers=headers) as response:
        assert response.status == 204
    assert not cutter.is_cut
    assert page.refused == 0


@pytest.mark.parametrize("seconds", ["", "0", "-5", "601", "1.5", "ten", "٣", "9" * 5000])
async def test_other_lengths_are_refused(
    page: PageServer, cutter: LinkCutter, browser: aiohttp.ClientSession, seconds: str
) -> None:
    headers = {"Origin": origin(page)}
    async with browser.post(origin(page) + "/cut", params={"seconds": seconds}, headers=headers) as response:
        assert response.status == 400
        assert await response.text() == "seconds must be a whole number from 1 to 600.\n"
    assert not cutter.is_cut


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {}),
        ("POST", {"Origin": "http://evil.example"}),
        ("POST", {"Origin": "null"}),
        ("POST", {"Origin": "http://127.0.0.1"}),
        ("POST", {"Host": "evil.example", "Origin": "http://evil.example"}),
        ("GET", {"Host": "evil.example"}),
    ],
)
async def test_only_the_page_itself_is_obeyed(
    page: PageServer, cutter: LinkCutter, browser: aiohttp.ClientSession, method: str, headers: dict[str, str]
) -> None:
    path = "/cut?seconds=20" if method == "POST" else "/events"
    async with browser.request(method, origin(page) + path, headers=headers) as response:
        assert response.status == 403
    assert not cutter.is_cut
    assert page.refused == 1


async def test_a_taken_port_is_passed_over(cutter: LinkCutter, story: Story, page: PageServer) -> None:
    taken = urlsplit(page.url).port
    assert taken is not None
    async with PageServer(taken, STREAM_URL, lambda: PLAYING, story, cutter) as second:
        found = urlsplit(second.url).port
        assert found is not None
        assert taken < found <= taken + page_server.PORTS_TRIED


async def test_when_all_ports_are_taken_the_error_names_the_last(
    cutter: LinkCutter, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_server, "PORTS_TRIED", 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = PageServer(port, STREAM_URL, lambda: PLAYING, story, cutter)
        with pytest.raises(BindError, match=f"127.0.0.1:{port}"):
            async with server:
                pass


# -- the cutter behind the buttons


@virtual_time()
async def test_a_cut_ends_by_itself() -> None:
    async with Relay("127.0.0.1", 9) as relay:
        cutter = LinkCutter(relay, LoopClock())
        assert (cutter.is_cut, cutter.planned_seconds, cutter.remaining_seconds) == (False, 0, 0)
        cutter.cut(20)
        await asyncio.sleep(15)
        assert cutter.is_cut
        assert cutter.remaining_seconds == pytest.approx(5)
        await asyncio.sleep(6)
        assert not cutter.is_cut
        assert cutter.total_cut_seconds == pytest.approx(20)


@virtual_time()
async def test_a_cut_during_a_cut_begins_anew() -> None:
    async with Relay("127.0.0.1", 9) as relay:
        cutter = LinkCutter(relay, LoopClock())
        cutter.cut(20)
        await asyncio.sleep(15)
        cutter.cut(10)
        assert cutter.planned_seconds == pytest.approx(25)
        await asyncio.sleep(9)
        assert cutter.is_cut
        await asyncio.sleep(2)
        assert not cutter.is_cut
        assert cutter.total_cut_seconds == pytest.approx(25)
        cutter.restore()
        assert cutter.total_cut_seconds == pytest.approx(25)
