"""Whether the machine has time for what is measured on it."""

from __future__ import annotations

import asyncio

LOOK_SECONDS = 0.05


class HeldUp:
    """Notes how late its own timers are, while ``run`` runs."""

    def __init__(self) -> None:
        self.most_seconds = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            self.most_seconds = max(self.most_seconds, loop.time() - due)
