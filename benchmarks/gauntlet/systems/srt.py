"""ffmpeg over SRT with a latency of 25 s; players listen to an Icecast at B."""

from __future__ import annotations

import subprocess
from functools import cache

from benchmarks.gauntlet.scenarios import BUFFER_SECONDS
from benchmarks.gauntlet.systems.icecast import FED_MOUNT, ICECAST, PASSWORD, icecast_at_b
from benchmarks.gauntlet.systems.system import PLAYER_PORT, Listening, Order, Program, missing

SRT_PORT = 7070
_QUIET = ("ffmpeg", "-hide_banner", "-nostats", "-loglevel", "warning")
TO_ICECAST = (
    *(
        "-map",
        "0:a",
        "-c",
        "copy",
        "-f",
        "mp3",
        "-write_xing",
        "0",
        "-id3v2_version",
        "0",
        "-content_type",
        "audio/mpeg",
    ),
    f"icecast://source:{PASSWORD}@127.0.0.1:{PLAYER_PORT}{FED_MOUNT}",
)
"""How ffmpeg hands on what it got, frame for frame."""


@cache
def _has_srt() -> bool:
    listed = subprocess.run(["ffmpeg", "-hide_banner", "-protocols"], capture_output=True, text=True, check=False)
    return "srt" in listed.stdout.split()


class Srt:
    """A caller at B, a listener at A."""

    name = "ffmpeg over SRT"
    words = "ffmpeg at both ends, SRT with a latency of 25 s, an Icecast for the players; what ends is started again"
    has_titles = False
    sides = "ab"

    def why_not(self) -> str:
        reason = missing(ICECAST, ("ffmpeg", "ffmpeg"))
        return reason or ("" if _has_srt() else "this ffmpeg was built without SRT")

    def programs(self, order: Order) -> list[Program]:
        latency = round(BUFFER_SECONDS * 1_000_000)
        options = f"latency={latency}&tlpktdrop=1"
        sender = (
            *(*_QUIET, "-i", order.source_url, "-map", "0:a", "-c", "copy", "-f", "mpegts"),
            f"srt://0.0.0.0:{SRT_PORT}?mode=listener&{options}",
        )
        receiver = (*_QUIET, "-f", "mpegts", "-i", f"srt://{order.host_of_a}:{SRT_PORT}?mode=caller&{options}")
        return [
            icecast_at_b(order),
            Program("sender", "a", sender),
            Program("receiver", "b", (*receiver, *TO_ICECAST)),
        ]

    def listening(self, order: Order) -> Listening:
        return Listening(path=FED_MOUNT)
