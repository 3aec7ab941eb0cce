"""What ``distreamer top`` knows: asks each ADMIN again and again, none waiting for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distreamer.cli.admin_client import Answer, ask, client_session
from distreamer.cli.seen import SeenStatus
from distreamer.cli.targets import Target

FIND_SECONDS = 3.0
"""How often it is looked for new ones."""
GONE_SECONDS = 60.0
"""What is not found any more is shown for so long."""


@dataclass(slots=True)
class Entry:
    """An ADMIN. Times are those of the event loop."""

    target: Target
    status: SeenStatus | None = None
    """The last that was told."""
    told_at: float = 0.0
    trouble: str = ""
    """Why it cannot be asked now."""
    trouble_since: float = 0.0
    missing_since: float | None = None
    """Since its process has ended, or has another ADMIN."""

    def take(self, answer: Answer, now: float) -> None:
        """An answer has come."""
        if answer.status is not None:
            self.status, self.told_at, self.trouble = answer.status, now, ""
            return
        if not self.trouble:
            self.trouble_since = now
        self.trouble = answer.trouble


class Board:
    """Made in the event loop."""

    def __init__(self, find: Callable[[], Sequence[Target]], seconds: float) -> None:
        """``find`` gives what is to be asked now; each is asked every ``seconds``."""
        self._find = find
        self._seconds = seconds
        self._entries: dict[Target, Entry] = {}
        self._tasks: dict[Target, asyncio.Task[None]] = {}
        self.has_asked = asyncio.Event()
        """Set when each of those that were there at the beginning has answered, or failed to."""

    @property
    def entries(self) -> list[Entry]:
        """In the order in which they were found."""
        return list(self._entries.values())

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        async with client_session() as session, asyncio.TaskGroup() as group:

            async def keep_asking(entry: Entry) -> None:
                is_refused = False
                while not is_refused:
                    answer = await ask(session, entry.target)
                    entry.take(answer, loop.time())
                    is_refused = answer.is_refused
                    self._note_asked()
                    await asyncio.sleep(self._seconds)

            while True:
                found = self._find()
                self._forget(found, loop.time())
                for target in found:
                    if target not in self._entries:
                        self._entries[target] = entry = Entry(target)
                        self._tasks[target] = group.create_task(keep_asking(entry), name=f"asks {target.url}")
                self._note_asked()
                await asyncio.sleep(FIND_SECONDS)

    def _note_asked(self) -> None:
        if all(entry.status is not None or entry.trouble for entry in self._entries.values()):
            self.has_asked.set()

    def _forget(self, found: Sequence[Target], now: float) -> None:
        for target, entry in list(self._entries.items()):
            if target in found:
                entry.missing_since = None
            elif entry.missing_since is None:
                entry.missing_since = now
            elif now - entry.missing_since >= GONE_SECONDS:
                self._tasks.pop(target).cancel()
                del self._entries[target]
