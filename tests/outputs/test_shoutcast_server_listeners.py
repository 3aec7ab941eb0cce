"""ShoutcastServer towards players that join, are slow, fall silent or leave; in virtual time, without a network."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from distreamer.model.audio import StreamInfo
from distreamer.model.status import ListenersStatus, ModuleState
from distreamer.outputs import fan_out
from distreamer.outputs.fan_out import SLOT_SECONDS, SLOTS, STUCK_SECONDS, WRITE_BYTES
from distreamer.outputs.open_files import MAXIMUM_OTHERS, SPARE_FILES
from distreamer.outputs.player_connection import HIGHEST_BUFFER_BYTES
from distreamer.outputs.player_server import PATIENCE_SECONDS, PlayerServer
from distreamer.outputs.shoutcast_server import ShoutcastServerSettings
from tests.support.made_audio import AAC, INFO, MP3_FRAME_BYTES, fragment
from tests.support.player_stage import REQUEST, Stage, audio, stage
from tests.support.player_transport import UNLIMITED, PlayerTransport
from tests.support.virtual_time import VirtualTimeLoop, virtual_time


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
        assert one.counters == ListenersStatus(connected=1, unique=1, peak=1, served=1)


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


class TimedTransport(PlayerTransport):
    """Notes when it is written to; a write keeps the program busy for ``busy_seconds``."""

    def __init__(self, host: PlayerServer) -> None:
        self.times: list[float] = []
        self.busy_seconds = 0.0
        super().__init__(host)

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        self.times.append(loop.time())
        super().write(data)
        loop.pass_time(self.busy_seconds)


@virtual_time(120)
async def test_a_round_that_took_too_long_delays_none_but_the_next() -> None:
    async with stage() as one:
        await one.start()
        players = [TimedTransport(one.players) for _ in range(SLOTS)]
        for player in players:
            player.says(REQUEST)
        played: list[float] = []
        one.head.subscribe(lambda _: played.append(asyncio.get_running_loop().time()))
        players[-1].busy_seconds = 0.3
        await one.live(5)
        players[-1].busy_seconds = 0.0
        await one.live(4)
        for player, turn in zip(players, range(SLOTS), strict=True):
            # The last round may not have come to this player yet.
            assert round(player.times[-1] - turn * SLOT_SECONDS, 6) in {round(time, 6) for time in played[-2:]}


@virtual_time(120)
async def test_in_a_crowd_half_of_the_slots_are_served_at_a_time_and_nobody_misses_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fan_out, "CROWD", SLOTS)
    async with stage(burstseconds=0) as one:
        await one.start()
        players = [one.player() for _ in range(SLOTS)]
        before = [len(player.taken) for player in players]
        await one.live(12)
        assert {len(player.taken) - count for player, count in zip(players, before, strict=True)} <= {5, 6}
        # The source falls silent: those who were left out of the last round need not wait for the next.
        await asyncio.sleep(10)
        assert {player.body for player in players} == {audio(2, one.number)}


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
        silent = [PlayerTransport(one.players) for _ in range(MAXIMUM_OTHERS + 1)]
        late = PlayerTransport(one.players)
        await asyncio.sleep(0.01)
        assert late.is_closed
        assert one.counters.refused_connections == 1
        assert not any(player.is_closed for player in silent)


@virtual_time(60)
async def test_there_are_never_so_many_players_that_nobody_else_gets_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distreamer.outputs.open_files.raise_open_file_limit", lambda _: 2 * SPARE_FILES)
    async with stage() as one:
        players = [PlayerTransport(one.players) for _ in range(SPARE_FILES + 1)]
        await asyncio.sleep(0.01)
        assert [player.is_closed for player in players] == [False] * SPARE_FILES + [True]
        assert one.counters.refused_connections == 1


@virtual_time(60)
async def test_who_was_accepted_when_it_ended_is_closed() -> None:
    async with stage() as one:
        await one.start()
    late = PlayerTransport(one.players)
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


@virtual_time(60)
async def test_a_machine_that_stands_still_is_no_time_without_audio() -> None:
    async with stage(timeout=1) as one:
        await one.start()
        player = one.player()
        await one.live(3)
        for seconds in (2.0, 3.2, 4.9):
            one.feed(5)
            await asyncio.sleep(0.1)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.pass_time(seconds)
            await one.live(1)
            assert not player.is_closed
        await asyncio.sleep(30)
        assert player.is_closed


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
        silent = PlayerTransport(one.players)
        trickling = PlayerTransport(one.players)
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
            player = PlayerTransport(one.players)
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
        player = PlayerTransport(one.players)
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


OTHER_RATE = StreamInfo(replace(INFO.format, clock_rate=48_000, sample_rate=48_000))
OTHER_BITRATE = StreamInfo(replace(INFO.format, bitrate=192_000))


async def play_as(one: Stage, info: StreamInfo) -> bytes:
    """A fragment of 10 s in another format follows, and is played; gives its audio."""
    one.store.open_epoch(len(one.store.epochs) + 1, info)
    epoch = one.store.epochs[-1].id
    other = replace(fragment(100), epoch=epoch, number=1, start=0, duration=10 * info.format.clock_rate)
    one.store.add(other)
    await asyncio.sleep(4)
    return other.audio


@pytest.mark.parametrize(("rule", "closes"), [("keep", False), ("close", True)])
def test_another_sample_rate_closes_listeners_or_does_not_as_onformatchange_says(rule: str, closes: bool) -> None:
    @virtual_time(60)
    async def run() -> None:
        async with stage(burstseconds=5, onformatchange=rule) as one:
            await one.start()
            player = one.player()
            await one.live(1)
            assert (await play_as(one, OTHER_BITRATE)) in player.body
            assert not player.is_closed
            heard = player.body
            new = await play_as(one, OTHER_RATE)
            await one.live(0)
            await asyncio.sleep(7)
            assert player.is_closed is closes
            assert player.body == (heard if closes else heard + new)
            # Who comes now is told the new format, and hears nothing of the old.
            again = one.player()
            assert again.body == new

    run()


@virtual_time(60)
async def test_another_rule_is_taken_while_players_listen() -> None:
    async with stage(burstseconds=5) as one:
        await one.start()
        player = one.player()
        settings = ShoutcastServerSettings(hostname="127.0.0.1", port=0, burstseconds=5, onformatchange="close")
        assert one.server.adopt(settings)
        await one.live(1)
        await play_as(one, OTHER_RATE)
        assert player.is_closed
        assert not one.server.adopt(settings.model_copy(update={"port": 1}))


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
