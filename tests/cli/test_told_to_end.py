"""Commands that are told to end amid something that takes long, or before and after everything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.programs import ended_process, run
from tests.support.pseudo_terminal import in_terminal

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
BEGIN = """
import atexit, os, signal, socket, sys, threading
from distreamer.__main__ import main

def say(words):
    os.write(1, words)

def never(*_, **__):
    say(b"begins\\n")
    threading.Event().wait()

"""


@asynccontextmanager
async def program(text: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``text`` with what is typed behind it, which has said that it begins when the block does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BEGIN + text + "\nmain()", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with ended_process(process), asyncio.timeout(PATIENCE_SECONDS):
        await process.stdout.readuntil(b"begins\n")
        yield process


def as_told(number: signal.Signals) -> tuple[int, bytes]:
    """The exit code and the complaints of a command that a signal ends before it has anything to say."""
    return (1, b"\nAborted!\n") if number is signal.SIGINT else (-number, b"")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("socket.getaddrinfo = never", ["chaos", "hangs.example:7080", "--port", "0"]),
        ("import distreamer.demo.programme as it; it._synthesiser = lambda: never", ["demo", "--no-browser"]),
        ("socket.getaddrinfo = never", ["status", "http://hangs.example/"]),
        ("socket.getaddrinfo = never", ["top", "http://hangs.example/"]),
        ("socket.getaddrinfo = never", ["listen", "http://hangs.example/"]),
        ("socket.getaddrinfo = never", ["probe", "http://hangs.example/"]),
    ],
    ids=lambda it: it[0] if isinstance(it, list) else "",
)
async def test_what_hangs_does_not_keep_a_command(text: str, arguments: list[str], number: signal.Signals) -> None:
    async with program(text, *arguments) as process:
        process.send_signal(number)
        _, complaints = await process.communicate()
    ends_by_itself = arguments[0] in {"top", "listen", "probe"} and (number is not signal.SIGHUP or "top" in arguments)
    if ends_by_itself:
        assert process.returncode == (0 if arguments[0] == "top" else 1)
        assert b"Traceback" not in complaints
    else:
        assert (process.returncode, complaints) == as_told(number)


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_program_of_an_alert_ends_with_the_command(tmp_path: Path, number: signal.Signals) -> None:
    script, lifeline = tmp_path / "script", tmp_path / "lifeline"
    script.write_text(f"exec 3>{lifeline}\nsleep 1000 &\necho runs >&3\nwait\n")
    os.mkfifo(lifeline)
    file = tmp_path / "studio.conf"
    file.write_text(
        f"[INPUT]\nMODE = Silence\n[OUTPUT]\nMODE = ShoutcastServer\n[ALERT]\nMODE = Command\nCOMMAND = sh {script}\n"
    )
    async with program("say(b'begins\\n')", "alert", "test", str(file)) as process:
        reader = asyncio.StreamReader()
        # Both ends, until the script has it: to open one alone would wait for the other.
        holder = os.open(lifeline, os.O_RDWR)
        reading = open(lifeline, "rb", buffering=0)  # noqa: ASYNC230, SIM115 - does not wait, and the transport closes it
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), reading
        )
        assert await reader.readline() == b"runs\n"
        os.close(holder)
        process.send_signal(number)
        _, complaints = await process.communicate()
        assert (process.returncode, complaints) == as_told(number)
        assert await reader.read() == b"", "nobody is left who holds it"
        transport.close()


INTERRUPTED = """
class Told:
    def find_spec(self, name, *_):
        if name == {name!r}:
            say(b"begins\\n")
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ValueError("as pydantic-core does") from None
            say(b"goes on")

sys.meta_path.insert(0, Told())
"""


@pytest.mark.parametrize("name", ["distreamer.cli.main", "distreamer.runtime.modules"])
async def test_an_interrupt_while_the_program_is_loaded_is_never_lost(name: str) -> None:
    async with program(INTERRUPTED.format(name=name), "modules") as process:
        said, complaints = await process.communicate()
    assert (process.returncode, said, complaints) == (1, b"", b"\nAborted!\n")


@pytest.mark.integration
async def test_an_interrupt_at_a_question_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    async with in_terminal(sys.executable, "-m", "distreamer", "init", str(tmp_path)) as terminal:
        before = terminal.modes
        await terminal.shows("Address of the stream, or encoder")
        terminal.type("\x03")
        await terminal.shows("Aborted!")
        assert await terminal.ends() == 1
        assert terminal.modes == before
    assert os.listdir(tmp_path) == []


async def test_an_interrupt_at_the_very_end_has_no_traceback() -> None:
    late = "atexit.register(lambda: signal.raise_signal(signal.SIGINT)); say(b'begins\\n')"
    async with program(late, "--version") as process:
        _, complaints = await process.communicate()
    assert (process.returncode, complaints) == (-signal.SIGINT, b"")


FIRST = """
class Told:
    def find_spec(self, name, *_):
        if name == "distreamer.cli.main":
            os.kill(os.getpid(), signal.SIGTERM)
            say(b"goes on")

assert os.getpid() == 1
sys.meta_path.insert(0, Told())
main()
"""


@pytest.mark.integration
async def test_the_first_process_of_a_container_can_be_ended_while_the_program_is_loaded() -> None:
    own = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
    code, complaints, _ = await run(*own, "true")
    if code != 0:
        pytest.skip(f"no container can be made here: {complaints}")
    assert await run(*own, sys.executable, "-c", BEGIN + FIRST, "--version") == (128 + signal.SIGTERM, "", b"")
