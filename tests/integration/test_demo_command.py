"""``distreamer demo --seconds``: the demo without a browser, which judges itself."""

from __future__ import annotations

import asyncio
import re

import pytest

from distreamer.demo.programme import programme_of
from distreamer.demo.programme_server import ProgrammeServer
from tests.support.instances import COMMAND, free_port
from tests.support.made_audio import mp3_frame

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

BOUND_SECONDS = 150
FLAWLESS = re.compile(
    r"A listener heard (\d+) s of programme: 0 s of silence, 0 frames missing, 0 repeated, 0 disconnects, "
    r"while the link was cut for (\S+) s\."
)


async def demo(*arguments: str) -> tuple[int | None, list[str], str]:
    """Exit code, lines of standard output, and standard error."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "demo",
        "--port",
        str(free_port()),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, complaints = await asyncio.wait_for(process.communicate(), BOUND_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, out.decode().splitlines(), complaints.decode()


async def test_nobody_hears_a_cut_of_ten_seconds() -> None:
    code, lines, complaints = await demo("--seconds", "20")
    assert (code, complaints) == (0, ""), lines
    verdict = FLAWLESS.fullmatch(lines[-1])
    assert verdict, lines
    assert int(verdict[1]) >= 20
    assert float(verdict[2]) >= 10
    cut = re.compile(r"The link is cut for 10 s\. PC B holds \d+ s: nobody should hear anything of it\.")
    assert any(cut.search(line) for line in lines), lines
    assert any("The link is back after " in line for line in lines), lines


async def test_a_stream_from_elsewhere_is_checked_against_what_the_studio_received() -> None:
    programme = programme_of([("From elsewhere", [mp3_frame(number) for number in range(40 * 300)])])
    async with ProgrammeServer(programme) as server:
        code, lines, complaints = await demo("--seconds", "14", "--cut", "8", "--source", server.url)
    assert (code, complaints) == (0, ""), lines
    verdict = FLAWLESS.fullmatch(lines[-1])
    assert verdict, lines
    assert float(verdict[2]) >= 8


async def test_a_source_that_is_no_url_is_named() -> None:
    code, _, complaints = await demo("--seconds", "20", "--source", "radio.example")
    assert code == 2
    assert "--source radio.example: must begin with http:// or https://" in complaints


async def test_a_cut_that_does_not_fit_is_refused() -> None:
    code, _, complaints = await demo("--seconds", "20", "--cut", "15")
    assert code == 2
    assert "--seconds 20 is too short for a cut of 15 s: it must be 21 or more" in complaints
