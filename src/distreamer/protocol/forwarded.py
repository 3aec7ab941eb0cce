"""Who asks, and at what address this server was asked, where reverse proxies stand in between.

They say it in X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host (nginx, Caddy, HAProxy, Traefik). Anybody can
write these fields, so only proxies that the operator named are believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from distreamer.protocol.http1 import Headers

HOUSEHOLD_BITS = 64
"""A household or a machine has a network of so many bits in IPv6, and as many addresses as it likes."""
UNKNOWN_HOST = "localhost"
"""What stands in addresses when the player does not say whom it asks, or says what is no host."""

_HOST = re.compile(r"[A-Za-z0-9.\-_~]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d{1,5})?")
_WITH_PORT = re.compile(r"([0-9.]+):\d{1,5}")


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that are believed; none of them by default."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TrustedProxies:
        """Of addresses and networks with commas between them. Raises ValueError with a plain sentence."""
        networks = []
        for part in (piece.strip() for piece in text.split(",")):
            try:
                networks += [ip_network(part, strict=False)] if part else []
            except ValueError:
                raise ValueError(
                    f"must be addresses or networks with commas between them, such as 127.0.0.1, 10.0.0.0/8; {part!r} "
                    "is neither"
                ) from None
        return cls(tuple(networks))

    def trusts(self, address: str) -> bool:
        """Whether ``address`` is one of them."""
        if not self.networks:
            return False
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Visitor:
    """The one who sent a request."""

    address: str
    """The IP address of the player itself, as far as proxies that are trusted know it."""
    base_url: str
    """Scheme and host, without a path, under which this server was asked."""


def visitor_of(headers: Headers, peer: str, trusted: TrustedProxies, scheme: str = "http") -> Visitor:
    """``peer`` is the IP address at the other end of the connection, ``scheme`` what is spoken on it."""
    host = headers.get("host")
    if not trusted.trusts(peer):
        return Visitor(peer, f"{scheme}://{_host(host)}")
    # Where several proxies each added something, the first was next to the player.
    told_scheme = _first(headers, "x-forwarded-proto").lower()
    scheme = told_scheme if told_scheme in {"http", "https"} else scheme
    return Visitor(_address(headers, peer, trusted), f"{scheme}://{_host(_first(headers, 'x-forwarded-host') or host)}")


def household(address: str) -> str:
    """What all addresses of one household have in common: the address itself, in IPv6 its network of 64 bits."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed or address)
    return str(IPv6Network((int(parsed), HOUSEHOLD_BITS), strict=False))


def _address(headers: Headers, peer: str, trusted: TrustedProxies) -> str:
    """Each proxy adds who connected to it, at the end. The first that is no proxy of ours is the player; what stands
    before it is only the player's word."""
    told = headers.tokens("x-forwarded-for")
    address = peer
    while told and trusted.trusts(address):
        said = told.pop()
        found = _BRACKETED.fullmatch(said) or _WITH_PORT.fullmatch(said)
        parsed = _parsed(found[1] if found else said)
        if parsed is None:
            break
        address = str(parsed)
    return address


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


def _first(headers: Headers, name: str) -> str:
    return headers.get(name).partition(",")[0].strip()


def _host(host: str) -> str:
    host = host.strip()
    return host if _HOST.fullmatch(host) else UNKNOWN_HOST
