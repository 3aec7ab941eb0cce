"""Drives the switch between inputs by the event loop, and tells when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from structlog.typing import FilteringBoundLogger

from distreamer.core.input_switch import InputSwitch
from distreamer.core.made_standby import MadeStandby
from distreamer.core.ports import Clock
from distreamer.core.standby import Standby
from distreamer.units import spoken_seconds

LOOK_SECONDS = 0.25
"""How often it looks whether an input has fallen silent, and whether a file is to go on."""


class InputSwitcher:
    """Runs the switch of one instance."""

    def __init__(self, switch: InputSwitch, inputs: list[Standby], clock: Clock, log: FilteringBoundLogger) -> None:
        self._switch = switch
        self._inputs = inputs
        self._clock = clock
        self._log = log
        self._changed = asyncio.Event()
        self._watching = ExitStack()
        self._were_on_air: set[str] = set()
        self._continuations = 0

    @property
    def on_air(self) -> str:
        """The name of the input that is on air."""
        return self._switch.on_air.name

    def returns_in(self, name: str) -> float | None:
        """After how many seconds that input takes over, if all goes on like this; None when it is on air, does not
        work, or stands behind the one that is."""
        on_air, now = self._switch.on_air, self._clock.now()
        found = next(one for one in self._inputs if one.name == name)
        return found.returns_in(now) if self._switch.is_better(found, on_air) else None

    async def run(self) -> None:
        """Until it is cancelled. The instance runs it once."""
        self._watch()
        try:
            while True:
                self._changed.clear()
                self._tell_changes(self._switch.advance)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._changed.wait()
        finally:
            self._watching.close()

    @property
    def chosen(self) -> str | None:
        """The name of the input that an operator prefers."""
        return self._switch.chosen.name if self._switch.chosen else None

    def prefer(self, name: str | None) -> bool:
        """See ``InputSwitch.prefer``; False, and nothing is changed, when that input has nothing to play."""
        wanted = next(one for one in self._inputs if one.name == name) if name is not None else None
        if wanted is not None and not wanted.is_ready(self._clock.now()) and wanted is not self._switch.on_air:
            return False
        self._log.info(f"an operator prefers {name}" if name else "inputs are preferred as it is configured")
        self._tell_changes(lambda now: self._switch.prefer(wanted, now))
        self._changed.set()
        return True

    def rearrange(self, inputs: Sequence[Standby]) -> None:
        """See ``InputSwitch.rearrange``."""
        self._inputs = list(inputs)
        self._tell_changes(lambda now: self._switch.rearrange(inputs, now))
        self._watch()

    def _watch(self) -> None:
        self._watching.close()
        for one in self._inputs:
            self._watching.callback(one.store.subscribe(self._changed.set))
        self._changed.set()

    def _tell_changes(self, step: Callable[[float], None]) -> None:
        """Lets the switch do ``step``, and says who is on air when that is another one then."""
        now, before = self._clock.now(), self._switch.on_air
        silent = spoken_seconds(round(now - before.heard_at))
        step(now)
        after = self._switch.on_air
        if after is not before:
            self._tell_change(before, after, silent)
        if self._switch.continuations > self._continuations:
            self._continuations = self._switch.continuations
            self._log.info(f"{after.name} carries the same programme: nothing is lost or comes twice")

    def _tell_change(self, before: Standby, after: Standby, silent: str) -> None:
        again = " again" if after.name in self._were_on_air else ""
        self._were_on_air |= {before.name, after.name}
        if before not in self._inputs or self._switch.is_better(after, before):
            self._log.info(f"{after.name} is on air{again}", instead_of=before.name)
        elif isinstance(before, MadeStandby):
            self._log.warning(f"{after.name} goes on air", instead_of=before.name, which_gives_nothing_more=True)
        else:
            self._log.warning(f"{after.name} goes on air", instead_of=before.name, which_brought_nothing_for=silent)
