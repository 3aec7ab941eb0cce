"""Reports of several processes, and their figures."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.load.report import Report, merged, percentile, summary


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [
        ([], 0.5, None),
        ([3.0], 0.99, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.51, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 1.0, 4.0),
        ([float(number) for number in range(1, 101)], 0.99, 99.0),
    ],
)
def test_percentiles_are_values_that_occurred(values: list[float], share: float, found: float | None) -> None:
    assert percentile(values, share) == found


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_exceeded_by_no_more_than_the_rest(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values) - 1e-9


def test_processes_are_added_up() -> None:
    one = Report(
        seconds=15.0, playing=3, watched=3, received_bytes=100, lateness=[0.1], failures=Counter({"status 503": 1})
    )
    two = Report(seconds=15.2, playing=4, watched=4, received_bytes=50, lateness=[0.3], stalls=2, tls="TLSv1.3")
    two.failures.update({"status 503": 2, "ECONNRESET": 1})
    whole = merged([one, two])
    assert (whole.seconds, whole.playing, whole.watched, whole.received_bytes, whole.stalls) == (15.2, 7, 7, 150, 2)
    assert whole.lateness == [0.1, 0.3]
    assert whole.failures == {"status 503": 3, "ECONNRESET": 1}
    assert whole.tls == "TLSv1.3"


def test_the_summary_says_what_share_of_the_programme_came() -> None:
    report = Report(seconds=10.0, watched=2, received_bytes=15_000, first_bytes=[0.010, 0.020], lateness=[0.0, 0.25])
    figures = summary(report, bytes_per_second=1_000.0)
    assert figures["delivered_share"] == 0.75
    assert (figures["first_byte_p50"], figures["first_byte_max"]) == (0.01, 0.02)
    assert (figures["lateness_p50"], figures["lateness_p99"]) == (0.0, 0.25)
    assert json.loads(json.dumps(figures)) == figures


def test_the_summary_of_nothing_has_no_figures_made_up() -> None:
    figures = summary(Report(), bytes_per_second=1_000.0)
    assert figures["delivered_share"] is None
    assert figures["first_byte_p99"] is None
