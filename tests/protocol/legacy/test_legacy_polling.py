"""Requests, answers and schedules of the polling wires."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import Headers
from distreamer.protocol.legacy.answer_reader import AnswerReader, WholeAnswer
from distreamer.protocol.legacy.listing import NO_STREAM, Listing, encode_listing, parse_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.polling import (
    WRONG_PASSWORD,
    Answer,
    Push,
    answer_get,
    answer_held_list,
    get_request,
    read_push,
    read_target,
    stats_body,
    take_push,
)
from distreamer.protocol.legacy.renderer import Rendering
from distreamer.protocol.legacy.schedules import (
    AskFragment,
    AskList,
    PasswordRefusedError,
    PullRequest,
    PullSchedule,
    PushFragment,
    PushList,
    PushSchedule,
)
from tests.protocol.legacy.reception import Received
from tests.support.splitting import every_split


def store(*numbers: int, sourcegen: int = 1) -> Rendering:
    listing = Listing(fragmentslist=numbers, icyint=0, sourcegen=sourcegen)
    return Rendering(listing, {number: b"<%d>" % number for number in numbers}, b"", encode_listing(listing))


# -- answers


@pytest.mark.parametrize(
    ("target", "name", "password", "number"),
    [
        (b"/list", "list", b"", None),
        (b"/list/p/w", "list", b"p/w", None),
        (b"/8/pw", "8", b"pw", 8),
        (b"/-8", "-8", b"", None),
        (b"/" + b"9" * 17, "9" * 17, b"", None),
        ("/²".encode("latin-1"), "²", b"", None),
        (b"", "", b"", None),
    ],
)
def test_targets_are_read(target: bytes, name: str, password: bytes, number: int | None) -> None:
    subject = read_target(target)
    assert (subject.name, subject.password, subject.number) == (name, password, number)


def test_what_is_not_there_is_404_and_echoes_nothing_harmful() -> None:
    assert answer_get(read_target(b"/9"), store(8)) == Answer(404, b"Invalid fragment 9")
    assert answer_get(read_target(b"/<script>"), store(8)).body == b"Invalid fragment ?script?"
    parser = FragmentParser(list_closes_round=False)
    assert answer_held_list(read_target(b"/9"), parser) == Answer(404, b"Invalid request: 9")


def test_head_is_answered_like_get_without_a_body() -> None:
    answer = answer_get(read_target(b"/8"), store(8))
    assert answer.encode("GET") == b"HTTP/1.0 200 OK\r\nServer: DiStreamer\r\nContent-Length: 3\r\n\r\n<8>"
    assert answer.encode("HEAD") == b"HTTP/1.0 200 OK\r\nServer: DiStreamer\r\nContent-Length: 3\r\n\r\n"
    assert WRONG_PASSWORD.encode() == b"HTTP/1.0 403 Forbidden\r\nServer: DiStreamer\r\n\r\nInvalid password"


@pytest.mark.parametrize(
    ("target", "length", "status"),
    [
        (b"/x", "5", 404),
        (b"/0", "5", 404),
        (b"/8", "", 411),
        (b"/8", "-5", 411),
        (b"/8", "4194305", 413),
        (b"/8", "2147483648", 413),
        (b"/8", "9" * 400, 413),
        (b"/list", "262145", 413),
    ],
)
def test_a_body_that_is_too_long_need_not_come(target: bytes, length: str, status: int) -> None:
    answer = read_push(read_target(target), Headers([("Content-Length", length)] if length else []))
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert len(answer.encode()) < 300


def test_a_body_that_is_not_whole_is_500() -> None:
    parser = FragmentParser(list_closes_round=False)
    push = read_push(read_target(b"/8"), Headers([("Content-Length", "5")]))
    assert push == Push(8, 5)
    assert take_push(push, b"1234", parser) == Answer(500, b"Incomplete read")
    assert parser.holdings == ()


def test_statistics() -> None:
    assert stats_body(1, (8, 9, 10)) == b'{"connectedClients": 1, "fragmentsList": [8, 9, 10]}'


@pytest.mark.parametrize("split", every_split(answer_get(read_target(b"/8"), store(8)).encode()), ids=str)
def test_answers_are_read(split: list[bytes]) -> None:
    reader = AnswerReader()
    found = [answer for piece in split if (answer := reader.receive_data(piece))]
    assert found == [WholeAnswer(200, b"<8>")]


def test_answers_without_a_length_end_with_the_connection() -> None:
    reader = AnswerReader()
    assert reader.receive_data(b"HTTP/1.0 200 OK\r\nServer: DiStreamer\r\n\r\nOK") is None
    assert reader.receive_eof() == WholeAnswer(200, b"OK")


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 2147483648\r\n\r\n",
            "is announced with 2147483648 bytes; the limit is 4194304",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\n" + bytes(4_194_305), "has 4194305 bytes; the limit is 4194304"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n1234", "not whole"),
        (b"pw\r\n", "no HTTP answer"),
        (b"HTTP/1.0 200", "in the middle of the head"),
    ],
)
def test_answers_that_cannot_be_used_are_told(wire: bytes, words: str) -> None:
    def read() -> None:
        reader = AnswerReader()
        reader.receive_data(wire)
        reader.receive_eof()

    with pytest.raises(ProtocolError, match=words):
        read()


def test_requests_carry_path_and_password() -> None:
    assert get_request("h:1", "/studio", 8, "pw").startswith(b"GET /studio/8/pw HTTP/1.1\r\n")
    assert get_request("h:1", "", "list", "").startswith(b"GET /list HTTP/1.1\r\n")
    with pytest.raises(ProtocolError, match="spaces"):
        get_request("h:1", "", "list", "a b")


# -- the puller


def pull(
    schedule: PullSchedule, rendering: Rendering, now: float, gone: frozenset[int] = frozenset()
) -> list[PullRequest]:
    """Lets a server answer until there is nothing to ask at ``now``."""
    asked: list[PullRequest] = []
    while (request := schedule.next_request(now)) is not None:
        asked.append(request)
        assert len(asked) < 50
        if isinstance(request, AskList):
            schedule.answered(request, 200, rendering.encoded_listing, now)
        elif request.number in gone:
            schedule.answered(request, 404, b"", now)
        else:
            schedule.answered(request, 200, rendering.fragments[request.number], now)
    return asked


def test_the_puller_fetches_what_it_lacks_every_interval() -> None:
    parser = FragmentParser(list_closes_round=False)
    schedule = PullSchedule(parser, 100.0)
    assert pull(schedule, store(8, 9), 100.0) == [AskList(), AskFragment(8), AskFragment(9)]
    assert bytes(Received().take(parser).audio) == b"<8><9>"
    assert schedule.due_at == 103.0
    assert pull(schedule, store(9, 10), 102.9) == []
    assert pull(schedule, store(9, 10), 103.0) == [AskList(), AskFragment(10)]
    assert bytes(Received().take(parser).audio) == b"<10>"


def test_the_puller_asks_for_a_newer_list_when_a_fragment_is_gone() -> None:
    parser, received = FragmentParser(list_closes_round=False), Received()
    schedule = PullSchedule(parser, 0.0)
    assert pull(schedule, store(8, 9), 0.0, frozenset({8})) == [AskList(), AskFragment(8)]
    assert schedule.due_at == 0.5
    assert pull(schedule, store(8, 9), 0.5, frozenset({8})) == [AskList(), AskFragment(9)]
    assert bytes(received.take(parser).audio) == b"<9>"
    assert schedule.due_at == 3.5


def test_the_puller_begins_anew_after_a_failure() -> None:
    schedule = PullSchedule(FragmentParser(list_closes_round=False), 0.0)
    request = schedule.next_request(0.0)
    assert request == AskList()
    schedule.answered(AskList(), 200, store(8).encoded_listing, 0.0)
    assert schedule.next_request(0.1) == AskFragment(8)
    schedule.failed(5.0)
    assert schedule.next_request(5.0) == AskList()


def test_the_puller_asks_for_nothing_while_there_is_no_stream() -> None:
    schedule = PullSchedule(FragmentParser(list_closes_round=False), 0.0)
    schedule.answered(AskList(), 200, encode_listing(NO_STREAM), 0.0)
    assert schedule.next_request(0.0) is None


@pytest.mark.parametrize("request_", [AskList(), AskFragment(8)])
def test_refusals_are_told(request_: PullRequest) -> None:
    schedule = PullSchedule(FragmentParser(list_closes_round=False), 0.0)
    with pytest.raises(PasswordRefusedError):
        schedule.answered(request_, 403, b"Invalid password", 0.0)
    with pytest.raises(ProtocolError, match="was answered with status 403: '<html>Your password") as refused:
        schedule.answered(request_, 403, b"<html>Your password, please</html>", 0.0)
    assert not isinstance(refused.value, PasswordRefusedError)
    with pytest.raises(ProtocolError, match="was answered with status 500: 'no'"):
        schedule.answered(request_, 500, b"no", 0.0)


# -- the pusher


class PushedReceiver:
    """Our receiver behind the requests of a pusher."""

    def __init__(self) -> None:
        self.parser = FragmentParser(list_closes_round=False)
        self.received = Received()
        self.requests: list[object] = []

    def push(self, schedule: PushSchedule, rendering: Rendering, now: float) -> list[object]:
        """What was sent until there was nothing to send at ``now``: numbers, ``ask`` and ``list``."""
        sent: list[object] = []
        while (request := schedule.next_request(rendering, now)) is not None:
            assert len(sent) < 50
            body = b"OK"
            if isinstance(request, PushFragment):
                sent.append(request.number)
                assert take_push(Push(request.number, len(request.data)), request.data, self.parser).status == 200
            elif isinstance(request, PushList):
                sent.append("list")
                assert take_push(Push(None, len(request.encoded)), request.encoded, self.parser).status == 200
            else:
                sent.append("ask")
                body = answer_held_list(read_target(b"/list"), self.parser).body
            self.received.take(self.parser)
            schedule.answered(request, 200, body, rendering, now)
        return sent


def test_the_pusher_sends_what_the_receiver_lacks_and_then_the_list() -> None:
    far, schedule = PushedReceiver(), PushSchedule(0.0)
    assert far.push(schedule, Rendering(), 0.0) == []
    assert far.push(schedule, store(8, 9), 0.0) == ["ask", 8, 9, "list"]
    assert far.push(schedule, store(9, 10), 2.9) == []
    assert far.push(schedule, store(9, 10), 3.0) == ["ask", 10, "list"]
    assert far.push(schedule, store(9, 10), 6.0) == ["ask", "list"]
    assert bytes(far.received.audio) == b"<8><9><10>"


def test_the_pusher_sends_the_list_first_when_the_expected_fragment_is_gone() -> None:
    far, schedule = PushedReceiver(), PushSchedule(0.0)
    far.push(schedule, store(8, 9), 0.0)
    assert far.push(schedule, store(12, 13), 3.0) == ["ask", "list", 12, 13]
    assert far.received.gaps == [(6, 2)]


def test_the_pusher_sends_another_generation_whole() -> None:
    far, schedule = PushedReceiver(), PushSchedule(0.0)
    far.push(schedule, store(1, 2, 3), 0.0)
    assert far.push(schedule, store(1, 2, 3, sourcegen=2), 3.0) == ["ask", "list", 1, 2, 3]
    assert [place for place, _ in far.received.sources] == [0, 9]
    assert bytes(far.received.audio) == b"<1><2><3>" * 2


def test_the_pusher_begins_anew_when_the_generation_changes_inside_a_round() -> None:
    schedule = PushSchedule(0.0)
    schedule.answered(AskList(), 200, encode_listing(NO_STREAM), store(1, 2), 0.0)
    assert schedule.next_request(store(1, 2), 0.0) == PushFragment(1, b"<1>")
    assert schedule.next_request(store(3, sourcegen=2), 0.0) == AskList()


def test_what_the_receiver_refuses_is_told() -> None:
    schedule = PushSchedule(0.0)
    with pytest.raises(PasswordRefusedError):
        schedule.answered(AskList(), 403, b"Invalid password", store(1), 0.0)
    with pytest.raises(ProtocolError, match="the list was answered with status 403: ''") as refused:
        schedule.answered(AskList(), 403, b"", store(1), 0.0)
    assert not isinstance(refused.value, PasswordRefusedError)
    with pytest.raises(ProtocolError, match="the request for taking fragment 1 was answered with status 500"):
        schedule.answered(PushFragment(1, b"x"), 500, b"Incomplete read", store(1), 0.0)
    with pytest.raises(ProtocolError, match="the list cannot be read"):
        schedule.answered(AskList(), 200, b"<html>", store(1), 0.0)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()), min_size=1, max_size=12))
def test_whatever_the_pusher_has_the_far_end_has_it_after_two_rounds(
    steps: list[tuple[int, int, bool]],
) -> None:
    far, schedule = PushedReceiver(), PushSchedule(0.0)
    first, last, sourcegen, now = 1, 1, 1, 0.0
    for forward, count, restarts in steps:
        if restarts:
            sourcegen, first, last = sourcegen + 1, 1, count
        else:
            last += forward
            first = max(first, last - count)
        rendering = store(*range(first, last + 1), sourcegen=sourcegen)
        for _ in range(2):
            far.push(schedule, rendering, now)
            now += 3.0
        assert far.parser.holdings == rendering.listing.fragmentslist
        assert parse_listing(answer_held_list(read_target(b"/list"), far.parser).body) == rendering.listing
        assert far.received.audio.endswith(b"<%d>" % last)
