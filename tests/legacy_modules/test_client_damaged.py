"""A DiStreamerClient whose server answers what was recorded, damaged once; the next answers make it good."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, DiStreamerError, PeerError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.protocol.legacy import limits
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.damaged_messages import CONTRADICTING_LISTS, DAMAGED_LISTS, cases
from tests.support.input_context import input_context
from tests.support.legacy_wire import read_http, read_list, read_request
from tests.support.memory_peers import MemoryPeers, not_native, running
from tests.support.module_table import DAMAGED, DISTREAMER_CLIENT, proves
from tests.support.recorded_programme import EVERY_FRAME, assert_all_but, recorded_programme
from tests.support.virtual_time import virtual_time

pytestmark = proves(DISTREAMER_CLIENT, DAMAGED)
PROGRAMME = recorded_programme("poll").until(18)
SECONDS = 200
"""A bound of virtual time."""
LISTS = [one.server for one in connections("poll") if "list" in one.request_line][1:4]
"""The answers that name fragments 9 to 13, 12 to 16 and 14 to 18."""
DAMAGED_LIST = 1
"""The index of the second. The newest fragment in it is damaged too."""
DAMAGED_FRAGMENT = 16
Damage = Callable[[bytes], bytes]


class Server:
    """Answers as the recorded server; one list or fragment is damaged once."""

    def __init__(self, subject: str, damage: Damage) -> None:
        self.at_end = asyncio.Event()
        self._damages = {subject: damage}
        self._lists = 0

    async def serve(self, stream: MemoryStream) -> None:
        request = await read_request(stream)
        asked = re.match(rb"GET /(list|[0-9]+)/pw HTTP/1.1\r\n", request)
        assert asked
        subject = asked[1].decode()
        if subject == "list" and self._lists == len(LISTS):
            self.at_end.set()
            await stream.read()
            return
        answer = LISTS[self._lists] if subject == "list" else fragment_answer(int(subject))
        name = f"list {self._lists}" if subject == "list" else subject
        if damage := self._damages.pop(name, None):
            answer = damage(answer)
            # The same list is there when it is asked for again.
            self._lists -= subject != "list"
        elif subject == "list":
            self._lists += 1
        await stream.write(answer)


def fragment_answer(number: int) -> bytes:
    """As it was recorded."""
    return next(one.server for one in connections("poll") if one.request_line == f"GET /{number}/pw")


async def errors_of(subject: str, damage: Damage) -> tuple[list[DiStreamerError], Store]:
    """How often and how the client fails that meets this damage, and what it has in the end."""
    server = Server(subject, damage)
    context = input_context(EVERY_FRAME)
    async with MemoryPeers(server.serve) as peers:
        made = DiStreamerClientSettings(serverurl="http://far:1", password=PASSWORD)
        async with running(DiStreamerClient(made, context, not_native, peers.dial)) as errors:
            await server.at_end.wait()
    return errors, context.store


@settings(deadline=None, max_examples=30)
@given(
    subject=st.sampled_from([f"list {DAMAGED_LIST}", "9", "13", str(DAMAGED_FRAGMENT), "18"]),
    place=st.integers(0, 500) | st.integers(0, 16_521),
)
def test_wherever_an_answer_is_cut_it_is_asked_for_again_and_nothing_is_lost(subject: str, place: int) -> None:
    @virtual_time(seconds_limit=SECONDS)
    async def story() -> None:
        errors, store = await errors_of(subject, lambda answer: answer[: min(place, len(answer) - 1)])
        assert errors == []
        PROGRAMME.check(store)

    story()


def _length(value: bytes) -> Damage:
    return lambda answer: re.sub(rb"Content-Length: [0-9]+", b"Content-Length: " + value, answer)


def _all(answer: bytes) -> Damage:
    return lambda recorded: answer


DAMAGED_ANSWERS: dict[str, tuple[Damage, type[DiStreamerError], str]] = {
    "2 GB": (_length(b"2147483648"), PeerError, "is announced with 2147483648 bytes; the limit is 4194304"),
    "length of 500 digits": (_length(b"9" * 500), PeerError, "is announced with 9{30} bytes"),
    "no bytes": (_length(b"0"), PeerError, "fragment 16 has 0 bytes|the list cannot be read"),
    "server error": (_all(b"HTTP/1.0 500 Error\r\n\r\n"), PeerError, "answered with status 500"),
    "elsewhere": (_all(b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n"), PeerError, "answered with status 302"),
    "refused": (_all(b"HTTP/1.0 403 Forbidden\r\n\r\nInvalid password"), AuthenticationError, "PASSWORD"),
    "no HTTP": (_all(b"\x16\x03\x01\x02\x00" * 100), PeerError, "this is no HTTP answer"),
    "endless head": (lambda answer: answer.replace(b"\r\n", b"\r\nX: " + b"x" * 200_000, 1), PeerError, "limit|long"),
    "broken chunks": (_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx"), PeerError, "chunks"),
}
"""What comes instead of a list or of a fragment, and what is said about it."""


@pytest.mark.parametrize("subject", [f"list {DAMAGED_LIST}", str(DAMAGED_FRAGMENT)])
@cases(DAMAGED_ANSWERS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_answer_is_told_and_nothing_is_lost_by_it(
    case: tuple[Damage, type[DiStreamerError], str], subject: str
) -> None:
    damage, kind, words = case
    [error], store = await errors_of(subject, damage)
    assert type(error) is kind
    assert re.search(f"^far:1: .*{words}", str(error))
    PROGRAMME.check(store)


@pytest.mark.parametrize("subject", [f"list {DAMAGED_LIST}", str(DAMAGED_FRAGMENT)])
@pytest.mark.parametrize("value", [b"-5", b"many", b"1e3", b"0x10", b""])
@virtual_time(seconds_limit=SECONDS)
async def test_a_length_that_is_no_number_is_not_looked_at(value: bytes, subject: str) -> None:
    errors, store = await errors_of(subject, _length(value))
    assert errors == []
    PROGRAMME.check(store)


@virtual_time(seconds_limit=SECONDS)
async def test_a_fragment_that_is_announced_too_short_loses_no_more_than_itself() -> None:
    errors, store = await errors_of("13", _length(b"16383"))
    assert errors == []
    assert_all_but(store, PROGRAMME, 13)


@virtual_time(seconds_limit=SECONDS)
async def test_a_fragment_that_is_gone_loses_no_more_than_itself() -> None:
    errors, store = await errors_of("16", _all(connections("poll")[1].server))
    assert errors == []
    assert_all_but(store, PROGRAMME, 16)


def _list_as(change: Callable[[dict[str, Any]], bytes]) -> Damage:
    def damage(answer: bytes) -> bytes:
        content = change(read_list(read_http(answer).body))
        return b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)

    return damage


@cases(DAMAGED_LISTS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_list_is_told_and_nothing_is_lost_by_it(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    change, words = case
    [error], store = await errors_of(f"list {DAMAGED_LIST}", _list_as(change))
    assert type(error) is PeerError
    assert re.search(f"^far:1: .*{words}", str(error))
    PROGRAMME.check(store)


@cases(CONTRADICTING_LISTS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_fragment_that_its_list_contradicts_is_left_out_and_all_others_are_kept(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    change, words = case
    [error], store = await errors_of(f"list {DAMAGED_LIST}", _list_as(change))
    assert re.search(f"^far:1: .*{words}", str(error))
    assert_all_but(store, PROGRAMME, DAMAGED_FRAGMENT)


@virtual_time(seconds_limit=SECONDS)
async def test_of_an_answer_without_an_end_no_more_is_taken_than_the_limit() -> None:
    sent = 0

    async def flood(stream: MemoryStream) -> None:
        nonlocal sent
        await read_request(stream)
        await stream.write(b"HTTP/1.0 200 OK\r\n\r\n")
        for _ in range(1_000):
            await stream.write(bytes(100_000))
            sent += 100_000

    async with MemoryPeers(flood) as peers:
        made = DiStreamerClientSettings(serverurl="http://far:1")
        with pytest.raises(PeerError, match=f"the limit is {limits.FRAGMENT_BYTES}"):
            await DiStreamerClient(made, input_context(), not_native, peers.dial).run()
    # What is on its way is taken by nobody: 64 kB there, and as many in one read.
    assert sent <= limits.FRAGMENT_BYTES + 2 * 65_536 + 100_000
