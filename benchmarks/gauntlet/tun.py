"""TUN devices: network interfaces whose packets a program reads and writes (Linux; needs root)."""

from __future__ import annotations

import fcntl
import os
import struct

DEVICE = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
"""Whole IP packets, with nothing before them."""


def open_tun(name: str) -> int:
    """A file descriptor, one packet a read or write, that does not block; the interface lives as long as it is open,
    also when it was moved to another network namespace. Raises OSError."""
    descriptor = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
