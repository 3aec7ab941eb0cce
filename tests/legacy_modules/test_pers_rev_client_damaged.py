"""A DiStreamerPersRevClient whose receiver answers what was recorded, damaged once, or goes away; the next connection
makes it good."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.errors import AuthenticationError, DiStreamerError, LinkError, PeerError
from distreamer.outputs.distreamer_pers_rev_client import DiStreamerPersRevClient, DiStreamerPersRevClientSettings
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD, connections
from tests.support.aligned_store import AlignedStore, RecordedReceiver
from tests.support.legacy_wire import Message, MessageSplitter, read_until
from tests.support.memory_peers import MemoryPeers, running
from tests.support.module_table import DAMAGED, DISTREAMER_PERS_REV_CLIENT, proves
from tests.support.recorded_programme import recorded_programme
from tests.support.virtual_time import virtual_time

pytestmark = proves(DISTREAMER_PERS_REV_CLIENT, DAMAGED)
SECONDS = 200
"""A bound of virtual time."""
NEWEST = [31, 32, 33, 34, 35]
"""The fragments that a sender holds at the end of the recording."""

DAMAGED_OPENINGS: dict[str, tuple[bytes, type[DiStreamerError], str]] = {
    "closed at once": (b"", LinkError, "closed the connection"),
    **{f"cut at {place}": (b"ok|\r\n"[:place], LinkError, "closed the connection") for place in range(1, 4)},
    "no bar": (b"ok\r\n", PeerError, "this is no answer to a password: 'ok'"),
    "another word": (b"OK2|\r\n", PeerError, "this is no answer to a password"),
    "HTTP": (b"HTTP/1.0 400 Bad Request\r\n\r\n", PeerError, "this is no answer to a password"),
    "bytes": (b"\xff\xfe\x00\n", PeerError, "this is no answer to a password"),
    "without end": (b"ok|" + b"9/" * 100_000, PeerError, "the first line is longer than 1024 bytes"),
    "refused": (b"err|Invalid password\r\n", AuthenticationError, "it says: Invalid password"),
    "refused in bytes": (b"err|\xff\x00\r\n", AuthenticationError, "does not accept the PASSWORD"),
}


async def errors_of(opening: bytes, *, stays: bool = False) -> list[DiStreamerError]:
    """How the client fails whose password is answered so; the next answer is the recorded one, and all that was
    recorded is pushed. The other side ``stays`` there."""
    aligned = AlignedStore(recorded_programme("persrev"))
    receiver = RecordedReceiver(aligned)
    at_end = asyncio.Event()

    async def take(stream: MemoryStream) -> None:
        assert await read_until(stream, b"\r\n") == b"pw\r\n"
        if peers.dialled == 1:
            await stream.write(opening)
            while stays and await stream.read():
                pass
            return
        await stream.write(connections("persrev")[0].server)
        # A receiver has nothing more to say; what it says all the same is dropped.
        await stream.write(b"news|2147483648\r\n" + bytes(30_000))
        while not receiver.is_at_end:
            data = await stream.read()
            assert data
            receiver.feed(data)
        at_end.set()
        await stream.read()

    async with MemoryPeers(take) as peers:
        made = DiStreamerPersRevClientSettings(serverurl="http://far:1", password=PASSWORD)
        async with running(DiStreamerPersRevClient(made, aligned.context(), peers.dial)) as errors:
            await at_end.wait()
    return errors


@pytest.mark.parametrize(("opening", "kind", "words"), DAMAGED_OPENINGS.values(), ids=DAMAGED_OPENINGS.keys())
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_answer_to_the_password_is_told_and_the_next_one_is_good(
    opening: bytes, kind: type[DiStreamerError], words: str
) -> None:
    [error] = await errors_of(opening)
    assert type(error) is kind
    assert re.search(f"^far:1: .*{words}", str(error))


@virtual_time(seconds_limit=SECONDS)
async def test_a_receiver_that_never_finishes_its_answer_is_given_up() -> None:
    [error] = await errors_of(b"ok|", stays=True)
    assert str(error) == "far:1: nothing came for 5 s"


@settings(deadline=None, max_examples=30)
@given(size=st.integers(0, 5 * 16_400))
@example(size=15 + 10 + 16_384)
@example(size=15 + 10 + 16_384 + 2)
def test_wherever_the_receiver_goes_away_it_is_sent_what_it_lacks(size: int) -> None:
    @virtual_time(seconds_limit=SECONDS)
    async def story() -> None:
        aligned = AlignedStore(recorded_programme("persrev"))
        aligned.fill(NEWEST[-1])
        taken: list[Message] = []
        at_end = asyncio.Event()

        async def take(stream: MemoryStream) -> None:
            assert await read_until(stream, b"\r\n") == b"pw\r\n"
            held = "/".join(one.action for one in taken if one.number)
            await stream.write(f"ok|{held}\r\n".encode())
            left = size if peers.dialled == 1 else 1_000_000
            splitter = MessageSplitter()
            while left > 0 and (data := await stream.read(min(left, 65_536))):
                left -= len(data)
                taken.extend(splitter.feed(data))
                if taken and taken[-1].action == "list":
                    at_end.set()

        async with MemoryPeers(take) as peers:
            made = DiStreamerPersRevClientSettings(serverurl="http://far:1", password=PASSWORD)
            async with running(DiStreamerPersRevClient(made, aligned.context(), peers.dial)) as errors:
                await at_end.wait()
        fragments = [(one.number, one.content) for one in taken if one.number]
        assert fragments == [(number, aligned.programme.fragments[number]) for number in NEWEST]
        assert [type(error) for error in errors] == [LinkError] * (peers.dialled - 1)

    story()
