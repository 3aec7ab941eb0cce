"""Programs that are told to end, each a process of its own."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest

from distreamer.core.ending import run_command

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""
BEGIN = """
import asyncio, os, signal, socket, sys, threading
from distreamer.core import ending
from distreamer.core.ending import *

def say(*words):
    print(*words, flush=True)

def command(main):
    try:
        say("gave", run_command(main()))
    except KeyboardInterrupt:
        sys.exit("Aborted!")

number = signal.SIGTERM
"""


def ended(program: str, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[str], str]:
    """The exit code of ``program``, the lines that it said, and its complaints."""
    text = f"{BEGIN}\nnumber = signal.{number.name}\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


TIDY = """
async def main():
    try:
        signal.raise_signal(number)  # amid whatever it does, and not where it waits
        signal.raise_signal(number)  # as timeout(1) does
        say("goes on")
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        say("tidied up")

command(main)
"""


@pytest.mark.parametrize(
    ("number", "code", "complaints"),
    [
        (signal.SIGINT, 1, "Aborted!\n"),
        (signal.SIGTERM, -signal.SIGTERM, ""),
        (signal.SIGHUP, -signal.SIGHUP, ""),
    ],
)
def test_the_first_signal_ends_it_in_order(number: signal.Signals, code: int, complaints: str) -> None:
    assert ended(TIDY, number) == (code, ["goes on", "tidied up"], complaints)


STUBBORN = """
ending.DOUBLED_SECONDS = 0

async def main():
    signal.raise_signal(number)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("does not end")
        signal.raise_signal(number)
        say("cannot be")

command(main)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_ends_it_at_once(number: signal.Signals) -> None:
    assert ended(STUBBORN, number) == (-number, ["does not end"], "")


TAKEN_OVER = """
ending.DOUBLED_SECONDS = 0

async def main():
    told = asyncio.Event()
    end_at_signals(told.set)
    signal.raise_signal(number)
    await told.wait()
    say("ends by itself")
    signal.raise_signal(number)
    say("cannot be")

command(main)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_may_end_by_itself_at_the_first_signal(number: signal.Signals) -> None:
    assert ended(TAKEN_OVER, number) == (-number, ["ends by itself"], "")


LOOKING_UP = """
begun = threading.Event()

def hanging(*_, **__):
    begun.set()
    threading.Event().wait()

socket.getaddrinfo = hanging

async def main():
    looking_up = asyncio.create_task(asyncio.get_running_loop().getaddrinfo("hangs.example", 80))
    while not begun.is_set():
        await asyncio.sleep(0)
    if number is signal.SIGTERM:
        signal.raise_signal(number)
    return await asyncio.wait({looking_up}, timeout=0) and "no address"

command(main)
"""


def test_a_name_look_up_that_hangs_is_not_waited_for() -> None:
    assert ended(LOOKING_UP, signal.SIGTERM) == (-signal.SIGTERM, [], "")
    assert ended(LOOKING_UP, signal.SIGUSR1) == (0, ["gave no address"], "")


IGNORED = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)

async def main():
    signal.raise_signal(signal.SIGHUP)
    await asyncio.sleep(0)
    return "all"

command(main)
say(signal.getsignal(signal.SIGHUP).name, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_what_was_ignored_is_ignored_and_handlers_are_given_back() -> None:
    assert ended(IGNORED) == (0, ["gave all", "SIG_IGN True"], "")


LEFT_OVER = """
threading.Thread(target=threading.Event().wait).start()
end_at_last(7, 0.05)
"""


def test_what_is_left_at_last_does_not_keep_the_process() -> None:
    assert ended(LEFT_OVER) == (7, [], "")


HOLDING = """
with holding_signals():
    signal.raise_signal(number)
    say("goes on")
say("cannot be")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_wait_for_what_must_not_be_done_by_halves(number: signal.Signals) -> None:
    assert ended(HOLDING, number) == (-number, ["goes on"], "")


ELSEWHERE = """
blocked, noted = os.pipe()

async def main():
    def send():
        threading.Event().wait(0.2)  # what is sent sooner is seen in any case
        signal.pthread_kill(threading.get_ident(), number)
        os.read(blocked, 1)

    threading.Thread(target=send, daemon=True).start()
    await asyncio.Event().wait()

command(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_does_not_interrupt_the_wait_is_seen(number: signal.Signals) -> None:
    """As one that comes in the moment before it begins."""
    assert ended(ELSEWHERE, number) == (-number, [], "")


async def fails() -> None:
    await asyncio.to_thread(int, "none")


async def succeeds() -> int:
    return await asyncio.to_thread(int, "7")


async def test_results_and_faults_of_threads_are_those_of_the_command() -> None:
    # Elsewhere than in the main thread, which alone can take signals.
    assert await asyncio.to_thread(lambda: run_command(succeeds())) == 7
    with pytest.raises(ValueError, match="none"):
        await asyncio.to_thread(lambda: run_command(fails()))
