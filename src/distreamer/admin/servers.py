"""A server for each ADMIN that instances of the process name, as their configurations change."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distreamer.admin.server import AdminServer
from distreamer.admin.station import Station
from distreamer.config.fields import split_host_port
from distreamer.core.clock import LoopClock
from distreamer.core.module import Health
from distreamer.runtime.reload import Member
from distreamer.runtime.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A server that there should be."""

    admin: str
    password: str

    @property
    def address(self) -> tuple[str, int]:
        return split_host_port(self.admin)


@dataclass(frozen=True, slots=True)
class _Running:
    server: AdminServer
    task: asyncio.Task[None]


class AdminServers:
    """Made in the event loop."""

    def __init__(self, members: Sequence[Member], folder: Path | None = None) -> None:
        """In ``folder`` each leaves a note of where it is."""
        self._members = members
        self._folder = folder
        self._clock = LoopClock()
        self._changed = asyncio.Event()
        self._running: dict[_Wanted, _Running] = {}

    @property
    def servers(self) -> list[AdminServer]:
        """Those that there are now."""
        return [running.server for running in self._running.values()]

    def changed(self) -> None:
        """The members have other configurations."""
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                self._changed.clear()
                wanted = dict.fromkeys(_wanted(member) for member in self._members if member.config.general.admin)
                await self._end([one for one in self._running if one not in wanted])
                for one in wanted:
                    if one not in self._running:
                        self._running[one] = self._begin(one)
                await self._changed.wait()
        finally:
            await self._end(list(self._running))

    def _begin(self, wanted: _Wanted) -> _Running:
        def shown() -> list[Member]:
            return [member for member in self._members if _wanted(member) == wanted]

        log = shown()[0].log.logger.bind(module="admin")
        server = AdminServer(wanted.address, wanted.password, Station(shown, self._clock), log, self._folder)
        supervisor = Supervisor(server.run, Health(self._clock), log)
        return _Running(server, asyncio.create_task(supervisor.run(), name=f"admin {wanted.admin}"))

    async def _end(self, ending: Sequence[_Wanted]) -> None:
        tasks = [self._running.pop(one).task for one in ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _wanted(member: Member) -> _Wanted:
    general = member.config.general
    return _Wanted(general.admin.lower(), general.adminpassword)
