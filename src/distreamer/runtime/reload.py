"""Reads the configuration again when it is told to, and goes over to it while everything plays on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass

from distreamer.config.instance import InstanceConfig, Load
from distreamer.config.wording import printable
from distreamer.errors import DEFECT, ConfigError, DiStreamerError
from distreamer.runtime.instance import Change, Instance
from distreamer.runtime.logging import InstanceLog, LogChange
from distreamer.runtime.service_manager import StateTeller


@dataclass(eq=False, slots=True)
class Member:
    """One of the instances of a process."""

    config: InstanceConfig
    log: InstanceLog
    instance: Instance | None = None
    """None before it is made, and once a defect has ended it."""


class Reload:
    """Asked for at any time, as often as one likes: what is asked for while it reads is one more time."""

    def __init__(
        self,
        load: Load,
        members: Sequence[Member],
        teller: StateTeller | None,
        changed: Callable[[], None],
    ) -> None:
        """``teller`` speaks to the service manager, if there is one; ``changed`` is called when the members have other
        configurations."""
        self._load = load
        self._members = members
        self._teller = teller
        self._changed = changed
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reads the configuration again, soon."""
        self._asked.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            microseconds = time.monotonic_ns() // 1000
            with self._teller.reloading(microseconds) if self._teller else nullcontext():
                await self._reload()

    async def _reload(self) -> None:
        async with AsyncExitStack() as stack:
            for member in self._members:
                if member.instance is not None:
                    await stack.enter_async_context(member.instance.changing)
            await self._exchange()

    async def _exchange(self) -> None:
        changes: list[tuple[Member, LogChange, Change | None]] = []
        try:
            # In a thread: a file on a disk that hangs must not hold up the programme.
            configs = await asyncio.to_thread(self._load)
            for member, config in zip(self._members, configs, strict=True):
                log = member.log.prepare(config)
                changes.append((member, log, None))
                if member.instance is not None:
                    changes[-1] = (member, log, member.instance.prepare(config))
        except DiStreamerError as error:
            for _, log, _ in changes:
                log.drop()
            self._say_faults(error.problems if isinstance(error, ConfigError) else [str(error)])
            return
        for member, log, _ in changes:
            member.log.commit(log)
            member.config = log.config
        self._changed()
        await asyncio.gather(*(self._commit(member, change) for member, _, change in changes))

    async def _commit(self, member: Member, change: Change | None) -> None:
        log = member.log.logger
        if change is None or member.instance is None:
            log.error("the configuration was read again, but this instance has ended: restart the process")
            return
        try:
            said = await member.instance.commit(change)
        except Exception as error:
            log.error(f"{DEFECT}, and restart the process", exc_info=error)
            return
        log.info(f"the configuration was read again: {', '.join(said) or 'nothing changed'}")

    def _say_faults(self, problems: Sequence[str]) -> None:
        """Each where it belongs, as far as a file is named."""
        for problem in problems:
            self._log_of(problem).logger.error(
                f"everything goes on as before, for the configuration has a fault: {problem}"
            )

    def _log_of(self, problem: str) -> InstanceLog:
        for member in self._members:
            path = member.config.path
            if path is not None and problem.startswith(f"{printable(str(path))}:"):
                return member.log
        return self._members[0].log
