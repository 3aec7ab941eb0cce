"""What a 128 kbit/s stream costs PC A and PC B: CPU and memory, as the system counts them.

    python benchmarks/stream_cost.py [--streams 10] [--seconds 60]

A process plays MP3 in real time to so many instances of PC A in a second process; as many instances of PC B in a
third take them over the native wire and play them to one listener each. Everything runs on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

FRAME = bytes.fromhex("fffb9000")
FRAME_BYTES = 417
FRAME_SECONDS = 1152 / 44100
START_SECONDS = 20.0
"""After which the buffers are full and nothing but the stream itself goes on."""
BURST_FRAMES = 1_000
"""Sent at once, so that the buffers are full at once: 26 s."""


@dataclass(frozen=True)
class Usage:
    """Of a process, so far."""

    cpu_seconds: float
    resident_bytes: int


def usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One listener of the made-up station: distinct MP3 frames in real time."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-br: 128\r\n\r\n")
    loop = asyncio.get_running_loop()
    began, number = loop.time() - BURST_FRAMES * FRAME_SECONDS, 0
    # The end of the benchmark cancels this, of which Python 3.11's stream server would complain.
    with contextlib.suppress(ConnectionError, asyncio.CancelledError):
        while True:
            due = int((loop.time() - began) / FRAME_SECONDS)
            frames = (FRAME + one.to_bytes(8, "big") + bytes(FRAME_BYTES - 12) for one in range(number, due))
            writer.write(b"".join(frames))
            number = due
            await writer.drain()
            await asyncio.sleep(0.1)


async def listen(port: int) -> None:
    """One player of PC B; it asks until it is served."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            while await reader.read(65536):
                pass
            writer.close()
        await asyncio.sleep(0.5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def distreamer(configs: list[Path]) -> AsyncIterator[int]:
    """The process id."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "distreamer", *map(str, configs))
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def measure(streams: int, seconds: float, folder: Path) -> None:
    station = await asyncio.start_server(play, "127.0.0.1", 0)
    station_port = station.sockets[0].getsockname()[1]
    studios, transmitters, players = [], [], []
    for number in range(streams):
        port, player = free_port(), free_port()
        studio, transmitter = folder / f"a{number}.conf", folder / f"b{number}.conf"
        studio.write_text(
            f"[GENERAL]\nOUTPUTLEVEL = 0\n[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = http://127.0.0.1:{station_port}/\n"
            f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
        )
        transmitter.write_text(
            f"[GENERAL]\nOUTPUTLEVEL = 0\n[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{port}\n"
            f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player}\n"
        )
        studios.append(studio)
        transmitters.append(transmitter)
        players.append(asyncio.create_task(listen(player)))
    async with station, distreamer(studios) as a, distreamer(transmitters) as b:
        await asyncio.sleep(START_SECONDS)
        before = usage(a), usage(b)
        await asyncio.sleep(seconds)
        after = usage(a), usage(b)
        for listening in players:
            listening.cancel()
        await asyncio.gather(*players, return_exceptions=True)
    print(f"{streams} streams of 128 kbit/s, measured for {seconds:.0f} s behind the first {START_SECONDS:.0f} s")
    for name, first, last in zip(("PC A", "PC B"), before, after, strict=True):
        share = (last.cpu_seconds - first.cpu_seconds) / seconds / streams
        print(f"{name}: {share:.2%} of a core per stream, {last.resident_bytes / 1e6:.0f} MB in all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(arguments.streams, arguments.seconds, Path(folder)))


if __name__ == "__main__":
    main()
