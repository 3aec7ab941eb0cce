"""A transport without a network: a player that takes as much as the test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from distreamer.outputs.player_connection import Host, PlayerConnection

UNLIMITED = 1 << 40


class PlayerTransport(asyncio.Transport):
    """Takes ``room`` bytes at once, like the system's send buffer; what is beyond it keeps itself, and tells the
    connection to pause when that is too much."""

    def __init__(self, host: Host, room: int = UNLIMITED, address: str = "192.0.2.1") -> None:
        super().__init__()
        self._peer = (address, 50_000)
        self.room = room
        self.taken: list[bytes] = []
        """What the player got, write by write."""
        self.unsent = b""
        self.highest_unsent = 0
        self.is_closing_down = False
        self.is_closed = False
        self._high = self._low = 0
        self._is_paused = False
        self.connection = PlayerConnection(host)
        self.connection.connection_made(self)

    @property
    def data(self) -> bytes:
        """All that the player got."""
        return b"".join(self.taken)

    @property
    def body(self) -> bytes:
        """The same behind the head of the answer."""
        return self.data.partition(b"\r\n\r\n")[2]

    def says(self, data: bytes) -> None:
        """The player sends ``data``."""
        self.connection.data_received(data)

    def takes(self, size: int) -> None:
        """The player takes up to ``size`` bytes more."""
        self.room += size
        self._flush()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._peer if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high, self._low = high or 0, low or 0

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.is_closing_down, "written to behind its end"
        if self.unsent or len(data) > self.room:
            self.unsent += data
            self._flush()
        else:
            # Kept as it is, so that a test can see whether it is the shared object.
            self.taken.append(data if isinstance(data, bytes) else bytes(data))
            self.room -= len(data)
        self.highest_unsent = max(self.highest_unsent, len(self.unsent))
        if len(self.unsent) > self._high and not self._is_paused:
            self._is_paused = True
            self.connection.pause_writing()

    def close(self) -> None:
        self.is_closing_down = True
        self._flush()

    def abort(self) -> None:
        self.unsent = b""
        self.close()

    def is_closing(self) -> bool:
        return self.is_closing_down

    def _flush(self) -> None:
        taken, self.unsent = self.unsent[: self.room], self.unsent[self.room :]
        if taken:
            self.taken.append(taken)
            self.room -= len(taken)
        if self._is_paused and len(self.unsent) <= self._low and not self.is_closing_down:
            self._is_paused = False
            self.connection.resume_writing()
        if self.is_closing_down and not self.unsent and not self.is_closed:
            self.is_closed = True
            self._later(lambda: self.connection.connection_lost(None))

    def _later(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)
