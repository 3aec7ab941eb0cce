"""As much of IPv4, TCP and UDP as an address translator needs. Pure: packets in, packets out.

Headers: RFC 791, RFC 9293 and RFC 768; the checksums are mended as in RFC 1624.
"""

from __future__ import annotations

from dataclasses import dataclass

TCP, UDP = 6, 17
_VERSION_4 = 4
_SOURCE_AT, _DESTINATION_AT = 12, 16
_IP_CHECKSUM_AT = 10
_CHECKSUM_AT = {TCP: 16, UDP: 6}
"""In the header of the protocol."""
_HEADER_BYTES = {TCP: 20, UDP: 8}
_SYN = 0x02

Endpoint = tuple[bytes, int]
"""An address of four bytes, and a port."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands at the beginning of a packet."""

    protocol: int
    source: Endpoint
    destination: Endpoint
    size: int
    """Of the IP header; the protocol's own follows it."""
    begins_connection: bool
    """Whether it opens a TCP connection (always False with UDP)."""

    @property
    def is_tcp(self) -> bool:
        return self.protocol == TCP


def is_udp(packet: bytes) -> bool:
    """Whether it is an IPv4 packet with a UDP datagram or a part of one."""
    return len(packet) > 9 and packet[0] >> 4 == _VERSION_4 and packet[9] == UDP


def is_version_4(packet: bytes) -> bool:
    """Whether it is an IPv4 packet at all."""
    return len(packet) >= 20 and packet[0] >> 4 == _VERSION_4


def header(packet: bytes) -> Header | None:
    """None when it is neither TCP nor UDP over IPv4, or not the first part of it."""
    if not is_version_4(packet):
        return None
    size, protocol = (packet[0] & 0x0F) * 4, packet[9]
    fragment_offset = int.from_bytes(packet[6:8]) & 0x1FFF
    if size < 20 or protocol not in _CHECKSUM_AT or fragment_offset or len(packet) < size + _HEADER_BYTES[protocol]:
        return None
    ports = packet[size : size + 4]
    return Header(
        protocol,
        (packet[_SOURCE_AT : _SOURCE_AT + 4], int.from_bytes(ports[:2])),
        (packet[_DESTINATION_AT : _DESTINATION_AT + 4], int.from_bytes(ports[2:])),
        size,
        protocol == TCP and packet[size + 13] & 0x17 == _SYN,
    )


def with_source(packet: bytes, found: Header, source: Endpoint) -> bytes:
    """``packet``, whose header is ``found``, as if it came from ``source``."""
    return _rewritten(packet, found, _SOURCE_AT, found.size, source)


def with_destination(packet: bytes, found: Header, destination: Endpoint) -> bytes:
    """``packet``, whose header is ``found``, as if it went to ``destination``."""
    return _rewritten(packet, found, _DESTINATION_AT, found.size + 2, destination)


def _rewritten(packet: bytes, found: Header, address_at: int, port_at: int, endpoint: Endpoint) -> bytes:
    address, port = endpoint[0], endpoint[1].to_bytes(2)
    old_address, old_port = packet[address_at : address_at + 4], packet[port_at : port_at + 2]
    out = bytearray(packet)
    out[address_at : address_at + 4] = address
    out[port_at : port_at + 2] = port
    _mend(out, _IP_CHECKSUM_AT, old_address, address)
    checksum_at = found.size + _CHECKSUM_AT[found.protocol]
    # A UDP checksum of zero says that there is none.
    if found.protocol == TCP or out[checksum_at : checksum_at + 2] != b"\0\0":
        _mend(out, checksum_at, old_address + old_port, address + port)
        if found.protocol == UDP and out[checksum_at : checksum_at + 2] == b"\0\0":
            out[checksum_at : checksum_at + 2] = b"\xff\xff"
    return bytes(out)


def _mend(packet: bytearray, checksum_at: int, old: bytes, new: bytes) -> None:
    """The checksum covers ``new`` where ``old`` was (RFC 1624, equation 3)."""
    total = ~int.from_bytes(packet[checksum_at : checksum_at + 2]) & 0xFFFF
    for at in range(0, len(old), 2):
        total += (~int.from_bytes(old[at : at + 2]) & 0xFFFF) + int.from_bytes(new[at : at + 2])
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    packet[checksum_at : checksum_at + 2] = (~total & 0xFFFF).to_bytes(2)
