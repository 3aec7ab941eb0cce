"""What ``distreamer chaos`` says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.chaos.link_model import LinkCounters, LinkSettings
from distreamer.units import BITS_PER_KILOBIT, spoken_bytes, spoken_seconds

MILLISECONDS = 1000


def link_sentence(settings: LinkSettings) -> str:
    """What a link with ``settings`` does, both ways."""
    said = []
    if settings.loss:
        said.append(f"{_percent(settings.loss)} of the packets lost")
    if settings.burst_loss:
        burst = spoken_seconds(settings.burst_seconds)
        said.append(f"lost in bursts of about {burst} for {_percent(settings.burst_loss)} of the time")
    if settings.delay_seconds:
        said.append(f"{settings.delay_seconds * MILLISECONDS:.4g} ms of delay each way")
    if settings.jitter_seconds:
        order = "out of order" if settings.reorders else "in order"
        said.append(f"up to {settings.jitter_seconds * MILLISECONDS:.4g} ms more, {order}")
    if settings.duplication:
        said.append(f"{_percent(settings.duplication)} of the packets twice")
    if settings.rate:
        rate, queue = settings.rate / BITS_PER_KILOBIT, spoken_bytes(settings.queue_bytes)
        said.append(f"{rate:.6g} kbit/s each way behind a queue of {queue}")
    if settings.largest_packet:
        said.append(f"packets above {spoken_bytes(settings.largest_packet)} vanish")
    return f"The link: {', '.join(said)}." if said else "The link is perfect, as long as you do not cut it."


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one way of a link has carried up to a moment."""

    size: int = 0
    """Bytes that arrived."""
    offered: int = 0
    lost: int = 0
    """Packets, for whatever reason."""

    @classmethod
    def of(cls, counters: LinkCounters) -> Traffic:
        lost = counters.lost + counters.lost_in_the_dark + counters.too_large + counters.dropped_by_queue
        return cls(counters.delivered_bytes, counters.offered, lost)

    def since(self, before: Traffic) -> Traffic:
        """What was carried after ``before``."""
        return Traffic(self.size - before.size, self.offered - before.offered, self.lost - before.lost)

    @property
    def words(self) -> str:
        lost = f" ({self.lost} of {self.offered} packets lost)" if self.lost else ""
        return f"{spoken_bytes(self.size)}{lost}"


def traffic_sentence(there: Traffic, back: Traffic, repeated: int) -> str:
    """What passed both ways; ``repeated`` TCP segments were sent again. Empty when nothing moved."""
    if there == back == Traffic():
        return ""
    again = f"; TCP sent {repeated} again" if repeated else ""
    return f"there {there.words}, back {back.words}{again}"
