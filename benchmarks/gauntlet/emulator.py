"""The process that is the bad link: it carries packets between TUN devices, one at each host for each path.

    python -m benchmarks.gauntlet.emulator '{"seed": 1, "paths": [{"a": "tunA", "b": "tunB", "public": "10.77.0.201"}]}'

It says when the devices are there, and takes commands on its standard input; see ``Emulator.obey``.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from json import loads

from benchmarks.gauntlet.nat import Nat
from benchmarks.gauntlet.packets import is_udp, is_version_4
from benchmarks.gauntlet.tun import open_tun
from benchmarks.gauntlet.wire import Message, commands, say
from distreamer.chaos.link import Link
from distreamer.chaos.link_model import LinkSettings

READS_AT_ONCE = 64
"""Packets of a device, before others have their turn."""
LARGEST_PACKET = 65535
WAYS = ("to_a", "to_b")


class Path:
    """One way between the hosts, with its two directions and perhaps an address translator before B."""

    def __init__(self, seed: str, device_a: str, device_b: str, public: str | None) -> None:
        self.passes_udp = True
        self.nat = Nat(socket.inet_aton(public)) if public else None
        self._a, self._b = open_tun(device_a), open_tun(device_b)
        self.links = {
            "to_a": Link[bytes](LinkSettings(), random.Random(f"{seed} to a").random, self._give_a),
            "to_b": Link[bytes](LinkSettings(), random.Random(f"{seed} to b").random, self._give_b),
        }
        loop = asyncio.get_running_loop()
        loop.add_reader(self._a, self._read, self._a, self._from_a)
        loop.add_reader(self._b, self._read, self._b, self._from_b)

    def _read(self, device: int, take: Callable[[bytes], None]) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                packet = os.read(device, LARGEST_PACKET)
            except OSError:
                return
            if is_version_4(packet) and (self.passes_udp or not is_udp(packet)):
                take(packet)

    def _from_a(self, packet: bytes) -> None:
        self.links["to_b"].send(packet, len(packet))

    def _from_b(self, packet: bytes) -> None:
        translated = self.nat.outgoing(packet) if self.nat else packet
        if translated is not None:
            self.links["to_a"].send(translated, len(packet))

    def _give_a(self, packet: bytes) -> None:
        with suppress(OSError):  # The device is not up yet, or not any more.
            os.write(self._a, packet)

    def _give_b(self, packet: bytes) -> None:
        translated = self.nat.incoming(packet) if self.nat else packet
        if translated is not None:
            with suppress(OSError):
                os.write(self._b, translated)


class Emulator:
    """All paths."""

    def __init__(self, plan: Message) -> None:
        self.paths = [
            Path(f"{plan['seed']} path {number}", path["a"], path["b"], path.get("public"))
            for number, path in enumerate(plan["paths"])
        ]

    def obey(self, command: Message) -> None:
        """Commands: ``{"settings": {…}, "ways": […], "path": 0}`` (without ways or path: all of them);
        ``{"passes_udp": false}``; ``{"rebind": true}``; ``{"report": true}``."""
        paths = self.paths if command.get("path") is None else [self.paths[command["path"]]]
        for path in paths:
            if "settings" in command:
                for way in command.get("ways") or WAYS:
                    path.links[way].change(LinkSettings(**command["settings"]))
            if "passes_udp" in command:
                path.passes_udp = command["passes_udp"]
            if command.get("rebind") and path.nat:
                path.nat.rebind()
        if command.get("report"):
            say({"paths": [{way: asdict(link.counters) for way, link in path.links.items()} for path in paths]})


async def main() -> None:
    emulator = Emulator(loads(sys.argv[1]))
    say({"ready": True})
    async for command in commands():
        emulator.obey(command)


if __name__ == "__main__":
    asyncio.run(main())
