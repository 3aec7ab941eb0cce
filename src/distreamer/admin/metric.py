"""What a metric is, and where in a snapshot its numbers are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from distreamer.model.status import (
    AlertStatus,
    InstanceStatus,
    LevelStatus,
    LinkStatus,
    ListenersStatus,
    ModuleStatus,
    PlayoutStatus,
    SpoolStatus,
)

Sample = tuple[tuple[str, ...], float | None]
"""The values of the labels, without the instance, and the number; None for none."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an instance gives to be measured."""

    status: InstanceStatus
    events: Mapping[str, int]
    """How many there were of each kind."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One of them."""

    name: str
    """Without the ``_total`` of counters."""
    kind: Literal["gauge", "counter"]
    unit: str
    """In words, for the manual."""
    meaning: str
    labels: tuple[str, ...]
    """Beside the instance's name."""
    samples: Callable[[Source], Iterator[Sample]]

    @property
    def exposed_name(self) -> str:
        """As Prometheus has it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def of_instance(look: Callable[[InstanceStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """A number of the instance."""

    def samples(source: Source) -> Iterator[Sample]:
        yield (), look(source.status)

    return samples


def of_playout(look: Callable[[PlayoutStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """A number of the playout, where there is one."""

    def samples(source: Source) -> Iterator[Sample]:
        if source.status.playout is not None:
            yield (), look(source.status.playout)

    return samples


def of_spool(look: Callable[[SpoolStatus], float]) -> Callable[[Source], Iterator[Sample]]:
    """A number of the spool, where there is one."""

    def samples(source: Source) -> Iterator[Sample]:
        if source.status.spool is not None:
            yield (), look(source.status.spool)

    return samples


def of_levels(look: Callable[[LevelStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """A number of how loud the programme is, where that is known."""

    def samples(source: Source) -> Iterator[Sample]:
        if source.status.levels is not None:
            yield (), look(source.status.levels)

    return samples


def of_modules(look: Callable[[ModuleStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """A number for each input and output."""

    def samples(source: Source) -> Iterator[Sample]:
        for module in (*source.status.inputs, *source.status.outputs):
            yield (module.name, module.mode), look(module)

    return samples


def of_inputs(look: Callable[[int, ModuleStatus], float]) -> Callable[[Source], Iterator[Sample]]:
    """A number for each input, by its rank and its status."""

    def samples(source: Source) -> Iterator[Sample]:
        for rank, module in enumerate(source.status.inputs):
            yield (module.name,), look(rank, module)

    return samples


def of_links(look: Callable[[LinkStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """Of the links and paths that are watched, whose number is bounded; of several at one address the one that is
    up."""

    def samples(source: Source) -> Iterator[Sample]:
        found: dict[tuple[str, str, str], LinkStatus] = {}
        for module in (*source.status.inputs, *source.status.outputs):
            for link in sorted(module.links, key=lambda one: one.connected):
                if link.history is not None:
                    found[module.name, link.peer, link.path] = link
        for labels, link in found.items():
            yield labels, look(link)

    return samples


def of_alerts(look: Callable[[AlertStatus], float | None]) -> Callable[[Source], Iterator[Sample]]:
    """A number for each alert; there are as many as sections in the file."""

    def samples(source: Source) -> Iterator[Sample]:
        for alert in source.status.alerts:
            yield (alert.name, alert.mode), look(alert)

    return samples


def of_listeners(look: Callable[[ListenersStatus], float]) -> Callable[[Source], Iterator[Sample]]:
    """A number for each output that players listen to."""

    def samples(source: Source) -> Iterator[Sample]:
        for output in source.status.outputs:
            if output.listeners is not None:
                yield (output.name,), look(output.listeners)

    return samples
