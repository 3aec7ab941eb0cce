"""Bodies in chunks and bodies with a length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.outputs.framed_body import ChunkedBody, MeasuredBody, framed
from distreamer.protocol.player_habits import Framing
from tests.support.chunked import unchunked


class Wire:
    """Keeps what is written; fails when something comes behind the end."""

    def __init__(self) -> None:
        self.data = b""
        self.is_closed = self.is_aborted = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.data += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_aborted = True


@given(st.lists(st.binary(max_size=70_000), max_size=8))
def test_chunks_are_those_of_http(writes: list[bytes]) -> None:
    wire = Wire()
    body = ChunkedBody(wire)
    for data in writes:
        body.write(data)
    assert unchunked(wire.data) == (b"".join(writes), False)
    body.close()
    body.close()
    assert unchunked(wire.data) == (b"".join(writes), True)
    assert wire.data.endswith(b"0\r\n\r\n")
    assert wire.is_closed


@given(st.lists(st.binary(max_size=50), max_size=10), st.integers(1, 100))
def test_a_length_is_kept(writes: list[bytes], size: int) -> None:
    wire = Wire()
    body = MeasuredBody(wire, size)
    for data in writes:
        body.write(data)
    assert wire.data == b"".join(writes)[:size]
    assert wire.is_closed is (len(b"".join(writes)) >= size)


@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.LENGTH])
def test_what_is_broken_off_is_not_ended(framing: Framing) -> None:
    wire = Wire()
    framed(wire, framing).abort()
    assert (wire.data, wire.is_aborted) == (b"", True)


def test_ordinary_players_have_nothing_in_between() -> None:
    wire = Wire()
    assert framed(wire, Framing.NONE) is wire
