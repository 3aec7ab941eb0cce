"""What an input or an output is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from structlog.typing import FilteringBoundLogger

from distreamer.core.cue import Cue
from distreamer.core.ingest import Ingest
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock
from distreamer.core.store import Store
from distreamer.model.status import LinkStatus, ListenersStatus, ModuleState, ModuleStatus


class Health:
    """How a module says how it is. The supervisor writes the failures, the module the rest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.now()
        self.state = ModuleState.STARTING
        self.detail = ""
        self.restarts = 0
        self.last_error = ""
        self.wrong_passwords = 0
        """Counted by modules that others log in to, and that are not Guarded."""

    @property
    def state_seconds(self) -> float:
        """Since the module is in its state."""
        return self._clock.now() - self._since

    @property
    def has_begun(self) -> bool:
        """Whether anything was said yet, by the module or about it."""
        return self.state is not ModuleState.STARTING or bool(self.detail)

    def starting(self, detail: str) -> None:
        """The module works towards its job; ``detail`` is one plain sentence."""
        self._become(ModuleState.STARTING, detail)

    def running(self, detail: str) -> None:
        """The module does its job; ``detail`` is one plain sentence."""
        self._become(ModuleState.RUNNING, detail)

    def retrying(self, error: str) -> None:
        """The module failed with ``error`` and will be run again."""
        self.restarts += 1
        self.last_error = error
        self._become(ModuleState.RETRYING, error)

    def stopped(self) -> None:
        self._become(ModuleState.STOPPED, "")

    def _become(self, state: ModuleState, detail: str) -> None:
        if state is not self.state:
            self._since = self._clock.now()
        self.state = state
        self.detail = detail


@dataclass(slots=True)
class InputContext:
    """What an input works with. It writes through ``ingest`` (raw audio) or into ``store`` (fragments).

    ``playout`` and ``delay_seconds`` may change while it runs.
    """

    name: str
    store: Store
    ingest: Ingest
    clock: Clock
    log: FilteringBoundLogger
    health: Health
    playout: PlayoutHead | None
    """The instance's playout, when some output plays: its budget is told to the sender."""
    delay_seconds: float
    """How much audio the instance wants to hold ahead of its listeners."""
    cue: Cue
    """Tells inputs that make their audio themselves when it is wanted."""


@dataclass(frozen=True, slots=True)
class LegacyShape:
    """How the instance's input wants DiStreamer 2 fragments to be cut."""

    fragment_bytes: int = 81_920
    """FRAGMENTSIZE."""
    fragments: int = 5
    """FRAGMENTSNUMBER: how many are kept."""
    icyint: int = 8_192
    """ICYINT: bytes of audio between two metadata blocks."""


PartJob = Callable[[], Coroutine[object, object, None]]
Supervise = Callable[[str, PartJob], Coroutine[object, object, None]]
"""Runs a job of that name, and runs it again, until it is cancelled."""


async def _run_once(name: str, job: PartJob) -> None:
    await job()


@dataclass(frozen=True, slots=True)
class OutputContext:
    """What an output works with. It reads ``store`` (fragments) or ``playout`` (what listeners hear now)."""

    name: str
    store: Store
    clock: Clock
    log: FilteringBoundLogger
    health: Health
    playout: PlayoutHead
    legacy: LegacyShape = LegacyShape()
    """For outputs that speak a wire of DiStreamer 2."""
    supervise: Supervise = _run_once
    """Keeps a part of the output running by itself, so that the rest goes on when it fails."""


class Module(Protocol):
    """An input or an output, made once from its settings and context, and run by the supervisor."""

    async def run(self) -> None:
        """Does the job until it is cancelled; raises DiStreamerError when it cannot go on; may return when the job
        ended by itself (a source that closed). It is run again after either, with all it kept in itself."""
        ...

    def links(self) -> tuple[LinkStatus, ...]:
        """Its conversations with other DiStreamers."""
        ...

    def listeners(self) -> ListenersStatus | None:
        """Its players; None when it serves none."""
        ...


@runtime_checkable
class Guarded(Protocol):
    """A module that accepts those who know its PASSWORD."""

    @property
    def wrong_passwords(self) -> int:
        """That came since the start."""
        ...

    @property
    def wrong_password_seconds(self) -> float | None:
        """Since the last of them came; None when none did."""
        ...


@runtime_checkable
class Adopting(Protocol):
    """A module that can take other settings while it runs, where they do not touch what it holds open."""

    def adopt(self, settings: Any) -> bool:
        """Goes on with ``settings``, of the class that it was made with, and says True; or leaves everything as it is
        and says False: then it is ended and made anew."""
        ...


def module_status(name: str, mode: str, module: Module, health: Health) -> ModuleStatus:
    """The snapshot of one module."""
    return ModuleStatus(
        name=name,
        mode=mode,
        state=health.state,
        state_seconds=health.state_seconds,
        detail=health.detail,
        restarts=health.restarts,
        last_error=health.last_error,
        links=module.links(),
        listeners=module.listeners(),
        wrong_passwords=module.wrong_passwords if isinstance(module, Guarded) else health.wrong_passwords,
        wrong_password_seconds=module.wrong_password_seconds if isinstance(module, Guarded) else None,
    )
