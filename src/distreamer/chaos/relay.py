"""A relay on loopback that carries TCP and UDP to a target over a bad link."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from distreamer.chaos.link import Link
from distreamer.chaos.link_model import LinkCounters, LinkSettings
from distreamer.chaos.parcel import Parcel
from distreamer.chaos.tcp_relay import TcpConnection
from distreamer.chaos.udp_relay import UdpRelay
from distreamer.errors import BindError, LinkError
from distreamer.transport.tcp import BACKLOG, spoken_address, spoken_fault

MAXIMUM_CONNECTIONS = 256
"""Further ones are closed at once."""
LOOPBACK = "127.0.0.1"
FREE_PORT_TRIES = 20
"""For a port that is free with TCP and with UDP."""


@dataclass(slots=True)
class RelayCounters:
    """Since the start."""

    tcp_connections: int = 0
    refused_connections: int = 0
    """Because there were MAXIMUM_CONNECTIONS."""
    repeated_segments: int = 0
    """Of connections that have ended."""


class ChaosRelay:
    """Listens on a loopback port, with TCP and UDP, and carries all to ``target``; both ways are as ``settings`` say.

    Use it as an async context manager. Raises BindError when the port is taken, LinkError when the target has no
    address. ``tell`` is given a sentence about whatever happens.
    """

    def __init__(
        self,
        target: tuple[str, int],
        settings: LinkSettings,
        *,
        port: int = 0,
        seed: int = 1,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.counters = RelayCounters()
        self._target = target
        self._settings = settings
        self._port = port
        self._seed = seed
        self._tell = tell
        self._links: list[Link[Parcel]] = []
        self._connections: dict[asyncio.Task[None], TcpConnection] = {}
        self._udp: UdpRelay | None = None
        self._stack = ExitStack()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(*self._target, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise LinkError(spoken_address(*self._target), spoken_fault(error)) from error
        family, _, _, _, address = found[0]
        listener, datagrams = self._listening()
        self._port = listener.getsockname()[1]
        there, back = (self._link(way) for way in ("there", "back"))
        self._udp = UdpRelay(datagrams, (str(address[0]), int(address[1])), family, there, back)
        self._stack.callback(self._udp.close)
        loop.add_reader(listener, self._accept, listener, there, back)
        self._stack.callback(listener.close)
        self._stack.callback(loop.remove_reader, listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # -- reading

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect to."""
        return LOOPBACK, self._port

    @property
    def is_dark(self) -> bool:
        return self._settings.is_dark

    @property
    def there(self) -> LinkCounters:
        """What travelled towards the target."""
        return self._links[0].counters

    @property
    def back(self) -> LinkCounters:
        """What travelled from the target."""
        return self._links[1].counters

    @property
    def udp_clients(self) -> int:
        """Whose answers are brought back."""
        return self._udp.clients if self._udp is not None else 0

    @property
    def repeated_segments(self) -> int:
        """What TCP would have sent again."""
        return self.counters.repeated_segments + sum(one.repeated for one in self._connections.values())

    # -- switching

    def cut(self) -> None:
        """Nothing passes any more; nobody is told."""
        self._change(is_dark=True)

    def restore(self) -> None:
        """The link is as it was before it was cut."""
        self._change(is_dark=False)

    def _change(self, *, is_dark: bool) -> None:
        self._settings = replace(self._settings, is_dark=is_dark)
        for link in self._links:
            link.change(self._settings)

    # -- inside

    def _link(self, way: str) -> Link[Parcel]:
        chance = random.Random(f"{self._seed} {way}").random
        link = Link[Parcel](self._settings, chance, lambda parcel: parcel.arrived(), lambda parcel: parcel.lost())
        self._links.append(link)
        self._stack.callback(link.close)
        return link

    def _listening(self) -> tuple[socket.socket, socket.socket]:
        """A socket for TCP and one for UDP on the same port."""
        for tries_left in reversed(range(1 if self._port else FREE_PORT_TRIES)):
            with ExitStack() as stack:
                try:
                    listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind((LOOPBACK, self._port))
                    datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    datagrams.bind(listener.getsockname())
                    listener.listen(BACKLOG)
                except OSError as error:
                    if tries_left:
                        continue
                    where = spoken_address(LOOPBACK, self._port)
                    raise BindError(f"the relay cannot listen on {where}: {spoken_fault(error)}") from error
                for one in (listener, datagrams):
                    one.setblocking(False)
                stack.pop_all()
                return listener, datagrams
        raise AssertionError("the last try returns or raises")

    def _accept(self, listener: socket.socket, there: Link[Parcel], back: Link[Parcel]) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # It went away again, or no file descriptor is free just now.
        if len(self._connections) >= MAXIMUM_CONNECTIONS:
            self.counters.refused_connections += 1
            client.close()
            return
        self.counters.tcp_connections += 1
        number = self.counters.tcp_connections
        connection = TcpConnection(client, self._target, there, back)
        task = asyncio.get_running_loop().create_task(connection.run(), name=f"chaos connection {number}")
        self._connections[task] = connection
        self._tell(f"TCP connection {number} begins")
        task.add_done_callback(lambda ended: self._ended(ended, number))

    def _ended(self, task: asyncio.Task[None], number: int) -> None:
        connection = self._connections.pop(task)
        self.counters.repeated_segments += connection.repeated
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            raise error
        why = f": {spoken_address(*self._target)}: {connection.fault}" if connection.fault else ""
        self._tell(f"TCP connection {number} has ended{why}")
