"""The outputs of an instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from distreamer.config.differences import INSTANCE_FIELDS, changed_fields
from distreamer.config.instance import ConfiguredOutput
from distreamer.config.settings import OutputSettings, PlayingOutputSettings
from distreamer.core.module import Health, LegacyShape, OutputContext, PartJob
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock
from distreamer.core.store import Store
from distreamer.runtime.modules import OUTPUTS
from distreamer.runtime.part import Jobs, Part
from distreamer.runtime.part_change import PartChange, words_of
from distreamer.runtime.supervisor import Supervisor

OutputPart = Part[OutputContext]


@dataclass(frozen=True, slots=True)
class OutputsChange:
    """Made by ``OutputSide.prepare``, put in force by ``OutputSide.commit``."""

    sections: list[PartChange[OutputContext]]


class OutputSide:
    """Made without outputs; the first are prepared and committed like all later ones."""

    def __init__(self, store: Store, playout: PlayoutHead, clock: Clock, log: FilteringBoundLogger) -> None:
        self._store = store
        self._playout = playout
        self._clock = clock
        self._log = log
        self.parts: list[OutputPart] = []

    def prepare(self, outputs: Sequence[ConfiguredOutput], legacy: LegacyShape) -> OutputsChange:
        """Makes the modules that are needed for ``outputs``; what runs goes on meanwhile. Raises what the making of a
        module raises."""
        known = {part.name: part for part in self.parts}
        return OutputsChange([self._section(known.get(name), name, settings, legacy) for name, settings in outputs])

    def install(self, change: OutputsChange) -> None:
        """The first outputs, before anything runs."""
        self.parts = [section.part for section in change.sections]

    async def commit(self, change: OutputsChange, jobs: Jobs) -> list[str]:
        """Ends what is not needed any more and begins what is new; gives what happened, in words."""
        before = self.parts
        for section in change.sections:
            section.settle()
        self.install(change)
        await jobs.end(part.job for part in before if part not in self.parts)
        jobs.begin(part.job for part in self.parts if part not in before)
        return words_of(change.sections, before)

    def _section(
        self, before: OutputPart | None, name: str, settings: OutputSettings, legacy: LegacyShape
    ) -> PartChange[OutputContext]:
        changed = changed_fields(before.settings, settings) if before else frozenset[str]()
        # What serves a DiStreamer 2 has cut its fragments already. Players have nothing to do with them.
        is_cut_otherwise = (
            before is not None and before.context.legacy != legacy and not isinstance(settings, PlayingOutputSettings)
        )
        if before is not None and not (changed - INSTANCE_FIELDS) and not is_cut_otherwise:
            return PartChange(settings, before, None, changed)
        context = OutputContext(
            name=name,
            store=self._store,
            clock=self._clock,
            log=self._log.bind(module=name),
            health=Health(self._clock),
            playout=self._playout,
            legacy=legacy,
            supervise=self._supervise,
        )
        made = Part(name, settings, context, OUTPUTS[settings.mode].make(settings, context))
        return PartChange(settings, before, made, changed, may_adopt=not is_cut_otherwise)

    async def _supervise(self, name: str, job: PartJob) -> None:
        await Supervisor(job, Health(self._clock), self._log.bind(module=name)).run()
