"""HlsServer: what is played becomes segments, and players get them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import aiohttp
import pytest

from distreamer.core.played import Played
from distreamer.errors import BindError
from distreamer.media.id3 import tag_size
from distreamer.model.audio import AudioFormat, Codec, StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.model.status import ModuleState
from distreamer.outputs.hls_answers import IDLE_SECONDS
from distreamer.outputs.hls_audience import HlsAudience
from distreamer.outputs.hls_server import HlsServer
from tests.support.hls_server import WALL, HlsStage, hls_serving
from tests.support.made_audio import AAC, INFO, fragment
from tests.support.virtual_time import virtual_time

VORBIS = StreamInfo(AudioFormat(Codec.VORBIS, 48_000, 48_000, 2))


def fragments(count: int) -> list[Fragment]:
    return [fragment(number) for number in range(1, count + 1)]


def audio_of(server: HlsServer) -> bytes:
    bodies = [one.body for one in server.window.segments]
    return b"".join(body[tag_size(body) :] for body in bodies)


# -- in virtual time


@virtual_time(seconds_limit=120)
async def test_what_is_played_is_in_the_segments_byte_by_byte() -> None:
    async with hls_serving(INFO, fragments(10), segments=20) as stage:
        assert stage.is_in(ModuleState.RUNNING)
        await stage.live(11, 30)
        count = 2 * len(stage.server.window.segments)
        assert count >= 28
        assert audio_of(stage.server) == b"".join(one.audio for one in fragments(count))


@virtual_time(seconds_limit=120)
async def test_the_date_is_when_each_segment_was_due() -> None:
    async with hls_serving(INFO, fragments(10), segments=20) as stage:
        await stage.live(11, 25)
        dates = [WALL + played.starts_at for played in stage.head.recent()]
        begins = [one.begins_at for one in stage.server.window.segments]
        assert begins == pytest.approx(dates[::2][: len(begins)], abs=0.001)
        assert dates[0] < WALL - 8


@virtual_time(seconds_limit=120)
async def test_run_again_it_goes_on_where_it_was_and_no_name_comes_twice() -> None:
    stage = HlsStage({"segments": 20})
    stage.store.open_epoch(1, INFO)
    for one in fragments(10):
        stage.store.add(one)
    head = asyncio.create_task(stage.head.run())
    for turn in range(3):
        run = asyncio.create_task(stage.server.run())
        await stage.live(11 + 7 * turn, 14 + 7 * turn)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await stage.live(15 + 7 * turn, 17 + 7 * turn)
    head.cancel()
    segments = stage.server.window.segments
    assert audio_of(stage.server) == b"".join(one.audio for one in fragments(2 * len(segments)))
    assert len(segments) > 10
    assert not any(one.is_discontinuous for one in segments)
    assert len({one.name for one in segments}) == len(segments)
    started_anew = HlsServer(stage.settings, stage.context)
    for played in stage.head.recent():
        started_anew.play(played)
    assert started_anew.window.segments[0].number > segments[-1].number
    assert not {one.name for one in started_anew.window.segments} & {one.name for one in segments}


@virtual_time(seconds_limit=10)
async def test_ogg_is_refused_in_plain_words_and_the_next_mp3_is_served_again() -> None:
    async with hls_serving(None) as stage:
        server = stage.server
        assert stage.is_in(ModuleState.STARTING)
        assert "no stream yet" in stage.health.detail
        for number in range(1, 5):
            server.play(Played(fragment(number), INFO, 0.0, discontinuity=False))
        assert stage.is_in(ModuleState.RUNNING)
        server.play(Played(fragment(5), VORBIS, 0.0, discontinuity=False))
        assert stage.is_in(ModuleState.STARTING)
        assert "HLS carries MP3 and AAC only; this stream is Ogg Vorbis" in stage.health.detail
        assert [one["reason"] for one in stage.log.entries if one["log_level"] == "warning"] == [
            "HLS carries MP3 and AAC only; this stream is Ogg Vorbis"
        ]
        for number in range(6, 8):
            server.play(Played(fragment(number), INFO, 0.0, discontinuity=False))
        assert stage.is_in(ModuleState.RUNNING)
        assert [one.is_discontinuous for one in server.window.segments] == [False, False, True]


@virtual_time(seconds_limit=10)
async def test_a_jump_and_another_format_are_discontinuities() -> None:
    stage = HlsStage({})
    for number in range(1, 9):
        info = INFO if number < 7 else StreamInfo(AAC)
        stage.server.play(Played(fragment(number), info, 0.0, discontinuity=number == 4))
    segments = stage.server.window.segments
    assert [(one.seconds, one.is_discontinuous, one.content_type) for one in segments] == [
        (2, False, "audio/mpeg"),
        (1, False, "audio/mpeg"),
        (2, True, "audio/mpeg"),
        (1, False, "audio/mpeg"),
        (2, True, "audio/aac"),
    ]


def test_listeners_are_those_who_come_again() -> None:
    audience = HlsAudience(most_clients=3)
    audience.came("192.0.2.1", "one", 0.0)
    audience.came("192.0.2.1", "another", 5.0)
    audience.came("192.0.2.1", "one", 10.0)
    assert (audience.status().connected, audience.status().unique, audience.status().served) == (2, 1, 2)
    audience.let_go(6.0)
    assert (audience.status().connected, audience.status().peak) == (1, 2)
    for number in range(2, 10):
        audience.came(f"192.0.2.{number}", "one", 11.0)
    assert (audience.status().connected, audience.status().unique, audience.forgotten) == (3, 3, 6)
    audience.let_go(12.0)
    assert (audience.status().connected, audience.status().unique) == (0, 0)


# -- on sockets


async def test_a_player_gets_the_playlist_and_its_segments() -> None:
    async with hls_serving(INFO, fragments(14)) as stage, aiohttp.ClientSession(stage.url) as session:
        names = await stage.until(5)
        async with session.get("/live.m3u8") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"
            assert answer.headers["Cache-Control"] == "max-age=1"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            text = await answer.text()
        assert [line for line in text.splitlines() if not line.startswith("#")] == names
        async with session.get("/any/other.m3u8?key=1") as answer:
            assert await answer.text() == text
        body = stage.server.window.segments[0].body
        for path in (f"/{names[0]}", f"/any/{names[0]}"):
            async with session.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
                assert (answer.status, await answer.read()) == (200, body)
                assert answer.headers["Content-Type"] == "audio/mpeg"
                assert "immutable" in answer.headers["Cache-Control"]
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert "Content-Encoding" not in answer.headers
        assert stage.listeners == 1


@pytest.mark.parametrize(
    ("wish", "first", "last"),
    [("bytes=0-1", 0, 1), ("bytes=100-", 100, -1), ("bytes=-7", -7, -1), ("bytes=5-9999999", 5, -1)],
)
async def test_a_part_of_a_segment(wish: str, first: int, last: int) -> None:
    async with hls_serving(INFO, fragments(14)) as stage, aiohttp.ClientSession(stage.url) as session:
        name = (await stage.until(1))[0]
        body = stage.server.window.segments[0].body
        first, last = first % len(body), last % len(body)
        async with session.get(f"/{name}", headers={"Range": wish}) as answer:
            assert (answer.status, await answer.read()) == (206, body[first : last + 1])
            assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(body)}"


async def test_parts_that_cannot_be_given() -> None:
    async with hls_serving(INFO, fragments(14)) as stage, aiohttp.ClientSession(stage.url) as session:
        name = (await stage.until(1))[0]
        body = stage.server.window.segments[0].body
        async with session.get(f"/{name}", headers={"Range": "bytes=9999999-"}) as answer:
            assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(body)}")
        for fields in ({"Range": "bytes=0-1,5-6"}, {"Range": "seconds=1-"}, {"Range": "bytes=0-1", "If-Range": '"x"'}):
            async with session.get(f"/{name}", headers=fields) as answer:
                assert (answer.status, await answer.read()) == (200, body)


async def test_heads_options_and_what_is_not_known() -> None:
    async with hls_serving(INFO, fragments(14)) as stage, aiohttp.ClientSession(stage.url) as session:
        name = (await stage.until(1))[0]
        async with session.head(f"/{name}") as answer:
            length = str(len(stage.server.window.segments[0].body))
            assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, length, b"")
        async with session.head("/live.m3u8") as answer:
            assert answer.status == 200
        async with session.options("/live.m3u8") as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
            assert "Range" in answer.headers["Access-Control-Allow-Headers"]
        async with session.post("/live.m3u8", data=b"x") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        for path in ("/", "/1-1.mp3", f"/{name}x", "/%00"):
            async with session.get(path) as answer:
                assert answer.status == 404
                assert "the playlist is /live.m3u8" in await answer.text()
        assert stage.listeners == 0


@pytest.mark.parametrize(("trusted", "count"), [("127.0.0.0/8", 2), ("", 1), ("192.0.2.1", 1)])
async def test_listeners_behind_a_proxy_that_is_trusted_are_told_apart(trusted: str, count: int) -> None:
    async with (
        hls_serving(INFO, fragments(14), trustedproxies=trusted) as stage,
        aiohttp.ClientSession(stage.url) as session,
    ):
        await stage.until(1)
        for address in ("203.0.113.5", "203.0.113.6", "198.51.100.1, 203.0.113.6"):
            async with session.get("/live.m3u8", headers={"X-Forwarded-For": address}) as answer:
                assert answer.status == 200
        assert stage.listeners == count


async def test_why_there_is_no_playlist() -> None:
    async with hls_serving(None) as stage, aiohttp.ClientSession(stage.url) as session:
        async with session.get("/live.m3u8") as answer:
            assert (answer.status, await answer.text()) == (404, "No stream yet\n")
            assert answer.headers["Cache-Control"] == "no-store"
        stage.server.play(Played(fragment(1), VORBIS, 0.0, discontinuity=False))
        async with session.get("/live.m3u8") as answer:
            words = "HLS carries MP3 and AAC only; this stream is Ogg Vorbis\n"
            assert (answer.status, await answer.text()) == (404, words)
        assert stage.listeners == 0


async def asked(stage: HlsStage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which something was asked and answered."""
    reader, writer = await asyncio.open_connection(*stage.server.address or ())
    writer.write(b"HEAD /live.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"\r\n\r\n" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_a_connection_that_is_only_held_open_is_closed() -> None:
    async with hls_serving(INFO, fragments(14)) as stage:
        now = stage.context.clock.now()
        silent, silent_writer = await asyncio.open_connection(*stage.server.address or ())
        reader, writer = await asked(stage)
        stage.server.answers.tidy(now + IDLE_SECONDS - 1)
        assert stage.server.answers.closed == 0
        stage.server.answers.tidy(now + 2 * IDLE_SECONDS)
        with suppress(ConnectionError):
            assert (await reader.read(), await silent.read()) == (b"", b"")
        assert stage.server.answers.closed == 2
        writer.close()
        silent_writer.close()


async def test_of_too_many_connections_the_oldest_is_closed() -> None:
    async with hls_serving(INFO, fragments(14)) as stage:
        stage.server.answers.most_connections = 2
        connections = [await asked(stage) for _ in range(3)]
        stage.server.answers.tidy(stage.context.clock.now())
        with suppress(ConnectionError):
            assert await connections[0][0].read() == b""
        assert stage.server.answers.closed == 1
        for _, writer in connections:
            writer.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        stage = HlsStage({"port": other.getsockname()[1]})
        with pytest.raises(BindError, match=str(other.getsockname()[1])):
            await stage.server.run()
