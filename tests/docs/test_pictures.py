"""The pictures that are checked in are those that the script draws, and are what they should be."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from scripts.concept_pictures import DELAY, FOLDER, PICTURES, RATEFACTOR, Outage


def test_the_pictures_are_current() -> None:
    """Made by ``python -m scripts.concept_pictures``, which ``make docs`` runs."""
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.svg")}
    assert written == {name: draw() for name, draw in PICTURES.items()}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_in_words_what_it_shows(name: str) -> None:
    picture = ElementTree.fromstring(PICTURES[name]())
    space = "{http://www.w3.org/2000/svg}"
    assert all(picture.findtext(f"{space}{part}") for part in ("title", "desc"))
    width, height = (float(picture.attrib[one]) for one in ("width", "height"))
    for text in picture.iter(f"{space}text"):
        assert 0 < float(text.attrib["x"]) < width
        assert 0 < float(text.attrib["y"]) < height


def test_what_is_left_falls_by_a_second_each_second_and_rises_faster() -> None:
    for outage in (Outage(12), Outage(50)):
        corners = outage.left()
        for (start, before), (end, after) in pairwise(corners):
            assert end > start
            assert -1 <= (after - before) / (end - start) <= RATEFACTOR
        assert corners[-1][1] == DELAY
    assert min(left for _, left in Outage(12).left()) == DELAY - 12
    assert Outage(12).dry_at is None
    assert Outage(50).dry_at == pytest.approx(15 + DELAY)
