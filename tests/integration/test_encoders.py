"""Real encoders send to the source server: every frame that they made must be in the store, and every title."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext
from distreamer.media.auto import AutoFramer
from tests.support.certificates import make_certificate
from tests.support.ffmpeg import AAC, MP3, OPUS, VORBIS, Encoding
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.programs import ended_process, find_program
from tests.support.source_server import PASSWORD, running_source_server

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 60
"""A bound, not an expectation."""
POLL_SECONDS = 0.02
"""Encoders do not say how far they are."""
SPEED = "4"
"""ffmpeg sends this much faster than real time, so that the tests are short."""


@dataclass(frozen=True)
class Case:
    """What a test works with."""

    context: InputContext
    log: CapturingLogger
    port: int
    folder: Path

    async def until(self, reached: Callable[[], bool], process: asyncio.subprocess.Process | None = None) -> None:
        """Waits for something; not longer than ``process`` runs."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                assert process is None or process.returncode is None, "the encoder ended before"
                await asyncio.sleep(POLL_SECONDS)

    def seconds(self, least: float) -> Callable[[], bool]:
        """Whether at least so much is stored."""
        return lambda: self.context.store.seconds >= least

    def said(self, text: str) -> bool:
        """Whether the log has ``text``."""
        return text in str(self.log.calls)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    log = CapturingLogger()
    context = input_context(log=log)
    async with running_source_server(context) as (_, port):
        yield Case(context, log, port, tmp_path)


def frames(data: bytes) -> list[bytes]:
    """As the framer cuts them; without header pages."""
    framer = AutoFramer()
    return [frame.data for frame in (*framer.feed(data), *framer.close())]


def assert_sent(stored: bytes, *sent: Path, least_frames: int) -> None:
    """What is stored must be what was sent, without a hole or a repeat. Only the end of each connection may be
    missing: who kills an encoder loses what was on its way."""
    rest = stored
    for number, path in enumerate(sent):
        expected = frames(path.read_bytes())
        common = 0
        while common < len(expected) and rest.startswith(expected[common]):
            rest = rest[len(expected[common]) :]
            common += 1
        assert common >= least_frames, f"{path.name} ({number + 1} of {len(sent)}) agrees in {common} frames"
    assert rest == b""


@asynccontextmanager
async def started(
    *command: str | Path, environment: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    async with ended_process(process):
        yield process


async def output_of(*command: str | Path, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code and all that a program says until it ends by itself."""
    async with started(*command, environment=environment) as process, asyncio.timeout(LIMIT_SECONDS):
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode(errors="replace")


# -- ffmpeg


def ffmpeg(case: Case, copy: Path, encoding: Encoding, *options: str, password: str = PASSWORD) -> list[str]:
    """Sends noise, and writes the same bytes into ``copy``."""
    url = f"icecast\\://source\\:{password}@127.0.0.1\\:{case.port}/live"
    # Without bitexact, each Ogg has a serial number of its own by chance.
    muxer = f"f={encoding.muxer}:fflags=+bitexact+flush_packets"
    muxer += {"mp3": ":write_xing=0:id3v2_version=0", "ogg": ":page_duration=200000"}.get(encoding.muxer, "")
    sent = ":".join([muxer, f"content_type={encoding.content_type}", *options])
    return [
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin", "-readrate", SPEED),
        *("-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000:amplitude=0.3", "-map", "0:a", "-ac", "2"),
        *("-c:a", encoding.encoder, "-b:a", encoding.bitrate, "-flags", "+bitexact", "-metadata", "title=From within"),
        *("-f", "tee", f"[{sent}]{url}|[{muxer}]{copy}"),
    ]


FORMATS = {"mp3": (MP3, 200), "aac": (AAC, 200), "vorbis": (VORBIS, 25), "opus": (OPUS, 25)}


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("options", [(), ("legacy_icecast=1",)], ids=["PUT", "SOURCE"])
async def test_ffmpeg(case: Case, form: str, options: Sequence[str]) -> None:
    encoding, least_frames = FORMATS[form]
    copy = case.folder / "copy"
    async with started(*ffmpeg(case, copy, encoding, "ice_name=Test radio", *options)) as process:
        await case.until(case.seconds(6), process)
        assert case.context.ingest.info is not None
        assert case.context.ingest.info.station.name == "Test radio"
        assert case.context.ingest.dropped_bytes == 0
    await case.until(lambda: case.said("the source is gone"))
    assert_sent(stored_audio(case.context.store), copy, least_frames=least_frames)
    if encoding.muxer == "ogg":
        assert [text for _, text in stored_titles(case.context.store)] == ["From within"]


@pytest.mark.parametrize("form", ["mp3", "vorbis"])
async def test_ffmpeg_is_killed_and_comes_back(case: Case, form: str) -> None:
    encoding, least_frames = FORMATS[form]
    copies = [case.folder / "first", case.folder / "second"]
    enough = 0.0
    for copy in copies:
        enough += 6
        async with started(*ffmpeg(case, copy, encoding)) as process:
            await case.until(case.seconds(enough), process)
            process.kill()
        await case.until(lambda: not case.context.health.detail.startswith("receiving"))
    # The same format goes on in the same epoch; Ogg brings new headers within it.
    assert len(case.context.store.epochs) == 1
    assert sum(fragment.discontinuity for fragment in case.context.store) == 1
    assert_sent(stored_audio(case.context.store), *copies, least_frames=least_frames)


@pytest.mark.parametrize("options", [(), ("legacy_icecast=1",)], ids=["PUT", "SOURCE"])
async def test_ffmpeg_with_a_wrong_password(case: Case, options: Sequence[str]) -> None:
    command = ffmpeg(case, case.folder / "copy", MP3, *options, password="wrong")
    async with started(*command):
        await case.until(lambda: case.said("a wrong password was given"))
    assert not case.context.store.seconds


async def test_an_encoder_that_hangs_is_replaced_by_its_next_self(case: Case) -> None:
    copies = [case.folder / "first", case.folder / "second"]
    async with started(*ffmpeg(case, copies[0], MP3)) as ghost:
        await case.until(case.seconds(6), ghost)
        ghost.send_signal(signal.SIGSTOP)
        async with started(*ffmpeg(case, copies[1], MP3)) as process:
            await case.until(case.seconds(12), process)
        ghost.kill()
    assert case.said("a source takes over")
    assert len(case.context.store.epochs) == 1
    assert_sent(stored_audio(case.context.store), *copies, least_frames=200)


# -- libshout, by ezstream


def ezstream(case: Case, programme: Path, protocol: str, *, password: str = PASSWORD, more: str = "") -> list[str]:
    config = case.folder / "ezstream.xml"
    config.write_text(
        f"""<ezstream><servers><server><protocol>{protocol}</protocol><hostname>localhost</hostname>
        <port>{case.port}</port><password>{password}</password><reconnect_attempts>1</reconnect_attempts>{more}
        </server></servers><streams><stream><mountpoint>/live</mountpoint><format>{programme.suffix[1:]}</format>
        <stream_name>Test radio</stream_name></stream></streams>
        <intakes><intake><type>file</type><filename>{escape(str(programme))}</filename><stream_once>yes</stream_once></intake></intakes>
        </ezstream>"""
    )
    config.chmod(0o600)
    return [find_program("ezstream"), "-vv", "-c", str(config)]


async def programme_of(case: Case, encoding: Encoding, suffix: str, seconds: int) -> Path:
    """A file of noise; its name is its title."""
    path = case.folder / f"Zoë & Co{suffix}"
    await output_of(
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", f"anoisesrc=d={seconds}"),
        *("-ac", "2", "-ar", "44100", "-c:a", encoding.encoder, "-b:a", encoding.bitrate, *encoding.options, str(path)),
    )
    return path


@pytest.mark.parametrize(
    ("protocol", "encoding", "suffix", "asked"),
    [
        ("HTTP", MP3, ".mp3", "PUT '/live'"),
        ("HTTP", VORBIS, ".ogg", "PUT '/live'"),
        ("ICY", MP3, ".mp3", "!POKE"),
    ],
    ids=["http-mp3", "http-ogg", "icy-mp3"],
)
async def test_libshout(case: Case, protocol: str, encoding: Encoding, suffix: str, asked: str) -> None:
    programme = await programme_of(case, encoding, suffix, 4)
    code, said = await output_of(*ezstream(case, programme, protocol))
    assert code == 0, said
    await case.until(lambda: case.said("the source is gone"))
    assert any(call.kwargs.get("request") == asked and call.kwargs["status"] == 401 for call in case.log.calls)
    assert stored_audio(case.context.store) == b"".join(frames(programme.read_bytes()))
    assert case.context.ingest.info is not None
    assert case.context.ingest.info.station.name == "Test radio"
    if encoding is MP3:
        assert [text for _, text in stored_titles(case.context.store)] == ["Zoë & Co"]
    assert not case.said("a wrong password was given")


@pytest.mark.parametrize("protocol", ["HTTP", "ICY"])
async def test_libshout_with_a_wrong_password(case: Case, protocol: str) -> None:
    programme = await programme_of(case, MP3, ".mp3", 1)
    code, said = await output_of(*ezstream(case, programme, protocol, password="wrong"))
    assert code != 0
    assert "Login failed" in said
    assert case.said("a wrong password was given")
    assert not case.said("a source connected")


async def test_libshout_over_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    log = CapturingLogger()
    context = input_context(log=log)
    files = {"certfile": certificate.certificate, "keyfile": certificate.key}
    async with running_source_server(context, **files) as (_, port):
        case = Case(context, log, port, tmp_path)
        programme = await programme_of(case, MP3, ".mp3", 3)
        tls = f"<tls>required</tls><ca_file>{certificate.certificate}</ca_file>"
        code, said = await output_of(*ezstream(case, programme, "HTTP", more=tls))
        assert code == 0, said
        await case.until(lambda: case.said("the source is gone"))
    assert stored_audio(context.store) == b"".join(frames(programme.read_bytes()))


# -- liquidsoap


def liquidsoap(case: Case, dump: Path, encoder: str, *options: str, password: str = PASSWORD) -> list[str]:
    script = case.folder / "studio.liq"
    script.write_text(
        f"""
        settings.init.allow_root.set(true)
        settings.log.level.set(4)
        programme = insert_metadata(noise())
        thread.run(delay=1.5, {{programme.insert_metadata([("artist", "Žofie"), ("title", "Ólafur & Co")])}})
        output.icecast({encoder}, host="127.0.0.1", port={case.port}, password="{password}", mount="/live",
            name="Test radio", dumpfile="{dump}", fallible=true, {", ".join(options)} programme)
        """
    )
    return [find_program("liquidsoap"), str(script)]


LIQUIDSOAP = {
    "source-mp3": ("%mp3(bitrate=128)", ()),
    "put-mp3": ("%mp3(bitrate=128)", ('method="put",',)),
    "put-chunked-mp3": ("%mp3(bitrate=128)", ('method="put", chunked=true,',)),
    "icy-mp3": ("%mp3(bitrate=128)", ('protocol="icy",',)),
    "source-ogg": ("%vorbis(quality=0.3)", ()),
}


@pytest.mark.parametrize("kind", list(LIQUIDSOAP))
async def test_liquidsoap(case: Case, kind: str) -> None:
    encoder, options = LIQUIDSOAP[kind]
    dump = case.folder / "dump"
    async with started(*liquidsoap(case, dump, encoder, *options)) as process:
        await case.until(lambda: bool(stored_titles(case.context.store)) and case.seconds(3)(), process)
    await case.until(lambda: case.said("the source is gone"))
    assert [text for _, text in stored_titles(case.context.store)][-1] == "Žofie - Ólafur & Co"
    assert_sent(stored_audio(case.context.store), dump, least_frames=10 if kind == "source-ogg" else 100)


@pytest.mark.parametrize("kind", ["source-mp3", "put-mp3", "icy-mp3"])
async def test_liquidsoap_with_a_wrong_password(case: Case, kind: str) -> None:
    encoder, options = LIQUIDSOAP[kind]
    async with started(*liquidsoap(case, case.folder / "dump", encoder, *options, password="wrong")) as process:
        await case.until(lambda: case.said("a wrong password was given"), process)
    assert not case.said("a source connected")


# -- darkice


def darkice(case: Case, section: str, *, password: str = PASSWORD) -> tuple[list[str], dict[str, str]]:
    """Its sound card is a file, which it reads as fast as it can."""
    sound = case.folder / "sound.conf"
    noise = case.folder / "noise.raw"
    noise.write_bytes(random.Random(1).randbytes(4 * 44100 * 8))
    sound.write_text(
        "pcm.null { type null }\n"
        f'pcm.studio {{ type file slave.pcm "null" file "/dev/null" infile "{noise}" format "raw" }}\n'
    )
    config = case.folder / "darkice.cfg"
    config.write_text(
        "[general]\nduration = 6\nbufferSecs = 1\nreconnect = no\nrealtime = no\n"
        "[input]\ndevice = studio\nsampleRate = 44100\nbitsPerSample = 16\nchannel = 2\n"
        f"[{section}]\nbitrateMode = cbr\nbitrate = 128\nquality = 0.5\n"
        f"server = 127.0.0.1\nport = {case.port}\npassword = {password}\n"
        f"localDumpFile = {case.folder}/dump\nname = Test radio\n"
        "mountPoint = live\nformat = mp3\n"
    )
    return [find_program("darkice"), "-v", "5", "-c", str(config)], {**os.environ, "ALSA_CONFIG_PATH": str(sound)}


# Its SHOUTcast mode sends no password at all (darkice 1.3 reads it from memory that it has freed).
DARKICE = ["icecast2-0", "icecast-0"]


@pytest.mark.parametrize("section", DARKICE)
async def test_darkice(case: Case, section: str) -> None:
    command, environment = darkice(case, section)
    _, said = await output_of(*command, environment=environment)
    assert "encoding ends" in said, said
    await case.until(lambda: case.said("the source is gone"))
    assert_sent(stored_audio(case.context.store), case.folder / "dump", least_frames=100)
    assert case.context.ingest.info is not None
    assert case.context.ingest.info.station.name == "Test radio"


@pytest.mark.parametrize("section", DARKICE)
async def test_darkice_with_a_wrong_password(case: Case, section: str) -> None:
    command, environment = darkice(case, section, password="wrong")
    _, said = await output_of(*command, environment=environment)
    assert case.said("a wrong password was given"), said
    assert not case.said("a source connected")
