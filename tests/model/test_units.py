"""Quantities as people say them."""

from __future__ import annotations

import pytest

from distreamer.units import seconds_of_bytes, spoken_bytes, spoken_seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (2.0, "2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (24.4, "24 s"),
        (119.4, "119 s"),
        (185, "3 min 5 s"),
        (240, "4 min"),
        (15120, "4 h 12 min"),
        (7200, "2 h"),
        (273600, "3 d 4 h"),
        (172800, "2 d"),
        (-3, "-3 s"),
    ],
)
def test_seconds(seconds: float, words: str) -> None:
    assert spoken_seconds(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(512, "512 bytes"), (80_400, "80 kB"), (4_800_000, "4.8 MB"), (12_340_000_000, "12.3 GB")],
)
def test_bytes(size: int, words: str) -> None:
    assert spoken_bytes(size) == words


def test_seconds_of_bytes_at_a_bitrate() -> None:
    assert seconds_of_bytes(81920, 128_000) == 5.12
