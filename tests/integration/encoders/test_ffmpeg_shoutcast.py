"""ffmpeg behind a SHOUTcast 1 login.

ffmpeg has no such login of its own, so a script says password and headers on PORT + 1, and hands the connection over
as ffmpeg's standard output; titles are sent by curl.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.support.encoders import (
    COLUMN_OF,
    FFMPEG_SHOUTCAST,
    FORMATS,
    KILLED,
    LIMIT_SECONDS,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    output_of,
    proves,
    started,
)
from tests.support.ffmpeg import MP3, Encoding, tee
from tests.support.programs import find_program
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TITLE = "Žofie – Ólafur & Co"


async def log_in(case: Case, password: str = PASSWORD) -> tuple[socket.socket, bytes]:
    """A connection that is the caller's to close, and the server's answer."""
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setblocking(False)
    async with asyncio.timeout(LIMIT_SECONDS):
        await loop.sock_connect(connection, ("127.0.0.1", case.port + 1))
        await loop.sock_sendall(connection, password.encode() + b"\r\n")
        return connection, await loop.sock_recv(connection, 1000)


@asynccontextmanager
async def sending(case: Case, copy: Path, encoding: Encoding = MP3) -> AsyncIterator[asyncio.subprocess.Process]:
    connection, answer = await log_in(case)
    async with AsyncExitStack() as stack:
        # The connection must be ffmpeg's alone, so that it ends with ffmpeg.
        with connection:
            assert answer.startswith(b"OK2\r\n")
            headers = f"icy-name: Test radio\r\ncontent-type: {encoding.content_type}\r\n\r\n".encode()
            await asyncio.get_running_loop().sock_sendall(connection, headers)
            connection.setblocking(True)
            command = tee(encoding, (str(copy), ()), ("pipe\\:1", ()))
            process = await stack.enter_async_context(started(*command, stdout=connection.fileno()))
        yield process


async def send_title(case: Case, title: str) -> None:
    code, said = await output_of(
        *(find_program("curl"), "--silent", "--show-error", "--fail", "--get", "--max-time", str(LIMIT_SECONDS)),
        *("--data-urlencode", f"song={title}", f"http://127.0.0.1:{case.port}/admin.cgi?mode=updinfo&pass={PASSWORD}"),
    )
    assert code == 0, said


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=proves(FFMPEG_SHOUTCAST, COLUMN_OF[form], TITLES)) for form in FORMATS]
)
async def test_audio_and_titles(case: Case, form: str) -> None:
    encoding, least_frames = FORMATS[form]
    copy = case.folder / "copy"
    async with sending(case, copy, encoding) as process:
        await case.until(case.seconds(2), process)
        await send_title(case, TITLE)
        await case.until(case.has_title(TITLE), process)
        assert case.station == "Test radio"
        assert case.context.ingest.dropped_bytes == 0
    await case.until_gone()
    assert case.said("'by': 'SHOUTcast 1'")
    assert_sent(case.audio, copy.read_bytes(), least_frames=least_frames // 2)
    assert case.titles[-1] == TITLE


@pytest.mark.proves("encoders", row=FFMPEG_SHOUTCAST, column=WRONG_PASSWORD)
async def test_a_wrong_password(case: Case) -> None:
    connection, answer = await log_in(case, "wrong")
    with connection:
        assert answer == b"invalid password\r\n"
    assert_refused(case)


@pytest.mark.proves("encoders", row=FFMPEG_SHOUTCAST, column=KILLED)
async def test_killed_and_restarted(case: Case) -> None:
    copies = [case.folder / "first", case.folder / "second"]
    for copy in copies:
        async with sending(case, copy) as process:
            await case.until(case.more(4), process)
            process.kill()
        await case.until_gone()
    assert_goes_on(case)
    assert_sent(case.audio, *(copy.read_bytes() for copy in copies), least_frames=100)
