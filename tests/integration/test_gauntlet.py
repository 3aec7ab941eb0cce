"""The gauntlet itself: hosts of its own with a bad link between them, and runs that find what there is to find."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.gauntlet.lane import NAME_OF_A, Lane, address_of_b, lane, public_address_of_b, why_not
from benchmarks.gauntlet.results import Run
from benchmarks.gauntlet.run import carry_out
from benchmarks.gauntlet.scenarios import SOUND
from benchmarks.gauntlet.systems import OURS
from benchmarks.gauntlet.systems.distreamer import DiStreamer
from benchmarks.gauntlet.systems.icecast import IcecastRelay
from benchmarks.gauntlet.systems.system import Listening, Order
from tests.support.programs import ended_process

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

PORT = 7080
PLAYER_SECONDS = 6.0
PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""
LANE = 90
"""Beyond those of a gauntlet that may run beside the tests."""

ANSWERING = f"""
import asyncio
def seen(address): return ("%s:%d" % address[:2]).encode()
class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, address): self.transport.sendto(seen(address), address)
async def serve(reader, writer):
    while await reader.readline():
        writer.write(seen(writer.get_extra_info("peername")) + b"\\n")
async def main():
    await asyncio.start_server(serve, "0.0.0.0", {PORT})
    await asyncio.get_running_loop().create_datagram_endpoint(Datagrams, local_addr=("0.0.0.0", {PORT}))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
"""At A: answers with the address that it sees."""

ASKING = f"""
import socket, sys
kinds = {{"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}}
asker = socket.socket(socket.AF_INET, kinds[sys.argv[1]])
asker.connect(("{NAME_OF_A}", {PORT}))
for line in sys.stdin:
    asker.sendall(line.encode())
    if "?" in line:
        print(asker.recv(100).decode().strip(), flush=True)
"""
"""At B: sends each line on one socket, and prints the answer to those with a question mark."""


@contextlib.asynccontextmanager
async def python(hosts: Lane, side: str, text: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *hosts.on(side, (sys.executable, "-c", text, *arguments)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with ended_process(process):
        yield process


@contextlib.asynccontextmanager
async def answering_lane(folder: Path, *, has_router: bool = False) -> AsyncIterator[Lane]:
    """A lane in which A answers."""
    async with lane(LANE, 1, has_router, 1, folder / "emulator.log") as hosts, python(hosts, "a", ANSWERING) as a:
        assert await heard(a) == "ready"
        yield hosts


async def heard(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


def say(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")


async def ask(process: asyncio.subprocess.Process) -> tuple[str, int]:
    """B's address, as A sees it."""
    say(process, "who am I?")
    address, _, port = (await heard(process)).partition(":")
    return address, int(port)


async def lost(hosts: Lane, count: int) -> None:
    """Waits until so many packets from B were lost in the dark."""
    for _ in range(PATIENCE_SECONDS * 10):
        (path,) = await hosts.carried()
        if path["to_a"]["lost_in_the_dark"] >= count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no packet was lost")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
async def test_packets_cross_or_are_lost_and_a_new_address_is_seen(tmp_path: Path, kind: str) -> None:
    async with answering_lane(tmp_path) as hosts:
        async with python(hosts, "b", ASKING, kind) as b:
            assert (await ask(b))[0] == address_of_b(0, 0)
            hosts.set_link(replace(SOUND, is_dark=True))
            await hosts.carried()  # An answer says that it was done.
            say(b, "into the dark")
            await lost(hosts, 1)
            hosts.set_link(SOUND)
            await hosts.carried()
            assert (await ask(b))[0] == address_of_b(0, 0)
        await hosts.change_address()
        async with python(hosts, "b", ASKING, kind) as b:
            assert (await ask(b))[0] == address_of_b(0, 1)


async def test_a_router_hides_b_and_gives_it_a_new_port_when_it_forgets(tmp_path: Path) -> None:
    async with answering_lane(tmp_path, has_router=True) as hosts, python(hosts, "b", ASKING, "udp") as b:
        address, port = await ask(b)
        assert address == public_address_of_b(0)
        assert await ask(b) == (address, port)
        hosts.rebind()
        await hosts.carried()  # An answer says that it was done.
        again, other_port = await ask(b)
        assert again == address
        assert other_port != port


async def test_udp_can_be_stopped_while_tcp_goes_on(tmp_path: Path) -> None:
    async with answering_lane(tmp_path) as hosts:
        hosts.stop_udp()
        (before,) = await hosts.carried()
        async with python(hosts, "b", ASKING, "udp") as datagrams, python(hosts, "b", ASKING, "tcp") as stream:
            say(datagrams, "is anyone there")
            assert (await ask(stream))[0] == address_of_b(0, 0)
            (now,) = await hosts.carried()
        assert now["to_a"]["offered"] > before["to_a"]["offered"]


class WithRoom(DiStreamer):
    """Its players hold more than a busy machine stands still for, and less than the outage."""

    def listening(self, order: Order) -> Listening:
        return replace(super().listening(order), prebuffer_seconds=PLAYER_SECONDS)


async def test_an_outage_is_not_heard(tmp_path: Path) -> None:
    result = await carry_out(Run(OURS.name, "out10", 1, 128, True), WithRoom(), LANE, tmp_path / "run")
    assert result.trouble == ""
    assert result.silent_seconds < 0.1
    assert (result.missing, result.repeated, result.damaged, result.disconnects) == (0, 0, 0, 0)
    assert result.wrong_titles == 0
    assert result.came_through
    assert result.latest_fragment_seconds is not None
    assert 1.0 < result.latest_fragment_seconds < 25.0, "a fragment waited for the link"
    assert result.first_fragment_seconds is not None
    assert result.latency_seconds is not None
    assert 25.0 < result.latency_seconds < 31.0 + PLAYER_SECONDS


async def test_an_outage_that_is_longer_than_the_players_buffer_is_heard(tmp_path: Path) -> None:
    relay = IcecastRelay()
    if reason := relay.why_not():
        pytest.skip(reason)
    result = await carry_out(Run(relay.name, "out5", 1, 128, True), relay, LANE, tmp_path / "run")
    assert 1.0 < result.silent_seconds < 10.0
    assert any("s of silence where 0.1 may be" in fault for fault in result.faults)
