"""A real Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import aiohttp
import pytest

from tests.support.programs import ended_process

START_SECONDS = 120
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--remote-debugging-port=0",
)
_EMPTY_PAGE = '<!doctype html><link rel="icon" href="data:,"><title>Empty</title>'
"""With an icon, so that the browser asks for none."""


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.errors: list[str] = []
        """What the console showed as errors: failed requests, refused content, exceptions."""
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def receive(self) -> None:
        """Takes what the browser says; to be run beside all else."""
        async for message in self._socket:
            said = message.json()
            if "id" in said:
                self._answers.pop(said["id"]).set_result(said)
            elif said["method"] == "Runtime.exceptionThrown":
                self.errors.append(str(said["params"]["exceptionDetails"]))
            elif said["method"] == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
                self.errors.append(str(said["params"]["entry"]))

    async def command(self, method: str, **parameters: object) -> dict[str, Any]:
        """Its result; fails when the browser reports an error."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        said = await asyncio.wait_for(answer, START_SECONDS)
        assert "error" not in said, said["error"]
        result: dict[str, Any] = said["result"]
        return result

    async def open(self, url: str) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self.command(f"{domain}.enable")
        await self.command("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, as if the user had caused it."""
        result = await self.command("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, script: str, seconds: float) -> Any:
        """Waits until the expression is true; fails after ``seconds``, which is a bound and no expectation."""
        for _ in range(int(seconds * 10)):
            if value := await self.evaluate(script):
                return value
            await asyncio.sleep(0.1)
        raise AssertionError(f"not true within {seconds} s: {script}")


@contextlib.asynccontextmanager
async def chromium_page() -> AsyncIterator[Page]:
    """A tab of a fresh browser; the test is skipped where there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = await asyncio.create_subprocess_exec(
            program,
            *OPTIONS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with ended_process(browser):
            host = await asyncio.wait_for(_devtools_host(browser), START_SECONDS)
            # Whoever does not read what it says makes it wait, in the end.
            others = [asyncio.create_task(_read_all(browser), name="Chromium's complaints")]
            async with aiohttp.ClientSession() as session:
                async with session.put(f"http://{host}/json/new?about:blank") as response:
                    tab = await response.json()
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    others.append(asyncio.create_task(page.receive(), name="DevTools"))
                    try:
                        yield page
                    finally:
                        for task in others:
                            task.cancel()


async def _devtools_host(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr is not None
    said: list[bytes] = []
    async for line in browser.stderr:
        said.append(line)
        if b"DevTools listening on ws://" in line:
            return line.decode().split("ws://")[1].split("/")[0]
    raise AssertionError(f"Chromium ended before it listened: {b''.join(said).decode(errors='replace')}")


async def _read_all(browser: asyncio.subprocess.Process) -> None:
    assert browser.stderr is not None
    while await browser.stderr.read(65536):
        pass


@contextlib.asynccontextmanager
async def empty_page() -> AsyncIterator[str]:
    """The URL of a page on this machine: only for such a one does a browser play what is on this machine too."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # A browser connects more often than it asks.
            await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{_EMPTY_PAGE}".encode())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
