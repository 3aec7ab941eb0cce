"""Draws the pictures of docs/concepts: ``python -m scripts.concept_pictures`` writes docs/pictures.

They are SVG with a background of their own, for pages of any colour. What they show is reckoned, not measured: DELAY
is 25 s, the link brings what was missed at five times the speed of the programme (RATEFACTOR), and noticing, asking and
travelling take no time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/pictures"
DELAY: Final = 25.0
RATEFACTOR: Final = 5.0
CUT_AT: Final = 15.0
"""Second of the picture at which the link fails."""
LEAST_HELD: Final = 2.0
"""Seconds of programme that end the filler, on a link that is so fast; see ``core/comeback.py``."""

INK, FAINT, PAPER = "#1d2733", "#6b7885", "#ffffff"
PROGRAMME, FILLER, DOWN, HELD = "#2f7f6f", "#a8620f", "#c2453d", "#9dc9bf"


@dataclass(frozen=True, slots=True)
class Outage:
    """What an outage does to who listens at PC B."""

    seconds: float

    @property
    def back_at(self) -> float:
        return CUT_AT + self.seconds

    @property
    def dry_at(self) -> float | None:
        """When nothing is left to play; None when the outage is over before."""
        return CUT_AT + DELAY if self.seconds > DELAY else None

    @property
    def heard_at(self) -> float:
        """When the programme is heard again behind filler."""
        return self.back_at + LEAST_HELD / RATEFACTOR

    def left(self) -> list[tuple[float, float]]:
        """What is left to play: corners of a line of (second, seconds)."""
        start = [(0.0, DELAY), (CUT_AT, DELAY)]
        if self.dry_at is None:
            low = DELAY - self.seconds
            return [*start, (self.back_at, low), (self.back_at + self.seconds / (RATEFACTOR - 1), DELAY)]
        full_at = self.heard_at + (DELAY - LEAST_HELD) / (RATEFACTOR - 1)
        return [*start, (self.dry_at, 0.0), (self.back_at, 0.0), (self.heard_at, LEAST_HELD), (full_at, DELAY)]


class Drawing:
    """An SVG that grows."""

    def __init__(self, width: int, height: int, title: str, words: str) -> None:
        """``words``: what the picture shows, for who does not see it."""
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="Helvetica, Arial, sans-serif" font-size="14" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(words)}</desc>",
        ]
        self.box(0.5, 0.5, width - 1, height - 1, PAPER, "#d5dbe0", round_by=8)

    def box(
        self, x: float, y: float, width: float, height: float, fill: str, line: str = "none", round_by: int = 3
    ) -> None:
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round_by}" fill="{fill}" '
            f'stroke="{line}"/>'
        )

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", fill: str = INK, weight: str = "normal"
    ) -> None:
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}">'
            f"{escape(words)}</text>"
        )

    def line(
        self, corners: Iterable[tuple[float, float]], colour: str, width: float = 1.5, dashes: str = "none"
    ) -> None:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self._parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-dasharray="{dashes}"/>'
        )

    def area(self, corners: Iterable[tuple[float, float]], colour: str) -> None:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        self._parts.append(f'<polygon points="{points}" fill="{colour}"/>')

    def arrow(self, x: float, y: float, to_x: float) -> None:
        self.line([(x, y), (to_x - 6, y)], INK)
        self.area([(to_x - 8, y - 5), (to_x, y), (to_x - 8, y + 5)], INK)

    def __str__(self) -> str:
        return "\n".join([*self._parts, "</svg>", ""])


def chain() -> str:
    """The chain with its buffers."""
    drawing = Drawing(
        880,
        300,
        "The chain and its buffers",
        "The studio sends to PC A, which keeps the last 300 seconds. A link that fails leads to PC B, which keeps the "
        "last 300 seconds too; what it plays is 25 seconds behind the newest. Listeners hear what PC B plays.",
    )
    for x, width, name, below in (
        (24, 136, "Studio", "encoder, Icecast"),
        (200, 200, "PC A", "where the studio is"),
        (516, 200, "PC B", "at the far end"),
        (756, 104, "Listeners", "or transmitter"),
    ):
        drawing.box(x, 40, width, 150, "#f2f5f7", "#b8c2cb", round_by=6)
        drawing.text(x + width / 2, 66, name, "middle", weight="bold")
        drawing.text(x + width / 2, 168, below, "middle", FAINT)
    drawing.arrow(162, 115, 197)
    drawing.arrow(718, 115, 753)
    for x in (216, 532):
        drawing.box(x, 100, 168, 30, HELD)
        drawing.text(x + 84, 92, "holds the last 300 s", "middle")
    drawing.box(670, 100, 30, 30, PROGRAMME)
    wave = [(404 + step * 4, 115 + (6 if step % 2 else -6)) for step in range(24)]
    drawing.line(wave, DOWN, 2)
    drawing.area([(500, 108), (510, 115), (500, 122)], DOWN)
    drawing.text(454, 92, "a link that fails", "middle", DOWN)
    drawing.text(454, 146, "QUIC or TCP", "middle", FAINT)
    drawing.line([(670, 134), (670, 216)], INK, dashes="4 3")
    drawing.line([(700, 134), (700, 216)], INK, dashes="4 3")
    drawing.text(662, 214, "listeners are here", "end")
    drawing.text(708, 214, "the newest is here")
    drawing.text(685, 236, "between them: DELAY (25 s) is left to play", "middle", PROGRAMME, "bold")
    drawing.text(24, 262, "What is missing after a cut is fetched by its number from what PC A holds (HISTORY, 300 s).")
    drawing.text(24, 284, "As long as the cut is shorter than what is left to play at PC B, nobody hears it.")
    return str(drawing)


LEFT, RIGHT, TOP, HIGH = 150, 850, 66, 110
"""Where the curve of what is left to play stands."""


def _x(second: float, last: float) -> float:
    return LEFT + (RIGHT - LEFT) * second / last


def _y(left: float) -> float:
    return TOP + HIGH * (1 - left / DELAY)


def _time_line(drawing: Drawing, outage: Outage, last: float) -> None:
    """The curve of what is left to play, and the link below it."""
    corners = [(_x(at, last), _y(left)) for at, left in [*outage.left(), (last, DELAY)]]
    drawing.area([(LEFT, _y(0)), *corners, (RIGHT, _y(0))], HELD)
    drawing.line(corners, PROGRAMME, 2.5)
    drawing.text(LEFT - 12, TOP + 14, "left to play", "end", weight="bold")
    drawing.text(LEFT - 12, TOP + 34, "(outage budget)", "end", FAINT)
    drawing.text(LEFT + 6, TOP - 6, f"{DELAY:.0f} s")
    drawing.line([(LEFT, _y(0)), (RIGHT, _y(0))], INK)
    drawing.text(LEFT - 12, _y(0) + 4, "0 s", "end", FAINT)
    _band(
        drawing,
        196,
        "the link",
        [
            (0, CUT_AT, PROGRAMME, "works"),
            (CUT_AT, outage.back_at, DOWN, f"away for {outage.seconds:.0f} s"),
            (outage.back_at, last, PROGRAMME, "works"),
        ],
        last,
    )


Stretch = tuple[float, float, str, str]
"""From one second to another: a colour, and words."""


def _band(drawing: Drawing, y: float, name: str, stretches: list[Stretch], last: float) -> None:
    drawing.text(LEFT - 12, y + 20, name, "end", weight="bold")
    for start, end, colour, words in stretches:
        x, width = _x(start, last), _x(end, last) - _x(start, last)
        drawing.box(x, y, width - 1, 30, colour)
        drawing.text(x + width / 2, y + 20, words, "middle", PAPER)


def _seconds_scale(drawing: Drawing, y: float, last: float, step: int) -> None:
    for second in range(0, int(last) + 1, step):
        drawing.line([(_x(second, last), y), (_x(second, last), y + 5)], FAINT)
        drawing.text(_x(second, last), y + 20, f"{second} s", "middle", FAINT)


def short_outage() -> str:
    """An outage that nobody hears."""
    outage, last = Outage(12), 45.0
    low = DELAY - outage.seconds
    drawing = Drawing(
        880,
        330,
        "An outage that is shorter than the delay",
        f"The link is away for {outage.seconds:.0f} seconds. What is left to play falls from {DELAY:.0f} to {low:.0f} "
        "seconds, and rises again within three seconds when the link is back. Listeners hear the programme all along.",
    )
    drawing.text(
        24, 30, f"An outage of {outage.seconds:.0f} s with DELAY = {DELAY:.0f}: nobody hears it", weight="bold"
    )
    _time_line(drawing, outage, last)
    drawing.text(_x(outage.back_at, last) - 8, _y(low) + 16, f"{low:.0f} s left", "end")
    _band(drawing, 240, "listeners hear", [(0, last, PROGRAMME, "the programme, 25 s behind the studio")], last)
    _seconds_scale(drawing, 280, last, 5)
    return str(drawing)


def long_outage() -> str:
    """An outage that is longer than the delay, and what ONRETURN makes of it."""
    outage, last = Outage(50), 90.0
    dry_at = outage.dry_at or 0.0
    behind = outage.heard_at - dry_at
    drawing = Drawing(
        880,
        400,
        "An outage that is longer than the delay",
        f"The link is away for {outage.seconds:.0f} seconds. After {DELAY:.0f} of them nothing is left to play, and "
        "listeners hear filler until the link is back. With ONRETURN = live the programme then goes on "
        f"{DELAY:.0f} seconds behind the studio, and what is older is skipped. With ONRETURN = continue it goes on "
        f"where it stopped, about {DELAY + behind:.0f} seconds behind the studio.",
    )
    drawing.text(
        24,
        30,
        f"An outage of {outage.seconds:.0f} s with DELAY = {DELAY:.0f}: filler, then the programme",
        weight="bold",
    )
    _time_line(drawing, outage, last)
    before, filler = (
        (0, dry_at, PROGRAMME, f"the programme, {DELAY:.0f} s behind"),
        (dry_at, outage.heard_at, FILLER, "filler"),
    )
    drawing.text(24, 258, "Listeners hear, with ONRETURN …", weight="bold")
    for y, name, words in (
        (268, "… = live", f"{DELAY:.0f} s behind"),
        (308, "… = continue", f"{DELAY + behind:.0f} s behind"),
    ):
        _band(drawing, y, name, [before, filler, (outage.heard_at, last, PROGRAMME, words)], last)
    _seconds_scale(drawing, 346, last, 10)
    drawing.text(
        24,
        388,
        f"live (the curve is of it) skips the {behind:.0f} s that were missed; continue plays them, so much later.",
    )
    return str(drawing)


PICTURES: Final = {"chain.svg": chain, "short-outage.svg": short_outage, "long-outage.svg": long_outage}


def main() -> None:
    """Writes all of them anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
