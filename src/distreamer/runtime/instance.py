"""One instance: one config, its inputs, its store, its playout and its outputs, each supervised."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.config.differences import changed_fields, keys_of
from distreamer.config.instance import InstanceConfig, by_preference
from distreamer.config.settings import FragmentingInputSettings, GeneralSettings, PlayingOutputSettings
from distreamer.core.clock import LoopClock
from distreamer.core.delay import DelayRule
from distreamer.core.filler import Filler, FillerRules, OnReturn
from distreamer.core.module import Health, LegacyShape, Module
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock, Unsubscribe
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.status import InstanceStatus, PlayoutState
from distreamer.runtime.alert_side import AlertsChange, AlertSide
from distreamer.runtime.events import Events
from distreamer.runtime.filler_file import FillerFile
from distreamer.runtime.input_side import InputPart, InputsChange, InputSide, Wants
from distreamer.runtime.level_program import Meter
from distreamer.runtime.levels import LevelRules, Levels
from distreamer.runtime.output_side import OutputPart, OutputsChange, OutputSide
from distreamer.runtime.part import Job, Jobs
from distreamer.runtime.plain_words import status_sentence
from distreamer.runtime.playout_news import tell_playout_news
from distreamer.runtime.spool import SKIPPED_NUMBERS
from distreamer.runtime.spooling import Spooling
from distreamer.runtime.store_figures import StoreFigures

STORE_BYTES_PER_SECOND = 60_000
"""The store's size limit, a second of HISTORY: 480 kbit/s, above every lossy stream."""
SMALLEST_STORE_BYTES = 64_000_000
"""So that lossless streams have room too."""
STORE_FRAGMENTS_PER_SECOND = 50
"""The same of the number of fragments, which last about a second."""
KEPT_BEHIND_PLAYOUT_SECONDS = 60.0
"""Held beyond DELAY, however small HISTORY is."""


@dataclass(frozen=True, slots=True)
class Change:
    """Made by ``Instance.prepare``, put in force by ``Instance.commit``."""

    config: InstanceConfig
    inputs: InputsChange
    outputs: OutputsChange
    alerts: AlertsChange


class Instance:
    """Made inside the running event loop; runs until it is cancelled. Its configuration may change meanwhile."""

    def __init__(
        self,
        config: InstanceConfig,
        log: FilteringBoundLogger,
        clock: Clock | None = None,
        numbers: Iterator[int] | None = None,
        meter: Meter | None = None,
    ) -> None:
        """``numbers`` are for the events of all instances of the process; None: it is the only one. ``meter`` is that
        of the process; None: levels are estimated."""
        self.config = config
        self._log = log
        self._clock: Clock = clock or LoopClock()
        self._started = self._clock.now()
        self.changing = asyncio.Lock()
        """Held while the configuration, or a part, is exchanged."""
        self.refused_admin_passwords = 0
        """Counted by who serves ADMIN."""
        self.events = Events(self._look, self._clock, numbers)
        self._rule = _delay_rule(config)
        self._filler = Filler()
        self.store = Store(_store_limits(config.general, self._rule))
        self._figures = StoreFigures(self.store, self._clock)
        self.playout = PlayoutHead(self.store, self._clock, self._delay_seconds, self._filler_rules(config.general))
        self._levels = Levels(self.store, self.playout, self._level_rules, self._clock, meter)
        self._spooling = Spooling(
            config.general, self._owner, self.store, self.playout, self._clock, log.bind(module="spool")
        )
        self._inputs = InputSide(self.store, self._spooling.writer, self._clock, log)
        self._outputs = OutputSide(self.store, self.playout, self._clock, log)
        self.alerts = AlertSide(self._clock, log)
        self.events.book.subscribe(self.alerts.note)
        first = self.prepare(config)
        self._inputs.install(first.inputs)
        self._outputs.install(first.outputs)
        self.alerts.install(first.alerts)
        self._jobs = Jobs(log)
        self._playout_job = Job("playout", self._play, Health(self._clock))
        self._news_job = Job("playout news", self._tell_playout_news, Health(self._clock))
        self._status_job = Job("status", self._say_status, Health(self._clock))
        self._watch_job = Job("events", self._watch, Health(self._clock))
        self._levels_job = Job("levels", self._levels.run, Health(self._clock))
        self._filler_job = self._make_filler_job()

    async def run(self) -> None:
        """Until it is cancelled."""
        unsubscribe: Unsubscribe | None = None
        try:
            if await self._spooling.begin(self._rule.most_seconds, plays=_plays(self.config)):
                self._inputs.go_on_behind_what_is_held(SKIPPED_NUMBERS)
            unsubscribe = self.store.subscribe(self._figures.note_change)
            own_jobs = [*self._own_jobs(), *self._spooling.jobs(), *self.alerts.jobs()]
            await self._jobs.run([*(part.job for part in self._outputs.parts), *self._inputs.jobs(), *own_jobs])
        finally:
            if unsubscribe is not None:
                unsubscribe()
            self.alerts.end()
            await self._spooling.end()

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def has_begun(self) -> bool:
        """Whether every input and output has said how it is; what listens does so when it listens, or has failed."""
        healths = [part.health for part in self._inputs.parts] + [part.health for part in self._outputs.parts]
        return all(health.has_begun for health in healths)

    def snapshot(self) -> InstanceStatus:
        """Everything known about the instance now."""
        return self.events.complete(self._look())

    def _look(self) -> InstanceStatus:
        """Without what the watch knows."""
        return InstanceStatus(
            name=self.name,
            at=self._clock.wall(),
            uptime_seconds=self._clock.now() - self._started,
            inputs=self._inputs.statuses(),
            outputs=tuple(part.status() for part in self._outputs.parts),
            store=self._figures.status(self._inputs.declared_bitrate),
            playout=self.playout.status() if _plays(self.config) else None,
            spool=self._spooling.status(),
            levels=self._levels.status(),
            refused_admin_passwords=self.refused_admin_passwords,
            alerts=self.alerts.statuses(),
        )

    @property
    def inputs(self) -> Sequence[InputPart]:
        """The preferred one first."""
        return self._inputs.parts

    @property
    def input_on_air(self) -> InputPart:
        """The one whose audio goes into the store."""
        return self._inputs.on_air

    def prefer_input(self, name: str | None) -> None:
        """See ``InputSide.prefer``."""
        self._inputs.prefer(name)

    @property
    def outputs(self) -> Sequence[OutputPart]:
        """In the order of the file."""
        return self._outputs.parts

    def output(self, name: str = "output") -> Module:
        """The output of that name (``output``, or ``output`` and its section's own name)."""
        return next(part.module for part in self._outputs.parts if part.name == name)

    # -- another configuration

    def prepare(self, config: InstanceConfig, anew: str = "") -> Change:
        """Makes what ``config`` needs beyond what there is, and the input called ``anew`` in any case; what runs goes
        on meanwhile. Raises DiStreamerError when a module cannot be made. What is prepared must be put in force, or
        dropped, before anything else is: ``changing`` is held meanwhile."""
        delay = _delay_rule(config).expected_seconds
        wants = Wants(delay, self.playout if _plays(config) else None, config.general.fallbackafter)
        return Change(
            config,
            self._inputs.prepare(config.inputs, wants, anew),
            self._outputs.prepare(config.outputs, _legacy_shape(config)),
            self.alerts.prepare(config.alerts),
        )

    async def commit(self, change: Change) -> list[str]:
        """Goes over to a configuration, once ``run`` runs: what did not change goes on without noticing. Gives what
        happened, in words."""
        general = self.config.general
        said = self._follow(change.config)
        inputs, outputs, alerts, *_ = await asyncio.gather(
            self._inputs.commit(change.inputs, self._jobs),
            self._outputs.commit(change.outputs, self._jobs),
            self.alerts.commit(change.alerts, self._jobs, self.events.ongoing()),
            self._renew_own_jobs(general),
            self._spooling.follow(change.config.general, self._jobs),
        )
        return said + inputs + outputs + alerts

    def _follow(self, config: InstanceConfig) -> list[str]:
        """What is followed without a restart of anything."""
        before, self.config = self.config, config
        changed = changed_fields(before.general, config.general)
        keys = ", ".join(keys_of(config.general, changed))
        said = [f"{keys} changed"] if keys else []
        rule = _delay_rule(config)
        if rule != self._rule:
            self._rule = rule
            if _plays(config) and self.playout.state is PlayoutState.PLAYING:
                said.append("who listens is as far behind live as before until the buffer fills anew")
        limits = _store_limits(config.general, rule)
        if limits != self.store.limits:
            self.store.limit(limits)
            self._spooling.limit()
        self.playout.fill_by(self._filler_rules(config.general))
        return said

    # -- inside

    def _owner(self) -> str:
        return f"{self.config.name} (process {os.getpid()})"

    def _own_jobs(self) -> list[Job]:
        playing = [self._playout_job, self._news_job] if _plays(self.config) else []
        if playing and self._filler_job is not None:
            playing.append(self._filler_job)
        return [
            self._watch_job,
            self._levels_job,
            *playing,
            *([self._status_job] if self.config.general.statusseconds else []),
        ]

    async def _renew_own_jobs(self, before: GeneralSettings) -> None:
        """The playout goes on for ever once it was begun: what is played when an output comes back is what is due."""
        general, filler_job = self.config.general, self._filler_job
        if (before.filler, before.fillertitle) != (general.filler, general.fillertitle):
            self._filler.clip = None
            self._filler_job = self._make_filler_job()
        wanted = self._own_jobs()
        candidates = (self._news_job, self._status_job, filler_job)
        ending = [job for job in candidates if job is not None and job not in wanted]
        if before.statusseconds != self.config.general.statusseconds:
            ending.append(self._status_job)
        await self._jobs.end(ending)
        self._jobs.begin(job for job in wanted if job.task is None)

    def _make_filler_job(self) -> Job | None:
        path = self.config.general.filler
        if not isinstance(path, Path):
            return None
        file = FillerFile(path, self.store, self._filler, self._log.bind(module="playout"))
        return Job("filler file", file.run, Health(self._clock))

    async def _play(self) -> None:
        self._playout_job.health.running("plays whatever there is")
        await self.playout.run()

    def _delay_seconds(self, info: StreamInfo) -> float:
        return self._rule.seconds(info)

    def _filler_rules(self, general: GeneralSettings) -> FillerRules | None:
        if general.filler == "none":
            return None
        self._filler.title = Title(general.fillertitle) if general.fillertitle else None
        return FillerRules(self._filler, OnReturn(general.onreturn), general.maxdelay)

    def _level_rules(self) -> LevelRules:
        return LevelRules(_plays(self.config), self.config.general.silencedbfs)

    async def _watch(self) -> None:
        self._watch_job.health.running("looks for events")
        await self.events.run(lambda: self.config.general.budgetwarn, lambda: self.config.general.silenceseconds)

    async def _tell_playout_news(self) -> None:
        await tell_playout_news(self.playout.status, self._log.bind(module="playout"))

    async def _say_status(self) -> None:
        """One line in plain words every STATUSSECONDS."""
        while True:
            await asyncio.sleep(self.config.general.statusseconds)
            self._log.info(status_sentence(self.snapshot()))


def _plays(config: InstanceConfig) -> bool:
    return any(isinstance(settings, PlayingOutputSettings) for _, settings in config.outputs)


def _delay_rule(config: InstanceConfig) -> DelayRule:
    general = config.general
    asked = [
        settings.minfragments
        for _, settings in config.outputs
        if isinstance(settings, PlayingOutputSettings) and "minfragments" in settings.model_fields_set
    ]
    return DelayRule(general.delay, max(asked, default=None), general.history)


def _store_limits(general: GeneralSettings, rule: DelayRule) -> StoreLimits:
    kept = max(general.history, rule.most_seconds + KEPT_BEHIND_PLAYOUT_SECONDS)
    size = max(SMALLEST_STORE_BYTES, int(kept * STORE_BYTES_PER_SECOND))
    return StoreLimits(kept, size, fragments=int(kept * STORE_FRAGMENTS_PER_SECOND))


def _legacy_shape(config: InstanceConfig) -> LegacyShape:
    """What the preferred input's settings say; those of most inputs say nothing."""
    if not config.inputs:
        return LegacyShape()
    settings = by_preference(config.inputs)[0].settings
    if not isinstance(settings, FragmentingInputSettings):
        return LegacyShape()
    return LegacyShape(settings.fragmentsize, settings.fragmentsnumber, settings.metadata_interval)
