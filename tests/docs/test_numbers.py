"""Numbers on the pages are those of the program, and durations that it says are written as it says them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from distreamer.admin.guard import SESSION_SECONDS
from distreamer.alerts.delivery import MOST_WAITING
from distreamer.config.settings import AlertSettings, GeneralSettings
from distreamer.core.delay import DEFAULT_DELAY_SECONDS
from distreamer.core.live_standby import PAUSE_SECONDS
from distreamer.core.playout import FILLER_AFTER_SECONDS
from distreamer.measure.delay_advice import LEAST_SECONDS
from distreamer.outputs.audience import PROBE_SECONDS
from distreamer.outputs.distreamer_server import DiStreamerServerSettings
from distreamer.outputs.shoutcast_server import ShoutcastServerSettings
from distreamer.runtime.heartbeat import BEAT_SECONDS, FRESH_SECONDS
from distreamer.units import spoken_seconds

ROOT = Path(__file__).parents[2]
MADE = {"faults.md", "gauntlet.md", "benchmarks.md", "compatibility.md"}
"""Pages that programs write."""
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in MADE)]
_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_DURATION = re.compile(r"(?<![\w.:/])\d+(?:\.\d+)? (?:d|h|min|s)\b(?: \d+ (?:h|min|s)\b)?")
GENERAL, PLAYERS = GeneralSettings(), ShoutcastServerSettings()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", f"When the source brings nothing for {PAUSE_SECONDS:g} s"),
        ("README.md", f"both keep the last {GENERAL.history:g} s"),
        ("docs/admin.md", f"once in {SESSION_SECONDS / 3600:g} hours"),
        ("docs/admin.md", f"`SILENCEDBFS` ({GENERAL.silencedbfs:g}) for `SILENCESECONDS` ({GENERAL.silenceseconds:g})"),
        ("docs/alerts.md", f"At most {MOST_WAITING} wait"),
        ("docs/concepts/delay.md", f"{DEFAULT_DELAY_SECONDS:g} s when nothing is set"),
        ("docs/concepts/delay.md", f"({DiStreamerServerSettings().ratefactor:g} when nothing is set)"),
        ("docs/concepts/delay.md", f"the last {PLAYERS.burstseconds:g} seconds at once when they begin"),
        ("docs/concepts/policies.md", f"{FILLER_AFTER_SECONDS:g} s after the buffer ran out"),
        ("docs/concepts/policies.md", f"`MAXDELAY` ({GENERAL.maxdelay:g} s when nothing is set)"),
        ("docs/concepts/policies.md", f"Empty: {PAUSE_SECONDS:g} s at PC A"),
        ("docs/install.md", f"DiStreamer writes every {BEAT_SECONDS:g} s"),
        ("docs/install.md", f"younger than {FRESH_SECONDS:g} s"),
        ("docs/listeners.md", f"counts as a listener after {PROBE_SECONDS:g} s"),
        ("docs/probe.md", f"{LEAST_SECONDS} s at the least"),
    ],
)
def test_a_number_is_that_of_the_program(page: str, words: str) -> None:
    assert words in " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_a_problem_is_told_four_times_an_hour() -> None:
    assert AlertSettings().mostperhour == 4
    assert "told four times within an hour" in (ROOT / "docs/alerts.md").read_text(encoding="utf-8")


def durations(markdown: str) -> Iterator[str]:
    """Those in code without a language, and in italics: there the program speaks."""
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in {"code_block", "fence"} and not token.info:
            yield from _DURATION.findall(token.content)
        children = token.children or []
        for at, child in enumerate(children):
            if child.type == "em_open":
                yield from _DURATION.findall(children[at + 1].content)


def seconds_of(duration: str) -> float:
    """What it means."""
    words = duration.split()
    return sum(float(number) * _SECONDS[unit] for number, unit in zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_durations_are_as_the_program_says_them(page: Path) -> None:
    found = list(durations(page.read_text(encoding="utf-8")))
    assert [one for one in found if spoken_seconds(seconds_of(one)) != one] == []


def test_a_duration_that_is_never_said_is_noticed() -> None:
    page = "Text, 62 min, and *up 1 h 2 min*:\n\n    last 62 min: 4 cuts, longest 3 d 4 h, 0.4 s\n"
    found = list(durations(page))
    assert found == ["1 h 2 min", "62 min", "3 d 4 h", "0.4 s"]
    assert [one for one in found if spoken_seconds(seconds_of(one)) != one] == ["62 min"]
