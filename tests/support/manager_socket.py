"""A service manager's end of NOTIFY_SOCKET: a real datagram socket, and all that was told there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_SECONDS = 60
"""A bound, not an expectation."""


@dataclass
class ManagerSocket:
    """What a service manager hears."""

    address: str
    told: list[str] = field(default_factory=list)
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self, receiver: socket.socket) -> None:
        """Collects messages until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            message = (await loop.sock_recv(receiver, 4096)).decode()
            async with self._grown:
                self.told.append(message)
                self._grown.notify_all()

    async def heard(self, text: str, times: int = 1) -> str:
        """Waits until so many messages hold ``text``; gives the last of them."""
        try:
            async with asyncio.timeout(LIMIT_SECONDS), self._grown:
                await self._grown.wait_for(lambda: len(self.with_text(text)) >= times)
        except TimeoutError:
            raise AssertionError(f"“{text}” was not told {times} times, but {self.told}") from None
        return self.with_text(text)[-1]

    def with_text(self, text: str) -> list[str]:
        """The messages that hold ``text``."""
        return [message for message in self.told if text in message]


@contextlib.asynccontextmanager
async def manager_socket(folder: Path, abstract_name: str = "") -> AsyncIterator[ManagerSocket]:
    """Listens in ``folder``, or at an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.setblocking(False)
        address = f"@{abstract_name}" if abstract_name else str(folder / "notify")
        receiver.bind(f"\0{abstract_name}" if abstract_name else address)
        manager = ManagerSocket(address)
        task = asyncio.create_task(manager.listen(receiver), name="service manager")
        try:
            yield manager
        finally:
            task.cancel()
            await asyncio.wait({task})
