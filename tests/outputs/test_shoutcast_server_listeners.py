"""ShoutcastServer towards players that join, are slow, fall silent or leave; in virtual time, without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise

import pytest
import structlog
from structlog.testing import LogCapture

from distreamer.core.clock import LoopClock
from distreamer.core.module import Health, OutputContext
from distreamer.core.playout import LEAD_SECONDS
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus, ModuleState
from distreamer.outputs.fan_out import SLOT_SECONDS, SLOTS, STUCK_SECONDS, WRITE_BYTES
from distreamer.outputs.player_connection import HIGHEST_BUFFER_BYTES
from distreamer.outputs.shoutcast_server import (
    MAXIMUM_OTHERS,
    PATIENCE_SECONDS,
    SPARE_FILES,
    ShoutcastServer,
    ShoutcastServerSettings,
)
from tests.support.made_audio import AAC, INFO, MP3_FRAME_BYTES, fragment
from tests.support.player_transport import UNLIMITED, PlayerTransport
from tests.support.virtual_time import virtual_time

REQUEST = b"GET / HTTP/1.0\r\nUser-Agent: test\r\n\r\n"


class Stage:
    """A server, the playout that it plays, and a source of one fragment a second."""

    def __init__(self, settings: ShoutcastServerSettings) -> None:
        self.store = Store()
        self.store.open_epoch(1, INFO)
        clock = LoopClock(wall=1_000_000.0)
        self.head = PlayoutHead(self.store, clock, lambda info: 3.0)
        self.health = Health(clock)
        self.log = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.log], wrapper_class=structlog.BoundLogger)
        self.server = ShoutcastServer(settings, OutputContext("output", self.store, clock, log, self.health, self.head))
        self.number = 0

    @property
    def counters(self) -> ListenersStatus:
        status = self.server.listeners()
        assert status is not None
        return status

    def feed(self, count: int) -> None:
        """``count`` more seconds of programme are there."""
        for _ in range(count):
            self.number += 1
            self.store.add(fragment(self.number))

    async def start(self) -> None:
        """The delay is there: fragment 1, which is all of the lead, is played; 2 and 3 are held."""
        self.number = 1
        self.store.add(replace(fragment(1), duration=round((LEAD_SECONDS + 1) * INFO.format.clock_rate)))
        self.feed(2)
        await asyncio.sleep(0.01)

    async def live(self, seconds: int) -> None:
        """So many seconds later; a fragment came, and another was played, in each."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            self.feed(1)

    def player(self, request: bytes = REQUEST, room: int = UNLIMITED) -> PlayerTransport:
        transport = PlayerTransport(self.server, room)
        transport.says(request)
        return transport


@asynccontextmanager
async def stage(**keys: float | str) -> AsyncIterator[Stage]:
    # Port 0 of the loopback: it listens, but in virtual time nobody connects; the players are in memory.
    one = Stage(ShoutcastServerSettings.model_validate({"hostname": "127.0.0.1", "port": 0, **keys}))
    tasks = [asyncio.create_task(one.head.run()), asyncio.create_task(one.server.run())]
    await asyncio.sleep(0.01)
    try:
        yield one
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def audio(first: int, last: int) -> bytes:
    return b"".join(fragment(number).audio for number in range(first, last + 1))


@virtual_time(60)
async def test_before_there_is_a_stream_players_get_404() -> None:
    async with stage() as one:
        assert one.health.state is ModuleState.STARTING
        assert "404" in one.health.detail
        player = one.player()
        await asyncio.sleep(0.01)
        assert player.data.startswith(b"HTTP/1.0 404 ")
        assert player.body == b"No stream yet\n"
        assert player.is_closed
        assert one.counters.served == 0


@virtual_time(60)
async def test_a_listener_gets_the_burst_at_once_and_then_a_fragment_a_second() -> None:
    async with stage(burstseconds=4) as one:
        await one.start()
        await one.live(7)
        player = one.player()
        assert player.body == audio(5, 8)
        await one.live(3)
        assert player.body == audio(5, 11)
        host, port = one.server.address or ("", 0)
        assert one.health.detail == f"1 listener on http://{host}:{port}/"
        assert one.health.state is ModuleState.RUNNING
        assert one.counters == ListenersStatus(connected=1, peak=1, served=1)


@virtual_time(60)
async def test_all_listeners_are_sent_the_same_object_spread_over_a_second() -> None:
    async with stage() as one:
        await one.start()
        players = [one.player() for _ in range(2 * SLOTS)]
        await one.live(1)
        counts = []
        for _ in range(SLOTS):
            counts.append(sum(len(player.taken) == 3 for player in players))
            await asyncio.sleep(SLOT_SECONDS)
        assert counts == [2 * turn for turn in range(1, SLOTS + 1)]
        assert all(player.taken[2] is players[0].taken[2] for player in players)
        assert players[0].taken[2] == audio(2, 2)


@virtual_time(120)
async def test_a_slow_listener_catches_up_from_the_ring() -> None:
    async with stage(burstseconds=0) as one:
        await one.start()
        player = one.player(room=1000)
        await one.live(20)
        assert len(player.body) < 1000
        assert player.highest_unsent <= HIGHEST_BUFFER_BYTES + WRITE_BYTES
        player.takes(UNLIMITED)
        assert player.body == audio(2, 21)
        await one.live(2)
        assert player.body == audio(2, 23)
        assert one.counters.moved_forward == 0


@virtual_time(300)
async def test_a_listener_that_is_slower_than_the_ring_is_moved_forward() -> None:
    async with stage(burstseconds=0) as one:
        await one.start()
        player = one.player(room=1000)
        await one.live(57)
        player.takes(UNLIMITED)
        heard = player.body
        whole = [heard[place : place + MP3_FRAME_BYTES] for place in range(0, len(heard), MP3_FRAME_BYTES)]
        numbers = [int.from_bytes(one_frame[4:12], "big") for one_frame in whole]
        jumps = [after for before, after in pairwise(numbers) if after != before + 1]
        assert len(jumps) == 1
        assert jumps[0] % 38 == 0, "it went on in the middle of a fragment"
        assert heard.endswith(audio(49, 58))
        assert one.counters.moved_forward == 1


@virtual_time(300)
async def test_a_listener_that_takes_nothing_at_all_is_cut_off() -> None:
    async with stage() as one:
        await one.start()
        player = one.player(room=1000)
        await one.live(round(STUCK_SECONDS))
        assert not player.is_closed
        await one.live(20)
        assert player.is_closed
        assert (one.counters.connected, one.counters.cut_off) == (0, 1)


@virtual_time(300)
async def test_listeners_that_take_a_byte_a_second_are_cut_off_too_and_hold_no_more_than_others() -> None:
    async with stage() as one:
        await one.start()
        slow = [one.player(room=1000) for _ in range(200)]
        good = one.player()
        for _ in range(round(STUCK_SECONDS) + 20):
            await one.live(1)
            for player in slow:
                if not player.is_closed:
                    player.takes(1)
        assert all(player.is_closed for player in slow)
        assert max(player.highest_unsent for player in slow) <= HIGHEST_BUFFER_BYTES + WRITE_BYTES
        assert (one.counters.connected, one.counters.cut_off) == (1, 200)
        assert good.body == audio(1, one.number - 2)


@virtual_time(60)
async def test_one_listener_more_than_allowed_is_refused_until_one_leaves() -> None:
    async with stage(maxlisteners=1) as one:
        await one.start()
        first, second = one.player(), one.player()
        assert second.data.startswith(b"HTTP/1.0 503 ")
        first.abort()
        await asyncio.sleep(0.01)
        assert one.player().data.startswith(b"HTTP/1.0 200 ")
        assert (one.counters.connected, one.counters.peak, one.counters.served) == (1, 1, 2)


@virtual_time(60)
async def test_connections_that_ask_nothing_are_bounded() -> None:
    async with stage(maxlisteners=1) as one:
        silent = [PlayerTransport(one.server) for _ in range(MAXIMUM_OTHERS + 1)]
        late = PlayerTransport(one.server)
        await asyncio.sleep(0.01)
        assert late.is_closed
        assert one.server.refused_connections == 1
        assert not any(player.is_closed for player in silent)


@virtual_time(60)
async def test_there_are_never_so_many_players_that_nobody_else_gets_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distreamer.outputs.shoutcast_server.raise_open_file_limit", lambda _: 2 * SPARE_FILES)
    async with stage() as one:
        players = [PlayerTransport(one.server) for _ in range(SPARE_FILES + 1)]
        await asyncio.sleep(0.01)
        assert [player.is_closed for player in players] == [False] * SPARE_FILES + [True]
        assert one.server.refused_connections == 1


@virtual_time(60)
async def test_who_was_accepted_when_it_ended_is_closed() -> None:
    async with stage() as one:
        await one.start()
    late = PlayerTransport(one.server)
    await asyncio.sleep(0.01)
    assert late.is_closed


@virtual_time(200)
async def test_timeout_closes_listeners_that_had_no_audio_for_so_long() -> None:
    async with stage(timeout=30) as one:
        await one.start()
        await asyncio.sleep(20)  # The last fragment was due at 2 s.
        early = one.player()
        await asyncio.sleep(10)
        late = one.player()
        assert early.body == b"", "a burst while nothing is played"
        await asyncio.sleep(19)
        assert not early.is_closed
        await asyncio.sleep(3)
        assert early.is_closed
        assert not late.is_closed
        assert one.counters.closed_without_audio == 1
        one.feed(10)
        await asyncio.sleep(20)
        assert not late.is_closed
        assert late.body.startswith(audio(4, 6))


@virtual_time(60)
async def test_what_is_still_being_heard_is_no_time_without_audio() -> None:
    async with stage(timeout=0.5) as one:
        await one.start()
        player = one.player()
        await one.live(10)
        assert not player.is_closed
        assert one.counters.closed_without_audio == 0


@virtual_time(20_000)
async def test_without_timeout_listeners_wait_for_ever() -> None:
    async with stage(timeout=0) as one:
        await one.start()
        await asyncio.sleep(1)
        player = one.player()
        await asyncio.sleep(10_000)
        assert not player.is_closed


@virtual_time(60)
async def test_who_asks_nothing_is_closed() -> None:
    async with stage() as one:
        silent = PlayerTransport(one.server)
        trickling = PlayerTransport(one.server)
        for _ in range(round(PATIENCE_SECONDS)):
            trickling.says(b"G")
            assert not silent.is_closed
            await asyncio.sleep(1)
        await asyncio.sleep(2)
        assert silent.is_closed
        assert trickling.is_closed
        assert silent.data == b""


@pytest.mark.parametrize(
    "noise",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.0\r\n" + b"X-Filler: " + b"x" * 1_000_000, b"hello\r\n\r\n"],
    ids=["TLS", "a head of 1 MB", "no request"],
)
def test_garbage_gets_400_and_is_closed(noise: bytes) -> None:
    @virtual_time(60)
    async def run() -> None:
        async with stage() as one:
            player = PlayerTransport(one.server)
            for place in range(0, len(noise), 65_536):
                player.says(noise[place : place + 65_536])
            await asyncio.sleep(0.01)
            assert player.data.startswith(b"HTTP/1.0 400 ")
            assert player.is_closed

    run()


@virtual_time(60)
async def test_a_request_may_come_byte_by_byte_and_what_follows_it_is_ignored() -> None:
    async with stage() as one:
        await one.start()
        player = PlayerTransport(one.server)
        for byte in REQUEST + b"and more":
            player.says(bytes([byte]))
        assert player.data.startswith(b"HTTP/1.0 200 ")
        await one.live(1)
        assert not player.is_closed


@virtual_time(60)
async def test_another_type_of_audio_ends_the_listeners_behind_the_last_byte_of_the_old() -> None:
    async with stage(burstseconds=1) as one:
        await one.start()
        player = one.player()
        await one.live(1)
        one.store.open_epoch(2, StreamInfo(AAC))
        one.store.add(replace(fragment(1, epoch=2), audio=b"\xff\xf1 other"))
        await asyncio.sleep(3.5)
        assert player.is_closed
        assert player.body == audio(1, 4)
        after = one.player()
        assert b"Content-Type: audio/aac" in after.data


@virtual_time(60)
async def test_a_new_epoch_of_the_same_type_goes_on_in_the_same_connection() -> None:
    async with stage(burstseconds=1) as one:
        await one.start()
        player = one.player()
        await one.live(1)
        one.store.open_epoch(2, INFO)
        other = replace(fragment(1, epoch=2), audio=b"\xff\xfb other")
        one.store.add(other)
        await asyncio.sleep(3.9)
        assert player.body == audio(1, 4) + other.audio
        assert not player.is_closed


@virtual_time(60)
async def test_when_it_ends_listeners_get_what_is_buffered_first() -> None:
    async with stage(burstseconds=0) as one:
        await one.start()
        dead, player = one.player(room=10), one.player()
        await one.live(1)
        assert player.body == b"", "its slot is served later"
    assert player.body == audio(2, 2)
    assert player.is_closed
    assert dead.is_closed
    assert one.server.address is None


@virtual_time(60)
async def test_it_can_be_run_again_and_begins_with_what_was_played() -> None:
    one = Stage(ShoutcastServerSettings(hostname="127.0.0.1", port=0, burstseconds=2))
    head = asyncio.create_task(one.head.run())
    await one.start()
    for run in (1, 2):
        server = asyncio.create_task(one.server.run())
        await one.live(4)
        player = one.player()
        assert player.body == audio(4 * run, 4 * run + 1)
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server
    assert one.counters.served == 2
    head.cancel()
