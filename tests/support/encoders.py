"""Real encoders before a source server: what every test of one needs, and the table that the tests fill."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext
from distreamer.media.auto import AutoFramer
from tests.support.ffmpeg import AAC, MP3, OPUS, TITLE_WITHIN, VORBIS, Encoding
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.programs import ended_process, find_program
from tests.support.source_server import running_source_server

LIMIT_SECONDS = 120
"""A bound, not an expectation."""
POLL_SECONDS = 0.02
"""Encoders do not say how far they are."""
FRAGMENT_SECONDS = 0.25
"""Short, so that little audio is enough for a test."""
SILENCE_SECONDS = 45
"""Longer than an encoder hangs on a busy machine."""

FORMATS = {"mp3": (MP3, 100), "aac": (AAC, 100), "vorbis": (VORBIS, 10), "opus": (OPUS, 10)}
"""What ffmpeg makes, and how many frames of it must have arrived at least."""

FFMPEG_PUT = "ffmpeg icecast:// (PUT)"
FFMPEG_SOURCE = "ffmpeg icecast:// legacy_icecast=1 (SOURCE)"
FFMPEG_SHOUTCAST = "ffmpeg behind a SHOUTcast 1 login"
SHOUT = "libshout's shout"
LIQUIDSOAP_SOURCE = "liquidsoap output.icecast (SOURCE)"
LIQUIDSOAP_PUT = "liquidsoap output.icecast (PUT)"
LIQUIDSOAP_CHUNKED = "liquidsoap output.icecast (PUT, chunked)"
LIQUIDSOAP_SHOUTCAST = "liquidsoap output.shoutcast"
EZSTREAM_HTTP = "ezstream (HTTP)"
EZSTREAM_ICY = "ezstream (ICY)"
DARKICE_ICECAST2 = "darkice (icecast2)"
DARKICE_ICECAST = "darkice (icecast)"
BUTT = "butt"
ROWS = (
    *(FFMPEG_PUT, FFMPEG_SOURCE, FFMPEG_SHOUTCAST, SHOUT),
    *(LIQUIDSOAP_SOURCE, LIQUIDSOAP_PUT, LIQUIDSOAP_CHUNKED, LIQUIDSOAP_SHOUTCAST),
    *(EZSTREAM_HTTP, EZSTREAM_ICY, DARKICE_ICECAST2, DARKICE_ICECAST, BUTT),
)

IS_MP3 = "MP3"
IS_AAC = "AAC"
IS_OGG = "Ogg"
TITLES = "titles"
WRONG_PASSWORD = "wrong password"
KILLED = "killed and restarted"
COLUMNS = (IS_MP3, IS_AAC, IS_OGG, TITLES, WRONG_PASSWORD, KILLED)
COLUMN_OF = {"mp3": IS_MP3, "aac": IS_AAC, "vorbis": IS_OGG, "opus": IS_OGG, "flac": IS_OGG}

_NO_AAC_IN_LIBSHOUT = "libshout sends Ogg, MP3, WebM and text"
_NO_AAC_IN_DARKICE = "Debian builds darkice without an AAC encoder"
_NO_TITLES_IN_DARKICE = "darkice sends no titles (its Opus is always called Darkice Stream)"
NOT_OFFERED: dict[tuple[str, str], str] = {
    (SHOUT, IS_AAC): _NO_AAC_IN_LIBSHOUT,
    (EZSTREAM_HTTP, IS_AAC): _NO_AAC_IN_LIBSHOUT,
    (EZSTREAM_ICY, IS_AAC): _NO_AAC_IN_LIBSHOUT,
    (EZSTREAM_ICY, IS_OGG): "libshout sends Ogg by HTTP only",
    (DARKICE_ICECAST2, IS_AAC): _NO_AAC_IN_DARKICE,
    (DARKICE_ICECAST, IS_AAC): _NO_AAC_IN_DARKICE,
    (DARKICE_ICECAST, IS_OGG): "darkice sends Ogg to Icecast 2 only",
    (DARKICE_ICECAST2, TITLES): _NO_TITLES_IN_DARKICE,
    (DARKICE_ICECAST, TITLES): _NO_TITLES_IN_DARKICE,
    (BUTT, IS_AAC): "Debian builds butt without an AAC encoder",
}
"""The cells of the table that no test can fill, with the reason. darkice's SHOUTcast mode is not even a row: it sends
no password at all (darkice 1.3 reads it from memory that it has freed)."""


def proves(row: str, *columns: str) -> tuple[pytest.MarkDecorator, ...]:
    """The marks of a parameter set that fills these cells."""
    return tuple(pytest.mark.proves("encoders", row=row, column=column) for column in columns)


@dataclass(frozen=True)
class Case:
    """One source server, and what came of what an encoder sent to it."""

    context: InputContext
    log: CapturingLogger
    port: int
    folder: Path
    received: list[bytearray]
    """The bytes of each connection."""

    async def until(self, reached: Callable[[], bool], process: asyncio.subprocess.Process | None = None) -> None:
        """Waits for something; not longer than ``process`` runs."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                assert process is None or process.returncode is None, "the encoder ended before"
                await asyncio.sleep(POLL_SECONDS)

    async def until_gone(self) -> None:
        """Waits until no encoder is connected, all that came from it is stored, and that was said in the log."""
        await self.until(lambda: not self.is_on_air and self.said("the source is gone"))

    @property
    def is_on_air(self) -> bool:
        return not self.context.health.detail.startswith("no encoder is connected")

    @property
    def audio(self) -> bytes:
        """All that is stored."""
        return stored_audio(self.context.store)

    @property
    def titles(self) -> list[str]:
        """In order, as they are stored."""
        return [text for _, text in stored_titles(self.context.store)]

    @property
    def station(self) -> str:
        return self.context.ingest.info.station.name if self.context.ingest.info else ""

    def seconds(self, least: float) -> Callable[[], bool]:
        """Whether at least so much is stored."""
        return lambda: self.context.store.seconds >= least

    def more(self, least: float) -> Callable[[], bool]:
        """Whether at least so much more is stored than when this is called."""
        return self.seconds(self.context.store.seconds + least)

    def has_title(self, title: str) -> Callable[[], bool]:
        """Whether it is stored."""
        return lambda: title in self.titles

    def said(self, text: str) -> bool:
        """Whether the log has ``text``."""
        return text in str(self.log.calls)

    def bodies(self) -> list[bytes]:
        """What each connection that brought audio carried behind its headers, as it came."""
        heads = (bytes(one).partition(b"\r\n\r\n") for one in self.received)
        return [body for head, _, body in heads if body and not head.startswith((b"GET", b"POST"))]


@asynccontextmanager
async def opened_case(folder: Path, **keys: object) -> AsyncIterator[Case]:
    """A source server until the end of the block; ``keys`` are settings of it."""
    log = CapturingLogger()
    context = input_context(FRAGMENT_SECONDS, log)
    received: list[bytearray] = []
    async with running_source_server(context, received, timeout=SILENCE_SECONDS, **keys) as (_, port):
        yield Case(context, log, port, folder, received)


def frames(data: bytes) -> list[bytes]:
    """As the framer cuts them; without header pages."""
    framer = AutoFramer()
    return [frame.data for frame in (*framer.feed(data), *framer.close())]


def assert_sent(stored: bytes, *sent: bytes, least_frames: int) -> None:
    """What is stored must be what was sent, without a hole or a repeat. Only the end of each connection may be
    missing: who kills an encoder loses what was on its way."""
    rest = stored
    for number, data in enumerate(sent, 1):
        expected = frames(data)
        common = 0
        while common < len(expected) and rest.startswith(expected[common]):
            rest = rest[len(expected[common]) :]
            common += 1
        assert common >= least_frames, f"connection {number} of {len(sent)} agrees in {common} frames"
    assert rest == b""


def assert_goes_on(case: Case) -> None:
    """The same stream, with one seam."""
    assert len(case.context.store.epochs) == 1
    assert sum(fragment.discontinuity for fragment in case.context.store) == 1


def assert_refused(case: Case) -> None:
    """A wrong password was all that came."""
    assert case.said("a wrong password was given")
    assert not case.said("a source connected")
    assert not case.context.store.seconds


@asynccontextmanager
async def started(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout == subprocess.PIPE else subprocess.DEVNULL,
        env=environment,
    )
    async with ended_process(process):
        yield process


async def output_of(
    *command: str | Path, environment: Mapping[str, str] | None = None, stdin: int | IO[bytes] = subprocess.DEVNULL
) -> tuple[int, str]:
    """The exit code and all that a program says until it ends by itself."""
    async with started(*command, environment=environment, stdin=stdin) as process, asyncio.timeout(LIMIT_SECONDS):
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode(errors="replace")


async def let_end(process: asyncio.subprocess.Process) -> None:
    """Asks ``process`` to end, and gives it the time to write what it still holds."""
    process.terminate()
    async with asyncio.timeout(LIMIT_SECONDS):
        await process.communicate()


async def heard_from(process: asyncio.subprocess.Process, *texts: str) -> None:
    """Waits until ``process`` has said all ``texts``, in whichever order."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(LIMIT_SECONDS):
        while not all(text in said for text in texts):
            line = await process.stdout.readline()
            assert line, f"it ended and had only said: {said}"
            said += line.decode(errors="replace")


async def programme_of(folder: Path, encoding: Encoding, name: str, seconds: int) -> Path:
    """A file of noise with a title within."""
    path = folder / name
    code, said = await output_of(
        *(find_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", f"anoisesrc=d={seconds}"),
        *("-ac", "2", "-ar", "48000", "-c:a", encoding.encoder, "-b:a", encoding.bitrate, *encoding.options),
        *("-metadata", f"title={TITLE_WITHIN}", path),
    )
    assert code == 0, said
    return path
