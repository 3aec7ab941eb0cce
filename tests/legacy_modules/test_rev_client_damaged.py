"""A DiStreamerRevClient whose receiver answers what was recorded, damaged once; the next answers make it good."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import AuthenticationError, DiStreamerError, LinkError, PeerError
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.protocol.legacy import limits
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.aligned_store import AlignedStore
from tests.support.legacy_wire import read_http, read_list, read_request
from tests.support.memory_peers import MemoryPeers, not_native, running
from tests.support.module_table import DAMAGED, DISTREAMER_REV_CLIENT, proves
from tests.support.recorded_programme import recorded_programme
from tests.support.virtual_time import virtual_time

pytestmark = proves(DISTREAMER_REV_CLIENT, DAMAGED)
SECONDS = 200
"""A bound of virtual time."""
HELD_LIST, TAKEN = connections("rev")[0].server, connections("rev")[1].server
"""What an empty receiver says that is asked for its list, and what it says to a fragment or a list."""
LISTS = recorded_programme("rev").lists[:3]
"""What ends a test is that all three were pushed."""
FRAGMENTS = list(range(11, 21))
"""Those that they name."""


class Receiver:
    """Takes what is pushed as DiStreamer 2 does; its answer to one request is another, once."""

    def __init__(self, aligned: AlignedStore, request: int, answer: bytes) -> None:
        """``request`` is counted from 0."""
        self.at_end = asyncio.Event()
        self.taken: list[tuple[int, bytes]] = []
        """All fragments, as they came and were answered well."""
        self._held: set[int] = set()
        self._aligned = aligned
        self._lists = list(LISTS)
        self._listing = read_list(read_http(HELD_LIST).body)
        self._instead = {request: answer}
        self._requests = 0
        self._aligned.fill_for(self._lists[0])

    async def serve(self, stream: MemoryStream) -> None:
        request = read_http(await read_request(stream))
        method, target, _ = request.first_line.split(" ")
        subject, password = target.removeprefix("/").split("/")
        assert password == PASSWORD
        number, self._requests = self._requests, self._requests + 1
        instead = self._instead.pop(number, None)
        if instead is not None:
            await stream.write(instead)
            return
        if method == "GET":
            assert subject == "list"
            await stream.write(self._held_list())
            return
        if subject == "list":
            self._listing = read_list(request.body)
            self._held &= set(self._listing["fragmentslist"])
        else:
            self.taken.append((int(subject), request.body))
            self._held.add(int(subject))
        self._let_go_on()
        await stream.write(TAKEN)

    def _held_list(self) -> bytes:
        body = json.dumps({**self._listing, "fragmentslist": sorted(self._held)}).encode()
        head, end, _ = HELD_LIST.partition(b"\r\n\r\n")
        return re.sub(rb"Content-Length: [0-9]+", b"Content-Length: %d" % len(body), head) + end + body

    def _let_go_on(self) -> None:
        """When all of a recorded list is here, the source brings what is in the next."""
        numbers = self._lists[0]["fragmentslist"] if self._lists else None
        if self._listing["fragmentslist"] != numbers or self._held != set(numbers):
            return
        del self._lists[0]
        if self._lists:
            self._aligned.fill_for(self._lists[0])
        else:
            self.at_end.set()


async def errors_of(request: int, answer: bytes) -> list[DiStreamerError]:
    """How the client fails that meets this answer; in the end the receiver has everything."""
    aligned = AlignedStore(recorded_programme("rev"))
    receiver = Receiver(aligned, request, answer)
    async with MemoryPeers(receiver.serve) as peers:
        made = DiStreamerRevClientSettings(serverurl="http://far:1", password=PASSWORD)
        async with running(DiStreamerRevClient(made, aligned.context(), not_native, peers.dial)) as errors:
            await receiver.at_end.wait()
    expected = [(number, aligned.programme.fragments[number]) for number in FRAGMENTS]
    # Before a list came, nobody can know of which stream fragments are: those come again.
    assert (list(dict.fromkeys(receiver.taken)) if request <= FIRST_PUSHED_LIST else receiver.taken) == expected
    return errors


FIRST_PUSHED_LIST = 6
"""The index of the request."""
REQUESTS = pytest.mark.parametrize("request_number", [0, 2, 6, 7], ids=["first list", "fragment", "list", "next list"])


@settings(deadline=None, max_examples=40)
@given(request=st.integers(0, 12), place=st.integers(0, 400))
def test_wherever_an_answer_is_cut_the_client_begins_anew_and_everything_arrives(request: int, place: int) -> None:
    @virtual_time(seconds_limit=SECONDS)
    async def story() -> None:
        answer = HELD_LIST if request in {0, 7} else TAKEN
        # Without the last byte: what is behind an answer without a length cannot be known to be missing.
        cut = answer[: min(place, len(answer) - 1 if request in {0, 7} else answer.index(b"\r\n\r\n") + 3)]
        [error] = await errors_of(request, cut)
        assert isinstance(error, LinkError)

    story()


DAMAGED_ANSWERS: dict[str, tuple[bytes, type[DiStreamerError], str]] = {
    "2 GB": (
        re.sub(rb"Length: [0-9]+", b"Length: 2147483648", HELD_LIST),
        PeerError,
        "is announced with 2147483648 bytes; the limit is 4194304",
    ),
    "length of 500 digits": (
        re.sub(rb"Length: [0-9]+", b"Length: " + b"9" * 500, HELD_LIST),
        PeerError,
        "is announced with 9{30} bytes; the limit is 4194304",
    ),
    "server error": (b"HTTP/1.0 500 Error\r\n\r\nIncomplete read", PeerError, "answered with status 500"),
    "unknown": (b"HTTP/1.0 404 Not Found\r\n\r\nInvalid request: 17", PeerError, "answered with status 404"),
    "refused": (b"HTTP/1.0 403 Forbidden\r\n\r\nInvalid password", AuthenticationError, "PASSWORD"),
    "no HTTP": (b"\x16\x03\x01\x02\x00" * 100, PeerError, "this is no HTTP answer"),
    "status of 500 digits": (b"HTTP/1.0 " + b"2" * 500 + b" OK\r\n\r\nOK", PeerError, "far:1: "),
    "broken chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx", PeerError, "chunks"),
    "header of 200 kB": (b"HTTP/1.0 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\nOK", PeerError, "far:1: "),
    "more than a fragment": (b"HTTP/1.0 200 OK\r\n\r\n" + bytes(4_300_000), PeerError, "limit is 4194304"),
}


@REQUESTS
@pytest.mark.parametrize(("answer", "kind", "words"), DAMAGED_ANSWERS.values(), ids=DAMAGED_ANSWERS.keys())
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_answer_is_told_and_everything_arrives(
    answer: bytes, kind: type[DiStreamerError], words: str, request_number: int
) -> None:
    [error] = await errors_of(request_number, answer)
    assert type(error) is kind
    assert re.search(f"^far:1: .*{words}|^{words}", str(error))


HOSTILE_LISTS = {
    "nothing": b"",
    "no object": b"[]",
    "deep": b"[" * 100_000,
    "huge": read_http(HELD_LIST).body.ljust(limits.LIST_BYTES + 1),
    "number of 500 digits": b'{"fragmentslist": [' + b"9" * 500 + b'], "icyint": 0, "sourcegen": 1}',
    "negative": b'{"fragmentslist": [-1], "icyint": 0, "sourcegen": 1}',
    "20000 numbers": json.dumps({"fragmentslist": list(range(1, 20_001)), "icyint": 0, "sourcegen": 1}).encode(),
}


@pytest.mark.parametrize("content", HOSTILE_LISTS.values(), ids=HOSTILE_LISTS.keys())
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_list_is_told_and_everything_arrives(content: bytes) -> None:
    [error] = await errors_of(0, b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
    assert type(error) is PeerError
    assert re.search("^far:1: .*list.* (cannot be read|above the limit)", str(error))
