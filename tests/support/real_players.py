"""Real players that listen until the test ends, into files or nothing instead of a loudspeaker, each in real time."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import groupby
from pathlib import Path

import numpy as np

from tests.support.chromium import Page, chromium_page, empty_page
from tests.support.other_user import other_user
from tests.support.programs import ended_process, find_program

PATIENCE_SECONDS = 90
"""A bound, not an expectation."""
POLL_SECONDS = 0.2
SECOND_BYTES = 44100 * 2 * 2
"""What players write: all programmes here are stereo at 44.1 kHz."""
CODED_SECOND_BYTES = 16_000
"""Of what Curl stores."""
LOUD = 500
"""Samples of noise are far above it, those of silence below, even of a lossy kind; full scale is 32,768."""
_COMPLAINT = re.compile(r"\b(note|warn|warning|error)\b", re.IGNORECASE)
_VLC_ASIDES = re.compile(r" (interface|libvlc) |decoded zero sample|PCR +is called too late")
"""It misses a desktop, says so of the first AAC frame of any stream, which gives no sound, and waits for more when
silence is too little to get through its buffers."""
_OGG_SEAM = re.compile(
    r"Linearizing discontinuity|\(serialno\) mismatch|Timestamp conversion failed|Could not convert timestamp"
)
"""Silence and the programme behind it are logical Ogg streams of their own: mpv and VLC say so of any, and go on. VLC
cannot place the first packets of one when it was slow, and has thus made its buffer longer than the 3 s it allows."""
_OGG_BEGINNING = re.compile(r"Invalid audio PTS: 0\.\d+ -> ")
"""Whoever joins an Ogg stream counts from 0 until a page tells where that is; mpv says so, within the first second."""
_EVENTS = ("ended", "error", "emptied")
"""Of an audio element that lost its stream. That it got nothing for 3 s (stalled) is none of them: a machine may stand
still for as long."""


class RealPlayer(ABC):
    """A player that was started."""

    agent = ""
    """The first word of what it calls itself towards servers."""

    def __init__(self, form: str) -> None:
        self.form = form
        """What it plays."""
        self._begun = 0.0

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.form}"

    @abstractmethod
    async def seconds(self) -> float:
        """How much it has played."""

    @abstractmethod
    def assert_well(self) -> None:
        """It runs, has complained of nothing, and heard what it should: a programme, silence, the programme again."""

    async def has_heard(self, seconds: float) -> bool:
        """Whether the last ``seconds`` were the programme, as far as can be told from here."""
        return await self.seconds() >= self._begun + seconds

    async def hears(self, seconds: int) -> None:
        """Waits until it has heard so much of the programme from now on."""
        self._begun = await self.seconds()
        for _ in range(int((seconds + PATIENCE_SECONDS) / POLL_SECONDS)):
            if await self.has_heard(seconds):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"{self} got from {self._begun:.1f} to {await self.seconds():.1f} s and no further")


class ProgramPlayer(RealPlayer):
    """A command, whose words go into a file."""

    def __init__(self, form: str, folder: Path) -> None:
        super().__init__(form)
        self._heard = folder / "heard"
        self._words = folder / "words"
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    def command(self, url: str) -> list[str]:
        """What plays ``url``."""

    @asynccontextmanager
    async def playing(self, url: str) -> AsyncIterator[None]:
        """Runs it until the end of the block."""
        with self._words.open("wb") as words:
            process = await asyncio.create_subprocess_exec(
                *self.command(url), stdin=asyncio.subprocess.DEVNULL, stdout=words, stderr=words
            )
        self._process = process
        async with ended_process(process):
            yield

    def complaints(self) -> list[str]:
        """The lines in which it complains."""
        return [line for line in self.words().splitlines() if _COMPLAINT.search(line) and not _OGG_SEAM.search(line)]

    def words(self) -> str:
        """All that it has said."""
        return self._words.read_text(errors="replace")

    def assert_well(self) -> None:
        assert self._process is not None
        assert self._process.returncode is None, f"{self} ended:\n{self.words()}"
        complaints = "\n".join(self.complaints())
        assert not complaints, f"{self} complained:\n{complaints}"


class DecodingPlayer(ProgramPlayer):
    """It writes the samples that it decodes, 16 bits each, into a file."""

    async def seconds(self) -> float:
        return self._heard.stat().st_size / SECOND_BYTES if self._heard.exists() else 0.0

    async def has_heard(self, seconds: float) -> bool:
        return await super().has_heard(seconds) and all(self._loud_seconds(int(await self.seconds() - seconds)))

    def assert_well(self) -> None:
        super().assert_well()
        changes = [(is_loud, len(list(run))) for is_loud, run in groupby(self._loud_seconds())]
        heard = [f"{seconds} s of {'programme' if is_loud else 'silence'}" for is_loud, seconds in changes]
        assert [is_loud for is_loud, _ in changes] == [True, False, True], f"{self} heard {heard}"

    def _loud_seconds(self, first: int = 0) -> list[bool]:
        """Of each whole second, whether anything is to be heard in it."""
        samples = np.fromfile(self._heard, dtype=np.int16, offset=first * SECOND_BYTES)
        seconds = np.split(samples, range(SECOND_BYTES // 2, len(samples), SECOND_BYTES // 2))
        return [bool((np.abs(second) > LOUD).any()) for second in seconds[:-1]]


class Ffmpeg(DecodingPlayer):
    agent = "Lavf"

    def command(self, url: str) -> list[str]:
        # Ogg FLAC that is joined more than 10 s after its start, at Icecast as here, begins for ffmpeg with a jump of
        # its time. With decoders in several threads ffmpeg then gives two frames one time, and calls it an error.
        said = ("-nostdin", "-hide_banner", "-v", "warning", "-threads", "1")
        return [find_program("ffmpeg"), *said, "-i", url, "-f", "s16le", str(self._heard)]

    def complaints(self) -> list[str]:
        return self.words().splitlines()


class Mpg123(DecodingPlayer):
    agent = "mpg123"

    def command(self, url: str) -> list[str]:
        return [find_program("mpg123"), "-w", str(self._heard), url]


class Vlc(DecodingPlayer):
    agent = "VLC"

    def command(self, url: str) -> list[str]:
        # It does not run as root; its home is where it may write. It would go on without a stream.
        sink = ("--aout", "afile", "--audiofile-file", str(self._heard), "--audiofile-format", "s16")
        user = [*other_user(), f"HOME={self._heard.parent}"] if other_user() else []
        return [*user, find_program("cvlc"), "--play-and-exit", *sink, url]

    def complaints(self) -> list[str]:
        return [line for line in super().complaints() if not _VLC_ASIDES.search(line)]


class GStreamer(DecodingPlayer):
    agent = "GStreamer"

    def command(self, url: str) -> list[str]:
        # clocksync waits for the time of each sample; a file that waits for the first one before would never get it.
        sink = f"clocksync ! filesink async=false buffer-mode=unbuffered location={self._heard}"
        audio = f"audio-sink=audioconvert ! audio/x-raw,format=S16LE ! {sink}"
        return [find_program("gst-launch-1.0"), "playbin", f"uri={url}", audio]


class Mpv(ProgramPlayer):
    agent = "libmpv"

    def command(self, url: str) -> list[str]:
        quiet = ("--no-config", "--no-video", "--quiet", "--msg-level=all=warn")
        return [find_program("mpv"), *quiet, "--ao=null", f"--input-ipc-server={self._socket}", url]

    @property
    def _socket(self) -> Path:
        return self._heard.with_suffix(".socket")

    async def seconds(self) -> float:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return 0.0  # It has just been started.
        try:
            writer.write(b'{"command": ["get_property", "time-pos"], "request_id": 1}\n')
            while line := await reader.readline():
                answer = json.loads(line)
                if answer.get("request_id") == 1:
                    return float(answer.get("data") or 0)
            return 0.0
        finally:
            writer.close()

    def complaints(self) -> list[str]:
        # Of ipc it speaks when `seconds` asked, and left before it had said all, or when it was stopped and went on.
        excused = (_OGG_SEAM, _OGG_BEGINNING, re.compile(r"\[ipc"), re.compile("underrun"))
        return [line for line in self.words().splitlines() if not any(one.search(line) for one in excused)]


class Curl(ProgramPlayer):
    """It only stores what it gets."""

    agent = "curl"

    def command(self, url: str) -> list[str]:
        return [find_program("curl"), "--silent", "--show-error", "--no-buffer", "--output", str(self._heard), url]

    async def seconds(self) -> float:
        return self._heard.stat().st_size / CODED_SECOND_BYTES if self._heard.exists() else 0.0

    def stored(self) -> bytes:
        return self._heard.read_bytes()


class Chromium(RealPlayer):
    """An audio element."""

    agent = "Mozilla"

    def __init__(self, form: str, page: Page) -> None:
        super().__init__(form)
        self._page = page
        self._events: list[str] = []

    async def start(self, url: str) -> None:
        await self._page.evaluate(
            f"""(globalThis.players ??= {{}}).{self.form} = new Audio({url!r});
            players.{self.form}.events = [];
            for (const name of {list(_EVENTS)}) players.{self.form}.addEventListener(
              name, () => players.{self.form}.events.push(`${{name}} at ${{players.{self.form}.currentTime}}`));
            players.{self.form}.play(); 0"""
        )

    async def seconds(self) -> float:
        self._events = await self._page.evaluate(f"players.{self.form}.events")
        return float(await self._page.evaluate(f"players.{self.form}.currentTime"))

    def assert_well(self) -> None:
        assert self._events == [], f"{self}: {self._events}"
        assert self._page.errors == []


@asynccontextmanager
async def listening_players(
    wanted: Mapping[str, Iterable[type[RealPlayer]]], urls: Mapping[str, str]
) -> AsyncIterator[list[RealPlayer]]:
    """All that are ``wanted`` at once; both arguments go by form."""
    players: list[RealPlayer] = []
    async with AsyncExitStack() as stack:
        new_folder = stack.enter_context(_folders())
        page = await stack.enter_async_context(chromium_page())
        await page.open(await stack.enter_async_context(empty_page()))
        await page.until("document.title === 'Empty'", PATIENCE_SECONDS)
        for form, kinds in wanted.items():
            for kind in kinds:
                player: RealPlayer
                if issubclass(kind, ProgramPlayer):
                    player = kind(form, new_folder())
                    await stack.enter_async_context(player.playing(urls[form]))
                else:
                    player = Chromium(form, page)
                    await player.start(urls[form])
                players.append(player)
        yield players


@contextmanager
def _folders() -> Iterator[Callable[[], Path]]:
    """Gives folders in which everybody can write: VLC is somebody else."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as whole:
        Path(whole).chmod(0o755)

        def new() -> Path:
            folder = Path(tempfile.mkdtemp(dir=whole))
            folder.chmod(0o777)
            return folder

        yield new
