"""A router that hides a host behind one address, and may forget what it knew. Pure: packets in, packets out."""

from __future__ import annotations

from collections import OrderedDict

from benchmarks.gauntlet.packets import Endpoint, header, with_destination, with_source

FIRST_PORT, LAST_PORT = 20_000, 59_999
PORTS_SKIPPED_BY_REBINDING = 1_000
MAXIMUM_MAPPINGS = 4_096
"""With one more, the oldest is forgotten."""

_Mapping = tuple[int, Endpoint]
"""A protocol and the host's own address and port."""


class Nat:
    """Gives each connection of the host a port of its public address.

    A TCP segment of a connection that it does not know is dropped, as many routers do, unless it opens one: so nobody
    learns by a reset that the router has forgotten.
    """

    def __init__(self, public: bytes) -> None:
        """``public`` is the address that the world sees, four bytes."""
        self.dropped = 0
        self._public = public
        self._next_port = FIRST_PORT
        self._port_of: OrderedDict[_Mapping, int] = OrderedDict()
        self._host_of: dict[tuple[int, int], Endpoint] = {}

    def outgoing(self, packet: bytes) -> bytes | None:
        """``packet`` as the world sees it; None when it is dropped."""
        found = header(packet)
        if found is None:
            return self._drop()
        mapping = found.protocol, found.source
        port = self._port_of.get(mapping)
        if port is None:
            if found.is_tcp and not found.begins_connection:
                return self._drop()
            port = self._map(mapping)
        return with_source(packet, found, (self._public, port))

    def incoming(self, packet: bytes) -> bytes | None:
        """``packet`` as the host sees it; None when it is for nobody."""
        found = header(packet)
        host = None if found is None else self._host_of.get((found.protocol, found.destination[1]))
        if found is None or host is None or found.destination[0] != self._public:
            return self._drop()
        return with_destination(packet, found, host)

    def rebind(self) -> None:
        """Forgets all, and gives new ports from now on."""
        self._port_of.clear()
        self._host_of.clear()
        self._next_port += PORTS_SKIPPED_BY_REBINDING

    def _map(self, mapping: _Mapping) -> int:
        while len(self._port_of) >= MAXIMUM_MAPPINGS:
            (protocol, _), port = self._port_of.popitem(last=False)
            del self._host_of[protocol, port]
        span = LAST_PORT - FIRST_PORT + 1
        while (mapping[0], self._next_port) in self._host_of or self._next_port > LAST_PORT:
            self._next_port = FIRST_PORT + (self._next_port + 1 - FIRST_PORT) % span
        port = self._next_port
        self._next_port += 1
        self._port_of[mapping] = port
        self._host_of[mapping[0], port] = mapping[1]
        return port

    def _drop(self) -> bytes | None:
        self.dropped += 1
        return None
