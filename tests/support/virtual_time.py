"""An event loop that owns its time: a simulated day takes as long as the work in it.

Only for code that talks through memory: when nothing is ready, time jumps to the next timer. When there is no
timer either, nothing will ever happen again, and the test fails instead of hanging.

    @virtual_time(seconds_limit=3600)
    async def test_reconnects() -> None: ...

The decorated test is an ordinary function for pytest (and for hypothesis): no plugin takes part.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

DAY_SECONDS = 86_400.0


class VirtualDeadlockError(AssertionError):
    """Everything waits, and no timer is set that could wake anything."""


class VirtualTimeLimitError(AssertionError):
    """The simulated time went beyond what the test allows: something goes on for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """Never blocks: the time for which it should wait is added to the virtual clock."""

    def __init__(self, seconds_limit: float) -> None:
        super().__init__()
        self.now = 0.0
        self.seconds_limit = seconds_limit

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise VirtualDeadlockError(
                f"deadlock {self.now:.3f} s after the start: everything waits and no timer is set"
            )
        self.now += max(timeout, 0.0)
        if self.now > self.seconds_limit:
            raise VirtualTimeLimitError(f"still going on after {self.seconds_limit:.0f} simulated seconds")
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """``time()`` starts at 0 and moves only when all tasks wait."""

    def __init__(self, seconds_limit: float = 2 * DAY_SECONDS) -> None:
        self._jumping = _JumpingSelector(seconds_limit)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def pass_time(self, seconds: float) -> None:
        """The program is busy, or gets no processor, for so long: whatever is due meanwhile comes late."""
        self._jumping.now += seconds


def run_virtual(coroutine: Coroutine[Any, Any, Result], seconds_limit: float = 2 * DAY_SECONDS) -> Result:
    """Runs ``coroutine`` to its end in virtual time, which may take ``seconds_limit`` simulated seconds."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(seconds_limit)) as runner:
        return runner.run(coroutine)


def virtual_time(
    seconds_limit: float = 2 * DAY_SECONDS,
) -> Callable[[Callable[Parameters, Coroutine[Any, Any, Result]]], Callable[Parameters, Result]]:
    """Decorates an ``async def`` test so that it runs in virtual time."""

    def decorate(test: Callable[Parameters, Coroutine[Any, Any, Result]]) -> Callable[Parameters, Result]:
        @wraps(test)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            return run_virtual(test(*args, **kwargs), seconds_limit)

        return run

    return decorate
