"""ffmpeg → Icecast → DiStreamer → players: what servers repeat, and what two of them carry both, is joined unheard."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import free_port, running_distreamer, served
from tests.support.listening import Recording, assert_same_run, listening, packets

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ENCODINGS = {"mp3": ffmpeg.MP3, "aac": ffmpeg.AAC, "vorbis": ffmpeg.VORBIS, "opus": ffmpeg.OPUS}
CONTAINERS = {"mp3": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg"}
BURST_BYTES = 262_144
"""16 s and more, once it is filled."""
AWAY_SECONDS = 2.0
SOME_AUDIO = 60_000
"""Bytes: 4 to 8 s."""
UNHEARD = "nothing is lost or comes twice"


@dataclass(frozen=True)
class Heard:
    """What a player of DiStreamer got, beside what one of Icecast got."""

    form: str
    recording: Recording
    sent: Recording

    def assert_unbroken(self) -> None:
        container = CONTAINERS[self.form]
        assert not self.recording.ended, self.form
        audio = bytes(self.recording.audio)
        assert_same_run(packets(audio, container), packets(bytes(self.sent.audio), container))
        assert complaints_of_a_listener(audio, container) == "", self.form


async def stations(
    stack: contextlib.AsyncExitStack, icecast: Icecast, configs: dict[str, tuple[Path, int]]
) -> tuple[list[Heard], list[str]]:
    """Runs DiStreamer with a file (and its port for players) for each format; gives who listens, and the log."""
    sent = {form: await stack.enter_async_context(listening(icecast.port, f"/{form}")) for form in configs}
    running = await stack.enter_async_context(running_distreamer(*(config for config, _ in configs.values())))
    heard = []
    for form, (_, port) in configs.items():
        await served(port)
        heard.append(Heard(form, await stack.enter_async_context(listening(port)), sent[form]))
    return heard, running.lines


async def started(stack: contextlib.AsyncExitStack, icecast: Icecast) -> None:
    """An encoder for each format."""
    for form, encoding in ENCODINGS.items():
        await stack.enter_async_context(ffmpeg.running_source(icecast.source_url(f"/{form}"), encoding))
        await icecast.wait_for_mount(f"/{form}")


async def hear_more(heard: list[Heard]) -> None:
    await asyncio.gather(*(one.recording.has_more(SOME_AUDIO) for one in heard))


async def until_said(lines: list[str], text: str, times: int, seconds: float = 60) -> None:
    """Waits until the log has said it so often."""
    for _ in range(int(seconds / 0.1)):
        if sum(text in line for line in lines) >= times:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {times} times “{text}” within {seconds} s in:\n" + "\n".join(lines))


def output(port: int) -> str:
    return f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"


async def test_a_connection_to_icecast_that_breaks_again_and_again_is_not_heard(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        icecast = await stack.enter_async_context(running_icecast(tmp_path, BURST_BYTES))
        link = await stack.enter_async_context(Relay("127.0.0.1", icecast.port))
        await started(stack, icecast)
        configs = {}
        for form in ENCODINGS:
            path, port = tmp_path / f"{form}.conf", free_port()
            path.write_text(
                f"[GENERAL]\nDELAY = 12\n[INPUT]\nMODE = ShoutcastClient\n"
                f"STREAMURL = http://127.0.0.1:{link.port}/{form}\n{output(port)}"
            )
            configs[form] = path, port
        heard, lines = await stations(stack, icecast, configs)
        for turn in (1, 2):
            await hear_more(heard)
            link.refuse()
            await asyncio.sleep(AWAY_SECONDS)
            link.restore()
            await until_said(lines, UNHEARD, turn * len(ENCODINGS))
        await hear_more(heard)
        await hear_more(heard)
        for one in heard:
            one.assert_unbroken()
        assert not any("the programme has a gap here" in line for line in lines)


async def test_of_two_icecasts_with_one_programme_either_may_die(tmp_path: Path) -> None:
    """The preferred one relays the other; it dies, and comes back."""
    async with contextlib.AsyncExitStack() as stack:
        for name in ("near", "far"):
            (tmp_path / name).mkdir()
        far = await stack.enter_async_context(running_icecast(tmp_path / "far", BURST_BYTES))
        await started(stack, far)
        relayed = [(far.port, f"/{form}") for form in ENCODINGS]
        mortal = await stack.enter_async_context(contextlib.AsyncExitStack())
        near = await mortal.enter_async_context(running_icecast(tmp_path / "near", BURST_BYTES, relayed=relayed))
        configs = {}
        for form in ENCODINGS:
            await near.wait_for_mount(f"/{form}")
            path, port = tmp_path / f"{form}.conf", free_port()
            path.write_text(
                f"[GENERAL]\nDELAY = 12\nFALLBACKAFTER = 2\n"
                f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {near.listen_url(f'/{form}')}\nRETURN = 3\n"
                f"[INPUT backup]\nMODE = ShoutcastClient\nSTREAMURL = {far.listen_url(f'/{form}')}\n{output(port)}"
            )
            configs[form] = path, port
        heard, lines = await stations(stack, far, configs)
        await hear_more(heard)
        await mortal.aclose()
        await until_said(lines, "input backup carries the same programme", len(ENCODINGS))
        await hear_more(heard)
        again = running_icecast(tmp_path / "near", BURST_BYTES, port=near.port, relayed=relayed)
        await stack.enter_async_context(again)
        await until_said(lines, "input carries the same programme", len(ENCODINGS))
        await hear_more(heard)
        await hear_more(heard)
        for one in heard:
            one.assert_unbroken()
