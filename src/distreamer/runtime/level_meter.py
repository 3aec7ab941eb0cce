"""Decodes pieces of audio and measures how loud they are, as a program of its own: a decoder that crashes or hangs
takes nothing with it, and its work waits for everything else. ``level_program`` starts it, and speaks with it.

    python -m distreamer.runtime.level_meter

It reads a line of JSON, ``{"container": "mp3", "size": 16000}``, and so many bytes behind it; it answers each with a
line, ``{"left_dbfs": -18.2, "right_dbfs": -18.3, "peak_dbfs": -3.1}``, or ``{"fault": "…"}``. It ends when its
standard input does.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from distreamer.errors import AudioError
from distreamer.runtime.decoding_program import REFUSED, give_way, lacks_decoder

MOST_SECONDS = 30
"""For one piece, and to begin; the kernel then ends a decoder that hangs, also when nobody is left who would."""


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Gives the exit code."""
    give_way()
    with suppress(OSError):  # When memory is short, it goes first, and not what is on air.
        Path("/proc/self/oom_score_adj").write_text("500")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # They are meant for who started it, and go to all of a terminal.
    signal.alarm(MOST_SECONDS)
    try:
        from distreamer.runtime.measuring import measured  # late: PyAV is an extra
    except ImportError as error:
        target.write(lacks_decoder(error).encode())
        return REFUSED
    signal.alarm(0)
    while line := source.readline():
        asked = json.loads(line)
        audio = source.read(asked["size"])
        signal.alarm(MOST_SECONDS)
        answer: dict[str, float | str]
        try:
            loudness = measured(audio, asked["container"])
            answer = {name: round(level, 1) for name, level in asdict(loudness).items() if level is not None}
        except AudioError as error:
            answer = {"fault": str(error)}
        signal.alarm(0)
        target.write(json.dumps(answer).encode() + b"\n")
        target.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
