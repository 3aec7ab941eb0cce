"""The gauntlet's view of packets, and its address translator."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gauntlet.nat import MAXIMUM_MAPPINGS, Nat
from benchmarks.gauntlet.packets import TCP, UDP, Endpoint, header, is_udp, with_destination, with_source

SYN, ACK = 0x02, 0x10
A, B, ROUTER = (socket.inet_aton(text) for text in ("10.77.0.1", "10.77.0.101", "10.77.0.201"))

endpoints = st.tuples(st.binary(min_size=4, max_size=4), st.integers(0, 65535))
protocols = st.sampled_from([TCP, UDP])
payloads = st.binary(max_size=40)
options = st.integers(0, 10).map(lambda words: bytes(4 * words))


def checksum(data: bytes) -> int:
    """As RFC 1071 says, and nothing cleverer."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(
    protocol: int,
    source: Endpoint,
    destination: Endpoint,
    payload: bytes = b"",
    flags: int = ACK,
    ip_options: bytes = b"",
) -> bytes:
    """A whole IPv4 packet with right checksums."""
    ports = struct.pack("!HH", source[1], destination[1])
    if protocol == TCP:
        before, after = ports + struct.pack("!IIBBH", 7, 8, 5 << 4, flags, 1000), b"\0\0" + payload
    else:
        before, after = ports + struct.pack("!H", 8 + len(payload)), payload
    pseudo = source[0] + destination[0] + struct.pack("!BBH", 0, protocol, len(before) + 2 + len(after))
    inner = checksum(pseudo + before + b"\0\0" + after)
    if protocol == UDP:
        inner = inner or 0xFFFF
    body = before + inner.to_bytes(2) + after
    size = 20 + len(ip_options)
    head = struct.pack("!BBHHHBB", 4 << 4 | size // 4, 0, size + len(body), 9, 0, 64, protocol)
    addresses = source[0] + destination[0] + ip_options
    return head + checksum(head + b"\0\0" + addresses).to_bytes(2) + addresses + body


@given(protocols, endpoints, endpoints, endpoints, payloads, options)
def test_a_rewritten_packet_is_as_if_it_had_been_sent_so(
    protocol: int, source: Endpoint, destination: Endpoint, other: Endpoint, payload: bytes, ip_options: bytes
) -> None:
    sent = packet(protocol, source, destination, payload, ip_options=ip_options)
    found = header(sent)
    assert found is not None
    assert (found.source, found.destination) == (source, destination)
    assert same(with_source(sent, found, other), packet(protocol, other, destination, payload, ip_options=ip_options))
    assert same(with_destination(sent, found, other), packet(protocol, source, other, payload, ip_options=ip_options))


def same(one: bytes, other: bytes) -> bool:
    """Equal, but for the two ways to write zero in ones' complement (RFC 1624, section 3)."""
    return one == other or one.replace(b"\xff\xff", b"\0\0") == other.replace(b"\xff\xff", b"\0\0")


def test_a_datagram_without_a_checksum_keeps_none() -> None:
    sent = bytearray(packet(UDP, (B, 5000), (A, 7080), b"hello"))
    sent[26:28] = b"\0\0"
    found = header(bytes(sent))
    assert found is not None
    assert with_source(bytes(sent), found, (ROUTER, 20000))[26:28] == b"\0\0"


@given(st.binary(max_size=60))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    header(data)
    is_udp(data)
    Nat(ROUTER).outgoing(data)
    Nat(ROUTER).incoming(data)


def test_later_fragments_and_other_protocols_have_no_header() -> None:
    sent = bytearray(packet(UDP, (B, 5000), (A, 7080), b"hello"))
    sent[6:8] = (185).to_bytes(2)
    assert header(bytes(sent)) is None
    assert is_udp(bytes(sent))
    sent[6:8], sent[9] = b"\0\0", 1
    assert header(bytes(sent)) is None


@pytest.mark.parametrize(
    ("protocol", "flags", "begins"),
    [(TCP, SYN, True), (TCP, SYN | ACK, False), (TCP, ACK, False), (UDP, 0, False)],
)
def test_who_begins_a_connection(protocol: int, flags: int, begins: bool) -> None:
    found = header(packet(protocol, (B, 5000), (A, 7080), flags=flags))
    assert found is not None
    assert found.begins_connection is begins


def source_of(sent: bytes | None) -> Endpoint:
    found = header(sent or b"")
    assert found is not None
    return found.source


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_the_router_brings_back_what_belongs_to_the_host(protocol: int) -> None:
    nat = Nat(ROUTER)
    public = source_of(nat.outgoing(packet(protocol, (B, 5000), (A, 7080), flags=SYN)))
    assert public[0] == ROUTER
    assert source_of(nat.outgoing(packet(protocol, (B, 5000), (A, 7080)))) == public, "it keeps the port"
    answer = nat.incoming(packet(protocol, (A, 7080), public, b"hello"))
    assert answer == packet(protocol, (A, 7080), (B, 5000), b"hello")


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_a_router_that_forgot_drops_answers_and_gives_new_ports(protocol: int) -> None:
    nat = Nat(ROUTER)
    before = source_of(nat.outgoing(packet(protocol, (B, 5000), (A, 7080), flags=SYN)))
    nat.rebind()
    assert nat.incoming(packet(protocol, (A, 7080), before)) is None
    after = source_of(nat.outgoing(packet(protocol, (B, 5000), (A, 7080), flags=SYN)))
    assert after != before


def test_a_router_that_forgot_drops_what_goes_on_without_a_beginning() -> None:
    nat = Nat(ROUTER)
    nat.outgoing(packet(TCP, (B, 5000), (A, 7080), flags=SYN))
    nat.rebind()
    assert nat.outgoing(packet(TCP, (B, 5000), (A, 7080))) is None
    assert nat.dropped == 1


def test_what_is_for_nobody_is_dropped() -> None:
    nat = Nat(ROUTER)
    public = source_of(nat.outgoing(packet(UDP, (B, 5000), (A, 7080))))
    assert nat.incoming(packet(UDP, (A, 7080), (ROUTER, public[1] + 1))) is None
    assert nat.incoming(packet(UDP, (A, 7080), (B, public[1]))) is None
    assert nat.incoming(packet(TCP, (A, 7080), public)) is None


def test_the_router_remembers_so_many_and_forgets_the_oldest() -> None:
    nat = Nat(ROUTER)
    publics = [source_of(nat.outgoing(packet(UDP, (B, port), (A, 7080)))) for port in range(MAXIMUM_MAPPINGS + 1)]
    assert len(set(publics)) == len(publics)
    assert nat.incoming(packet(UDP, (A, 7080), publics[0])) is None
    assert nat.incoming(packet(UDP, (A, 7080), publics[1])) is not None


def test_ports_come_round_without_meeting_those_in_use() -> None:
    nat = Nat(ROUTER)
    kept = source_of(nat.outgoing(packet(UDP, (B, 1), (A, 7080))))
    for _ in range(45):
        nat.rebind()
    publics = [source_of(nat.outgoing(packet(UDP, (B, port), (A, 7080)))) for port in range(3000)]
    assert len(set(publics)) == len(publics)
    assert all(kept[1] <= port < 60_000 for _, port in publics)
