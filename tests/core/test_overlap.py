"""Finding the end of what is remembered in what comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.core.overlap import ENOUGH, MEMORY_PIECES, MEMORY_SECONDS, Alignment, Memory
from distreamer.model.audio import Title

FEW_DIFFERENT = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=30)
A, B, C = Title("A"), Title("B"), Title("C")


def row(first: int, count: int) -> list[bytes]:
    """Pieces of which no two are alike."""
    return [number.to_bytes(8, "big") for number in range(first, first + count)]


def ends_of(alignment: Alignment, pieces: list[bytes]) -> list[int]:
    """After which pieces the end was said to be reached."""
    return [count for count, piece in enumerate(pieces, 1) if alignment.add(piece, may_begin=count == 1)]


@given(FEW_DIFFERENT, FEW_DIFFERENT)
def test_all_ends_are_found_and_no_other(remembered: list[bytes], came: list[bytes]) -> None:
    """What came begins anywhere in what is remembered: each beginning of it that is an end there is found."""
    expected = [
        count
        for count in range(1, min(len(came), len(remembered)) + 1)
        if came[:count] == remembered[len(remembered) - count :]
    ]
    assert ends_of(Alignment(remembered), came) == expected


@given(st.integers(1, 300), st.integers(0, 299), st.integers(0, 300))
def test_a_row_of_different_pieces_has_one_end_and_all_of_it_proves_it(known: int, begin: int, more: int) -> None:
    begin %= known
    alignment = Alignment(row(0, known))
    assert ends_of(alignment, row(begin, known - begin + more)) == [known - begin]
    assert alignment.proof(known - begin) == known - begin


def test_pieces_that_occur_twice_prove_nothing() -> None:
    twice = Alignment([b"x", *row(0, 5), b"x"])
    assert ends_of(twice, [b"x"]) == [1]
    assert twice.proof(1) == 0
    again = Alignment([*row(0, 5), b"x"])
    assert ends_of(again, [b"x", b"x"]) == [1]
    assert again.proof(1) == 0


def test_what_is_missing_until_the_end_is_known_once_the_place_is_proved() -> None:
    alignment = Alignment(row(0, 100))
    for piece in row(40, ENOUGH - 1):
        alignment.add(piece)
    assert alignment.missing(ENOUGH) is None
    assert alignment.missing(ENOUGH - 1) == 61 - ENOUGH
    alignment.add(row(40, ENOUGH)[-1])
    assert alignment.missing(ENOUGH) == 60 - ENOUGH
    alignment.add(b"other")
    assert (alignment.missing(ENOUGH), alignment.is_matching) == (None, False)


def test_with_nothing_remembered_no_end_is_found() -> None:
    assert ends_of(Alignment([]), row(0, 5)) == []


def test_the_memory_is_bounded_in_seconds_and_in_pieces() -> None:
    memory = Memory()
    for piece in row(0, 500):
        memory.add(piece, 1.0, None)
    assert memory.digests == row(500 - round(MEMORY_SECONDS), round(MEMORY_SECONDS))
    for piece in row(500, MEMORY_PIECES + 10):
        memory.add(piece, 0.001, None)
    assert memory.digests == row(510, MEMORY_PIECES)
    assert memory.seconds_of_last(5) == pytest.approx(0.005)


def test_titles_are_remembered_as_long_as_their_pieces() -> None:
    memory = Memory()
    for number, title in enumerate([A, A, B, B]):
        memory.add(row(number, 1)[0], 40.0, title)
    # The first piece is forgotten, the second not.
    assert memory.knows(A)
    memory.add(row(4, 1)[0], 40.0, B)
    assert not memory.knows(A)


def test_a_title_is_older_when_it_was_over_before_the_one_in_force_began() -> None:
    memory = Memory()
    for number, title in enumerate([A, A, B, B, B]):
        memory.add(row(number, 1)[0], 0.1, title)
    assert memory.is_older(A, 3)
    # A came again behind the place where B began; C was never there.
    assert not memory.is_older(A, 2)
    assert not memory.is_older(C, 5)
