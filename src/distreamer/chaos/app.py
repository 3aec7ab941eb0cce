"""``distreamer chaos``: a bad link between two programs on this machine, and a line a second on what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from distreamer.chaos.commands import HELP, Commands
from distreamer.chaos.link_model import LinkSettings
from distreamer.chaos.outages import Outage, Timetable
from distreamer.chaos.relay import ChaosRelay
from distreamer.chaos.words import Traffic, link_sentence, traffic_sentence
from distreamer.core.ending import end_at_signals, run_command
from distreamer.transport.keyboard import Keyboard
from distreamer.transport.tcp import spoken_address

LINE_SECONDS = 1.0
STANDARD_INPUT = 0


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """What the command line says."""

    target: tuple[str, int]
    settings: LinkSettings
    """Of both ways."""
    outages: Sequence[Outage] = ()
    port: int = 0
    """To listen on; 0 = any free one."""
    seed: int = 1
    seconds: float | None = None
    """Ends after so long; None = at a signal, or at the word ``quit``."""


def run_chaos(options: ChaosOptions, say: Callable[[str], None]) -> None:
    """Carries until it is told to end; ``say`` gets each line. Raises DiStreamerError when it cannot begin."""
    run_command(_run(options, say))


async def _run(options: ChaosOptions, say: Callable[[str], None]) -> None:
    await _Session(options, say).run()


class _Session:
    """One run."""

    def __init__(self, options: ChaosOptions, say: Callable[[str], None]) -> None:
        self._options = options
        self._print = say
        self._timetable = Timetable(options.outages)
        self._commands = Commands(self._timetable)
        self._ended = asyncio.Event()
        self._told = asyncio.Event()
        """Set when a command has come."""
        self._loop = asyncio.get_running_loop()
        self._began = 0.0

    async def run(self) -> None:
        options = self._options
        relay = ChaosRelay(options.target, options.settings, port=options.port, seed=options.seed, tell=self._note)
        async with relay:
            end_at_signals(self._ended.set)  # not before: the look-up of the target's name waits for nothing else
            self._began = self._loop.time()
            self._say(f"{spoken_address(*relay.address)}, TCP and UDP, leads to {spoken_address(*options.target)}.")
            self._say(link_sentence(options.settings))
            if options.seconds is not None:
                self._loop.call_later(options.seconds, self._ended.set)
            with self._listening_to_commands():
                await self._carry(relay)
            total = traffic_sentence(Traffic.of(relay.there), Traffic.of(relay.back), relay.repeated_segments)
            self._print(f"In all: {total or 'nothing was sent'}.")

    async def _carry(self, relay: ChaosRelay) -> None:
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(self._switch(relay)), group.create_task(self._say_what_passes(relay))]
            await self._ended.wait()
            for job in jobs:
                job.cancel()

    @property
    def _now(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._began

    def _say(self, text: str) -> None:
        try:
            self._print(text)
        except OSError:
            # Nobody reads any more, or the disk is full; the last line fails in the same way, and ends the command.
            self._ended.set()

    def _note(self, text: str) -> None:
        """A line with the time of day."""
        self._say(f"{datetime.now().astimezone():%H:%M:%S}  {text}")

    async def _switch(self, relay: ChaosRelay) -> None:
        """Cuts the link and restores it when it is time."""
        while True:
            self._told.clear()
            is_dark = self._timetable.is_dark(self._now)
            if is_dark != relay.is_dark:
                (relay.cut if is_dark else relay.restore)()
                self._note("the link is cut" if is_dark else "the link is back")
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._began + self._timetable.next_change(self._now)):
                    await self._told.wait()

    async def _say_what_passes(self, relay: ChaosRelay) -> None:
        """A line a second, while anything is sent."""
        there, back, repeated = Traffic(), Traffic(), 0
        while True:
            await asyncio.sleep(LINE_SECONDS)
            now = Traffic.of(relay.there), Traffic.of(relay.back), relay.repeated_segments
            text = traffic_sentence(now[0].since(there), now[1].since(back), now[2] - repeated)
            if text:
                self._note(text)
            there, back, repeated = now

    @contextmanager
    def _listening_to_commands(self) -> Iterator[None]:
        """Reads what is typed during the block, where anybody can type anything."""
        try:
            keyboard = Keyboard(STANDARD_INPUT, self._take)
        except OSError:
            yield  # A file, or /dev/null.
            return
        self._say(f"Type {HELP}, and Enter.")
        try:
            yield
        finally:
            keyboard.close()

    def _take(self, typed: bytes) -> None:
        if not typed:
            return
        for answer in self._commands.take(typed.decode(errors="replace"), self._now):
            self._say(answer)
        self._told.set()
        if self._commands.wants_to_quit:
            self._ended.set()
