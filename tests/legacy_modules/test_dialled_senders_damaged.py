"""A DiStreamerServer and a DiStreamerPersServer that are asked what was recorded, damaged; good receivers are served
before and afterwards."""

from __future__ import annotations

import logging

import pytest

from distreamer.outputs.distreamer_pers_server import DiStreamerPersServer, DiStreamerPersServerSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.aligned_store import AlignedStore
from tests.support.legacy_wire import MessageSplitter, read_http, read_list
from tests.support.listening_modules import ask, connected, exchange, listening, until
from tests.support.module_table import DAMAGED, DISTREAMER_PERS_SERVER, DISTREAMER_SERVER, proves
from tests.support.recorded_programme import recorded_programme

NEWEST = 30
ASKED_LIST = connections("poll")[0].client
ASKED_FRAGMENT = next(one for one in connections("poll") if one.request_line == f"GET /{NEWEST}/pw").client
OPENING = connections("pers")[0].client


def polled_server() -> DiStreamerServer:
    aligned = AlignedStore(recorded_programme("poll"))
    aligned.fill(NEWEST)
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    return DiStreamerServer(settings, aligned.context())


async def check_polled(port: int) -> None:
    """A good receiver gets what the recorded one got."""
    listing = read_list(read_http(await exchange(port, [ASKED_LIST])).body)
    assert listing["fragmentslist"] == [26, 27, 28, 29, 30]
    assert read_http(await exchange(port, [ASKED_FRAGMENT])).body == recorded_programme("poll").fragments[NEWEST]


@proves(DISTREAMER_SERVER, DAMAGED)
async def test_wherever_a_polling_request_is_cut_it_gets_no_answer_and_the_next_one_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with listening(polled_server()) as port:
        for request in (ASKED_LIST, ASKED_FRAGMENT):
            for place in range(len(request)):
                assert await exchange(port, [request[:place]], ends=True) == b""
        await check_polled(port)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def target(name: bytes) -> bytes:
    return ASKED_FRAGMENT.replace(b"/30/", b"/" + name + b"/", 1)


DAMAGED_POLLS = {
    "number 0": (target(b"0"), {404}),
    "negative number": (target(b"-30"), {404}),
    "number of 2 GB": (target(b"2147483648"), {404}),
    "number of 500 digits": (target(b"3" * 500), {404}),
    "no number": (target(b"lists"), {404}),
    "no name": (target(b""), {404}),
    "bytes that are no text": (target(b"\xff\xfe"), {400, 404}),
    "name of 100 kB": (target(b"3" * 100_000), {400}),
    "header of 100 kB": (ASKED_LIST.replace(b"\r\n", b"\r\nX: " + b"x" * 100_000, 1), {400}),
    "header without end": (ASKED_LIST[:-2] + b"x" * 100_000 + b"\r\n\r\n", {400}),
    "negative length": (ASKED_LIST[:-2] + b"Content-Length: -5\r\n\r\n", {400}),
    "2 GB announced": (ASKED_LIST[:-2] + b"Content-Length: 2147483648\r\n\r\n", {200}),
    "unknown method": (ASKED_LIST.replace(b"GET", b"BREW", 1), {400, 501}),
    "no HTTP": (b"\x17\x03\x01\x02\x00\r\n\r\n", {400}),
    "another password": (ASKED_LIST.replace(b"/pw ", b"/wp ", 1), {403}),
    "a password of 8 kB": (ASKED_LIST.replace(b"/pw ", b"/" + b"p" * 8_000 + b" ", 1), {403}),
}
"""Requests, and how they are answered; where the library decides, in one of several ways."""


@proves(DISTREAMER_SERVER, DAMAGED)
@pytest.mark.parametrize(("request_bytes", "statuses"), DAMAGED_POLLS.values(), ids=DAMAGED_POLLS.keys())
async def test_a_damaged_polling_request_is_refused_and_the_next_one_is_not(
    request_bytes: bytes, statuses: set[int]
) -> None:
    async with listening(polled_server()) as port:
        await check_polled(port)
        assert (await ask(port, [request_bytes])).status in statuses
        await check_polled(port)


def persistent_server() -> DiStreamerPersServer:
    aligned = AlignedStore(recorded_programme("pers"))
    aligned.fill(34)
    settings = DiStreamerPersServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
    return DiStreamerPersServer(settings, aligned.context())


async def first_round(port: int, opening: bytes) -> list[str]:
    """The actions of the messages that come up to the first list."""
    async with connected(port) as (reader, writer):
        writer.write(opening)
        splitter, actions = MessageSplitter(), list[str]()
        while "list" not in actions:
            data = await reader.read(65_536)
            assert data
            actions += [message.action for message in splitter.feed(data)]
        return actions


ALL = ["oggheader", "30", "31", "32", "33", "34", "list"]


@proves(DISTREAMER_PERS_SERVER, DAMAGED)
async def test_wherever_an_opening_is_cut_nothing_is_sent_and_the_next_receiver_gets_everything() -> None:
    module = persistent_server()
    async with listening(module) as port:
        for place in range(len(OPENING)):
            assert await exchange(port, [OPENING[:place]], ends=True) == b""
        assert await first_round(port, OPENING) == ALL
        # Whoever is gone is noticed.
        await until(lambda: module.links() == ())


@proves(DISTREAMER_PERS_SERVER, DAMAGED)
@pytest.mark.parametrize(
    "opening",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n" * 40_000,
        b"GET /pw/" + b"9/" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /pw/ HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"x" * 200_000,
    ],
    ids=["TLS", "no target", "empty lines", "200 kB of numbers", "200 kB of header", "no line"],
)
async def test_what_is_no_opening_ends_only_its_own_connection(opening: bytes) -> None:
    async with listening(persistent_server()) as port:
        assert await exchange(port, [opening], ends=True) == b""
        assert await first_round(port, OPENING) == ALL


@proves(DISTREAMER_PERS_SERVER, DAMAGED)
@pytest.mark.parametrize(
    ("holdings", "actions"),
    [
        (b"30/31/32", ["oggheader", "33", "34", "list"]),
        (b"30/" + b"9" * 500, ["oggheader", "31", "32", "33", "34", "list"]),
        (b"-30/x/31.5//3\xb2/34", ["oggheader", "30", "31", "32", "33", "list"]),
        # Whoever holds what is still to come holds another stream.
        (b"30/31/2147483648", ALL),
        (b"/".join(b"%d" % number for number in range(1, 30)), ALL),
    ],
    ids=["recorded", "500 digits", "no numbers", "2 GB", "long ago"],
)
async def test_holdings_that_cannot_be_are_left_out(holdings: bytes, actions: list[str]) -> None:
    async with listening(persistent_server()) as port:
        assert await first_round(port, OPENING.replace(b"/pw/", b"/pw/" + holdings, 1)) == actions


@proves(DISTREAMER_PERS_SERVER, DAMAGED)
@pytest.mark.parametrize("password", [b"", b"PW", b"pw%20", b"p" * 1_000, b"\xff"])
async def test_an_opening_with_another_password_is_refused_in_words(password: bytes) -> None:
    async with listening(persistent_server()) as port:
        refused = await exchange(port, [OPENING.replace(b"/pw/", b"/" + password + b"/", 1)])
        assert refused == b"err|18\r\nPassword incorrect\r\n"
        assert await first_round(port, OPENING) == ALL
