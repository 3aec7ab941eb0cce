"""A burst of which nothing is known: of a server with an encoder for each connection, or of another station."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.core.ingest import SourceDescription
from distreamer.inputs.shoutcast_client import spoken_seam
from distreamer.model.audio import Title
from tests.support.made_audio import mp3_frame, mp3_stream
from tests.support.repeating_source import FRAME_SECONDS, SERVER, Reception

ENCODER = replace(SERVER, repeats_seconds=2.0, has_burst=False)


@pytest.mark.parametrize(("missed", "kept"), [(0, 0), (40, 40), (150, 150), (290, 300), (400, 300)])
def test_a_burst_of_which_nothing_is_known_makes_nobody_later(missed: int, kept: int) -> None:
    """As much is kept as was missed. (Less than a second too much, which the clock does not prove, is kept.)"""
    reception = Reception([*range(3000), *range(100_000, 103_000)])
    reception.connect(500, 300, 200)
    reception.wait(missed)
    reception.connect(3000 + 700 + missed, 300, 200)
    assert reception.numbers[:500] == list(range(200, 700))
    came = reception.numbers[500:]
    assert came == list(range(100_900 + missed - len(came), 100_900 + missed))
    assert abs(len(came) - (kept + 200)) <= 1
    assert reception.gaps == 1
    seam = reception.ingest.seam
    assert seam is not None
    assert not seam.goes_on
    assert seam.repeated_seconds == pytest.approx((500 - len(came)) * FRAME_SECONDS)
    assert ("of it are from before the gap" in spoken_seam(seam)) == (kept < 300)


def test_the_title_of_a_burst_that_is_left_out_stands_before_what_is_kept() -> None:
    reception = Reception([*range(3000), *range(100_000, 103_000)])
    reception.connect(500, 300, 200)
    reception.ingest.connected(SERVER, reception.now)
    reception.ingest.title(Title("Another station"))
    reception.ingest.audio(mp3_stream(100_000, 300), reception.now)
    for number in range(100_300, 100_500):
        reception.wait(1)
        reception.ingest.audio(mp3_frame(number), reception.now)
    reception.ingest.disconnected(reception.now)
    assert abs(len(reception.numbers) - 700) <= 1
    behind = next(one for one in reception.store if one.discontinuity)
    assert behind.title == Title("Another station")


@pytest.mark.parametrize(("source", "change"), [(ENCODER, 0.0), (SERVER, -3600.0), (SERVER, 3600.0)])
def test_nothing_unknown_is_left_out_of_an_encoder_or_by_a_clock_that_was_set(
    source: SourceDescription, change: float
) -> None:
    reception = Reception([*range(3000), *range(100_000, 103_000)], source)
    reception.connect(500, 300, 200)
    reception.now += change
    reception.connect(3700, 300, 200)
    assert reception.numbers == [*range(200, 700), *range(100_400, 100_900)]
