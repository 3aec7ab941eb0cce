"""A programme that fades, falls silent and is back, encoded by ffmpeg, and an input that brings it second by second."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from unittest.mock import patch

from distreamer.config.settings import FragmentingInputSettings
from distreamer.core.ingest import SourceDescription
from distreamer.core.module import InputContext
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Frame
from distreamer.model.loudness import Loudness
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.runtime.level_program import Tell
from distreamer.runtime.measuring import measured
from distreamer.runtime.modules import INPUTS, InputMode
from tests.support import ffmpeg
from tests.support.programs import find_program

ENCODINGS = {
    "mp3": ffmpeg.MP3,
    "aac": ffmpeg.AAC,
    "vorbis": ffmpeg.VORBIS,
    "opus": ffmpeg.OPUS,
    "opus of a constant bitrate": ffmpeg.Encoding(
        "libopus", "ogg", "application/ogg", "96k", ("-vbr", "off", "-page_duration", "200000")
    ),
    "flac": ffmpeg.FLAC,
}
FADE_AT, SOFT_AT, SILENT_AT, BACK_AT, END = 10, 15, 40, 65, 80
"""Seconds: noise, then a fade by 60 dB, then digital silence, then noise again."""
_NOISE = "anoisesrc=color=pink:sample_rate=48000:amplitude=0.4:seed=3"
_VOLUME = (
    f"volume='if(lt(t,{FADE_AT}),1,if(lt(t,{SOFT_AT}),pow(10,-3*(t-{FADE_AT})/{SOFT_AT - FADE_AT}),"
    f"if(lt(t,{SILENT_AT}),0.001,if(lt(t,{BACK_AT}),0,1))))':eval=frame"
)


@cache
def encoded_by_ffmpeg(form: str, source: str, seconds: float) -> bytes:
    """What ``source``, which libavfilter makes, becomes; on two channels."""
    encoding = ENCODINGS[form]
    done = subprocess.run(
        [
            *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin"),
            *("-f", "lavfi", "-i", f"{source},aformat=channel_layouts=stereo", "-t", str(seconds)),
            *("-c:a", encoding.encoder, "-b:a", encoding.bitrate, *encoding.options, "-f", encoding.muxer, "-"),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def fading(form: str) -> bytes:
    """The programme."""
    return encoded_by_ffmpeg(form, f"{_NOISE},{_VOLUME}", END)


def by_second(stream: bytes) -> list[list[Frame]]:
    """The frames of each second."""
    framer, seconds, at = AutoFramer(), [list[Frame]()], 0.0
    for frame in [*framer.feed(stream), *framer.close()]:
        if at >= len(seconds):
            seconds.append([])
        seconds[-1].append(frame)
        at += frame.duration / frame.format.clock_rate
    return seconds


class RecordedSettings(FragmentingInputSettings):
    """Brings a recorded stream, as fast as it was."""

    mode: str = "Recorded"
    declared_kilobits: int = 0


class _Recorded:
    def __init__(self, stream: bytes, settings: RecordedSettings, context: InputContext) -> None:
        self._settings, self._context = settings, context
        self._seconds = by_second(stream)

    async def run(self) -> None:
        context = self._context
        context.health.running("brings")
        content_type = self._seconds[0][0].format.content_type
        context.ingest.connected(
            SourceDescription(content_type, self._settings.declared_kilobits * 1000), context.clock.wall()
        )
        before = b""
        for frames in self._seconds:
            setup = frames[0].setup if frames[0].setup != before else b""
            before = frames[0].setup
            context.ingest.audio(setup + b"".join(frame.data for frame in frames), context.clock.wall())
            await asyncio.sleep(1)
        await asyncio.Event().wait()

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None


@contextmanager
def bringing(stream: bytes) -> Iterator[None]:
    """The mode ``Recorded`` brings ``stream`` meanwhile."""

    def make(settings: RecordedSettings, context: InputContext) -> _Recorded:
        return _Recorded(stream, settings, context)

    with patch.dict(INPUTS, {"Recorded": InputMode(RecordedSettings, make)}):
        yield


class SameProcessMeter:
    """Satisfies ``Meter``: measures at once, so that time can be virtual."""

    def __init__(self) -> None:
        self.works = True
        self.count = 0

    def ask(self, audio: bytes, container: str, tell: Tell) -> bool:
        self.count += 1
        tell(measured(audio, container))
        return True


class HangingMeter:
    """Satisfies ``Meter``: answers only when it is told to."""

    def __init__(self) -> None:
        self.works = True
        self.waiting: list[Tell] = []

    def ask(self, audio: bytes, container: str, tell: Tell) -> bool:
        self.waiting.append(tell)
        return True

    def answer(self, loudness: Loudness | None) -> None:
        self.waiting.pop(0)(loudness)
