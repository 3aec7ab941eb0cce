"""A studio and a transmitter that tell of silence, and a decoder that is stopped and killed while players listen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import listening
from tests.support.two_ends import PASSWORD, encoder_port, encoder_url

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SILENT_AT, BACK_AT, AFTER_SECONDS = 10, 24, 6
DELAY_SECONDS = 10
STANDSTILL_SECONDS = 6
"""A busy machine stands still for less, whoever of it does."""
SOUND = f"{ffmpeg.NOISE},volume='if(between(t,{SILENT_AT},{BACK_AT}),0,1)':eval=frame"
BYTES_PER_SECOND = 16_000
LIMIT_SECONDS = 90
"""For anything that is awaited."""


def config(folder: Path, name: str, general: str, source: str, output: str) -> Path:
    file = folder / f"{name}.conf"
    file.write_text(
        f"[GENERAL]\nSILENCESECONDS = {AFTER_SECONDS}\nDELAY = {DELAY_SECONDS}\n"
        f"EVENTLOG = {folder / name}.jsonl\n{general}\n[INPUT]\n{source}\n[OUTPUT]\nHOSTNAME = 127.0.0.1\n{output}\n"
    )
    return file


async def event(file: Path, kind: str) -> dict[str, Any]:
    """The first of that kind, as soon as it is told."""
    for _ in range(LIMIT_SECONDS * 10):
        if found := [one for one in events_in(file) if one["kind"] == kind]:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {kind} within {LIMIT_SECONDS} s")


def events_in(file: Path) -> list[dict[str, Any]]:
    """What stands in an EVENTLOG."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def decoder_of(running: RunningDiStreamer) -> int:
    process = running.process.pid
    (child,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


@contextlib.asynccontextmanager
async def asked(admin: str) -> Any:
    """Gives what asks for the levels until they are as they should be."""
    async with aiohttp.ClientSession() as session:

        async def levels_by(method: str, beyond: int = -1) -> dict[str, Any]:
            for _ in range(LIMIT_SECONDS * 10):
                async with session.get(f"http://{admin}/api/v1/status") as answer:
                    levels = (await answer.json())["instances"][0]["status"]["levels"]
                if levels and levels["method"] == method and levels["skipped"] > beyond:
                    return dict(levels)
                await asyncio.sleep(0.1)
            raise AssertionError(f"levels were not {method} within {LIMIT_SECONDS} s: {levels}")

        yield levels_by


async def test_both_ends_tell_of_silence_and_of_its_end(tmp_path: Path) -> None:
    link, port = free_port(), free_port()
    studio = config(
        tmp_path,
        "studio",
        "",
        f"MODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\nPASSWORD = {PASSWORD}",
        f"MODE = DiStreamerServer\nPORT = {link}",
    )
    transmitter = config(
        tmp_path,
        "transmitter",
        "",
        f"MODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{link}",
        f"MODE = ShoutcastServer\nPORT = {port}",
    )
    async with running_distreamer(studio) as near, running_distreamer(transmitter):
        url = encoder_url(await encoder_port(near, "studio"))
        async with ffmpeg.running_source(url, sound=SOUND):
            begins = [await event(tmp_path / f"{name}.jsonl", "silence_on_air") for name in ("studio", "transmitter")]
            ends = [await event(tmp_path / f"{name}.jsonl", "silence_over") for name in ("studio", "transmitter")]
    for begin, end in zip(begins, ends, strict=True):
        # A look while the decoder stands still is estimated.
        assert "decoded" in (begin["facts"]["method"], end["facts"]["method"])
        assert begin["facts"]["left_dbfs"] == -100
        assert begin["severity"] == "error"
        assert end["resolves"] == "silence_on_air"
        assert end["lasted_seconds"] == pytest.approx(BACK_AT - SILENT_AT, abs=STANDSTILL_SECONDS)
    assert "comes in" in begins[0]["sentence"]
    assert "is played" in begins[1]["sentence"]


async def test_a_decoder_that_hangs_and_dies_is_not_heard(tmp_path: Path) -> None:
    admin, port = f"127.0.0.1:{free_port()}", free_port()
    station = config(
        tmp_path,
        "station",
        f"ADMIN = {admin}",
        f"MODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\nPASSWORD = {PASSWORD}",
        f"MODE = ShoutcastServer\nPORT = {port}",
    )
    async with running_distreamer(station) as running:
        url = encoder_url(await encoder_port(running, "station"))
        async with ffmpeg.running_source(url, ahead=DELAY_SECONDS + 5), asked(admin) as levels_by:
            await served(port)
            async with listening(port) as recording:
                assert (await levels_by("decoded"))["left_dbfs"] > -40
                os.kill(decoder_of(running), signal.SIGSTOP)
                levels = await levels_by("estimated")
                assert levels["left_dbfs"] > -40
                await running.said("the program that measures levels said nothing for 20 s")
                levels = await levels_by("decoded")
                os.kill(decoder_of(running), signal.SIGKILL)
                await running.said("the program that decodes it was ended by SIGKILL")
                await levels_by("decoded", levels["skipped"])
                await recording.has_more(3 * BYTES_PER_SECOND)
                assert not recording.ended
                assert recording.silence(BYTES_PER_SECOND, STANDSTILL_SECONDS) == 0
                assert complaints_of_a_listener(bytes(recording.audio), "mp3") == ""
    assert not [line for line in running.lines if "defect" in line]
