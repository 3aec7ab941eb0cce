"""The end of a program: in order at the first signal, at once at the second, and without waiting for what hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, ParamSpec, TypeVar

END_SIGNALS = (signal.SIGINT, signal.SIGTERM)
DOUBLED_SECONDS = 0.5
"""Within it two signals are one: timeout(1) sends its own to the program, and then to all that was started with it."""
LAST_SECONDS = 3.0
"""For what is left to end when all is said and written. What needs longer hangs."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def run_command(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs ``main`` as ``asyncio.run`` does, for a command that a person waits for.

    The first signal cancels it, unless it has taken signals over itself, and then ends the process as it would have
    without a handler: SIGINT by KeyboardInterrupt, the others by themselves. The second ends it at once. Threads that
    look up names or wait for a disk are left alone.
    """
    told: list[int] = []
    tasks: list[asyncio.Task[Any]] = []

    async def hold() -> Result:
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        tasks.append(task)
        if told:
            task.cancel()
        return await main

    def cancel(number: int) -> None:
        told.append(number)
        for task in tasks:
            if not task.done():
                task.get_loop().call_soon_threadsafe(task.cancel)

    try:
        runner = asyncio.Runner()
        with _handled_by(_Told(cancel), runner.get_loop()), runner:
            runner.get_loop().set_default_executor(_AbandonedThreads())
            return runner.run(hold())
    except asyncio.CancelledError:
        if not told:
            raise
    if told[0] != signal.SIGINT:
        end_by(told[0])
    raise KeyboardInterrupt


def end_at_signals(end: Callable[[], None]) -> None:
    """In ``run_command``: ``end`` is called, in the event loop, at the first SIGINT or SIGTERM; the second ends the
    process at once."""
    loop = asyncio.get_running_loop()
    told = _Told(lambda number: loop.call_soon_threadsafe(end))
    for number in END_SIGNALS:
        signal.signal(number, told)


def release_signals(numbers: Sequence[signal.Signals]) -> None:
    """The running event loop does not see them any more: the next one ends the process at once, whatever of it hangs.
    (What asyncio puts back for SIGINT is an exception, which may be raised at any place and is lost in some.)"""
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def holding_signals() -> Iterator[None]:
    """Signals that would end the process wait for the end of the block, which must be short."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*END_SIGNALS, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_by(number: int) -> None:
    """Ends the process by a signal, so that whoever waits for it sees which one it was."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    os._exit(128 + number)  # The first process of a container outlives it; that is the code that shells give.


def end_at_last(code: int, seconds: float = LAST_SECONDS) -> None:
    """The process ends with the exit code ``code`` in ``seconds``, if not before. A name look-up or a disk that hangs
    can be neither cancelled nor left alone where the event loop waits for it."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


class _Told:
    """A signal handler: ``take`` gets the first signal, and the second ends the process."""

    def __init__(self, take: Callable[[int], object]) -> None:
        self._take = take
        self._first_at: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
            self._take(number)
        elif now - self._first_at >= DOUBLED_SECONDS:
            end_by(number)


class _AbandonedThreads(ThreadPoolExecutor):
    """As many threads as there are jobs, which whoever gives them bounds. Nobody waits for their end."""

    def submit(
        self, job: Callable[Parameters, Result], /, *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Future[Result]:
        future: Future[Result] = Future()
        work = partial(_work, future, partial(job, *arguments, **named))
        threading.Thread(target=work, name="left alone at the end", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """There is nothing to wait for."""


def _work(future: Future[Result], job: Callable[[], Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = job()
    except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
        future.set_exception(error)
    else:
        future.set_result(result)


@contextmanager
def _handled_by(told: _Told, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Signals go to ``told`` during the block, where a thread may see to that, and then to whom they went before."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (*END_SIGNALS, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
                before[number] = signal.getsignal(number)
                # What comes the moment before the event loop waits wakes it only if it knows of the signal as well.
                loop.add_signal_handler(number, _nothing)
                signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing() -> None:
    """All is done by ``_Told``."""
