"""Messages and opening lines of the persistent wires, and what hostile peers make of them."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.legacy import limits
from distreamer.protocol.legacy.listing import Listing, encode_listing
from distreamer.protocol.legacy.persistent import (
    ErrorMessage,
    LineReader,
    ListMessage,
    MessageReader,
    NumberedFragment,
    OggHeader,
    PersistentMessage,
    Refused,
    accepting_line,
    opening_request,
    password_line,
    read_answer,
    read_opening,
    refusing_line,
)
from distreamer.protocol.legacy.renderer import Rendering
from distreamer.protocol.legacy.rounds import RoundWriter, message
from tests.protocol.legacy.recordings import connections
from tests.support.splitting import every_split

LISTING = Listing(fragmentslist=(8, 9), icyint=0, sourcegen=1)
WIRE = (
    message(b"oggheader", b"")
    + message(b"8", b"8|8\r\n|\r\n")
    + message(b"hello", b"not known")
    + message(b"list", encode_listing(LISTING))
    + b"9|1\nx\r\n"
    + message(b"err", b"Password incorrect")
)
SAID = [OggHeader(b""), NumberedFragment(8, b"8|8\r\n|\r\n"), ListMessage(LISTING), NumberedFragment(9, b"x")]
SAID_LAST = ErrorMessage("Password incorrect")


def read_all(reader: MessageReader) -> list[PersistentMessage]:
    found = []
    while (item := reader.next_message()) is not None:
        found.append(item)
    return found


@pytest.mark.parametrize("split", every_split(WIRE), ids=str)
def test_messages_are_read(split: list[bytes]) -> None:
    reader = MessageReader()
    found: list[PersistentMessage] = []
    for piece in split:
        reader.receive_data(piece)
        found += read_all(reader)
    assert found == [*SAID, SAID_LAST]
    assert reader.is_between_messages


@pytest.mark.parametrize("end", range(1, len(WIRE), 7))
def test_what_is_cut_off_loses_nothing_before(end: int) -> None:
    reader = MessageReader()
    reader.receive_data(WIRE[:end])
    found = read_all(reader)
    assert found == [*SAID, SAID_LAST][: len(found)]
    reader.receive_data(WIRE[end:])
    assert found + read_all(reader) == [*SAID, SAID_LAST]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"8|2147483648\r\n", "'8' is announced with 2147483648 bytes; it must have between 1 and 4194304"),
        (b"8|-1\r\n", "announced with -1 bytes"),
        (b"8|0\r\n", "announced with 0 bytes"),
        (b"list|262145\r\n", "'list' is announced with 262145 bytes; it must have between 0 and 262144"),
        (b"oggheader|1048577\r\n", "between 0 and 1048576"),
        (b"err|2000000000\r\n", "between 0 and 1024"),
        (b"unknown|1025\r\n", "between 0 and 1024"),
        (b"-8|5\r\n", "fragment number '-8'; it must lie between 1 and 9007199254740991"),
        (b"0|5\r\n", "fragment number '0'"),
        (b"9007199254740992|5\r\n", "fragment number '9007199254740992'"),
        (b"8|" + b"9" * 17 + b"\r\n", "this begins no message"),
        (b"8\r\n", "this begins no message: '8'"),
        (b"\r\n", "this begins no message: ''"),
        (b"|5\r\n", "this begins no message"),
        (b"HTTP/1.1 400 Bad Request\r\n", "this begins no message"),
        (b"x" * 1_024, "no message begins within 1024 bytes"),
        (b"8|5\r\n1234567", "'8' should end behind its 5 bytes; '67' stands there"),
        (b"list|2\r\n[]\r\n", "the list cannot be read"),
    ],
)
def test_what_breaks_the_rules_is_refused_at_once_and_loses_nothing_before(data: bytes, words: str) -> None:
    reader = MessageReader()
    reader.receive_data(message(b"7", b"x") + data)
    assert reader.next_message() == NumberedFragment(7, b"x")
    with pytest.raises(ProtocolError, match=words):
        reader.next_message()


def test_what_is_announced_takes_no_memory_before_it_comes() -> None:
    tracemalloc.start()
    try:
        reader = MessageReader()
        reader.receive_data(b"8|4194304\r\n")
        assert reader.next_message() is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_damaged_recordings_meet_only_protocol_errors(data: st.DataObject) -> None:
    wire = bytearray(connections("ogg-pers")[0].server[:40_000])
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1) | st.integers(0, 20))] = data.draw(st.integers(0, 255))
    reader = MessageReader()
    with suppress(ProtocolError):
        for start in range(0, len(wire), 8_192):
            reader.receive_data(bytes(wire[start : start + 8_192]))
            for item in read_all(reader):
                assert not isinstance(item, NumberedFragment) or len(item.data) <= limits.FRAGMENT_BYTES


def test_the_opening_says_password_and_holdings() -> None:
    request = opening_request("", "pw", (8, 9, 10))
    assert request == b"GET /pw/8/9/10 HTTP/1.1\r\n\r\n"
    opening = read_opening(request.split()[1])
    assert (opening.password, opening.holdings) == (b"pw", (8, 9, 10))
    assert opening_request("/studio", "", ()) == b"GET /studio// HTTP/1.1\r\n\r\n"
    assert opening_request("", "pä", ()) == "GET /pä/ HTTP/1.1\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("target", "password", "holdings"),
    [
        (b"//8/9", b"", (8, 9)),
        (b"/", b"", ()),
        (b"", b"", ()),
        (b"/pw", b"pw", ()),
        (b"/pw/9/8/x/-1/8/", b"pw", (8, 9)),
        (b"/pw/" + b"9" * 40, b"pw", ()),
    ],
)
def test_any_target_is_read(target: bytes, password: bytes, holdings: tuple[int, ...]) -> None:
    opening = read_opening(target)
    assert (opening.password, opening.holdings) == (password, holdings)


@pytest.mark.parametrize("password", ["a b", "a\r\nGET", "a\x00", "a\u2028"])
def test_a_password_that_a_line_cannot_carry_is_refused(password: str) -> None:
    with pytest.raises(ProtocolError, match="spaces or control characters"):
        password_line(password)
    with pytest.raises(ProtocolError, match="spaces or control characters"):
        opening_request("", password, ())


def test_a_password_with_a_slash_cannot_be_in_the_opening() -> None:
    with pytest.raises(ProtocolError, match="slash"):
        opening_request("", "a/b", ())


def test_the_receiver_of_a_pusher_answers() -> None:
    assert accepting_line((8, 9)) == b"ok|8/9\r\n"
    assert read_answer(b"ok|8/9") == (8, 9)
    assert refusing_line("Invalid password") == b"err|Invalid password\r\n"
    assert read_answer(b"err|Invalid password") == Refused("Invalid password")
    for line in (b"", b"ok", b"HTTP/1.0 400"):
        with pytest.raises(ProtocolError, match="this is no answer to a password"):
            read_answer(line)


@pytest.mark.parametrize("split", every_split(b"pw\r\n8|1\r\nx\r\n"), ids=str)
def test_the_first_line_is_told_from_what_follows(split: list[bytes]) -> None:
    reader, line, rest = LineReader(), None, b""
    for piece in split:
        if line is None:
            line = reader.receive_data(piece)
            rest = reader.rest() if line is not None else b""
        else:
            rest += piece
    assert (line, rest) == (b"pw", b"8|1\r\nx\r\n")


def test_a_first_line_without_end_is_refused() -> None:
    with pytest.raises(ProtocolError, match="the first line is longer than 1024 bytes"):
        LineReader().receive_data(b"x" * 2_000)


# -- rounds


def store(*numbers: int, sourcegen: int = 1, ogg_header: bytes = b"") -> Rendering:
    listing = Listing(fragmentslist=numbers, icyint=0, sourcegen=sourcegen)
    return Rendering(listing, {number: b"%d" % number for number in numbers}, ogg_header, encode_listing(listing))


def heard(writer: RoundWriter, rendering: Rendering) -> list[object]:
    """A round as the receiver reads it: numbers, headers and ``list``."""
    reader = MessageReader()
    reader.receive_data(b"".join(writer.round(rendering)))
    names: list[object] = []
    for item in read_all(reader):
        if isinstance(item, NumberedFragment):
            names.append(item.number)
        else:
            names.append(item.data if isinstance(item, OggHeader) else "list")
    return names


def test_each_round_brings_what_is_new_and_the_list() -> None:
    writer = RoundWriter()
    assert heard(writer, Rendering()) == [b"", "list"]
    assert heard(writer, store(1, 2)) == [1, 2, "list"]
    assert heard(writer, store(1, 2)) == ["list"]
    assert heard(writer, store(2, 3)) == [3, "list"]
    assert heard(writer, store(6, 7)) == [6, 7, "list"]
    assert (writer.sent, writer.missed) == (5, 2)


def test_what_the_receiver_holds_is_not_sent() -> None:
    writer = RoundWriter(holdings=(1, 2, 4))
    assert heard(writer, store(2, 3, 4, 5)) == [b"", 3, 5, "list"]
    assert heard(writer, store(3, 4, 5, 6)) == [6, "list"]


def test_what_the_receiver_holds_of_another_stream_does_not_count() -> None:
    assert heard(RoundWriter(holdings=(2, 30)), store(1, 2)) == [b"", 1, 2, "list"]


def test_a_new_generation_is_sent_whole_with_its_header() -> None:
    writer = RoundWriter(holdings=(1,))
    assert heard(writer, store(1, 2, ogg_header=b"a")) == [b"a", 2, "list"]
    assert heard(writer, store(1, sourcegen=2, ogg_header=b"b")) == [b"b", 1, "list"]
