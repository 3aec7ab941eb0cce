"""A link model that runs on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic

from distreamer.chaos.link_model import Chance, Item, LinkCounters, LinkModel, LinkSettings


class Link(Generic[Item]):
    """One way: what is sent is given to ``deliver`` when it arrives (never within ``send``), and to ``lost`` when it
    does not."""

    def __init__(
        self,
        settings: LinkSettings,
        chance: Chance,
        deliver: Callable[[Item], None],
        lost: Callable[[Item], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._model = LinkModel[Item](settings, chance, self._loop.time(), lost)
        self._deliver = deliver
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def settings(self) -> LinkSettings:
        return self._model.settings

    @property
    def counters(self) -> LinkCounters:
        return self._model.counters

    def send(self, item: Item, size: int) -> None:
        """A packet of ``size`` bytes sets out."""
        self._model.put(item, size, self._loop.time())
        self._arrange()

    def change(self, settings: LinkSettings) -> None:
        """The link is like this from now on."""
        self._model.change(settings, self._loop.time())
        self._arrange()

    def close(self) -> None:
        """Nothing is delivered any more."""
        self._is_closed = True
        self._arrange()

    def _go_on(self) -> None:
        for item in self._model.take(self._loop.time()):
            self._deliver(item)
        self._arrange()

    def _arrange(self) -> None:
        """Sets the timer for what is under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = None if self._is_closed else self._model.next_time()
        if at is not None:
            self._timer = self._loop.call_at(at, self._go_on)
