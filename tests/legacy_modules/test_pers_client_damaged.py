"""A DiStreamerPersClient whose server says what was recorded, damaged; the next connection makes it good."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.core.module import InputContext
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.inputs.distreamer_pers_client import DiStreamerPersClient, DiStreamerPersClientSettings
from distreamer.protocol.legacy import limits
from distreamer.transport.memory import MemoryStream
from tests.protocol.legacy.recordings import PASSWORD
from tests.support.damaged_messages import (
    CONTRADICTING_LISTS,
    DAMAGED_FRAGMENTS,
    DAMAGED_LISTS,
    Beginning,
    ShortRecording,
    cases,
)
from tests.support.input_context import input_context, stored_audio
from tests.support.legacy_wire import read_until
from tests.support.memory_peers import MemoryPeers
from tests.support.module_table import DAMAGED, DISTREAMER_PERS_CLIENT, proves
from tests.support.recorded_programme import EVERY_FRAME
from tests.support.virtual_time import virtual_time

pytestmark = proves(DISTREAMER_PERS_CLIENT, DAMAGED)
RECORDING = ShortRecording("pers")
SECONDS = 100
"""A bound of virtual time."""


class Client:
    """The module, and its server, which is damaged first and good then."""

    def __init__(self, beginning: Beginning) -> None:
        self.context: InputContext = input_context(EVERY_FRAME)
        self.peers = MemoryPeers(self._serve)
        made = DiStreamerPersClientSettings(serverurl="http://far:1", password=PASSWORD)
        self.module = DiStreamerPersClient(made, self.context, self.peers.dial)
        self._beginning = beginning

    async def run(self) -> DiStreamerError:
        """How it ends at the damage; then it has met the good server, and taken all that came from there."""
        async with self.peers:
            with pytest.raises(DiStreamerError) as caught:
                await self.module.run()
            self.before = stored_audio(self.context.store)
            with pytest.raises(LinkError, match="closed the connection"):
                await self.module.run()
        return caught.value

    async def _serve(self, stream: MemoryStream) -> None:
        opening = await read_until(stream, b" HTTP/1.1\r\n\r\n")
        held = re.fullmatch(rb"GET /pw/([0-9/]*) HTTP/1.1\r\n\r\n", opening)
        assert held
        if self.peers.dialled == 1:
            assert held[1] == b""
            await stream.write(self._beginning.wire)
            return
        holdings = [int(number) for number in held[1].split(b"/") if number]
        await stream.write(RECORDING.from_round(self._beginning.lists, holdings))


@settings(deadline=None, max_examples=40)
@given(place=st.sampled_from(RECORDING.edges) | st.integers(0, len(RECORDING.wire)))
@example(place=0)
@example(place=len(RECORDING.wire) - 1)
def test_wherever_the_connection_is_cut_nothing_is_lost_and_nothing_comes_twice(place: int) -> None:
    @virtual_time(seconds_limit=SECONDS)
    async def story() -> None:
        beginning = RECORDING.cut(min(place, len(RECORDING.wire) - 1))
        client = Client(beginning)
        assert isinstance(await client.run(), LinkError)
        RECORDING.programme.check(client.context.store)

    story()


@cases(DAMAGED_FRAGMENTS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_fragment_is_told_and_comes_whole_on_the_next_connection(case: tuple[bytes, str]) -> None:
    wire, words = case
    client = Client(RECORDING.damaged_fragment(wire))
    error = await client.run()
    assert isinstance(error, PeerError)
    assert re.search(f"^far:1: .*{words}", str(error))
    assert len(client.before) > 70_000
    RECORDING.programme.check(client.context.store)


@cases(DAMAGED_LISTS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_damaged_list_is_told_and_nothing_is_lost_by_it(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    damage, words = case
    client = Client(RECORDING.damaged_list(damage(RECORDING.listing())))
    error = await client.run()
    assert isinstance(error, PeerError)
    assert re.search(f"^far:1: .*{words}", str(error))
    assert len(client.before) > 70_000
    RECORDING.programme.check(client.context.store)


@cases(CONTRADICTING_LISTS)
@virtual_time(seconds_limit=SECONDS)
async def test_a_fragment_that_its_list_contradicts_is_left_out_and_all_others_are_kept(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    damage, words = case
    client = Client(RECORDING.damaged_list(damage(RECORDING.listing())))
    error = await client.run()
    assert isinstance(error, PeerError)
    assert re.search(f"^far:1: .*{words}", str(error))
    RECORDING.check_without_damaged_fragment(client.context.store)


async def taken_of(wire: Callable[[int], bytes]) -> tuple[str, int]:
    """How the client ends whose server sends ``wire`` of 0, 1, … as long as it takes them, and how much it took."""
    sent = 0

    async def flood(stream: MemoryStream) -> None:
        nonlocal sent
        await read_until(stream, b"\r\n\r\n")
        for number in range(1_000):
            data = wire(number)
            await stream.write(data)
            sent += len(data)

    async with MemoryPeers(flood) as peers:
        made = DiStreamerPersClientSettings(serverurl="http://far:1")
        with pytest.raises(DiStreamerError) as caught:
            await DiStreamerPersClient(made, input_context(), peers.dial).run()
    return str(caught.value), sent


@pytest.mark.parametrize(
    ("head", "limit"),
    [
        (b"", limits.LINE_BYTES),
        (b"15|2147483648\r\n", 0),
        (b"15|4194304\r\n", limits.FRAGMENT_BYTES),
        (b"list|262144\r\n", limits.LIST_BYTES),
        (b"oggheader|1048576\r\n", limits.OGG_HEADER_BYTES),
    ],
)
@virtual_time(seconds_limit=SECONDS)
async def test_no_message_is_taken_beyond_its_limit(head: bytes, limit: int) -> None:
    error, taken = await taken_of(lambda number: head + b"x" * 10_000 if number == 0 else b"x" * 10_000)
    assert error.startswith("far:1: ")
    # What is on its way is taken by nobody: 64 kB there, and as many in one read.
    assert taken <= limit + 2 * 65_536 + 10_000


@virtual_time(seconds_limit=SECONDS)
async def test_fragments_that_no_list_ever_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELD_BYTES", 2_000_000)
    data = bytes(100_000)
    tracemalloc.start()
    try:
        error, taken = await taken_of(lambda number: b"%d|100000\r\n%b\r\n" % (number + 1, data))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "closed the connection" in error
    assert taken > 100_000_000
    assert most < 5_000_000


@virtual_time(seconds_limit=SECONDS)
async def test_a_server_that_stops_in_the_middle_is_noticed_and_the_next_connection_goes_on() -> None:
    client = Client(RECORDING.cut(100_000))
    stop = client.peers.play

    async def silent(stream: MemoryStream) -> None:
        await stop(stream)
        client.peers.play = stop
        await stream.read()

    client.peers.play = silent
    assert str(await client.run()) == "far:1: nothing came for 5 s"
    RECORDING.programme.check(client.context.store)
