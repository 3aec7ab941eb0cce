"""Whether two modules of one file want the same port."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.config.ini import Problem, Section
from distreamer.config.settings import ModuleSettings

_ALL_ADDRESSES = {"0.0.0.0", "::"}


def port_problems(modules: Iterable[tuple[Section, ModuleSettings]]) -> list[Problem]:
    """One for each module that wants a port of one before it."""
    problems: list[Problem] = []
    taken: list[tuple[Section, str, int, int]] = []
    for section, settings in modules:
        host, port = getattr(settings, "hostname", ""), getattr(settings, "port", 0)
        if not port:
            continue  # It connects by itself, or takes a free port.
        last = port + settings.PORTS - 1
        other = next((one for one in taken if _share(host, one[1]) and port <= one[3] and one[2] <= last), None)
        if other is not None:
            ours, theirs = _spoken(port, last), _spoken(other[2], other[3])
            place = section.entries["port"].place if "port" in section.entries else section.place
            problems.append(
                Problem(place, f"{section.title} PORT = {ours} is taken by {other[0].title}, whose PORT = {theirs}")
            )
        taken.append((section, host, port, last))
    return problems


def _share(one: str, other: str) -> bool:
    """Whether both addresses have something in common; names are not looked up."""
    is_same_kind = (":" in one) == (":" in other)
    return one == other or (is_same_kind and not _ALL_ADDRESSES.isdisjoint({one, other}))


def _spoken(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} (which takes {last} too)"
