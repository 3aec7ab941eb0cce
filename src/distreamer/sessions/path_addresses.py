"""The paths that SERVERURL and BIND name. Both are lists; the texts are plain here, for settings are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from distreamer.config.fields import Words
from distreamer.protocol.native.limits import PATHS
from distreamer.transport.local_end import LocalEnd


class PathAddress(NamedTuple):
    """One path."""

    url: str
    bind: str
    """An address or an interface of this machine; empty for wherever a route leads."""

    @property
    def peer(self) -> str:
        """Host and port of the other end, as they were written."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def name(self) -> str:
        """For people."""
        return f"via {self.bind} to {self.peer}" if self.bind else f"to {self.peer}"

    @property
    def local_end(self) -> LocalEnd | None:
        return LocalEnd(self.bind) if self.bind else None


def listed(text: str) -> list[str]:
    """What stands between commas and spaces."""
    return text.replace(",", " ").split()


def check_urls(check: Callable[[str], str]) -> Callable[[str], str]:
    """Checks each address of a list."""

    def checked(text: str) -> str:
        if not listed(text):
            return check(text)
        for url in listed(text):
            check(url)
        return text

    return checked


def check_binds(text: str) -> str:
    """``text`` as it is; raises ValueError for what can be no list of addresses and interfaces."""
    for name in listed(text):
        LocalEnd(name)
    return text


def path_addresses(serverurl: str, bind: str) -> tuple[PathAddress, ...]:
    """The paths, the preferred one first: one address with several BINDs, several addresses with one BIND or none, or
    as many of the one as of the other, in pairs. Raises ValueError for anything else."""
    urls, binds = listed(serverurl), listed(bind) or [""]
    if len(urls) > 1 and len(binds) > 1 and len(urls) != len(binds):
        raise ValueError(
            f"{len(urls)} in SERVERURL and {len(binds)} in BIND do not go together: "
            "name one of either, or as many of the one as of the other"
        )
    count = max(len(urls), len(binds))
    paths = tuple(
        PathAddress(url, here)
        for url, here in zip(
            urls * count if len(urls) == 1 else urls, binds * count if len(binds) == 1 else binds, strict=False
        )
    )
    if len(set(paths)) < len(paths):
        raise ValueError("the same path is named twice")
    if len(paths) > PATHS:
        raise ValueError(f"{len(paths)} paths are more than {PATHS}")
    return paths


Binds = Annotated[
    str,
    AfterValidator(check_binds),
    Words("addresses or interfaces of this machine with commas between them"),
    Field(
        max_length=2000,
        examples=["eth0, wwan0"],
        description="""Where the link leaves this machine: one of its addresses, or the name of a network interface;
        empty for wherever a route leads. Several are several paths: with one SERVERURL each of them leads there; with
        several SERVERURLs as many BINDs belong to them one by one, and a single BIND belongs to all. An interface that
        is not there, or has no address, is a path that is down, and is tried again. It has no effect on the way to a
        DiStreamer 2.""",
    ),
]
"""BIND of the modules that dial, with its text; kept as it was written."""
