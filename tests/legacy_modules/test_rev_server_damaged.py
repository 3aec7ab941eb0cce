"""A DiStreamerRevServer to which is pushed what was recorded, damaged; the next request makes it good."""

from __future__ import annotations

import logging
import re
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.protocol.legacy import limits
from tests.protocol.legacy.recordings import PASSWORD, Connection, connections
from tests.support.damaged_messages import CONTRADICTING_LISTS, DAMAGED_LISTS, cases
from tests.support.input_context import input_context
from tests.support.legacy_wire import read_http, read_list
from tests.support.listening_modules import ask, exchange, listening
from tests.support.module_table import DAMAGED, DISTREAMER_REV_SERVER, proves
from tests.support.recorded_programme import EVERY_FRAME, assert_all_but, recorded_programme

pytestmark = proves(DISTREAMER_REV_SERVER, DAMAGED)
ROUNDS = [index for index, one in enumerate(connections("rev")) if one.request_line.startswith("POST /list")]
RECORDED = connections("rev")[: ROUNDS[2] + 1]
"""Three rounds; the second brings fragments 16 and 17."""
PROGRAMME = recorded_programme("rev").until(20)
PUSHED_FRAGMENT = next(one for one in RECORDED if one.request_line == "POST /17/pw")
PUSHED_LIST = RECORDED[ROUNDS[1]]
CUTS = (0, 1, 3, 5, 12, 14, 20, 80, 150, 180, 186, 187, 188, 189, 200, 400, 5_000, 16_000, 16_570, 16_571)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[int, Store]]:
    """The port of the module, and its store."""
    context = input_context(EVERY_FRAME)
    settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    async with listening(DiStreamerRevServer(settings, context)) as port:
        yield port, context.store


async def push(port: int, recorded: Connection) -> None:
    """It must be answered as it was."""
    answer, theirs = read_http(await exchange(port, recorded.client_pieces)), read_http(recorded.server)
    assert (answer.status, answer.body) == (theirs.status, theirs.body)


async def pushed(instead: Connection, damaged: bytes) -> tuple[int, bytes, Store]:
    """The recording is pushed, and before one of its requests a damaged form of it: status and body of the answer to
    that, and what the module has in the end."""
    async with serving() as (port, store):
        for recorded in RECORDED:
            if recorded is instead:
                answer = await ask(port, [damaged])
            await push(port, recorded)
    return answer.status, answer.body, store


async def test_wherever_a_request_is_cut_nothing_is_lost_and_nothing_comes_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as (port, store):
        for recorded in RECORDED:
            for place in CUTS:
                if place < len(recorded.client):
                    assert await exchange(port, [recorded.client[:place]], ends=True) == b""
            await push(port, recorded)
    PROGRAMME.check(store)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def _length(value: bytes) -> Callable[[bytes], bytes]:
    return lambda request: re.sub(rb"Content-Length: [0-9]+", b"Content-Length: " + value, request)


def _target(value: bytes) -> Callable[[bytes], bytes]:
    return lambda request: re.sub(rb"^POST /[a-z0-9]+/pw", b"POST /" + value + b"/pw", request)


DAMAGED_REQUESTS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "2 GB": (_length(b"2147483648"), 413),
    "one byte too many for us": (_length(b"4194305"), 413),
    "negative length": (_length(b"-5"), 400),
    "length in words": (_length(b"many"), 400),
    "length of 15 digits": (_length(b"9" * 15), 413),
    "length of 500 digits": (_length(b"9" * 500), 400),
    "no length and no body": (
        lambda request: re.sub(rb"Content-Length: [0-9]+\r\n", b"", request.partition(b"\r\n\r\n")[0]) + b"\r\n\r\n",
        411,
    ),
    "two lengths": (_length(b"5\r\nContent-Length: 6"), 400),
    "number 0": (_target(b"0"), 404),
    "negative number": (_target(b"-17"), 404),
    "number of 500 digits": (_target(b"9" * 500), 404),
    "no number": (_target(b"lists"), 404),
    "no name": (_target(b""), 404),
    "name of 100 kB": (_target(b"9" * 100_000), 400),
    "header of 100 kB": (lambda request: request.replace(b"\r\n", b"\r\nX: " + b"x" * 100_000, 1), 400),
    "unknown method": (lambda request: request.replace(b"POST", b"PUT", 1), 501),
    "no HTTP": (lambda request: b"\x17\x03\x01\x02\x00\r\n\r\n" + request, 400),
    "another password": (lambda request: request.replace(b"/pw ", b"/wp ", 1), 403),
}


@pytest.mark.parametrize("instead", [PUSHED_FRAGMENT, PUSHED_LIST], ids=["fragment", "list"])
@cases(DAMAGED_REQUESTS)
async def test_a_damaged_request_is_refused_and_nothing_is_lost_by_it(
    case: tuple[Callable[[bytes], bytes], int], instead: Connection
) -> None:
    damage, status = case
    came, _, store = await pushed(instead, damage(instead.client))
    assert came == status
    PROGRAMME.check(store)


async def test_a_fragment_that_is_pushed_too_short_is_replaced_when_it_comes_again() -> None:
    status, body, store = await pushed(PUSHED_FRAGMENT, _length(b"16383")(PUSHED_FRAGMENT.client)[:-1])
    assert (status, body) == (200, b"OK")
    PROGRAMME.check(store)


async def test_an_empty_fragment_is_refused() -> None:
    status, body, store = await pushed(
        PUSHED_FRAGMENT, b"POST /17/pw HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n"
    )
    assert (status, body) == (400, b"fragment 17 has 0 bytes; it must have between 1 and 4194304")
    PROGRAMME.check(store)


def list_request(content: bytes) -> bytes:
    return b"POST /list/pw HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)


@cases(DAMAGED_LISTS)
async def test_a_damaged_list_is_refused_and_nothing_is_lost_by_it(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    change, words = case
    content = change(read_list(PUSHED_LIST.pushed))
    status, body, store = await pushed(PUSHED_LIST, list_request(content))
    assert status == (413 if len(content) > limits.LIST_BYTES else 400)
    assert re.search(words, body.decode())
    PROGRAMME.check(store)


@cases(CONTRADICTING_LISTS)
async def test_a_fragment_that_its_list_contradicts_is_left_out_and_all_others_are_kept(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    change, words = case
    status, body, store = await pushed(PUSHED_LIST, list_request(change(read_list(PUSHED_LIST.pushed))))
    assert status == 400
    assert re.search(words, body.decode())
    assert_all_but(store, PROGRAMME, 17)


async def test_fragments_that_no_list_ever_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELD_BYTES", 2_000_000)
    data = bytes(100_000)
    async with serving() as (port, store):
        tracemalloc.start()
        try:
            for number in range(101, 201):
                head = b"POST /%d/pw HTTP/1.1\r\nHost: here\r\nContent-Length: 100000\r\n\r\n" % number
                assert (await ask(port, [head, data])).body == b"OK"
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        held = read_list(read_http(await exchange(port, RECORDED[0].client_pieces)).body)["fragmentslist"]
        assert held == list(range(181, 201))
        assert most < 6_000_000
        # The recorded sender's list names none of them.
        for recorded in RECORDED[1:]:
            await push(port, recorded)
    PROGRAMME.check(store)
