"""Pages of one Ogg stream behind those of another that holds the same."""

from __future__ import annotations

import pytest

from distreamer.media.ogg_pages import PageReader, with_label
from distreamer.media.ogg_relabel import SEQUENCES, relabel
from tests.support.audio_samples import encoded
from tests.support.ogg_samples import BEGINS, opus_headers, page, split_pages

CLIP = encoded("vorbis", seconds=4, container_options=(("page_duration", "200000"),))
PAGES = split_pages(CLIP)
HEADERS, AUDIO = b"".join(PAGES[:2]), PAGES[2:]


def relabelled(data: bytes, serial: int, shift: int) -> bytes:
    """As another server counts."""
    pages = PageReader().feed(data)
    return b"".join(with_label(one.data, serial, (one.sequence + shift) % SEQUENCES) for one in pages)


@pytest.mark.parametrize("shift", [-2, 0, 1000, SEQUENCES - 10])
@pytest.mark.parametrize("serial", [0, 77, SEQUENCES - 1])
def test_they_go_on_as_the_others_would_have(serial: int, shift: int) -> None:
    headers, after = relabelled(HEADERS, serial, 0), relabelled(b"".join(AUDIO[9:]), serial, shift)
    found = relabel(b"".join(AUDIO[:9]), HEADERS, after, headers)
    assert found is not None
    assert (found.setup, found.new_setup) == (headers, HEADERS)
    assert found.pages(after) == b"".join(AUDIO[9:])


def test_numbers_begin_again_behind_the_last_one() -> None:
    before = with_label(AUDIO[0], 5, SEQUENCES - 1)
    found = relabel(before, HEADERS, AUDIO[1], HEADERS)
    assert found is not None
    assert [(one.serial, one.sequence) for one in PageReader().feed(found.pages(AUDIO[1] + AUDIO[2]))] == [
        (5, 0),
        (5, 1),
    ]


def test_what_follows_by_itself_is_left_alone() -> None:
    assert relabel(AUDIO[0], HEADERS, AUDIO[1], HEADERS) is None


def test_comments_may_differ() -> None:
    first, second = opus_headers("TITLE=One"), opus_headers("TITLE=Two", serial=8)
    found = relabel(page([b"a"], sequence=9), first, page([b"b"], serial=8, sequence=2), second)
    assert found is not None
    assert found.new_setup == first


@pytest.mark.parametrize(
    ("before", "setup", "after", "new_setup"),
    [
        (AUDIO[0], HEADERS, page([b"b"], serial=8), opus_headers(serial=8)),
        (AUDIO[0], HEADERS, AUDIO[5], page([b"\x80theora"], flags=BEGINS, serial=1) + HEADERS),
        (AUDIO[0], b"", AUDIO[5], b"no headers"),
        (b"no page", HEADERS, AUDIO[5], HEADERS),
        (AUDIO[0], HEADERS, b"", HEADERS),
    ],
    ids=["other codec", "several streams", "no headers", "no page before", "nothing behind"],
)
def test_what_cannot_follow_is_left_alone(before: bytes, setup: bytes, after: bytes, new_setup: bytes) -> None:
    assert relabel(before, setup, after, new_setup) is None
