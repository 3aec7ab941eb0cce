"""The list: what is taken, what is refused, and the form in which it is written."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import NO_STREAM, Listing, encode_listing, parse_listing, title_text

NUMBERS = st.integers(1, limits.LARGEST_NUMBER)
LISTINGS = st.builds(
    Listing,
    fragmentslist=st.lists(NUMBERS, max_size=8).map(tuple),
    icylist=st.dictionaries(NUMBERS, st.lists(st.integers(0, 81_919), max_size=5).map(tuple), max_size=5),
    icyint=st.integers(-1, 65_536),
    icytitle=st.binary(max_size=200).map(title_text),
    icyheaders=st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4),
    sourcegen=st.integers(0, limits.LARGEST_NUMBER),
)
WHOLE: dict[str, object] = {"fragmentslist": [1], "icyint": 0, "sourcegen": 1}


@settings(deadline=None, max_examples=60)
@given(LISTINGS)
def test_what_is_written_is_read_again(listing: Listing) -> None:
    assert parse_listing(encode_listing(listing)) == listing


def test_an_empty_store_says_so_as_recorded() -> None:
    assert encode_listing(NO_STREAM) == (
        b'{"fragmentslist": [], "icylist": {}, "icyint": -1, "icytitle": "", "icyheaders": {}, "sourcegen": 0}'
    )
    assert not NO_STREAM.has_stream


def test_a_long_title_has_lines_as_python_2_makes_them() -> None:
    lines = title_text(b"x" * 100).split("\n")
    assert [len(line) for line in lines] == [76, 60, 0]


def test_what_is_missing_or_more_does_not_matter() -> None:
    listing = parse_listing(json.dumps(WHOLE | {"unknown": [1], "icyheaders": {"a": 1, "b": "é"}}).encode())
    assert listing.has_stream
    assert listing.icyheaders == {"b": "é"}
    assert listing.headers.raw("B") == "é".encode()
    assert listing.title_block == b""


def test_numbers_are_put_in_order() -> None:
    listing = parse_listing(json.dumps(WHOLE | {"fragmentslist": [3, 1, 3], "icylist": {"1": [9, 2]}}).encode())
    assert (listing.fragmentslist, listing.icylist) == ((1, 3), {1: (2, 9)})


@pytest.mark.parametrize("title", ["%%%", "A", title_text(bytes(5_000)), "é"])
def test_a_title_that_cannot_be_read_is_none(title: str) -> None:
    assert parse_listing(json.dumps(WHOLE | {"icytitle": title}).encode()).title_block == b""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fragmentslist": [1, -5]}, "fragmentslist cannot be read: -5 is no number from 1 to 9007199254740991"),
        ({"fragmentslist": [True]}, "True is no number"),
        ({"fragmentslist": [1.5]}, "1.5 is no number"),
        ({"fragmentslist": {"1": 1}}, "a dict of 1 is no array"),
        ({"fragmentslist": list(range(1, 10_002))}, "10001 numbers are above the limit of 10000"),
        ({"icylist": {"1": [-1]}}, "icylist cannot be read: -1 is no number from 0 to 4194303"),
        ({"icylist": {"1": [4_194_304]}}, "4194304 is no number from 0 to 4194303"),
        ({"icylist": {"-1": []}}, "the key '-1' is no number of a fragment"),
        ({"icylist": {"9" * 17: []}}, "is no number of a fragment"),
        ({"icylist": [1]}, "a list of 1 is no object"),
        ({"icyint": -2}, "icyint cannot be read: .* greater than or equal to -1; it is -2"),
        ({"icyint": 16_777_217}, "less than or equal to 16777216; it is 16777217"),
        ({"icyint": "8192"}, "valid integer; it is '8192'"),
        ({"sourcegen": -1}, "sourcegen cannot be read: .* greater than or equal to 0; it is -1"),
        ({"icytitle": 5}, "icytitle cannot be read"),
        ({"icyheaders": [1]}, "icyheaders cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_by_name(change: dict[str, object], words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        parse_listing(json.dumps(WHOLE | change).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"\xff",
        b"{",
        b'{"icyint": 0}',
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"fragmentslist": [1' + b"0" * 200_000 + b"]}",
        b'{"fragmentslist": [' + b"-1," * 80_000 + b'1], "icyint": 0, "sourcegen": 1}',
        b'{"fragmentslist": [1], "icyint": 0, "sourcegen": 1}' + b" " * limits.LIST_BYTES,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_bombs_are_refused_and_cost_little(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            parse_listing(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@settings(deadline=None, max_examples=100)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_anything_else_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="the list"):
        parse_listing(data)
