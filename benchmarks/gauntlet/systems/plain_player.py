"""A player with a buffer of its own, directly at the studio's server: what one has without anything in between."""

from __future__ import annotations

from benchmarks.gauntlet.scenarios import BUFFER_SECONDS
from benchmarks.gauntlet.systems.system import SOURCE_PORT, Listening, Order, Program
from distreamer.demo.programme_server import MOUNT


class PlainPlayer:
    """Only a player."""

    name = "plain player"
    words = "an HTTP player with 25 s of buffer at the studio's server; it comes back half a second after a break"
    has_titles = True
    sides = ""

    def why_not(self) -> str:
        return ""

    def programs(self, order: Order) -> list[Program]:
        return []

    def listening(self, order: Order) -> Listening:
        # One: each would load the link with a stream of its own.
        return Listening(order.host_of_a, SOURCE_PORT, MOUNT, players=1, prebuffer_seconds=BUFFER_SECONDS)
