"""What systemd, or another service manager that speaks its protocol, is told: sd_notify(3).

That it is ready, how it is, and that its event loop still runs. Whatever happens to the manager's socket, the programme
goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from distreamer.runtime.overview import Overview

LOOK_SECONDS = 0.1
"""How often it looks whether all modules have begun."""
READY_LOOKS = 300
"""After 30 s it is ready anyway: one module that says nothing must not end the others, which play."""
STATUS_SECONDS = 5.0
LONGEST_STATUS_BYTES = 2000
"""systemd takes 4096 bytes at once."""
PINGS = 3
"""In the time within which the manager wants one."""


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """The socket of NOTIFY_SOCKET."""

    address: str
    """A path, or ``@`` and an abstract name."""
    watchdog_seconds: float | None = None
    """Within which it wants to hear from us; None when it does not."""

    def tell(self, message: str) -> bool:
        """Sends it at once; says whether it was taken. Never raises OSError."""
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
        except OSError:
            return False
        return True


def service_manager(environ: Mapping[str, str], process: int | None = None) -> ServiceManager | None:
    """The one that started this process (``process`` is its number unless told); None when there is none."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    meant = environ.get("WATCHDOG_PID") or str(process or os.getpid())
    is_watched = microseconds.isdecimal() and int(microseconds) > 0 and meant == str(process or os.getpid())
    return ServiceManager(address, int(microseconds) / 1e6 if is_watched else None)


class StateTeller:
    """Says when all instances have begun, how they are, and when the configuration is being read again."""

    def __init__(self, tell: Callable[[str], bool], overview: Overview) -> None:
        self._tell = tell
        self._overview = overview
        self._is_ready = False

    async def run(self) -> None:
        """Until it is cancelled."""
        for _ in range(READY_LOOKS):
            if self._overview.has_begun:
                break
            await asyncio.sleep(LOOK_SECONDS)
        told = ""
        while True:
            self._is_ready = self._is_ready or self._tell("READY=1")
            status = spoken_status(self._overview.sentences())
            if status != told and self._tell(f"STATUS={status}"):
                told = status
            await asyncio.sleep(STATUS_SECONDS)

    @contextlib.contextmanager
    def reloading(self, monotonic_microseconds: int) -> Iterator[None]:
        """In the block the configuration is read again, from that time on CLOCK_MONOTONIC on. Who was not told yet that
        it is ready waits for that anyway."""
        if not self._is_ready:
            yield
            return
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_microseconds}")
        try:
            yield
        finally:
            # What the socket does not take now is told by ``run``.
            self._is_ready = self._tell("READY=1")


async def keep_watchdog(tell: Callable[[str], bool], within_seconds: float) -> None:
    """Says again and again that the event loop runs, until it is cancelled. When the loop hangs, the manager starts the
    process anew."""
    while True:
        tell("WATCHDOG=1")
        await asyncio.sleep(within_seconds / PINGS)


def spoken_status(sentences: Mapping[str, str]) -> str:
    """One line; a single instance need not be named."""
    line = " | ".join(f"{name}: {said}" for name, said in sentences.items())
    if len(sentences) == 1:
        line = next(iter(sentences.values()))
    if len(line.encode()) <= LONGEST_STATUS_BYTES:
        return line
    return line.encode()[: LONGEST_STATUS_BYTES - 3].decode(errors="ignore") + "…"
