"""ffmpeg plays to a real Icecast, the input takes it from there: every frame, and every title."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from distreamer.core.module import InputContext
from distreamer.core.store import Store
from distreamer.errors import LinkError, PeerError
from distreamer.inputs.shoutcast_client import ShoutcastClient, ShoutcastClientSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.status import ModuleState
from tests.support.ffmpeg import AAC, MP3, VORBIS, Encoding, running_source
from tests.support.icecast import Icecast, running_icecast
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.programs import ended_process, find_program

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 60
"""A bound, not an expectation."""
SPEED = 4.0
"""The source plays this much faster than real time, so that the tests are short."""
MOUNT = "/live"


@pytest.fixture
async def icecast(tmp_path: Path) -> AsyncIterator[Icecast]:
    async with running_icecast(tmp_path) as server:
        yield server


def client_of(icecast: Icecast, context: InputContext) -> ShoutcastClient:
    settings = ShoutcastClientSettings(streamurl=icecast.listen_url(MOUNT))
    return ShoutcastClient(settings, context)


@asynccontextmanager
async def running(client: ShoutcastClient) -> AsyncIterator[asyncio.Task[None]]:
    """Runs the input until the end of the block."""
    task = asyncio.create_task(client.run(), name="input")
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def wait_until(store: Store, reached: Callable[[], bool], task: asyncio.Task[None]) -> None:
    """Looks after each change of the store; gives the input's own error if it ends before."""
    changed = asyncio.Event()
    unsubscribe = store.subscribe(changed.set)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                waiting = asyncio.create_task(changed.wait())
                await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if task.done():
                    task.result()
                changed.clear()
    finally:
        unsubscribe()


def _holds(store: Store, seconds: float) -> bool:
    return store.seconds > seconds


async def hear(player: asyncio.subprocess.Process, heard: bytearray) -> None:
    """Takes what ``player`` writes."""
    assert player.stdout is not None
    while data := await player.stdout.read(65_536):
        heard += data


def common_frames(stored: bytes, plain: bytes, content_type: str) -> int:
    """From the first frame that both have, both must be the same to the end of the shorter; gives how many these
    are."""
    framer = AutoFramer(content_type)
    frames = [frame.data for frame in framer.feed(plain)]
    while frames and frames[0] not in stored:
        frames.pop(0)
    tail = stored[stored.find(frames[0]) :] if frames else b""
    common = 0
    position = 0
    while common < len(frames) and position < len(tail):
        assert tail[position : position + len(frames[common])] == frames[common]
        position += len(frames[common])
        common += 1
    return common


@pytest.mark.parametrize(
    ("encoding", "least_frames"), [(MP3, 300), (AAC, 300), (VORBIS, 30)], ids=["mp3", "aac", "ogg"]
)
async def test_the_store_holds_what_any_player_gets(icecast: Icecast, encoding: Encoding, least_frames: int) -> None:
    context = input_context()
    async with running_source(icecast.source_url(MOUNT), encoding, speed=SPEED, name="Test radio"):
        await icecast.wait_for_mount(MOUNT)
        player = await asyncio.create_subprocess_exec(
            find_program("curl"),
            *("-s", "-N", icecast.listen_url(MOUNT)),
            stdout=asyncio.subprocess.PIPE,
        )
        async with ended_process(player), running(client_of(icecast, context)) as task:
            heard = bytearray()
            hearing = asyncio.create_task(hear(player, heard))

            def have_enough() -> bool:
                return common_frames(stored_audio(context.store), bytes(heard), encoding.content_type) >= least_frames

            await wait_until(context.store, have_enough, task)
            hearing.cancel()
    assert context.ingest.info is not None
    assert context.ingest.info.station.name == "Test radio"
    assert context.ingest.dropped_bytes == 0


async def test_titles_arrive(icecast: Icecast) -> None:
    context = input_context()

    def has(title: str) -> Callable[[], bool]:
        return lambda: any(text == title for _, text in stored_titles(context.store))

    async with running_source(icecast.source_url(MOUNT), MP3, speed=SPEED):
        await icecast.wait_for_mount(MOUNT)
        await icecast.set_title(MOUNT, "Héctor & Žofie - It's 'live'; now")
        async with running(client_of(icecast, context)) as task:
            await wait_until(context.store, has("Héctor & Žofie - It's 'live'; now"), task)
            assert context.health.state is ModuleState.RUNNING
            assert context.health.detail == f"receiving 128 kbit/s MP3 from {icecast.listen_url(MOUNT)}"
            await icecast.set_title(MOUNT, "The next one")
            await wait_until(context.store, has("The next one"), task)


async def test_the_title_inside_an_ogg_stream(icecast: Icecast) -> None:
    context = input_context()
    async with running_source(icecast.source_url(MOUNT), VORBIS, speed=SPEED, title="In the comment"):
        await icecast.wait_for_mount(MOUNT)
        async with running(client_of(icecast, context)) as task:
            await wait_until(context.store, lambda: context.store.seconds > 1, task)
    assert stored_titles(context.store) == [(0, "In the comment")]


async def test_the_encoder_goes_away_and_comes_back(icecast: Icecast) -> None:
    context = input_context()
    for _ in range(2):
        async with running_source(icecast.source_url(MOUNT), MP3, speed=SPEED) as encoder:
            await icecast.wait_for_mount(MOUNT)
            enough = context.store.seconds + 3
            async with running(client_of(icecast, context)) as task:
                await wait_until(context.store, partial(_holds, context.store, enough), task)
                encoder.terminate()
                with pytest.raises(LinkError, match="the source closed the connection after"):
                    await asyncio.wait_for(task, LIMIT_SECONDS)
    assert len(context.store.epochs) == 1
    assert sum(fragment.discontinuity for fragment in context.store) == 1


async def test_a_mount_that_is_not_there(icecast: Icecast) -> None:
    with pytest.raises(PeerError, match="has no such stream: the source may be off"):
        await client_of(icecast, input_context()).run()
