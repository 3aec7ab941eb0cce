"""Ctrl-C as an exception, where a command has something to tidy up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_SECONDS = 0.05
"""How often a signal that was not heard is sent again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """In the block Ctrl-C is a KeyboardInterrupt; elsewhere in a command it ends the process where it is
    (``__main__``).

    Python raises it when what it waits for returns. A signal that comes in the moment before it begins to wait, or in
    another thread, would have to wait for the next key: it is sent again until it was heard.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield
        return
    heard = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not heard.is_set():
            heard.set()
            raise KeyboardInterrupt

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    teller = threading.Thread(target=_tell, args=(reading, heard, threading.get_ident()), name="Ctrl-C", daemon=True)
    before_fd = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = signal.signal(signal.SIGINT, interrupt)
    teller.start()
    try:
        yield
    finally:
        heard.set()
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(before_fd)
        os.close(writing)
        teller.join()
        os.close(reading)


def _tell(reading: int, heard: threading.Event, waiting: int) -> None:
    """Sends SIGINT to the thread ``waiting`` again once ``reading`` gives its number."""
    while numbers := os.read(reading, 100):
        while signal.SIGINT in numbers and not heard.wait(AGAIN_SECONDS):
            signal.pthread_kill(waiting, signal.SIGINT)
