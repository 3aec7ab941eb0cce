"""The file of results, and what it is made into."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.listeners import page, results
from benchmarks.listeners.cases import CASES, DISTREAMER, ICECAST
from benchmarks.listeners.results import Result, medians
from benchmarks.listeners.tables import tables
from benchmarks.listeners.verdict import verdicts


def result(
    server: str, case: str = "clean", listeners: int = 5_000, failure: str = "", **figures: float | str | None
) -> Result:
    return Result(case, server, listeners, dict(figures), failure, version="Server 1", machine="2 cores")


def cost(icecast: float, distreamer: float, case: str = "clean", listeners: int = 5_000) -> list[Result]:
    return [
        result(ICECAST, case, listeners, cpu_microseconds=icecast, memory_bytes_each=1_000.0),
        result(DISTREAMER, case, listeners, cpu_microseconds=distreamer, memory_bytes_each=2_000.0),
    ]


def line_of(text: str, beginning: str) -> str:
    found = [line for line in text.splitlines() if line.startswith(beginning)]
    assert len(found) == 1, found
    return found[0]


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "results.jsonl"
    assert results.read(file) == []
    written = [result(ICECAST, cpu_microseconds=70.5, tls="", first_byte_p99=None), result(DISTREAMER, failure="no")]
    for one in written:
        results.append(file, one)
    assert results.read(file) == written


def test_the_median_is_of_the_runs_that_worked() -> None:
    runs = [result(ICECAST, cpu_microseconds=value, tls="TLSv1.3") for value in (70.0, 90.0, 71.0)]
    found = medians([*runs, result(ICECAST, failure="ended with code 1"), *cost(1.0, 2.0, listeners=100)])
    median = found["clean", ICECAST, 5_000]
    assert (median.runs, median.figures, median.failure) == (3, {"cpu_microseconds": 71.0}, "ended with code 1")
    assert found["clean", DISTREAMER, 100].figures["cpu_microseconds"] == 2.0


def test_the_table_of_costs_has_a_row_for_each_crowd_that_was_measured() -> None:
    text = tables(medians([*cost(72.0, 12.0), *cost(100.0, 200.0, listeners=100)]))
    assert line_of(text, "| 5,000 | 72.0 µs").split(" | ")[:4] == ["| 5,000", "72.0 µs", "12.0 µs", "1/6.0"]
    assert line_of(text, "| 5,000 | 72.0 µs").endswith("| 1.0 kB | 2.0 kB | 2.0 |")
    # Of a few listeners the memory cannot be told.
    assert line_of(text, "| 100 | 100.0 µs").split(" | ")[3] == "2.0"
    assert line_of(text, "| 100 | 100.0 µs").endswith("| – | – |  |")
    assert "| 10,000" not in text
    assert "herd" not in text


def test_a_server_that_failed_has_a_row_and_a_reason() -> None:
    lines = [result(ICECAST, failure="ended with code 1"), *cost(72.0, 12.0)[1:]]
    assert "| 5,000 | failed | 12.0 µs |  |" in tables(medians(lines))
    assert "- icecast, clean: ended with code 1" in page.text(lines)


def test_every_case_has_a_row_of_its_own() -> None:
    lines = [
        result(one, case.name, size) for case in CASES if not case.herd for size in case.sizes for one in case.servers
    ]
    costs = tables(medians(lines)).partition("### What listeners notice")[0]
    rows = [line.split(" | ")[0] for line in costs.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == len(set(rows)) == sum(len(case.sizes) for case in CASES if not case.herd)


def herd(**figures: object) -> list[Result]:
    return [Result("herd", DISTREAMER, 4_000, figures)]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], "- At most 1/6 of Icecast's CPU for each of 5,000 listeners: not measured."),
        (cost(72.0, 12.0), "each of 5,000 listeners: **reached**, 1/6.0 (12.0 µs"),
        (cost(72.0, 12.1), "each of 5,000 listeners: **not reached**, 1/6.0 (12.1 µs"),
        (cost(100.0, 25.0, "tls", 1_000), "Icecast's CPU for each of 1,000 listeners: **reached**, 1/4.0"),
        (cost(72.0, 12.0), "At most 3 kB of memory for each of 5,000 listeners: **reached**, 2.0 kB"),
        (
            [result(DISTREAMER, listeners=19_500, core_share=0.22, stalled_listeners=0, watched=19_500)],
            "free: **reached**, 19,500 were connected, 0 stalled, 22 % of the core was in use",
        ),
        (
            [result(DISTREAMER, listeners=19_500, core_share=0.22, stalled_listeners=1, watched=19_500)],
            "free: **not reached**, 19,500 were connected, 1 stalled",
        ),
        (
            [result(DISTREAMER, listeners=19_500, core_share=0.22, stalled_listeners=0, watched=19_000)],
            "free: **not reached**, 19,000 were connected",
        ),
        (herd(herd_first_byte_p99=0.05), "first byte within 50 ms: **reached**, 50 ms"),
        (herd(herd_first_byte_p99=0.051), "first byte within 50 ms: **not reached**, 51 ms"),
        (
            herd(herd_stalled_listeners=0, lateness_max=0.01, herd_lateness_max=0.1),
            "none of the 4,000: **reached**, 0 of them stalled, audio was at most 100 ms late (10 ms without the herd)",
        ),
        (herd(herd_stalled_listeners=2, lateness_max=0.01, herd_lateness_max=3), "4,000: **not reached**, 2 of them"),
    ],
)
def test_the_verdict_says_what_was_reached(lines: list[Result], wanted: str) -> None:
    assert wanted in verdicts(medians(lines))


def test_the_page_says_on_what_and_how_often_it_was_measured() -> None:
    text = page.text([*cost(72.0, 12.0), result(ICECAST, cpu_microseconds=73.0, other_core_share=0.31)])
    assert text.startswith("Server 1 on 2 cores. Medians of 1 to 2 runs.")
    assert "used up to 31 % of a core" in text


def test_the_page_is_replaced_between_its_marks_only() -> None:
    before = page.PAGE.read_text()
    once = page.placed(before, "made once")
    assert page.placed(once, "made twice") == page.placed(before, "made twice")
    assert "made once" not in page.placed(once, "made twice")
    assert once.startswith(before.partition(page.BEGIN)[0])
    assert once.endswith(before.partition(page.END)[2])
    with pytest.raises(ValueError, match="the page has no"):
        page.placed("another page", "made")
