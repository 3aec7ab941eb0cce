"""Ctrl-C, at the worst of moments."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from distreamer.core.interruptible import interruptible


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Whatever was done at Ctrl-C is done again."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    found = signal.signal(signal.SIGINT, before)
    assert found in {signal.SIG_DFL, signal.SIG_IGN}


def test_it_is_an_exception_within() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGINT)


def test_a_second_does_not_disturb_the_tidying_up() -> None:
    tidied = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            tidied.append(True)

    with pytest.raises(KeyboardInterrupt), interruptible():
        work()
    assert tidied


def test_one_that_does_not_interrupt_the_wait_is_heard() -> None:
    """As one that comes in the moment before the wait begins: here another thread gets it."""
    reading, writing = os.pipe()
    rests = threading.Event()

    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        rests.wait()

    sender = threading.Timer(0.2, send)  # What is sent sooner is heard in any case.
    sender.start()
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.read(reading, 1)
    rests.set()
    sender.join()
    os.close(reading)
    os.close(writing)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


async def test_another_thread_leaves_signals_alone() -> None:
    def elsewhere() -> object:
        with interruptible():
            return signal.getsignal(signal.SIGINT)

    assert await asyncio.to_thread(elsewhere) is signal.SIG_DFL
