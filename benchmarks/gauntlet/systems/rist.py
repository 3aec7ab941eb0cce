"""RIST with a buffer of 25 s, between ffmpegs; players listen to an Icecast at B."""

from __future__ import annotations

from benchmarks.gauntlet.scenarios import BUFFER_SECONDS
from benchmarks.gauntlet.systems.icecast import FED_MOUNT, ICECAST, icecast_at_b
from benchmarks.gauntlet.systems.srt import TO_ICECAST
from benchmarks.gauntlet.systems.system import Listening, Order, Program, missing

RIST_PORT, LOCAL_PORT = 7072, 5000
_QUIET = ("ffmpeg", "-hide_banner", "-nostats", "-loglevel", "warning")


class Rist:
    """The main profile; the receiver at B calls the sender at A."""

    name = "RIST"
    words = (
        "ristsender and ristreceiver with a buffer of 25 s, told not to give up before, between ffmpegs; an Icecast "
        "for the players"
    )
    has_titles = False
    sides = "ab"

    def why_not(self) -> str:
        return missing(ICECAST, ("ffmpeg", "ffmpeg"), ("ristsender", "rist-tools"), ("ristreceiver", "rist-tools"))

    def programs(self, order: Order) -> list[Program]:
        milliseconds = str(round(BUFFER_SECONDS * 1000))
        # As it comes, it gives a packet up after 20 tries, and the other side after 2 s.
        patient = "max-retries=1000&session-timeout=120000"
        packets = f"udp://127.0.0.1:{LOCAL_PORT}"
        encoder = (
            *(*_QUIET, "-i", order.source_url, "-map", "0:a", "-c", "copy", "-f", "mpegts"),
            f"{packets}?pkt_size=1316",
        )
        sender = ("ristsender", "-b", milliseconds, "-i", f"udp://@127.0.0.1:{LOCAL_PORT}")
        receiver = ("ristreceiver", "-b", milliseconds, "-i", f"rist://{order.host_of_a}:{RIST_PORT}?{patient}")
        player = (*_QUIET, "-f", "mpegts", "-i", f"{packets}?fifo_size=100000&overrun_nonfatal=1")
        return [
            icecast_at_b(order),
            Program("encoder", "a", encoder),
            Program("sender", "a", (*sender, "-o", f"rist://@0.0.0.0:{RIST_PORT}?{patient}")),
            Program("receiver", "b", (*receiver, "-o", packets)),
            Program("player", "b", (*player, *TO_ICECAST)),
        ]

    def listening(self, order: Order) -> Listening:
        return Listening(path=FED_MOUNT)
