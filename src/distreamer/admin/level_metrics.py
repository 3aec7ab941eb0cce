"""The metrics of how loud the programme is. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from distreamer.admin.metric import Metric, Sample, Source, of_levels
from distreamer.model.status import LevelMethod


def _sides(source: Source) -> Iterator[Sample]:
    levels = source.status.levels
    if levels is not None:
        yield ("left",), levels.left_dbfs
        yield ("right",), levels.right_dbfs


LEVEL_METRICS: Final = (
    Metric(
        "distreamer_audio_level_dbfs",
        "gauge",
        "dBFS",
        "Mean power of about the last second of the programme; a sine of full scale has 0, digital silence -100.",
        ("channel",),
        _sides,
    ),
    Metric(
        "distreamer_audio_peak_dbfs",
        "gauge",
        "dBFS",
        "The highest sample in it.",
        (),
        of_levels(lambda levels: levels.peak_dbfs),
    ),
    Metric(
        "distreamer_audio_decoded",
        "gauge",
        "1 or 0",
        "Whether these are measured in decoded audio; 0: they are estimated, or only digital silence is seen.",
        (),
        of_levels(lambda levels: float(levels.method is LevelMethod.DECODED)),
    ),
    Metric(
        "distreamer_audio_measurements_skipped",
        "counter",
        "times",
        "How often a second was not decoded in time, or could not be.",
        (),
        of_levels(lambda levels: levels.skipped),
    ),
    Metric(
        "distreamer_silence_seconds",
        "gauge",
        "seconds",
        "For how long the programme has been softer than SILENCEDBFS; 0 when it is not. Filler has none of these.",
        (),
        of_levels(lambda levels: levels.silent_seconds),
    ),
)
