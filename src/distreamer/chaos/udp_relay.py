"""UDP datagrams that are carried over a bad link inside this process."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from distreamer.chaos.link import Link
from distreamer.chaos.parcel import Parcel

HEADER_BYTES = 28
"""IPv4 and UDP; what a datagram costs the link on top."""
LARGEST_DATAGRAM = 65535
READS_AT_ONCE = 64
"""Before others have their turn."""
MAXIMUM_CLIENTS = 256
"""With one more, the one that was silent for longest is forgotten."""

Address = tuple[str, int]


class UdpRelay:
    """Carries what comes to ``listener`` to ``target``, and the answers back to whom they belong. It owns both."""

    def __init__(
        self, listener: socket.socket, target: Address, family: int, there: Link[Parcel], back: Link[Parcel]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._target = target
        self._family = family
        self._there = there
        self._back = back
        self._clients: OrderedDict[Address, socket.socket] = OrderedDict()
        """By address, with the socket that stands for each at the target; the one heard of last is last."""
        self._loop.add_reader(listener, self._read_clients)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        while self._clients:
            self._forget_oldest()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _read_clients(self) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                data, address = self._listener.recvfrom(LARGEST_DATAGRAM)
            except OSError:
                return  # Nothing more, or an answer of before had nobody to take it.
            upstream = self._upstream(address)
            if upstream is not None:
                self._send(self._there, data, partial(upstream.send, data))

    def _read_target(self, upstream: socket.socket, client: Address) -> None:
        for _ in range(READS_AT_ONCE):
            try:
                data = upstream.recv(LARGEST_DATAGRAM)
            except OSError:
                return  # Nothing more, or nobody listens at the target.
            self._send(self._back, data, partial(self._listener.sendto, data, client))

    def _send(self, link: Link[Parcel], data: bytes, deliver: Callable[[], object]) -> None:
        link.send(Parcel(partial(_try, deliver), _nothing), len(data) + HEADER_BYTES)

    def _upstream(self, client: Address) -> socket.socket | None:
        """The socket for ``client``; None when the system has none left."""
        upstream = self._clients.get(client)
        if upstream is None:
            try:
                upstream = socket.socket(self._family, socket.SOCK_DGRAM)
                upstream.setblocking(False)
                upstream.connect(self._target)
            except OSError:
                return None
            self._loop.add_reader(upstream, self._read_target, upstream, client)
            self._clients[client] = upstream
            if len(self._clients) > MAXIMUM_CLIENTS:
                self._forget_oldest()
        self._clients.move_to_end(client)
        return upstream

    def _forget_oldest(self) -> None:
        _, upstream = self._clients.popitem(last=False)
        self._loop.remove_reader(upstream)
        upstream.close()


def _try(deliver: Callable[[], object]) -> None:
    with suppress(OSError):  # Nobody takes it, as may happen to a datagram anywhere.
        deliver()


def _nothing() -> None:
    """A datagram that is lost is nobody's business."""
