"""``distreamer demo``: a studio, a link that can be cut, a transmitter, and a page to see and hear it all."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import webbrowser
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from rich.console import Console

from distreamer.core.clock import LoopClock
from distreamer.core.ending import run_command
from distreamer.demo.chain import Chain, running_chain
from distreamer.demo.hearing import Heard, KnownFrames, learn_programme
from distreamer.demo.judge import Judge
from distreamer.demo.page_server import PageServer
from distreamer.demo.programme import Programme, make_programme
from distreamer.demo.programme_server import BURST_SECONDS, ProgrammeServer
from distreamer.demo.state import DemoState
from distreamer.demo.story import Story
from distreamer.demo.strict_listener import StrictListener
from distreamer.demo.terminal import Terminal
from distreamer.errors import ConfigError, DiStreamerError
from distreamer.model.status import PlayoutState
from distreamer.units import spoken_seconds

TICK_SECONDS = 0.5
DEFAULT_CUT_SECONDS = 10.0
"""With ``--seconds`` and without ``--cut``."""
SHORTEST_REMAINDER_SECONDS = 6.0
"""``--seconds`` must leave as much beside the cut, half before it and half behind it."""
FILLING_SECONDS = 90.0
"""Until then the buffer of PC B must be full: a real source without a burst takes its whole delay."""
PLAYER_SECONDS = 5.0
"""What the player of the demo's own listener holds: more than a busy machine may stand still for, less than a cut."""
JOINING_SECONDS = 20.0
"""Until then the demo's own listener must have got its first sound."""
BEFORE_AUTOMATIC_CUT_SECONDS = 15.0
"""Without ``--seconds``, a cut that was asked for comes so long after the first sound."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says."""

    seconds: float | None = None
    """Ends after a listener has listened for so long, and judges; None = goes on until a signal."""
    source: str | None = None
    """The URL of a stream to carry; None = the built-in programme."""
    port: int = 8000
    """Of the page; the next free one is taken when it is in use."""
    cut_seconds: float | None = None
    """The link is cut once for so long by itself, with ``seconds`` in the middle of it; None = 10 s with ``seconds``,
    else not at all."""
    open_browser: bool = True
    """Whether to show the page."""

    @property
    def automatic_cut_seconds(self) -> float:
        """How long the link is cut by itself; 0 = not at all. Raises ConfigError when ``seconds`` is too short."""
        if self.seconds is None:
            return self.cut_seconds or 0.0
        cut = DEFAULT_CUT_SECONDS if self.cut_seconds is None else self.cut_seconds
        least = cut + SHORTEST_REMAINDER_SECONDS
        if self.seconds < least:
            problem = f"--seconds {self.seconds:g} is too short for a cut of {cut:g} s: it must be {least:g} or more"
            raise ConfigError([problem])
        return cut


def run_demo(
    *, seconds: float | None, source: str | None, port: int, cut_seconds: float | None, open_browser: bool
) -> int:
    """Runs the demo; the exit code is 0, or 1 when ``seconds`` is given and the listener heard a fault.

    Raises DiStreamerError when it cannot start.
    """
    options = DemoOptions(seconds, source, port, cut_seconds, open_browser)
    try:
        return run_command(_run(options))
    except ExceptionGroup as group:
        documented, defects = group.split(DiStreamerError)
        if documented is None or defects is not None:
            raise
        raise _innermost(documented) from group


def _innermost(error: Exception) -> Exception:
    """The first error inside a group of them."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _run(options: DemoOptions) -> int:
    return await _Demo(options, Terminal(Console(highlight=False))).run()


class _Demo:
    """One run of the demo."""

    def __init__(self, options: DemoOptions, terminal: Terminal) -> None:
        self._options = options
        self._terminal = terminal
        self._clock = LoopClock()
        self._story = Story()
        self._known = KnownFrames()
        self._programme: Programme | None = None
        self._listener: StrictListener | None = None
        self._ended = asyncio.Event()
        """Set by a signal."""

    async def run(self) -> int:
        """Gives the exit code."""
        cut_seconds = self._options.automatic_cut_seconds
        async with AsyncExitStack() as stack:
            source_url = self._options.source or await self._begin_programme(stack)
            learnt_at_studio = None if self._programme else self._known
            chain = await stack.enter_async_context(running_chain(source_url, learnt_at_studio, self._clock))
            page = PageServer(
                self._options.port, chain.stream_url, lambda: self._state(chain), self._story, chain.cutter
            )
            await stack.enter_async_context(page)
            # Until here, what one waits for is cancelled.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
            stack.enter_context(self._terminal)
            self._invite(page.url, chain.stream_url)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._narrate(chain), name="demo narrator")]
                try:
                    if await self._plays(chain):
                        tasks.append(group.create_task(self._listen(chain), name="demo listener"))
                        return await self._conduct(chain, cut_seconds)
                    return 0 if self._options.seconds is None else 1
                finally:
                    for task in tasks:
                        task.cancel()

    async def _begin_programme(self, stack: AsyncExitStack) -> str:
        """The URL of the built-in programme, once it is on air."""
        self._terminal.say("Making music …")
        self._programme = await make_programme(BURST_SECONDS)
        return (await stack.enter_async_context(ProgrammeServer(self._programme))).url

    def _invite(self, page_url: str, stream_url: str) -> None:
        self._terminal.say(f"Watch and listen:  {page_url}")
        self._terminal.say(f"Or with a player:  {stream_url}")
        if self._options.seconds is None:
            self._terminal.say("End it with Ctrl-C.")
            if self._options.open_browser and _has_desktop():
                webbrowser.open(page_url)

    def _state(self, chain: Chain) -> DemoState:
        return chain.state(self._listener.heard() if self._listener else Heard())

    async def _narrate(self, chain: Chain) -> None:
        """Tells in the terminal what happens, until it is cancelled."""
        while True:
            if self._programme is not None:
                learn_programme(self._known, self._programme)
            state, now = self._state(chain), self._clock.wall()
            self._terminal.tell(self._story.observe(state, now))
            self._terminal.show(state, now)
            await asyncio.sleep(TICK_SECONDS)

    async def _plays(self, chain: Chain) -> bool:
        """Waits until PC B plays; False when a signal came first, or, with ``seconds``, when it takes too long."""
        limit = math.inf if self._options.seconds is None else FILLING_SECONDS
        until = self._clock.now() + limit
        while self._state(chain).playout is PlayoutState.WAITING:
            if self._clock.now() > until:
                self._terminal.say(f"PC B did not begin to play within {spoken_seconds(limit)}.")
                return False
            if await self._ends_within(TICK_SECONDS):
                return False
        return True

    async def _listen(self, chain: Chain) -> None:
        """The demo's own listener, until it is cancelled."""
        address = urlsplit(chain.stream_url)
        judge = Judge(self._known, PLAYER_SECONDS)
        self._listener = StrictListener(str(address.hostname), address.port or 80, judge, self._clock)
        await self._listener.run()

    async def _conduct(self, chain: Chain, cut_seconds: float) -> int:
        """Cuts the link when that was asked for, and ends when it is time."""
        seconds = self._options.seconds
        before = BEFORE_AUTOMATIC_CUT_SECONDS if seconds is None else (seconds - cut_seconds) / 2
        ended = await self._ends_before_sound() or await self._ends_within(before)
        if not ended and cut_seconds:
            chain.cutter.cut(cut_seconds)
            ended = await self._ends_within(cut_seconds)
        if not ended:
            await self._ends_within(None if seconds is None else before)
        chain.cutter.restore()
        is_flawless = self._judge(chain.cutter.total_cut_seconds)
        return 0 if is_flawless or seconds is None else 1

    def _judge(self, cut_seconds: float) -> bool:
        """Says what the demo's own listener heard; whether it was the programme and nothing else."""
        heard = self._listener.heard() if self._listener else Heard()
        cut = f", while the link was cut for {spoken_seconds(round(cut_seconds))}" if cut_seconds else ""
        self._terminal.say(f"{heard.sentence}{cut}.")
        return heard.is_flawless

    async def _ends_before_sound(self) -> bool:
        """Waits, at most JOINING_SECONDS, until the demo's own listener hears something; True when a signal came."""
        until = self._clock.now() + JOINING_SECONDS
        while self._clock.now() < until and not (self._listener and self._listener.heard().seconds):
            if await self._ends_within(TICK_SECONDS / 10):
                return True
        return False

    async def _ends_within(self, seconds: float | None) -> bool:
        """Whether a signal ended the demo within ``seconds`` (None = whenever that is)."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True


def _has_desktop() -> bool:
    """Whether a browser window can open here; on a bare console a text browser would take over the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
