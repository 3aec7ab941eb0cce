"""The DELAY that is advised, and why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distreamer.measure.delay_advice import LEAST_SECONDS, MARGIN, MOST_SECONDS, advise


def test_a_gap_is_bridged_four_times() -> None:
    advice = advise(3.2, 60, headroom=5.0)
    assert advice.delay_seconds == 15
    assert advice.sentences[0] == "the worst gap in 60 s was 3.2 s: DELAY = 15 bridges 4 times that"


def test_a_good_link_needs_little() -> None:
    advice = advise(0.7, 3600, headroom=5.0)
    assert advice.delay_seconds == LEAST_SECONDS
    assert advice.sentences == ("no gap of a second or more was seen in 1 h: DELAY = 10 is enough for that",)


def test_a_short_look_says_little() -> None:
    assert "--seconds 3600" in advise(0.7, 60, headroom=None).sentences[-1]
    assert not any("--seconds" in sentence for sentence in advise(0.7, 3600, headroom=None).sentences)


def test_what_is_configured_is_compared() -> None:
    enough = advise(3.2, 3600, None, configured_seconds=25).sentences
    little = advise(3.2, 3600, None, configured_seconds=5).sentences
    assert "the DELAY that is configured is 25 s, which bridges 7 times the worst gap: leave it" in enough
    assert "the DELAY that is configured is 5 s: raise it to 15" in little


def test_a_link_that_is_too_thin() -> None:
    assert "only 1.1 times" in " ".join(advise(3.2, 3600, headroom=1.1).sentences)
    assert "times what" not in " ".join(advise(3.2, 3600, headroom=2.0).sentences)


def test_a_hopeless_link() -> None:
    advice = advise(200, 3600, None)
    assert advice.delay_seconds == MOST_SECONDS
    assert "second path" in " ".join(advice.sentences)


@given(st.floats(0, 1000), st.floats(1, 100_000))
def test_the_margin_is_kept_as_far_as_that_makes_sense(worst: float, looked: float) -> None:
    delay = advise(worst, looked, None).delay_seconds
    assert LEAST_SECONDS <= delay <= MOST_SECONDS
    assert delay >= min(MARGIN * worst, MOST_SECONDS)
