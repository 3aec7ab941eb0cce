"""IcecastClient sends to real servers, which never see the bad link in front of it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from distreamer.transport.relay import Relay
from tests.support import ffmpeg
from tests.support.certificates import make_certificate
from tests.support.decoding import whole_frames
from tests.support.icecast import PASSWORD, Icecast, running_icecast
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer
from tests.support.listening import Recording, assert_same_run, listening, packets
from tests.support.programs import ended_process, find_program
from tests.support.server_table import (
    AUDIO,
    HARBOR_PUT,
    HARBOR_SOURCE,
    ICECAST_PUT,
    ICECAST_SOURCE,
    ICECAST_TLS,
    SHOUTCAST,
    TITLES,
    proves,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CUT_SECONDS = 15
BYTES_PER_SECOND = 16_000
AWAY_SECONDS = 5
FRAMES_PER_SECOND = 38
"""Of MP3 at 44.1 kHz."""
LEAD_BYTES = 160_000
"""What IcecastClient sends at once when the playout begins: 10 s."""
DELAY_SECONDS = 25
AHEAD_SECONDS, BURST_BYTES = 30, 800_000
"""What the source sends at once, so that buffers are full at once."""
FORMATS = {"mp3": (ffmpeg.MP3, "mp3"), "aac": (ffmpeg.AAC, "aac"), "vorbis": (ffmpeg.VORBIS, "ogg")}
TITLED = ("mp3", "aac")
TITLE = "Žofie – Ólafur & Co"
PROTOCOLS = {"mp3": "put", "aac": "source", "vorbis": "auto"}
"""How each format is sent."""


SOME_WAV = 500_000
"""Bytes: 3 s."""


def sender_config(folder: Path, name: str, source: str, output: str, delay: float = 6) -> Path:
    """An instance that sends what it plays; ``source`` and ``output`` are the keys of the two sections."""
    path = folder / f"{name}.conf"
    path.write_text(f"[GENERAL]\nDELAY = {delay}\n[INPUT]\n{source}\n[OUTPUT]\nMODE = IcecastClient\n{output}\n")
    return path


def taking(icecast: Icecast, mount: str) -> str:
    return f"MODE = ShoutcastClient\nSTREAMURL = {icecast.listen_url(mount)}\nHTTPTIMEOUT = 60"


def sending(port: int, mount: str, protocol: str, password: str = PASSWORD) -> str:
    return f"SERVERURL = http://127.0.0.1:{port}{mount}\nPASSWORD = {password}\nPROTOCOL = {protocol}\nNAME = Far Radio"


@proves(ICECAST_PUT, AUDIO)
@proves(ICECAST_PUT, TITLES)
@proves(ICECAST_SOURCE, AUDIO)
@proves(ICECAST_SOURCE, TITLES)
async def test_a_mount_stays_up_through_a_cut_of_15_s_before_it(tmp_path: Path) -> None:
    """ffmpeg → Icecast → A → a link that fails → B → another Icecast → listeners, in three formats at once."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        (tmp_path / "near").mkdir()
        (tmp_path / "far").mkdir()
        near = await enter(running_icecast(tmp_path / "near", BURST_BYTES))
        far = await enter(running_icecast(tmp_path / "far"))
        sent: dict[str, Recording] = {}
        relays: list[Relay] = []
        studios, transmitters = [], []
        for form, (encoding, _) in FORMATS.items():
            mount = f"/{form}"
            await enter(ffmpeg.running_source(near.source_url(mount), encoding, ahead=AHEAD_SECONDS))
            await near.wait_for_mount(mount)
            sent[form] = await enter(listening(near.port, mount))
            port = free_port()
            relay = await enter(Relay("127.0.0.1", port))
            relays.append(relay)
            studio = tmp_path / f"{form}-a.conf"
            studio.write_text(
                f"[INPUT]\n{taking(near, mount)}\n"
                f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
            )
            studios.append(studio)
            source = f"MODE = DiStreamerClient\nSERVERURL = http://127.0.0.1:{relay.port}"
            output = sending(far.port, mount, PROTOCOLS[form])
            transmitters.append(sender_config(tmp_path, f"{form}-b", source, output, DELAY_SECONDS))
        await enter(running_distreamer(*studios))
        running = await enter(running_distreamer(*transmitters))
        heard: dict[str, Recording] = {}
        for form in FORMATS:
            await far.wait_for_mount(f"/{form}")
            heard[form] = await enter(listening(far.port, f"/{form}", icy=form in TITLED))
        assert heard["mp3"].headers["icy-name"] == "Far Radio"
        for form in TITLED:
            await near.set_title(f"/{form}", TITLE)
        for relay in relays:
            relay.cut()
        await asyncio.sleep(CUT_SECONDS)
        for relay in relays:
            relay.restore()
        await asyncio.gather(*(one.has_more(8_000 * (DELAY_SECONDS + 5)) for one in heard.values()))
        for form in FORMATS:
            assert not heard[form].ended, f"{form}: the listener of the far Icecast was closed"
            container = FORMATS[form][1]
            audio, programme = (whole_frames(bytes(one.audio), container) for one in (heard[form], sent[form]))
            assert_same_run(packets(audio, container), packets(programme, container))
        for form in TITLED:
            await has_title(heard[form], TITLE)
        connected = [line for line in running.lines if "connected to the server" in line]
        assert len(connected) == len(FORMATS)


async def has_title(recording: Recording, title: str) -> None:
    """Waits until it is the last that came."""
    for _ in range(30):
        if recording.titles and recording.titles[-1][1] == title:
            return
        await recording.has_more(BYTES_PER_SECOND)
    raise AssertionError(f"the titles were {recording.titles}")


async def test_a_server_that_is_started_anew_gets_what_it_missed(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        (tmp_path / "near").mkdir()
        (tmp_path / "far").mkdir()
        near = await enter(running_icecast(tmp_path / "near", BURST_BYTES))
        await enter(ffmpeg.running_source(near.source_url("/live"), ffmpeg.MP3, ahead=AHEAD_SECONDS))
        await near.wait_for_mount("/live")
        sent = await enter(listening(near.port, "/live"))
        port = free_port()
        config = sender_config(tmp_path, "b", taking(near, "/live"), sending(port, "/live", "auto"))
        running = await enter(running_distreamer(config))
        await running.said("refused the connection")
        heard: list[list[bytes]] = []
        for _ in range(2):
            async with contextlib.AsyncExitStack() as listener:
                # Its burst holds all that it ever got, and it is listened to until it ends.
                async with running_icecast(tmp_path / "far", burst_bytes=2_000_000, port=port) as far:
                    await far.wait_for_mount("/live")
                    recording = await listener.enter_async_context(listening(far.port, "/live"))
                    # The server has sent on what it got at once, and takes what is due in real time.
                    await recording.has(LEAD_BYTES + 2 * BYTES_PER_SECOND)
                await recording.has_ended()
            heard.append(packets(bytes(recording.audio), "mp3"))
            await sent.has_more(AWAY_SECONDS * BYTES_PER_SECOND)
        everything = packets(bytes(sent.audio), "mp3")
        for one in heard:
            assert_same_run(one, everything)
        # Lost is what the old one had taken and not yet sent on; the time without a server is not. Nothing comes twice.
        lost = everything.index(heard[1][0]) - everything.index(heard[0][-1])
        assert 0 < lost < AWAY_SECONDS * FRAMES_PER_SECOND


@pytest.mark.parametrize("protocol", ["put", "source"])
async def test_the_mount_may_be_the_root(tmp_path: Path, protocol: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path))
        output = sending(icecast.port, "/", protocol)
        source = "MODE = Silence\nTITLE = At the root"
        running = await enter(running_distreamer(sender_config(tmp_path, "b", source, output)))
        await running.said("connected to the server")
        await icecast.wait_for_mount("/")
        heard = await enter(listening(icecast.port, "/", icy=True))
        await has_title(heard, "At the root")
        assert heard.headers["icy-name"] == "Far Radio"


async def test_a_wrong_password_and_a_mount_in_use_are_said_in_plain_words(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ffmpeg.MP3))
        await icecast.wait_for_mount("/live")
        configs = [
            sender_config(tmp_path, f"{name}-{protocol}", taking(icecast, "/live"), output)
            for protocol in ("put", "source")
            for name, output in (
                ("stranger", sending(icecast.port, "/other", protocol, "wrong")),
                ("second", sending(icecast.port, "/live", protocol)),
            )
        ]
        running = await enter(running_distreamer(*configs))
        for protocol in ("put", "source"):
            await running.said(f"stranger-{protocol} output: 127.0.0.1:{icecast.port}/other: refuses USER or PASSWORD")
            await running.said(f"second-{protocol} output: 127.0.0.1:{icecast.port}/live: does not let us in")


@proves(ICECAST_TLS, AUDIO)
@proves(ICECAST_TLS, TITLES)
async def test_over_tls(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        (tmp_path / "near").mkdir()
        (tmp_path / "far").mkdir()
        near = await enter(running_icecast(tmp_path / "near"))
        await enter(ffmpeg.running_source(near.source_url("/live"), ffmpeg.MP3))
        await near.wait_for_mount("/live")
        far = await enter(running_icecast(tmp_path / "far", certificate=both))
        output = sending(far.port, "/live", "put").replace("http://", "https://")
        running = await enter(
            running_distreamer(
                sender_config(tmp_path, "careful", taking(near, "/live"), output),
                sender_config(tmp_path, "trusting", taking(near, "/live"), output + "\nTLSVERIFY = no"),
            )
        )
        assert "certificate" in await running.said("careful output: 127.0.0.1")
        await running.said("trusting output: connected to the server")
        await near.set_title("/live", "Behind seven seals")
        curl = await asyncio.create_subprocess_exec(
            *(find_program("curl"), "--silent", "--insecure", "--header", "Icy-MetaData: 1", "--no-buffer"),
            *("--fail", "--retry", "30", "--retry-delay", "1", "--retry-all-errors"),
            f"https://127.0.0.1:{far.port}/live",
            stdout=asyncio.subprocess.PIPE,
            limit=2**22,
        )
        async with ended_process(curl), asyncio.timeout(120):
            assert curl.stdout is not None
            await curl.stdout.readuntil(b"StreamTitle='Behind seven seals'")


HARBOR = """
settings.init.allow_root.set(true)
settings.harbor.bind_addrs.set(["127.0.0.1"])
live = input.harbor("live", port={port}, password="{password}", buffer=1.)
live.on_metadata(fun (m) -> print("HEARD TITLE #{{m['title']}} #{{m['song']}}"))
output.file(%wav, "{folder}/heard.wav", fallible=true, live)
"""


async def harbor(stack: contextlib.AsyncExitStack, folder: Path, port: int) -> asyncio.subprocess.Process:
    script = folder / "harbor.liq"
    script.write_text(HARBOR.format(port=port, password=PASSWORD, folder=folder))
    process = await asyncio.create_subprocess_exec(
        find_program("liquidsoap"),
        str(script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return await stack.enter_async_context(ended_process(process))


async def printed(process: asyncio.subprocess.Process, text: str) -> None:
    """Waits until the program says ``text``."""
    assert process.stdout is not None
    said: list[str] = []
    async with asyncio.timeout(120):
        async for line in process.stdout:
            said.append(line.decode(errors="replace"))
            if text in said[-1]:
                return
    raise AssertionError(f"it ended without “{text}”: {''.join(said)}")


@pytest.mark.parametrize(
    "protocol",
    [
        pytest.param("put", marks=[proves(HARBOR_PUT, AUDIO), proves(HARBOR_PUT, TITLES)]),
        pytest.param("source", marks=[proves(HARBOR_SOURCE, AUDIO), proves(HARBOR_SOURCE, TITLES)]),
    ],
)
async def test_liquidsoaps_harbor_takes_audio_and_titles(tmp_path: Path, protocol: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ffmpeg.MP3))
        await icecast.wait_for_mount("/live")
        port = free_port()
        process = await harbor(stack, tmp_path, port)
        output = sending(port, "/live", protocol)
        running = await enter(running_distreamer(sender_config(tmp_path, "b", taking(icecast, "/live"), output)))
        await running.said("connected to the server")
        await icecast.set_title("/live", "Song of the harbor")
        await printed(process, "Song of the harbor")
        heard = tmp_path / "heard.wav"
        for _ in range(600):
            if heard.exists() and heard.stat().st_size > SOME_WAV:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the harbor decodes nothing")


@proves(SHOUTCAST, AUDIO)
@proves(SHOUTCAST, TITLES)
async def test_shoutcast_1_on_the_port_above(tmp_path: Path) -> None:
    """Our own source server stands for a SHOUTcast server, which Debian does not have."""
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        icecast = await enter(running_icecast(tmp_path, BURST_BYTES))
        await enter(ffmpeg.running_source(icecast.source_url("/live"), ffmpeg.MP3, ahead=AHEAD_SECONDS))
        await icecast.wait_for_mount("/live")
        sent = await enter(listening(icecast.port, "/live"))
        far = tmp_path / "far.conf"
        player = free_port()
        far.write_text(
            "[GENERAL]\nDELAY = 6\nOUTPUTLEVEL = 3\n"
            "[INPUT]\nMODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\nPASSWORD = secret\n"
            f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player}\n"
        )
        server: RunningDiStreamer = await enter(running_distreamer(far))
        line = await server.said("listening for encoders")
        port = int(line.partition("shoutcast_port=")[2].split()[0]) - 1
        output = sending(port, "", "shoutcast", "secret")
        await enter(running_distreamer(sender_config(tmp_path, "b", taking(icecast, "/live"), output)))
        await server.said('by="SHOUTcast 1"')
        await icecast.set_title("/live", "Über den Wolken")
        await server.said('new title title="Über den Wolken"')
        for _ in range(600):
            async with listening(player) as recording:
                if recording.status.split()[1] == "200":
                    assert recording.headers["icy-name"] == "Far Radio"
                    await recording.has(60_000)
                    assert_same_run(packets(bytes(recording.audio), "mp3"), packets(bytes(sent.audio), "mp3"))
                    return
            await asyncio.sleep(0.1)
        raise AssertionError("nothing is served within a minute")
