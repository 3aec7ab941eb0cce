"""The main job with real programs: ffmpeg → Icecast → A → a link that fails → B → listeners.

Everything that a listener of B gets is compared, packet by packet as libavformat finds them, with what Icecast sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from distreamer.protocol.listener_http import METADATA_INTERVAL
from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.icecast import Icecast, running_icecast
from tests.support.instances import SERVED_SECONDS, free_port, running_distreamer
from tests.support.listening import Recording, assert_same_run, listening, media_seconds, packets
from tests.support.module_table import DISTREAMER_CLIENT, DISTREAMER_SERVER, NATIVE_WIRE, proves
from tests.support.udp_relay import UdpRelay

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DELAY_SECONDS = 25
AHEAD_SECONDS, BURST_BYTES = 30, 480_000
"""What the encoders send at once, and Icecast gives at once, so that buffers are full at once."""
CUT_SECONDS = 15
PREBUFFER_SECONDS = 6
"""What a player waits for before it begins; no more than this is ever between it and silence. It is longer than a busy
machine stands still, and much shorter than the cut."""
FRAME_BYTES = 1_000
"""More than a frame has: a title begins with a whole one."""
TITLES = ("Die Fähre – Teil 1", "Die Fähre – Teil 2")


@dataclass(frozen=True)
class Programme:
    """A stream that ffmpeg sends to Icecast."""

    name: str
    carrier: str
    """What its link is carried by: QUIC where the link lets UDP through."""
    encoding: ffmpeg.Encoding
    container: str
    """As libavformat calls it."""
    bytes_per_second: int
    """Roughly what the encoder makes of noise."""

    @property
    def icy(self) -> bool:
        """Whether titles travel beside the audio."""
        return self.container != "ogg"


PROGRAMMES = (
    Programme("mp3", "quic", ffmpeg.MP3, "mp3", 16_000),
    Programme("aac", "websocket", ffmpeg.AAC, "aac", 12_000),
    Programme("vorbis", "websocket", ffmpeg.VORBIS, "ogg", 16_000),
    Programme("opus", "quic", ffmpeg.OPUS, "ogg", 8_000),
)


@dataclass(frozen=True)
class Pair:
    """One programme's two ends and the link between them."""

    programme: Programme
    relay: Relay
    udp: UdpRelay | None
    studio: Path
    transmitter: Path
    player_port: int

    def cut(self) -> None:
        for relay in (self.relay, self.udp):
            if relay is not None:
                relay.cut()

    def restore(self) -> None:
        for relay in (self.relay, self.udp):
            if relay is not None:
                relay.restore()

    def change_address(self) -> None:
        self.relay.drop_connections()
        if self.udp is not None:
            self.udp.rebind()


async def made_pair(stack: contextlib.AsyncExitStack, folder: Path, icecast: Icecast, programme: Programme) -> Pair:
    """The config files of A and B, and the link, which runs."""
    studio_port, player_port = free_port(), free_port()
    relay = await stack.enter_async_context(Relay("127.0.0.1", studio_port, port=free_port()))
    udp = None
    if programme.carrier == "quic":
        udp = await stack.enter_async_context(UdpRelay(studio_port, relay.port))
    studio = folder / f"{programme.name}-a.conf"
    studio.write_text(
        f"[INPUT]\nMODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url('/' + programme.name)}\nHTTPTIMEOUT = 60\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {studio_port}\nPASSWORD = Wellenreiter\n"
    )
    transmitter = folder / f"{programme.name}-b.conf"
    transmitter.write_text(
        f"[GENERAL]\nDELAY = {DELAY_SECONDS}\n"
        f"[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{relay.port}\nPASSWORD = Wellenreiter\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player_port}\n"
        "BURSTSECONDS = 0\n"
    )
    return Pair(programme, relay, udp, studio, transmitter, player_port)


@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
async def test_nobody_hears_a_cut_of_15_s_nor_a_new_address(tmp_path: Path) -> None:
    """All formats at once, four instances in each of two processes; two links by QUIC and two by TCP."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        sent: dict[str, Recording] = {}
        pairs: list[Pair] = []
        for programme in PROGRAMMES:
            mount = "/" + programme.name
            await enter(ffmpeg.running_source(icecast.source_url(mount), programme.encoding, ahead=AHEAD_SECONDS))
            await icecast.wait_for_mount(mount)
            sent[programme.name] = await enter(listening(icecast.port, mount, icy=programme.icy))
            pairs.append(await made_pair(stack, tmp_path, icecast, programme))
        await enter(running_distreamer(*(pair.studio for pair in pairs)))
        far = await enter(running_distreamer(*(pair.transmitter for pair in pairs)))
        await far.said("connected to the sender", times=len(PROGRAMMES))
        # On a busy machine TCP may be quicker, and is replaced at once.
        await far.said("carrier=quic", times=sum(programme.carrier == "quic" for programme in PROGRAMMES))
        heard = {
            (pair.programme, icy): await enter(first_listener(pair, icy=icy))
            for pair in pairs
            for icy in ((False, True) if pair.programme.icy else (False,))
        }

        await all_have_more(heard, seconds=PREBUFFER_SECONDS)
        await set_titles(icecast, TITLES[0])
        for pair in pairs:
            pair.cut()
        await asyncio.sleep(CUT_SECONDS)
        for pair in pairs:
            pair.restore()
        await set_titles(icecast, TITLES[1])
        await all_have_more(heard, seconds=5)
        for pair in pairs:
            pair.change_address()
        await all_have_more(heard, seconds=DELAY_SECONDS + 3)
        for (_, icy), recording in heard.items():
            if icy:
                await recording.has_title(TITLES[1])

        for (programme, icy), recording in heard.items():
            assert_nothing_was_heard(recording, sent[programme.name], programme)
            if icy:
                assert_titles_in_place(recording, sent[programme.name], programme)


@contextlib.asynccontextmanager
async def first_listener(pair: Pair, *, icy: bool) -> AsyncIterator[Recording]:
    """Listens as soon as B serves, which is when its buffer is full."""
    for _ in range(SERVED_SECONDS * 10):
        async with contextlib.AsyncExitStack() as stack:
            recording = None
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                recording = await stack.enter_async_context(listening(pair.player_port, icy=icy))
            if recording is not None and recording.status.split()[1] == "200":
                yield recording
                return
        await asyncio.sleep(0.1)
    raise AssertionError(f"B does not serve {pair.programme.name} within {SERVED_SECONDS} s")


async def all_have_more(heard: Mapping[tuple[Programme, bool], Recording], seconds: float) -> None:
    """Waits until each listener got about ``seconds`` more of audio."""
    wanted = {key: len(one.audio) + int(seconds * key[0].bytes_per_second) for key, one in heard.items()}
    for key, recording in heard.items():
        await recording.has(wanted[key])


async def set_titles(icecast: Icecast, title: str) -> None:
    for programme in PROGRAMMES:
        if programme.icy:
            await icecast.set_title("/" + programme.name, title)


def assert_nothing_was_heard(heard: Recording, sent: Recording, programme: Programme) -> None:
    """The connection is up, the player never ran dry, no packet is missing, repeated or changed."""
    audio = bytes(heard.audio)
    rate = len(audio) / media_seconds(audio, programme.container)
    assert not heard.ended, f"{programme.name}: the connection of a listener was closed"
    assert heard.silence(rate, PREBUFFER_SECONDS) == 0, programme.name
    assert_same_run(packets(audio, programme.container), packets(bytes(sent.audio), programme.container))


def assert_titles_in_place(heard: Recording, sent: Recording, programme: Programme) -> None:
    """Each title comes where Icecast put it, as nearly as metadata blocks allow: A and the listener that went to
    Icecast directly began at different bytes, so their blocks differ by up to an interval, and B's add one."""
    first = packets(bytes(heard.audio), programme.container)[0]
    shift = bytes(sent.audio).index(first) - bytes(heard.audio).index(first)
    for title in TITLES:
        place = next(place for place, text in sent.titles if text == title)
        told = next(place for place, text in heard.titles if text == title) + shift
        assert place - METADATA_INTERVAL <= told <= place + 2 * METADATA_INTERVAL + FRAME_BYTES, title
