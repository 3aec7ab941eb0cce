"""What is written to a spool is read again as it was; of what is damaged, everything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.core.played import Place
from distreamer.core.spool_records import LARGEST_BODY, Decoder, EpochOpened, Record, encode, encode_setup, fits
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from tests.support.native_programme import INFO, fragment

NUMBERS = st.integers(1, 2**53)
EPOCHS = st.integers(0, 2**63 - 1)
TITLES = st.builds(Title, st.text(st.characters(), max_size=40), st.text(max_size=20))
INFOS = st.builds(
    StreamInfo,
    st.builds(
        AudioFormat,
        st.sampled_from(Codec),
        st.integers(1, 10**6),
        st.integers(0, 192_000),
        st.integers(0, 8),
        st.text(max_size=20),
        st.integers(0, 10**7),
        st.text(max_size=20),
    ),
    st.builds(Station, st.text(), st.text(), st.text(), st.text(), st.none() | st.booleans()),
    st.integers(0, 10**6),
)
FRAGMENTS = st.builds(
    Fragment,
    epoch=EPOCHS,
    number=NUMBERS,
    start=st.integers(0, 2**60),
    duration=NUMBERS,
    audio=st.binary(max_size=200),
    captured_at=st.floats(allow_nan=False),
    title=st.none() | TITLES,
    title_marks=st.lists(st.builds(TitleMark, st.integers(0, 200), TITLES), max_size=3).map(tuple),
    setup=st.sampled_from([b"", b"headers", b"others"]),
    discontinuity=st.booleans(),
)
RECORDS = st.one_of(
    FRAGMENTS,
    st.builds(EpochOpened, EPOCHS, INFOS, st.booleans()),
    st.builds(Place, EPOCHS, NUMBERS, st.floats(allow_nan=False)),
)


def written(records: list[Record]) -> bytes:
    """As a file has them."""
    return encode_setup(b"headers") + encode_setup(b"others") + b"".join(map(encode, records))


def read(*parts: bytes) -> tuple[list[Record], int]:
    """The records, and the number of damages."""
    decoder = Decoder()
    found = [record for part in parts for record in decoder.feed(part)]
    return found + decoder.close(), decoder.damages


def split(data: bytes, way: str) -> Iterator[bytes]:
    step = {"whole": len(data), "halves": len(data) // 2 + 1, "one by one": 1}[way]
    return (data[at : at + step] for at in range(0, len(data), max(step, 1)))


@pytest.mark.parametrize("way", ["whole", "halves", "one by one"])
@given(records=st.lists(RECORDS, max_size=5))
def test_what_is_written_is_read_again(way: str, records: list[Record]) -> None:
    assert read(*split(written(records), way)) == (records, 0)


@given(
    records=st.lists(FRAGMENTS, min_size=1, max_size=6, unique_by=lambda one: (one.epoch, one.number)), data=st.data()
)
def test_a_flipped_byte_costs_its_own_record_alone(records: list[Record], data: st.DataObject) -> None:
    whole = bytearray(written(records))
    place = data.draw(st.integers(len(written([])), len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    ends = [len(written(records[: count + 1])) for count in range(len(records))]
    damaged = next(index for index, end in enumerate(ends) if place < end)
    assert read(bytes(whole)) == (records[:damaged] + records[damaged + 1 :], 1)


@given(records=st.lists(RECORDS, min_size=1, max_size=4), data=st.data())
def test_a_file_that_was_cut_anywhere_keeps_what_stands_before(records: list[Record], data: st.DataObject) -> None:
    whole = written(records)
    cut = data.draw(st.integers(0, len(whole)))
    found, damages = read(whole[:cut])
    kept = sum(len(written(records[: count + 1])) <= cut for count in range(len(records)))
    assert found == records[:kept]
    edges = {0, len(encode_setup(b"headers")), *(len(written(records[:count])) for count in range(len(records) + 1))}
    assert damages == (cut not in edges)


@given(records=st.lists(FRAGMENTS, min_size=2, max_size=5), data=st.data())
def test_bytes_missing_in_the_middle_cost_no_more_than_what_they_touch(
    records: list[Record], data: st.DataObject
) -> None:
    whole, begin = written(records), len(written([]))
    first = data.draw(st.integers(begin, len(whole) - 1))
    last = data.draw(st.integers(first + 1, len(whole)))
    edges = [len(written(records[:count])) for count in range(len(records) + 1)]
    untouched = [
        record for record, at, end in zip(records, edges, edges[1:], strict=False) if end <= first or at >= last
    ]
    assert read(whole[:first] + whole[last:])[0] == untouched


@given(st.binary(max_size=400), st.lists(RECORDS, max_size=2), st.binary(max_size=100))
def test_what_stands_between_records_is_passed_over(before: bytes, records: list[Record], behind: bytes) -> None:
    data = before + written(records) + behind
    found, _ = read(data)
    assert [record for record in found if record in records] == records
    assert read(*split(data, "one by one")) == read(data) == read(*split(data, "halves"))


def test_a_fragment_whose_set_up_headers_are_damaged_is_a_damage() -> None:
    record = fragment(1, 1, setup=b"headers")
    assert read(encode(record)) == ([], 1)
    assert read(encode_setup(b"headers") + encode(record)) == ([record], 0)


def test_what_another_version_wrote_is_a_damage() -> None:
    whole = encode(EpochOpened(1, INFO, is_own=True))
    assert read(whole.replace(b"mpeg", b"opeg")) == ([], 1)
    for wrong in (b"", b"\xd5\x9aSp", bytes(100), b"\xd5\x9aSp" * 100, b'{"epoch":1}'):
        assert read(wrong)[0] == []


def test_what_no_record_holds_is_known() -> None:
    assert fits(fragment(1, 1))
    assert not fits(fragment(1, 1, size=LARGEST_BODY + 1))
