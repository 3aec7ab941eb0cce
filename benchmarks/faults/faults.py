"""The table of all faults."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from socket import create_server
from typing import Final

import aiohttp

from benchmarks.faults.fault import Fault, Prepared
from benchmarks.faults.stage import (
    PASSWORD,
    Link,
    Stage,
    Station,
    dialler,
    encoders_door,
    free_port,
    link_door,
    players_door,
)

HEARD = "listeners can hear the programme"
SETTLE_SECONDS = 15.0
"""After everything has begun, so that a link and a buffer are well for longer than any event looks back."""
DISK_BYTES = 24_000_000


async def _nothing() -> None:
    pass


def _has_no_ffmpeg() -> str:
    return "" if shutil.which("ffmpeg") else "ffmpeg is not installed"


def _cannot_mount() -> str:
    return _has_no_ffmpeg() or (
        "" if os.geteuid() == 0 and shutil.which("mount") else "it needs root, for a small disk"
    )


async def _studio(stage: Stage, *outputs: str, general: str = "") -> tuple[Station, int]:
    """A station that an encoder may send to, and the encoders' port."""
    port = free_port()
    return await stage.station("station", encoders_door(port), *outputs, general=general), port


async def killed_encoder(stage: Stage) -> Prepared:
    """Of a studio that plays."""
    station, port = await _studio(stage, players_door(free_port()))
    await station.said("listening")
    encoder = await stage.encoder(port)
    await station.said(HEARD)
    await asyncio.sleep(SETTLE_SECONDS)

    async def mend() -> None:
        await stage.encoder(port)

    return Prepared(partial(stage.kill, encoder), mend)


async def cut_link(stage: Stage) -> Prepared:
    """Between a studio and a transmitter."""
    (link,) = await _transmitter(stage, 1)
    return _cut(link)


async def cut_path(stage: Stage) -> Prepared:
    """One of two."""
    _, second = await _transmitter(stage, 2)
    return _cut(second)


def _cut(link: Link) -> Prepared:
    async def cut() -> None:
        link.type("cut")

    async def restore() -> None:
        link.type("restore")

    return Prepared(cut, restore, "transmitter")


async def _transmitter(stage: Stage, links: int) -> list[Link]:
    """Over so many links; gives them once it plays."""
    door = free_port()
    studio, port = await _studio(stage, link_door(door))
    await studio.said("listening")
    await stage.encoder(port)
    made = [await stage.link(door) for _ in range(links)]
    ways = dialler([link.port for link in made], "MULTIPATH = failover" if links > 1 else "")
    transmitter = await stage.station("transmitter", ways, players_door(free_port()))
    await transmitter.said(HEARD)
    await asyncio.sleep(SETTLE_SECONDS)
    return made


async def killed_server(stage: Stage) -> Prepared:
    """Whose programme a station takes, with a stand-in."""
    door, encoders = free_port(), free_port()

    async def server() -> Station:
        station = await stage.station("server", encoders_door(encoders), players_door(door))
        await station.said("listening")
        await stage.encoder(encoders)
        await station.said(HEARD)
        return station

    first = await server()
    station = await stage.station(
        "station",
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{door}/",
        "[INPUT reserve]\nMODE = Silence\nPRIORITY = 2",
        players_door(free_port()),
    )
    await station.said(HEARD)
    await asyncio.sleep(SETTLE_SECONDS)

    async def mend() -> None:
        await server()

    return Prepared(partial(stage.kill, first.process), mend)


async def taken_port(stage: Stage) -> Prepared:
    """Of an output."""
    port, stack = free_port(), ExitStack()
    stack.enter_context(create_server(("127.0.0.1", port)))

    async def begin() -> None:
        await stage.station("station", "[INPUT]\nMODE = Silence", players_door(port))

    async def free() -> None:
        stack.close()

    return Prepared(begin, free)


async def wrong_bitrate(stage: Stage) -> Prepared:
    """An encoder takes over that sends more than it says."""
    return await _exchanged(stage, "-b:a", "320k", declared_kilobits=128)


async def silent_programme(stage: Stage) -> Prepared:
    """An encoder takes over that sends silence."""
    return await _exchanged(stage, "-b:a", "128k", "-af", "volume=0")


async def _exchanged(stage: Stage, *options: str, declared_kilobits: int = 0) -> Prepared:
    """The encoder, for one with other ``options``; both say the same of themselves."""
    station, port = await _studio(stage, players_door(free_port()))
    await station.said("listening")
    await stage.encoder(port, declared_kilobits=declared_kilobits)
    await station.said(HEARD)

    async def exchange(*options: str) -> None:
        await stage.kill(stage.processes[-1])
        await stage.encoder(port, *options, declared_kilobits=declared_kilobits)

    return Prepared(partial(exchange, *options), exchange)


async def full_disk(stage: Stage) -> Prepared:
    """Of a SPOOL."""
    folder = stage.folder / "disk"
    stage.when_ended.append(await asyncio.to_thread(_mounted, folder))
    station, port = await _studio(
        stage, players_door(free_port()), general=f"SPOOL = {folder}/spool\nSPOOLSIZE = 10\nHISTORY = 60"
    )
    await station.said("listening")
    await stage.encoder(port)
    await station.said(HEARD)
    ballast = folder / "ballast"

    async def fill() -> None:
        await asyncio.to_thread(_fill, ballast)

    async def free() -> None:
        ballast.unlink()

    return Prepared(fill, free)


def _mounted(folder: Path) -> ExitStack:
    """A disk in memory, which goes when the stack is closed."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=True)
    stack = ExitStack()
    stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return stack


def _fill(file: Path) -> None:
    """All that is left of the disk."""
    with file.open("wb", buffering=0) as opened:
        try:
            while True:
                opened.write(bytes(4096))
        except OSError:
            return


async def guessed_password(stage: Stage) -> Prepared:
    """Of ADMIN."""
    admin = f"127.0.0.1:{free_port()}"
    station = await stage.station(
        "station",
        "[INPUT]\nMODE = Silence",
        players_door(free_port()),
        general=f"ADMIN = {admin}\nADMINPASSWORD = {PASSWORD}",
    )
    await station.said("listening for the operator")
    await station.said(HEARD)

    async def guess() -> None:
        async with aiohttp.ClientSession() as session:
            for number in range(8):
                login = aiohttp.BasicAuth("operator", f"guess {number}")
                async with session.get(f"http://{admin}/api/v1/status", auth=login) as answer:
                    if answer.status == 429:  # it is told to wait
                        await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))

    return Prepared(guess, _nothing)


FAULTS: Final = (
    Fault(
        "password",
        "Eight wrong ADMINPASSWORDs are given",
        "no more are",
        ("passwords_refused",),
        guessed_password,
        end_seconds=480,
    ),
    Fault(
        "encoder",
        "The encoder (ffmpeg) is killed",
        "another one is started",
        ("source_lost", "budget_low", "playout_dry", "filler_on_air"),
        killed_encoder,
        why_not=_has_no_ffmpeg,
    ),
    Fault(
        "link",
        "The only link (`distreamer chaos`) is cut",
        "it is restored",
        ("link_down", "budget_low", "playout_dry", "filler_on_air"),
        cut_link,
        why_not=_has_no_ffmpeg,
    ),
    Fault("path", "One of two paths is cut", "it is restored", ("path_down",), cut_path, why_not=_has_no_ffmpeg),
    Fault(
        "server",
        "The server that the programme is taken from is killed; silence is the stand-in",
        "it is started again",
        ("input_replaced", "input_failing"),
        killed_server,
        why_not=_has_no_ffmpeg,
    ),
    Fault(
        "port",
        "DiStreamer is started with an output whose PORT is taken",
        "the port becomes free",
        ("output_failing",),
        taken_port,
    ),
    Fault(
        "bitrate",
        "The encoder is exchanged for one that says 128 kbit/s and sends 320",
        "the first one is back",
        ("bitrate_wrong",),
        wrong_bitrate,
        begin_seconds=150,
        end_seconds=180,
        why_not=_has_no_ffmpeg,
    ),
    Fault(
        "silence",
        "The encoder is exchanged for one that sends silence",
        "the first one is back",
        ("silence_on_air",),
        silent_programme,
        begin_seconds=120,
        why_not=_has_no_ffmpeg,
    ),
    Fault(
        "disk",
        "The disk of SPOOL is filled by something else",
        "that is deleted",
        ("disk_failing",),
        full_disk,
        why_not=_cannot_mount,
    ),
)
