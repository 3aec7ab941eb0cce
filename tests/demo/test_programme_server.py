"""The studio of the demo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.demo.programme import Programme, programme_of
from distreamer.demo.programme_server import BURST_SECONDS, METAINT, IcyInterleaver, ProgrammeServer
from distreamer.protocol.icy import Audio, IcyDemuxer, MetadataBlock, parse_metadata
from tests.support.listening import listening
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame, mp3_stream

PATIENCE_SECONDS = 60
SECOND = 38
"""Frames in a second, roughly."""


@pytest.fixture
def programme() -> Programme:
    """Two songs of ten minutes and of two."""
    return programme_of(
        [
            ("First", [mp3_frame(number) for number in range(600 * SECOND)]),
            ("Second", [mp3_frame(number) for number in range(600 * SECOND, 720 * SECOND)]),
        ]
    )


@pytest.fixture
async def server(programme: Programme) -> AsyncIterator[ProgrammeServer]:
    async with ProgrammeServer(programme) as server:
        yield server


def port_of(server: ProgrammeServer) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


def burst_begins(server: ProgrammeServer) -> int:
    """The first frame for who joins now."""
    return server.position - round(BURST_SECONDS * 44100 / MP3_FRAME_SAMPLES)


def first_frame(audio: bytearray) -> int:
    """With which of the programme it begins."""
    return next(number for number in range(720 * SECOND) if audio.startswith(mp3_frame(number)))


@settings(max_examples=50, deadline=None)
@given(metaint=st.integers(1, 2000), start=st.integers(0, 9), steps=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_titles_stand_between_the_bytes_of_unchanged_audio(metaint: int, start: int, steps: list[int]) -> None:
    songs = [(f"Song {index}", [mp3_frame(3 * index + number) for number in range(3)]) for index in range(4)]
    programme = programme_of(songs)
    stream = IcyInterleaver(programme, start, metaint)
    out, end = b"", start
    for step in steps:
        end += step
        out += stream.up_to(end)
    audio, told = b"", ""
    for event in IcyDemuxer(metaint).feed(out):
        if isinstance(event, Audio):
            audio += event.data
        elif isinstance(event, MetadataBlock) and (title := parse_metadata(event.data)) is not None:
            assert title.text != told, "a title is told when it changes"
            told = title.text
    assert audio == b"".join(programme.frame(position) for position in range(start, end))
    if told:
        last_block = len(audio) // metaint * metaint
        position = start + min(last_block // MP3_FRAME_BYTES, end - start - 1)
        assert told in {programme.title(position).text, programme.title(max(position - 1, 0)).text}


def test_without_metadata_there_is_nothing_but_audio() -> None:
    programme = programme_of([("Song", [mp3_frame(number) for number in range(10)])])
    assert IcyInterleaver(programme, 8, 0).up_to(12) == mp3_stream(8, 2) + mp3_stream(0, 2)


def test_what_is_not_made_yet_is_waited_for() -> None:
    programme = programme_of([("Song", [mp3_frame(number) for number in range(3)])])
    programme.complete = False
    stream = IcyInterleaver(programme, 1, 0)
    assert stream.up_to(9) == mp3_stream(1, 2)
    programme.frames.append(mp3_frame(3))
    assert stream.up_to(9) == mp3_stream(3, 1)


async def test_a_listener_gets_the_burst_then_real_time(server: ProgrammeServer) -> None:
    async with listening(port_of(server), "/demo.mp3", icy=True) as recording:
        assert recording.status == "HTTP/1.0 200 OK"
        assert recording.headers["content-type"] == "audio/mpeg"
        assert recording.headers["icy-name"] == "DiStreamer demo"
        assert recording.headers["icy-metaint"] == str(METAINT)
        assert recording.headers["icy-br"] == "128"
        await recording.has(29 * SECOND * MP3_FRAME_BYTES, PATIENCE_SECONDS)
        burst = len(recording.audio)
        await recording.has_more(1, PATIENCE_SECONDS)
        first = first_frame(recording.audio)
        assert 0 <= first <= burst_begins(server)
        assert recording.audio.startswith(mp3_stream(first, 29 * SECOND))
        # All of it would be twelve minutes; where the machine stands still, some seconds more than the burst come.
        assert burst < 90 * SECOND * MP3_FRAME_BYTES
        assert recording.titles == [(METAINT, "First")]


async def test_a_second_listener_joins_what_is_on_air(server: ProgrammeServer) -> None:
    async with listening(port_of(server), "/demo.mp3") as first:
        await first.has(100_000, PATIENCE_SECONDS)
        server._began -= 300  # So long ago.
        earliest = burst_begins(server)
        async with listening(port_of(server), "/demo.mp3") as second:
            assert "icy-metaint" not in second.headers
            await second.has(100_000, PATIENCE_SECONDS)
            found = first_frame(second.audio)
            assert earliest <= found <= burst_begins(server)
            assert second.audio[:100_000] == mp3_stream(found, 300)[:100_000]


async def test_another_path_is_told_the_right_one(server: ProgrammeServer) -> None:
    async with listening(port_of(server), "/wrong") as recording:
        assert recording.status == "HTTP/1.0 404 Not Found"


@pytest.mark.parametrize("rubbish", [b"\x00\xff\r\n\r\n", b"", b"GET /demo.mp3 HTTP/1.0\r\nX: " + b"a" * 100_000])
async def test_who_is_no_player_is_sent_away(server: ProgrammeServer, rubbish: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
    writer.write(rubbish)
    writer.write_eof()
    try:
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
    except ConnectionResetError:
        pass  # It was sent away before it had said everything.
    finally:
        writer.close()
