"""[ALERT] MODE = Command: a program that is started for each message."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator, Field

from distreamer.alerts.context import AlertContext
from distreamer.alerts.message import Message
from distreamer.config.fields import Words
from distreamer.config.settings import AlertSettings
from distreamer.config.wording import shown
from distreamer.core.killed import until_dead
from distreamer.errors import ResourceError
from distreamer.units import spoken_seconds

KEPT_BYTES = 2000
"""Of what the program says; the last of it is told when it fails."""
_PIECE_BYTES = 65_536
_MOST_PIECES = 16
"""That are read of what is left when the program has ended: something that it left behind may go on talking."""
_NOT_PASSED_ON = ("DS_", "NOTIFY_SOCKET", "WATCHDOG_")
"""Begins of variables that are for DiStreamer alone: keys, among them passwords, and the service manager's."""


def check_command(text: str) -> str:
    """``text`` as it is; raises ValueError with a plain sentence when it is no program with arguments."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("must be a program and its arguments, and every quote must have its end") from None
    if not words or not words[0]:
        raise ValueError("must begin with a program")
    return text


class CommandSettings(AlertSettings):
    """Starts a program for each message.

    It is told when the program ends with 0 within TIMEOUT; a program that takes longer is killed, with all that it has
    started.
    """

    command: Annotated[
        str,
        AfterValidator(check_command),
        Words("a program and its arguments"),
        Field(max_length=4000, examples=["/usr/local/bin/send-sms --to +4912345"]),
    ]
    """The program and its arguments, with spaces between them; in ``"`` or ``'`` an argument may have spaces. There is
    no shell: ``>``, ``|``, ``$`` and ``*`` are what they are. What happened is in environment variables
    (DISTREAMER_EVENT_TEXT, _TITLE, _SENTENCE, _STATE, _KIND, _SEVERITY, _INSTANCE, _SUBJECT, _TIME, _NUMBER and others)
    and as one line of JSON on standard input."""


class Command:
    """A ``Sender``."""

    def __init__(self, settings: CommandSettings, context: AlertContext) -> None:
        self._words = shlex.split(settings.command)
        self._limit = settings.timeout

    @property
    def receiver(self) -> str:
        return f"command {shown(PurePath(self._words[0]).name)}"

    async def deliver(self, message: Message) -> str:
        """Starts the program and waits for its end."""
        with _pipe(message.as_json() + b"\n") as given, _Tail() as tail:
            process = await self._start(message, given, tail.end)
            tail.begin()
            try:
                async with asyncio.timeout(self._limit):
                    code = await process.wait()
            except TimeoutError as error:
                raise ResourceError(
                    f"{self._words[0]} has not ended within {spoken_seconds(self._limit)}{tail.words()}"
                ) from error
            finally:
                if process.returncode is None:
                    await _kill(process)
            if code == 0:
                return "ended with exit code 0"
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise ResourceError(f"{self._words[0]} {how}{tail.words()}")

    async def _start(self, message: Message, given: int, end: int) -> asyncio.subprocess.Process:
        begin = asyncio.create_subprocess_exec(
            *self._words,
            stdin=given,
            stdout=end,
            stderr=end,
            env=_environment(os.environ, message),
            start_new_session=True,
        )
        beginning = asyncio.create_task(begin, name=f"begin of {self._words[0]}")
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            # asyncio would kill it alone, and it may have started others by then.
            with suppress(OSError, ValueError):
                await _kill(await beginning)
            raise
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ResourceError(f"{self._words[0]} cannot be started: {reason}") from error


async def _kill(process: asyncio.subprocess.Process) -> None:
    """It leads a session of its own: what it has started goes with it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await until_dead(process)


def _environment(ours: Mapping[str, str], message: Message) -> dict[bytes, bytes]:
    """The event is UTF-8 whatever the locale: there are quotes in it that others lack."""
    kept = {
        os.fsencode(name): os.fsencode(value) for name, value in ours.items() if not name.startswith(_NOT_PASSED_ON)
    }
    return kept | {name.encode(): value.encode(errors="replace") for name, value in message.variables().items()}


@contextmanager
def _pipe(data: bytes) -> Iterator[int]:
    """The end to read from of a pipe that has ``data`` in it: whether a program reads it need not be waited for."""
    reading, writing = os.pipe()
    try:
        try:
            os.set_blocking(writing, False)
            written = os.write(writing, data)
        finally:
            os.close(writing)
        if written < len(data):
            raise ResourceError(f"the event is too long for a pipe: {len(data)} bytes")
        yield reading
    finally:
        os.close(reading)


class _Tail:
    """The last of what a program says, however much that is, and whoever else holds the other end of the pipe."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._stack = ExitStack()
        self._is_read = False
        self.end = -1
        """For the program to write to."""

    def __enter__(self) -> _Tail:
        self._reading, self.end = os.pipe()
        self._stack.callback(os.close, self._reading)
        os.set_blocking(self._reading, False)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self.end >= 0:
            os.close(self.end)
        self._stack.close()

    def begin(self) -> None:
        """The program has its end now."""
        os.close(self.end)
        self.end = -1
        asyncio.get_running_loop().add_reader(self._reading, self._read)
        self._is_read = True

    def words(self) -> str:
        """The last line, to be added to a sentence."""
        for _ in range(_MOST_PIECES):
            if not self._is_read:
                break
            self._read()
        lines = self._data.decode(errors="replace").strip().splitlines()
        return f": {shown(lines[-1])}" if lines else ""

    def _read(self) -> None:
        try:
            piece = os.read(self._reading, _PIECE_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self._stop()
        self._data += piece
        del self._data[:-KEPT_BYTES]

    def _stop(self) -> None:
        if self._is_read:
            asyncio.get_running_loop().remove_reader(self._reading)
            self._is_read = False
