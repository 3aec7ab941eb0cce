"""A tone as an input has made it into fragments, with titles at their places."""

from __future__ import annotations

from functools import cache

from distreamer.core.fragmenter import Fragmenter
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment
from tests.support.audio_samples import encoded


@cache
def tone_programme(codec: str, seconds: float, *titles: tuple[float, str]) -> tuple[StreamInfo, tuple[Fragment, ...]]:
    """``codec`` is libavcodec's name of an encoder; ``titles`` are parts of the whole and what begins there."""
    framer = AutoFramer("", 128_000)
    data = encoded(codec, seconds=seconds, sample_rate=48_000)
    frames = [*framer.feed(data), *framer.close()]
    begin = {int(len(frames) * part): Title(text) for part, text in titles}
    fragmenter = Fragmenter(1, frames[0].format.clock_rate)
    fragments = [one for index, frame in enumerate(frames) for one in fragmenter.add(frame, 0.0, begin.get(index))]
    return StreamInfo(frames[0].format), (*fragments, *fragmenter.cut())
