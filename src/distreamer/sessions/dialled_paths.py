"""A side that dials by several paths: a link for each, which are all kept up, each by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock
from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.model.status import LinkStatus
from distreamer.sessions.native_carriers import Dials
from distreamer.sessions.native_link import NativeLink
from distreamer.sessions.path_words import paths_sentence
from distreamer.units import spoken_seconds

AGAIN_SECONDS = 5.0
"""A path that cannot be had, or whose other end refuses us, is tried again after so long, while others carry."""
LOOK_SECONDS = 0.5


@dataclass(eq=False, slots=True)
class DialledPath:
    """One of them."""

    name: str
    """``via wwan0 to studio.example:7080``."""
    link: NativeLink
    dials: Callable[[], AbstractAsyncContextManager[Dials]]
    """How its carriers are opened."""
    carries: Callable[[], bool]
    """Whether the programme goes this way now."""
    fault: DiStreamerError | None = None
    """What it failed with last; None when it worked since."""

    def status(self) -> LinkStatus:
        trouble = self.fault.reason if isinstance(self.fault, LinkError | PeerError) else str(self.fault or "")
        status = self.link.status()
        return replace(
            status, path=self.name, carries=status.connected and self.carries(), trouble=trouble if self.fault else ""
        )


class DialledPaths:
    """One path that fails does not end the others: only when none works is there something to raise."""

    def __init__(
        self,
        paths: Sequence[DialledPath],
        budget_seconds: Callable[[], float | None],
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """``budget_seconds``: how long all of them may be down before anyone hears it, if that is known; ``beside``
        runs as long as the paths."""
        self._beside = beside
        self._paths = paths
        self._budget_seconds = budget_seconds
        self._clock = clock
        self._log = log
        self._health = health
        self._changed = asyncio.Event()
        self._down_since: float | None = None
        self._ever_up = False
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Talks until it is cancelled; raises what is worst when no path works and none can."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep(path), name=f"path {path.name}") for path in self._paths]
            if self._beside is not None:
                tasks.append(group.create_task(self._beside(), name="what each path is asked for"))
            while not all(path.fault for path in self._paths):
                self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._changed.wait()
                self._changed.clear()
            for task in tasks:
                task.cancel()
        faults = [path.fault for path in self._paths if path.fault]
        for path in self._paths:
            path.fault = None
        raise next((fault for fault in faults if isinstance(fault, PeerError)), faults[0])

    def links(self) -> tuple[LinkStatus, ...]:
        return tuple(path.status() for path in self._paths)

    async def _keep(self, path: DialledPath) -> None:
        while True:
            try:
                async with path.dials() as dials:
                    await path.link.run(dials.dial, dials.better)
            except DiStreamerError as error:
                path.fault = error
                is_news = self._told.get(path.name) != str(error)
                self._told[path.name] = str(error)
                say = self._log.warning if is_news else self._log.debug
                say("a path does not work and is tried again", path=path.name, reason=str(error))
            self._changed.set()
            await asyncio.sleep(AGAIN_SECONDS)

    def _look(self) -> None:
        links = self.links()
        for path in self._paths:
            if path.link.is_heard:
                path.fault = None
                self._told.pop(path.name, None)
        is_up = any(link.connected for link in links)
        if is_up:
            self._health.running(paths_sentence(links))
        else:
            self._health.starting(f"no path works; {paths_sentence(links)}; trying again")
        self._tell(is_up=is_up)

    def _tell(self, *, is_up: bool) -> None:
        now = self._clock.now()
        if is_up and self._down_since is not None and self._ever_up:
            self._log.info("the link is back", silent=spoken_seconds(now - self._down_since))
        elif not is_up and self._down_since is None and self._ever_up:
            budget = self._budget_seconds()
            audible = {} if budget is None else {"buffer_lasts": spoken_seconds(budget)}
            self._log.warning("the link is down: no path works", **audible)
        self._ever_up = self._ever_up or is_up
        self._down_since = None if is_up else (self._down_since if self._down_since is not None else now)
