"""Pages that we write are those of RFC 3533."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distreamer.media.ogg_pages import NO_GRANULE, PageReader
from distreamer.media.ogg_writer import EMPTY_COMMENTS, PageWriter
from distreamer.media.vorbis_comment import title_of
from tests.support.ogg_samples import BEGINS, CONTINUED, page


def test_pages_are_those_made_by_hand() -> None:
    writer = PageWriter(7)
    big = bytes(255 * 255 + 10)
    assert writer.pages([b"head"], 0) == page([b"head"], flags=BEGINS)
    assert writer.pages([b"one", bytes(255), b""], 960) == page([b"one", bytes(255), b""], sequence=1, granule=960)
    assert writer.pages([big, b"x"], 0) == page(
        [big[: 255 * 255]], sequence=2, granule=NO_GRANULE, open_end=True
    ) + page([big[255 * 255 :], b"x"], sequence=3, flags=CONTINUED)


@given(st.lists(st.integers(0, 1000) | st.integers(60_000, 140_000), max_size=8), st.integers(0, 1 << 40))
def test_packets_come_out_as_they_went_in(sizes: list[int], granule: int) -> None:
    packets = [bytes([index]) * size for index, size in enumerate(sizes)]
    pages = PageReader().feed(PageWriter(1).pages(packets, granule))
    found, partial = [], b""
    for number, written in enumerate(pages):
        assert written.sequence == number
        assert written.continued == bool(partial)
        parts = list(written.packets())
        assert written.granule == (granule if any(part.ends for part in parts) else NO_GRANULE)
        for part in parts:
            partial += part.data
            if part.ends:
                found.append(partial)
                partial = b""
    assert found == packets


def test_the_sequence_goes_round() -> None:
    writer = PageWriter(1)
    writer._sequence = 0xFFFFFFFF
    first, second = PageReader().feed(writer.pages([b"a"], 1) + writer.pages([b"b"], 2))
    assert (first.sequence, second.sequence) == (0xFFFFFFFF, 0)


def test_empty_comments_have_no_title() -> None:
    assert title_of(EMPTY_COMMENTS) is None
