"""What the system is told about the TCP connections of the link. What it does not know is left out."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from distreamer.transport.tcp import mark_socket

SEGMENT_BYTES = 1_160
"""The largest segment that is asked for and sent: its packets have 1,200 bytes (1,220 over IPv6), as those of QUIC
have, so that a path that swallows big ones without a word swallows none of them."""
CONGESTION_CONTROL = b"bbr"
"""Measured: with 30 % loss it brings every fragment in time, where cubic is late with most. The kernel has it when its
module tcp_bbr is there; else its own default stays."""
USER_TIMEOUT_MILLISECONDS = 6_000
"""The kernel gives up a connection whose bytes nobody acknowledged for so long. Liveness is the protocol's business;
this only frees what it left behind."""
NOT_SENT_BYTES = 4_096
"""What waits in the kernel behind what is under way: little, so that a ping is not queued behind seconds of audio."""
WRITE_BUFFER_BYTES = 8_192
"""What waits in this process; beyond it ``send`` waits."""
SEND_BUFFER_BYTES = 32_768
"""What may be under way at the least, as it was measured with 128 kbit/s: a thin link is not filled for seconds."""
SEND_BUFFER_SECONDS = 2.0
"""Of audio; a stream of a higher bitrate needs more than the least."""


def prepare_socket(one: socket.socket) -> None:
    """For a socket that will connect, or that listens: accepted ones inherit it. The size of segments is agreed on
    while the connection comes up, so it cannot be set later."""
    mark_socket(one)
    _set(one, "TCP_MAXSEG", SEGMENT_BYTES)
    _set(one, "TCP_CONGESTION", CONGESTION_CONTROL)


def tune_socket(one: socket.socket) -> None:
    """For a connection that carries, or will carry, the link: little waits in it."""
    _set(one, "TCP_NODELAY", 1)
    _set(one, "TCP_USER_TIMEOUT", USER_TIMEOUT_MILLISECONDS)
    _set(one, "TCP_NOTSENT_LOWAT", NOT_SENT_BYTES)
    set_send_buffer(one, 0.0)


def tune_transport(transport: asyncio.Transport) -> socket.socket | None:
    """The same for a transport, in which little waits either; its socket, if it has one."""
    transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    # Beneath TLS asyncio has a transport of its own, and would let 64 kB wait there, 4 s of audio. uvloop hides it.
    beneath = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    if isinstance(beneath, asyncio.Transport):
        beneath.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    one: socket.socket | None = transport.get_extra_info("socket")
    if one is not None:
        tune_socket(one)
    return one


def set_send_buffer(one: socket.socket, media_rate: float) -> None:
    """``media_rate``: bytes of audio a second."""
    size = max(SEND_BUFFER_BYTES, int(SEND_BUFFER_SECONDS * media_rate))
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def _set(one: socket.socket, name: str, value: int | bytes) -> None:
    option = getattr(socket, name, None)
    if option is not None:
        with suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, option, value)
