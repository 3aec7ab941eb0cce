"""Two hosts of their own on this machine, A and B, with the emulator as the only way between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.gauntlet.processes import Talker, talker
from benchmarks.gauntlet.tun import DEVICE
from benchmarks.gauntlet.wire import Message
from distreamer.chaos.link_model import LinkSettings

NETWORK = "10.77"
"""Paths are 10.77.0.0/24, 10.77.1.0/24 and so on."""
NAME_OF_A = "pc-a"
HOSTS_FOLDER = Path("/etc/netns")
"""What is in a folder of a namespace's name there stands in for the files of /etc (ip-netns(8))."""
PREFIX = "dsg"


def why_not() -> str:
    """Why no lanes can be made here; empty when they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces and TUN devices need Linux"
    if os.geteuid() != 0:
        return "network namespaces and TUN devices need root; without it, try distreamer chaos"
    if not os.path.exists(DEVICE):
        return f"{DEVICE} is missing (in a container: --device {DEVICE} --cap-add NET_ADMIN --cap-add SYS_ADMIN)"
    for program, package in (("ip", "iproute2"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            return f"the command {program} is missing (Debian package {package})"
    return ""


async def ip(*arguments: str) -> None:
    """The command ip; raises RuntimeError when it fails."""
    process = await asyncio.create_subprocess_exec(
        "ip", *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {complaint.decode().strip()}")


def address_of_a(path: int = 0) -> str:
    return f"{NETWORK}.{path}.1"


def address_of_b(path: int, change: int) -> str:
    """B's after so many changes."""
    return f"{NETWORK}.{path}.{101 + change}"


def public_address_of_b(path: int) -> str:
    """What A sees when B is behind a router."""
    return f"{NETWORK}.{path}.201"


@dataclass(slots=True)
class Lane:
    """The two hosts. Everything is removed when the context of ``lane`` ends."""

    tag: str
    paths: int
    emulator: Talker
    changes: int = 0
    """How often B's address has changed."""

    def on(self, side: str, command: Sequence[str]) -> tuple[str, ...]:
        """``command`` as it is run at ``a`` or ``b``."""
        return ("ip", "netns", "exec", _namespace(self.tag, side), *command)

    def set_link(self, settings: LinkSettings, ways: Sequence[str] = (), path: int | None = None) -> None:
        """The link is like this from now on; without ``ways`` both, without ``path`` all."""
        self.emulator.tell({"settings": asdict(settings), "ways": list(ways), "path": path})

    def stop_udp(self) -> None:
        self.emulator.tell({"passes_udp": False})

    def rebind(self) -> None:
        """The router before B gives new ports."""
        self.emulator.tell({"rebind": True})

    async def change_address(self) -> None:
        """B gets a new address on each path, and loses the old one."""
        namespace = _namespace(self.tag, "b")
        for path in range(self.paths):
            device = _device(self.tag, "b", path)
            # The new one first: with the last address of a device its routes go too.
            await ip("-n", namespace, "address", "add", f"{address_of_b(path, self.changes + 1)}/32", "dev", device)
            await ip("-n", namespace, "address", "delete", f"{address_of_b(path, self.changes)}/32", "dev", device)
        self.changes += 1

    async def carried(self) -> list[Message]:
        """The counters of each path, by direction."""
        self.emulator.tell({"report": True})
        paths: list[Message] = (await self.emulator.says("paths"))["paths"]
        return paths


@contextlib.asynccontextmanager
async def lane(number: int, paths: int, has_router: bool, seed: int, log: Path) -> AsyncIterator[Lane]:
    """Makes the hosts of lane ``number``; the link between them is perfect until it is told otherwise."""
    tag = f"{os.getpid()}-{number}"
    async with contextlib.AsyncExitStack() as stack:
        for side in ("a", "b"):
            await ip("netns", "add", _namespace(tag, side))
            stack.push_async_callback(ip, "netns", "delete", _namespace(tag, side))
            _write_hosts(tag, side, paths)
            stack.callback(shutil.rmtree, HOSTS_FOLDER / _namespace(tag, side), ignore_errors=True)
        plan = {
            "seed": seed,
            "paths": [
                {
                    "a": _device(tag, "a", path),
                    "b": _device(tag, "b", path),
                    "public": public_address_of_b(path) if has_router else None,
                }
                for path in range(paths)
            ],
        }
        command = (sys.executable, "-m", "benchmarks.gauntlet.emulator", json.dumps(plan))
        emulator = await stack.enter_async_context(talker(command, log))
        await emulator.says("ready")
        for side in ("a", "b"):
            await _connect(tag, side, paths)
        yield Lane(tag, paths, emulator)


async def _connect(tag: str, side: str, paths: int) -> None:
    """Gives a host its ends of the paths."""
    namespace = _namespace(tag, side)
    await ip("-n", namespace, "link", "set", "lo", "up")
    for path in range(paths):
        device = _device(tag, side, path)
        own = address_of_a(path) if side == "a" else address_of_b(path, 0)
        beyond = f"{NETWORK}.{path}.0/24" if side == "a" else f"{address_of_a(path)}/32"
        await ip("link", "set", device, "netns", namespace)
        await ip("-n", namespace, "address", "add", f"{own}/32", "dev", device)
        await ip("-n", namespace, "link", "set", device, "up")
        await ip("-n", namespace, "route", "add", beyond, "dev", device)


def _write_hosts(tag: str, side: str, paths: int) -> None:
    """The hosts know A by a name, with an address for each path."""
    folder = HOSTS_FOLDER / _namespace(tag, side)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["127.0.0.1 localhost", *(f"{address_of_a(path)} {NAME_OF_A}" for path in range(paths))]
    (folder / "hosts").write_text("\n".join(lines) + "\n")


async def remove_leftovers() -> None:
    """Removes the namespaces of a gauntlet that was killed."""
    for name in _leftovers():
        with contextlib.suppress(RuntimeError):
            await ip("netns", "delete", name)
        shutil.rmtree(HOSTS_FOLDER / name, ignore_errors=True)


def _leftovers() -> list[str]:
    """Namespaces whose process is gone."""
    names = [folder.name for folder in Path("/run/netns").glob(f"{PREFIX}-*")]
    return [name for name in names if not Path("/proc", name.split("-")[1]).exists()]


def _namespace(tag: str, side: str) -> str:
    return f"{PREFIX}-{tag}-{side}"


def _device(tag: str, side: str, path: int) -> str:
    """At most 15 characters, as Linux wants it."""
    pid, _, number = tag.partition("-")
    return f"g{pid}{side}{number}{path}"
