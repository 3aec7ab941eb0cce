"""One instance: one config, its inputs, its store, its playout and its outputs, each supervised."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.config.instance import InstanceConfig, by_preference
from distreamer.config.settings import (
    FragmentingInputSettings,
    InputSettings,
    MadeInputSettings,
    OutputSettings,
    PlayingOutputSettings,
)
from distreamer.core.clock import LoopClock
from distreamer.core.cue import Cue, StandbyCue, SteadyCue
from distreamer.core.delay import DelayRule
from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.ingest import Ingest
from distreamer.core.input_switch import InputSwitch
from distreamer.core.input_switcher import InputSwitcher
from distreamer.core.live_standby import PAUSE_SECONDS, LiveStandby
from distreamer.core.made_standby import MadeStandby
from distreamer.core.module import Health, InputContext, LegacyShape, Module, OutputContext, module_status
from distreamer.core.playout import LEAD_SECONDS
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock
from distreamer.core.standby import Standby
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import Title
from distreamer.model.status import InstanceStatus, ModuleStatus, StoreStatus
from distreamer.runtime.filler_file import FillerFile
from distreamer.runtime.modules import INPUTS, OUTPUTS
from distreamer.runtime.plain_words import status_sentence
from distreamer.runtime.playout_news import tell_playout_news
from distreamer.runtime.supervisor import Supervisor

STORE_BYTES_PER_SECOND = 60_000
"""The store's size limit, a second of HISTORY: 480 kbit/s, above every lossy stream."""
SMALLEST_STORE_BYTES = 64_000_000
"""So that lossless streams have room too."""
KEPT_BEHIND_PLAYOUT_SECONDS = 60.0
"""Held beyond DELAY, however small HISTORY is."""


@dataclass(frozen=True, slots=True)
class _Supervised:
    """A module beside what is known of it."""

    name: str
    mode: str
    module: Module
    health: Health

    def status(self) -> ModuleStatus:
        return module_status(self.name, self.mode, self.module, self.health)


class Instance:
    """Made inside the running event loop; runs until it is cancelled."""

    def __init__(self, config: InstanceConfig, log: FilteringBoundLogger, clock: Clock | None = None) -> None:
        self.name = config.name
        self.config = config
        self._log = log
        self._clock: Clock = clock or LoopClock()
        self._started = self._clock.now()
        self._store_changed = self._clock.now()
        general = config.general
        rule = self._delay_rule()
        kept = max(general.history, rule.most_seconds + KEPT_BEHIND_PLAYOUT_SECONDS)
        self.store = Store(StoreLimits(kept, max(SMALLEST_STORE_BYTES, int(kept * STORE_BYTES_PER_SECOND))))
        filler = self._filler_rules()
        self.playout = PlayoutHead(self.store, self._clock, rule.seconds, filler)
        self._filler_file = self._make_filler_file(filler)
        self._playout_health = Health(self._clock)
        self._plays = any(isinstance(settings, PlayingOutputSettings) for _, settings in config.outputs)
        self._switcher: InputSwitcher | None = None
        self._inputs = self._make_inputs(rule)
        self._outputs = [self._make_output(name, settings) for name, settings in config.outputs]

    async def run(self) -> None:
        """Until it is cancelled."""
        unsubscribe = self.store.subscribe(self._note_change)
        try:
            async with asyncio.TaskGroup() as group:
                for part in (*self._outputs, *self._inputs):
                    self._supervise(group, part.name, part.module.run, part.health)
                if self._switcher is not None:
                    self._supervise(group, "input switch", self._switcher.run, Health(self._clock))
                if self._plays:
                    self._supervise(group, "playout", self._play, self._playout_health)
                    self._supervise(group, "playout news", self._tell_playout_news, Health(self._clock))
                    if self._filler_file is not None:
                        self._supervise(group, "filler file", self._filler_file.run, Health(self._clock))
                if self.config.general.statusseconds:
                    self._supervise(group, "status", self._say_status, Health(self._clock))
        finally:
            unsubscribe()

    @property
    def has_begun(self) -> bool:
        """Whether every input and output has said how it is; what listens does so when it listens, or has failed."""
        return all(part.health.has_begun for part in (*self._inputs, *self._outputs))

    def snapshot(self) -> InstanceStatus:
        """Everything known about the instance now."""
        return InstanceStatus(
            name=self.name,
            at=self._clock.wall(),
            uptime_seconds=self._clock.now() - self._started,
            inputs=tuple(self._input_status(part) for part in self._inputs),
            outputs=tuple(part.status() for part in self._outputs),
            store=self._store_status(),
            playout=self.playout.status() if self._plays else None,
        )

    def output(self, name: str = "output") -> Module:
        """The output of that name (``output``, or ``output`` and its section's own name)."""
        return next(part.module for part in self._outputs if part.name == name)

    async def _play(self) -> None:
        self._playout_health.running("plays whatever there is")
        await self.playout.run()

    def _supervise(
        self, group: asyncio.TaskGroup, name: str, job: Callable[[], Coroutine[object, object, None]], health: Health
    ) -> None:
        supervisor = Supervisor(job, health, self._log.bind(module=name))
        group.create_task(supervisor.run(), name=f"{self.name}: {name}")

    def _delay_rule(self) -> DelayRule:
        general = self.config.general
        asked = [
            settings.minfragments
            for _, settings in self.config.outputs
            if isinstance(settings, PlayingOutputSettings) and "minfragments" in settings.model_fields_set
        ]
        return DelayRule(general.delay, max(asked, default=None), general.history)

    def _filler_rules(self) -> FillerRules | None:
        general = self.config.general
        if general.filler == "none":
            return None
        title = Title(general.fillertitle) if general.fillertitle else None
        return FillerRules(Filler(title), OnReturn(general.onreturn), general.maxdelay)

    def _make_filler_file(self, rules: FillerRules | None) -> FillerFile | None:
        path = self.config.general.filler
        if rules is None or not isinstance(path, Path):
            return None
        return FillerFile(path, self.store, rules.filler, self._log.bind(module="playout"))

    def _make_inputs(self, rule: DelayRule) -> list[_Supervised]:
        """A lone input fills the instance's store itself; several fill stores of their own, and a switch carries what
        the one on air brings."""
        configured = by_preference(self.config.inputs)
        if len(configured) <= 1:
            lead = rule.expected_seconds + LEAD_SECONDS if self._plays else 0.0
            return [
                self._make_input(name, settings, rule, self.store, SteadyCue(self._clock, lead))
                for name, settings in configured
            ]
        after = self.config.general.fallbackafter
        made: list[_Supervised] = []
        standbys: list[Standby] = []
        for name, settings in configured:
            cue, store, now = StandbyCue(), Store(self.store.limits), self._clock.now()
            standbys.append(
                MadeStandby(name, store, cue, now)
                if isinstance(settings, MadeInputSettings)
                else LiveStandby(name, store, cue, now, settings.return_, after or PAUSE_SECONDS)
            )
            made.append(self._make_input(name, settings, rule, store, cue))
        listeners = self.playout if self._plays else None
        switch = InputSwitch(standbys, self.store, _new_epoch_id, self._clock.now(), after, listeners)
        self._switcher = InputSwitcher(switch, standbys, self._clock, self._log.bind(module="input switch"))
        return made

    def _make_input(self, name: str, settings: InputSettings, rule: DelayRule, store: Store, cue: Cue) -> _Supervised:
        health = Health(self._clock)
        fragmenting = settings if isinstance(settings, FragmentingInputSettings) else FragmentingInputSettings()
        is_size_set = "fragmentsize" in fragmenting.model_fields_set
        context = InputContext(
            name=name,
            store=store,
            ingest=Ingest(
                store,
                _new_epoch_id,
                fragment_seconds=fragmenting.fragmentseconds,
                legacy_fragment_bytes=fragmenting.fragmentsize if is_size_set else 0,
            ),
            clock=self._clock,
            log=self._log.bind(module=name),
            health=health,
            playout=self.playout if self._plays else None,
            delay_seconds=rule.expected_seconds,
            cue=cue,
        )
        return _Supervised(name, settings.mode, INPUTS[settings.mode].make(settings, context), health)

    def _input_status(self, part: _Supervised) -> ModuleStatus:
        if self._switcher is None:
            return part.status()
        is_on_air = self._switcher.on_air == part.name
        return replace(part.status(), on_air=is_on_air, returns_in_seconds=self._switcher.returns_in(part.name))

    def _make_output(self, name: str, settings: OutputSettings) -> _Supervised:
        health = Health(self._clock)
        context = OutputContext(
            name=name,
            store=self.store,
            clock=self._clock,
            log=self._log.bind(module=name),
            health=health,
            playout=self.playout,
            legacy=self._legacy_shape(),
        )
        return _Supervised(name, settings.mode, OUTPUTS[settings.mode].make(settings, context), health)

    def _legacy_shape(self) -> LegacyShape:
        """What the preferred input's settings say; those of most inputs say nothing."""
        settings = by_preference(self.config.inputs)[0].settings
        if not isinstance(settings, FragmentingInputSettings):
            return LegacyShape()
        return LegacyShape(settings.fragmentsize, settings.fragmentsnumber, settings.metadata_interval)

    def _store_status(self) -> StoreStatus:
        epoch, newest = self.store.newest_epoch, self.store.newest()
        return StoreStatus(
            info=epoch.info if epoch else None,
            epoch=epoch.id if epoch else None,
            first_number=epoch.numbers[0] if epoch and epoch.numbers else None,
            last_number=epoch.numbers[-1] if epoch and epoch.numbers else None,
            seconds=self.store.seconds,
            size=self.store.size,
            newest_age_seconds=self._clock.now() - self._store_changed if newest else None,
            newest_seconds=epoch.seconds(newest.duration) if epoch and newest else 0.0,
            added=self.store.added,
            duplicates=self.store.duplicates,
            evicted=self.store.evicted,
            title=newest.last_title if newest else None,
        )

    def _note_change(self) -> None:
        self._store_changed = self._clock.now()

    async def _tell_playout_news(self) -> None:
        await tell_playout_news(self.playout.status, self._log.bind(module="playout"))

    async def _say_status(self) -> None:
        """One line in plain words every STATUSSECONDS."""
        while True:
            await asyncio.sleep(self.config.general.statusseconds)
            self._log.info(status_sentence(self.snapshot()))


def _new_epoch_id() -> int:
    return secrets.randbits(63)
