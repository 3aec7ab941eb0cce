"""B takes the programme from two senders, real processes all of them: one is killed and comes back, then the other.

The programme is one of frames that are known by their number, so what is missing or comes twice is seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from benchmarks.gauntlet.programme import frame, programme
from distreamer.demo.programme_server import MOUNT, ProgrammeServer
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import listening

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

KILOBITS = 128
BYTES_PER_SECOND = 16_000
DELAY_SECONDS = 15
LIMIT_SECONDS = 60
"""A bound, not an expectation."""
HEADER_BYTES = 4


def relay(folder: Path, name: str, source: str, port: int) -> Path:
    """A file of one that takes ``source`` and serves it on ``port``."""
    path = folder / f"{name}.conf"
    path.write_text(
        f"[GENERAL]\nOUTPUTLEVEL = 3\n[INPUT]\n{source}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path


def transmitter(folder: Path, inputs: str, port: int) -> Path:
    path = folder / "b.conf"
    path.write_text(
        f"[GENERAL]\nOUTPUTLEVEL = 3\nDELAY = {DELAY_SECONDS}\n{inputs}"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path


def shoutcast(port: int) -> str:
    return f"MODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{port}{MOUNT}"


def distreamer(*ports: int) -> str:
    return "MODE = DiStreamerClient\nSERVERURL = " + ", ".join(f"http://127.0.0.1:{port}" for port in ports)


def assert_unbroken(audio: bytes) -> None:
    """Every frame follows the one before."""
    places = {frame(number, KILOBITS): number for number in range(10_000)}
    sizes = sorted({len(one) for one in places})
    found: list[int] = []
    at = 0
    while at + sizes[-1] <= len(audio):
        size = next((size for size in sizes if audio[at : at + size] in places), None)
        assert size is not None, f"byte {at} of {len(audio)}: no frame of the programme, after {found[-1:]}"
        found.append(places[audio[at : at + size]])
        at += size
    assert found == list(range(found[0], found[0] + len(found)))


async def said_last(running: RunningDiStreamer, text: str, detail: str) -> str:
    """Waits until the last log line with ``text`` has ``detail`` too: a machine that stands still may have brought the
    same about before, and it is not told twice. Gives that line."""
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            found = [line for line in running.lines if text in line]
            if found and detail in found[-1]:
                return found[-1]
            await asyncio.sleep(0.1)


async def killed(running: RunningDiStreamer) -> None:
    """As a power cut would end it."""
    running.process.kill()
    await running.process.wait()


async def test_two_senders_of_the_same_epochs_stand_in_for_one_another(tmp_path: Path) -> None:
    studio, first, second, player = (free_port() for _ in range(4))
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        source = free_port()
        await enter(ProgrammeServer(programme(KILOBITS), "127.0.0.1", source))
        await enter(running_distreamer(relay(tmp_path, "studio", shoutcast(source), studio)))
        one = relay(tmp_path, "a1", distreamer(studio), first)
        a1 = await enter(running_distreamer(one))
        a2 = await enter(running_distreamer(relay(tmp_path, "a2", distreamer(studio), second)))
        inputs = f"[INPUT]\n{distreamer(first, second)}\n"
        b = await enter(running_distreamer(transmitter(tmp_path, inputs, player)))
        await b.said(f'connected to the sender path="to 127.0.0.1:{first}"')
        await b.said(f'connected to the sender path="to 127.0.0.1:{second}"')
        await served(player)
        heard = await enter(listening(player))
        await heard.has_more(5 * BYTES_PER_SECOND)
        before = len(b.lines)
        await killed(a1)
        said = await said_last(b, "another path carries now", f'path="to 127.0.0.1:{second}"')
        # Whichever is noticed first of one that is gone.
        assert "the one before is not heard" in said or "the one before is too slow" in said
        assert not any("the link is down" in line for line in b.lines[before:])
        await heard.has_more(8 * BYTES_PER_SECOND)
        is_back = f'the path is back path="to 127.0.0.1:{first}"'
        before = sum(is_back in line for line in b.lines)
        await enter(running_distreamer(one))
        await b.said(is_back, times=before + 1)
        await heard.has_more(5 * BYTES_PER_SECOND)
        before = len(b.lines)
        await killed(a2)
        await said_last(b, "another path carries now", f'path="to 127.0.0.1:{first}"')
        assert not any("the link is down" in line for line in b.lines[before:])
        await heard.has_more((DELAY_SECONDS + 8) * BYTES_PER_SECOND)
        assert_unbroken(bytes(heard.audio))


async def test_two_relays_with_epochs_of_their_own_are_two_inputs_that_go_together(tmp_path: Path) -> None:
    first, second, player = (free_port() for _ in range(3))
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        source = free_port()
        await enter(ProgrammeServer(programme(KILOBITS), "127.0.0.1", source))
        one = relay(tmp_path, "a1", shoutcast(source), first)
        a1 = await enter(running_distreamer(one))
        await enter(running_distreamer(relay(tmp_path, "a2", shoutcast(source), second)))
        inputs = f"[INPUT]\n{distreamer(first)}\n[INPUT b]\n{distreamer(second)}\n"
        b = await enter(running_distreamer(transmitter(tmp_path, inputs, player)))
        await served(player)
        heard = await enter(listening(player))
        await heard.has_more(5 * BYTES_PER_SECOND)
        await killed(a1)
        await said_last(b, "carries the same programme: nothing is lost or comes twice", "input b carries")
        await heard.has_more(5 * BYTES_PER_SECOND)
        await enter(running_distreamer(one))
        await said_last(b, "carries the same programme: nothing is lost or comes twice", "input carries")
        await heard.has_more((DELAY_SECONDS + 5) * BYTES_PER_SECOND)
        assert_unbroken(bytes(heard.audio))


async def test_two_relays_in_one_list_are_said_to_be_two_programmes(tmp_path: Path) -> None:
    first, second, player = (free_port() for _ in range(3))
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        source = free_port()
        await enter(ProgrammeServer(programme(KILOBITS), "127.0.0.1", source))
        for name, port in (("a1", first), ("a2", second)):
            await enter(running_distreamer(relay(tmp_path, name, shoutcast(source), port)))
        b = await enter(running_distreamer(transmitter(tmp_path, f"[INPUT]\n{distreamer(first, second)}\n", player)))
        said = await b.said("a path brings another programme")
        assert "two programmes need an [INPUT] each" in said
        await served(player)
        heard = await enter(listening(player))
        await heard.has_more(5 * BYTES_PER_SECOND)
        assert_unbroken(bytes(heard.audio))
