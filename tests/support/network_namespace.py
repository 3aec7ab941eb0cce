"""Another host on this machine: a network namespace behind a pair of virtual cables, whose address can change."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

STUDIO_ADDRESS = "10.213.77.1"
FIRST_ADDRESS = "10.213.77.2"
SECOND_ADDRESS = "10.213.77.3"
PREFIX_LENGTH = 24


def why_not() -> str:
    """Why no namespace can be made here; empty when one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command ip is missing (Debian package iproute2)"
    return ""


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


@dataclass(frozen=True)
class RemoteHost:
    """The far host. This side of the cable has STUDIO_ADDRESS."""

    namespace: str
    near_device: str
    far_device: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that is to run there."""
        return ("ip", "netns", "exec", self.namespace)

    def change_address(self, old: str, new: str) -> None:
        """As a mobile network does: the old address is gone, whatever was connected by it is cut off."""
        _ip("-n", self.namespace, "address", "delete", f"{old}/{PREFIX_LENGTH}", "dev", self.far_device)
        _ip("-n", self.namespace, "address", "add", f"{new}/{PREFIX_LENGTH}", "dev", self.far_device)

    def unplug(self) -> None:
        """Nothing passes the cable any more; nobody is told."""
        _ip("link", "set", self.near_device, "down")

    def plug(self) -> None:
        _ip("link", "set", self.near_device, "up")


@contextlib.contextmanager
def remote_host() -> Iterator[RemoteHost]:
    """Makes the host and removes it. Names carry the process id, so that two runs do not meet."""
    tag = str(os.getpid())
    host = RemoteHost(f"distreamer-{tag}", f"dsn{tag}", f"dsf{tag}")
    _ip("netns", "add", host.namespace)
    try:
        _ip("link", "add", host.near_device, "type", "veth", "peer", "name", host.far_device, "netns", host.namespace)
        _ip("address", "add", f"{STUDIO_ADDRESS}/{PREFIX_LENGTH}", "dev", host.near_device)
        _ip("link", "set", host.near_device, "up")
        _ip("-n", host.namespace, "link", "set", "lo", "up")
        _ip("-n", host.namespace, "address", "add", f"{FIRST_ADDRESS}/{PREFIX_LENGTH}", "dev", host.far_device)
        _ip("-n", host.namespace, "link", "set", host.far_device, "up")
        yield host
    finally:
        with contextlib.suppress(AssertionError):
            _ip("link", "delete", host.near_device)
        _ip("netns", "delete", host.namespace)
