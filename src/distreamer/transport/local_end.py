"""Where connections leave this machine: by an address of its own, or by a network interface.

An interface is named to the kernel (SO_BINDTODEVICE), which then uses no other; where that is not allowed, the
connection leaves from the interface's address, which leads there when the machine's routes are set up by it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import struct
from pathlib import Path

INTERFACE_CHARACTERS = 15
"""IFNAMSIZ of Linux, less the null byte."""
_SIOCGIFADDR = 0x8915
_IPV6_ADDRESSES = Path("/proc/net/if_inet6")
_GLOBAL_SCOPE = "00"


class LocalEnd:
    """An address, or an interface, which may come later and may change its address."""

    def __init__(self, name: str) -> None:
        """Raises ValueError for what can be neither."""
        self.name = name
        self._address: str | None = None
        with contextlib.suppress(ValueError):
            self._address = str(ipaddress.ip_address(name))
        is_word = name and not any(character.isspace() or character in "/," for character in name)
        if self._address is None and (not is_word or len(name) > INTERFACE_CHARACTERS):
            raise ValueError("must be an address of this machine or the name of a network interface")

    def bind(self, one: socket.socket) -> None:
        """Makes ``one`` leave from here; raises OSError when that is not possible now."""
        if self._address is not None:
            if (":" in self._address) is not (one.family == socket.AF_INET6):
                raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
            one.bind((self._address, 0))
            return
        try:
            socket.if_nametoindex(self.name)
        except OSError as error:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from error
        address = _address_of(self.name, one.family)
        if address is None:
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        option = getattr(socket, "SO_BINDTODEVICE", None)
        if option is not None:
            with contextlib.suppress(PermissionError):
                one.setsockopt(socket.SOL_SOCKET, option, self.name.encode() + b"\0")
                return
        one.bind((address, 0))


def _address_of(interface: str, family: int) -> str | None:
    """The interface's first address of that family; None when it has none."""
    if family == socket.AF_INET6:
        return _ipv6_address_of(interface)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", interface.encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def _ipv6_address_of(interface: str) -> str | None:
    try:
        lines = _IPV6_ADDRESSES.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        written, _, _, scope, _, name = line.split()
        if name == interface and (scope == _GLOBAL_SCOPE or interface == "lo"):
            return str(ipaddress.IPv6Address(bytes.fromhex(written)))
    return None
