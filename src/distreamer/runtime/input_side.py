"""The inputs of an instance, and the switch between them when there are several."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from distreamer.config.differences import INSTANCE_FIELDS, changed_fields
from distreamer.config.instance import ConfiguredInput, by_preference
from distreamer.config.settings import FragmentingInputSettings, InputSettings, MadeInputSettings
from distreamer.core.cue import OnAir, StandbyCue, SteadyCue
from distreamer.core.ingest import Ingest
from distreamer.core.input_switch import InputSwitch
from distreamer.core.input_switcher import InputSwitcher
from distreamer.core.kept_first import KeptFirst
from distreamer.core.lead import LEAD_SECONDS
from distreamer.core.live_standby import PAUSE_SECONDS, LiveStandby
from distreamer.core.made_standby import STUCK_SECONDS, MadeStandby
from distreamer.core.module import Health, InputContext
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock
from distreamer.core.standby import Standby
from distreamer.core.store import Store
from distreamer.errors import ResourceError
from distreamer.model.audio import Title
from distreamer.model.status import ModuleStatus
from distreamer.runtime.modules import INPUTS
from distreamer.runtime.part import END_SECONDS, Job, Jobs, Part
from distreamer.runtime.part_change import PartChange, words_of

InputPart = Part[InputContext]


@dataclass(frozen=True, slots=True)
class Wants:
    """What the instance wants of its inputs."""

    delay_seconds: float
    """To be held ahead of the listeners."""
    playout: PlayoutHead | None
    """None when no output plays."""
    fallback_after: float | None
    """FALLBACKAFTER."""


@dataclass(eq=False, slots=True)
class _Place:
    """Where an input's audio goes. It stays when the module in it is made anew: what that brings goes on behind what
    the one before brought."""

    store: Store
    ingest: Ingest
    standby: Standby | None
    """As the switch sees it; None for a lone input, which fills the instance's own store."""


@dataclass(frozen=True, slots=True)
class InputsChange:
    """Made by ``InputSide.prepare``, put in force by ``InputSide.commit``."""

    wants: Wants
    places: list[_Place]
    """One for each of the sections, in their order."""
    sections: list[PartChange[InputContext]]
    """The preferred one first."""


class InputSide:
    """A lone input fills the instance's store itself; several fill stores of their own, and a switch carries what the
    one on air brings. Once there is a switch it stays, also when a single input is left.

    Made without inputs; the first are prepared and committed like all later ones.
    """

    def __init__(self, store: Store, writer: KeptFirst, clock: Clock, log: FilteringBoundLogger) -> None:
        """``writer`` is where a lone input's audio goes on its way into ``store``."""
        self._store = store
        self._writer = writer
        self._clock = clock
        self._log = log
        self._places: list[_Place] = []
        self.parts: list[InputPart] = []
        """The preferred one first."""
        self._switch: InputSwitch | None = None
        self._switcher: InputSwitcher | None = None

    def prepare(self, inputs: Sequence[ConfiguredInput], wants: Wants, anew: str = "") -> InputsChange:
        """Makes the modules that are needed for ``inputs``, and the one called ``anew`` in any case; what runs goes on
        meanwhile. Raises what the making of a module raises."""
        configured = by_preference(inputs)
        is_lone = self._switch is None and len(configured) <= 1
        change = InputsChange(wants, [], [])
        places = dict(zip((part.name for part in self.parts), self._places, strict=True))
        known = {part.name: part for part in self.parts}
        for name, settings in configured:
            place = self._lone_place() if is_lone else self._place(name, settings, places.get(name), wants)
            stays = places.get(name) is place
            change.places.append(place)
            section = self._section(known.get(name), stays, name, settings, place, wants, is_anew=name == anew)
            change.sections.append(section)
        return change

    def jobs(self) -> list[Job]:
        """All of them, before anything runs."""
        return [part.job for part in self.parts] + self._switch_job()

    def install(self, change: InputsChange) -> None:
        """Puts the inputs into their places; those that are not needed any more have ended."""
        lone = self._places[0].ingest if self._places and self._switch is None else None
        self._places, self.parts = change.places, [section.part for section in change.sections]
        for section, place in zip(change.sections, change.places, strict=True):
            self._settle(section, place, change.wants)
        standbys = [place.standby for place in change.places if place.standby is not None]
        if self._switch is not None and self._switcher is not None:
            self._switch.decide_by(change.wants.fallback_after, change.wants.playout)
            self._switcher.rearrange(standbys)
        elif standbys:
            self._make_switch(standbys, change.wants, lone)

    async def commit(self, change: InputsChange, jobs: Jobs) -> list[str]:
        """Ends what is not needed any more and begins what is new; gives what happened, in words."""
        before, switch = self.parts, self._switch
        for section in change.sections:
            section.settle()
        staying = [section.part for section in change.sections]
        is_restarted = self._switcher is not None and self._switcher.on_air not in {
            part.name for part in staying if part in before
        }
        if switch is not None and is_restarted:
            switch.be_patient(self._clock.now() + END_SECONDS + STUCK_SECONDS)
        await jobs.end(part.job for part in before if part not in staying)
        self.install(change)
        if switch is None:
            jobs.begin(self._switch_job())
        elif is_restarted:
            switch.be_patient(self._clock.now() + STUCK_SECONDS)
        jobs.begin(part.job for part in self.parts if part not in before)
        return words_of(change.sections, before)

    def go_on_behind_what_is_held(self, skipped_numbers: int) -> None:
        """An earlier run of the program filled the store. To be called before anything runs."""
        if self._switch is not None:
            self._switch.go_on_behind(skipped_numbers)
        elif self._places:
            # What is made here begins anew in any case.
            repeats = not isinstance(self.parts[0].settings, MadeInputSettings)
            self._places[0].ingest.go_on_behind(self._store, skipped_numbers, may_repeat=repeats)

    @property
    def on_air(self) -> InputPart:
        """The one whose audio goes into the instance's store."""
        name = self._switcher.on_air if self._switcher else ""
        return next((part for part in self.parts if part.name == name), self.parts[0])

    @property
    def declared_bitrate(self) -> int:
        """Bits per second as the source on air says; 0 when it does not, or when another DiStreamer brings it."""
        return self._places[self.parts.index(self.on_air)].ingest.declared_bitrate if self.parts else 0

    def statuses(self) -> tuple[ModuleStatus, ...]:
        """The preferred one first."""
        return tuple(sorted(map(self._status, self.parts), key=lambda status: not status.chosen))

    def prefer(self, name: str | None) -> None:
        """Puts the input of that name, which there must be, on air, and again whenever it works; None: as it is
        configured. Raises ResourceError when it cannot be on air."""
        if self._switcher is None:
            if name is not None:
                raise ResourceError(f"{name} is the only input")
        elif not self._switcher.prefer(name):
            detail = next(part.health.detail for part in self.parts if part.name == name)
            raise ResourceError(f"{name} has nothing to play: {detail}")

    def _status(self, part: InputPart) -> ModuleStatus:
        if self._switcher is None:
            return part.status()
        is_on_air = self._switcher.on_air == part.name
        returns_in = self._switcher.returns_in(part.name)
        is_chosen = self._switcher.chosen == part.name
        return replace(part.status(), on_air=is_on_air, returns_in_seconds=returns_in, chosen=is_chosen)

    # -- making

    def _lone_place(self) -> _Place:
        return self._places[0] if self._places else _Place(self._store, Ingest(self._writer, _new_epoch_id), None)

    def _place(self, name: str, settings: InputSettings, before: _Place | None, wants: Wants) -> _Place:
        """One of several: the place that it had when that is for one of its kind, else a new one."""
        is_made = isinstance(settings, MadeInputSettings)
        if before is not None and before.standby is not None and isinstance(before.standby, MadeStandby) == is_made:
            return before
        cue, store, now = StandbyCue(), Store(self._store.limits), self._clock.now()
        cue.latest = self._on_air()
        ingest = Ingest(store, _new_epoch_id)
        if before is not None and before.standby is None:
            ingest = before.ingest  # That of a lone input, which knows what came last.
        if is_made:
            return _Place(store, ingest, MadeStandby(name, store, cue, now))
        pause = wants.fallback_after or PAUSE_SECONDS
        return _Place(store, ingest, LiveStandby(name, store, cue, now, settings.return_, pause))

    def _section(
        self,
        before: InputPart | None,
        stays: bool,
        name: str,
        settings: InputSettings,
        place: _Place,
        wants: Wants,
        *,
        is_anew: bool,
    ) -> PartChange[InputContext]:
        changed = changed_fields(before.settings, settings) if before else frozenset[str]()
        if before is not None and stays and not is_anew and not (changed - INSTANCE_FIELDS):
            return PartChange(settings, before, None, changed)
        context = InputContext(
            name=name,
            store=place.store,
            ingest=place.ingest,
            clock=self._clock,
            log=self._log.bind(module=name),
            health=Health(self._clock),
            playout=wants.playout,
            delay_seconds=wants.delay_seconds,
            cue=place.standby.cue if place.standby else SteadyCue(self._clock, self._lead_seconds(wants)),
        )
        made = Part(name, settings, context, INPUTS[settings.mode].make(settings, context))
        return PartChange(settings, before, made, changed, may_adopt=stays and not is_anew)

    def _lead_seconds(self, wants: Wants) -> float:
        """What a lone input that makes its audio gives at once: what is missing until listeners can begin, or until the
        buffer is full again."""
        if wants.playout is None:
            return 0.0
        if self._store.newest() is None:
            return wants.delay_seconds + LEAD_SECONDS
        return max(wants.playout.shortage(self._clock.now()), 0.0)

    def _on_air(self) -> OnAir | None:
        newest = self._store.newest()
        epoch = self._store.epoch(newest.epoch) if newest else None
        return OnAir(epoch.info, newest) if newest and epoch else None

    # -- installing

    def _settle(self, section: PartChange[InputContext], place: _Place, wants: Wants) -> None:
        """What the instance says to an input that stays, and to its place."""
        context, settings = section.part.context, section.settings
        context.delay_seconds, context.playout = wants.delay_seconds, wants.playout
        if place.standby is not None:
            place.store.limit(self._store.limits)
        shape = settings if isinstance(settings, FragmentingInputSettings) else FragmentingInputSettings()
        is_size_set = "fragmentsize" in shape.model_fields_set
        place.ingest.shape(shape.fragmentseconds, shape.fragmentsize if is_size_set else 0)
        if isinstance(place.standby, LiveStandby) and isinstance(settings, InputSettings):
            place.standby.judge_by(settings.return_, wants.fallback_after or PAUSE_SECONDS)
        if "mode" in section.changed and place.ingest.latest_title is not None:
            place.ingest.title(Title(""))  # It is another source, which may have no titles at all.

    def _make_switch(self, standbys: list[Standby], wants: Wants, lone: Ingest | None) -> None:
        """When there was a ``lone`` input until now, they go on behind what that brought."""
        self._writer.hurry()
        epoch = lone.running_epoch if lone is not None else None
        running: Standby | None = None
        for place in self._places:
            if place.ingest is lone and place.standby is not None:
                # It holds the same as before: what was received is not asked for once more.
                running = place.standby
                running.store.take_over(self._store)
                place.ingest.write_to(running.store)
        now, after = self._clock.now(), wants.fallback_after
        self._switch = InputSwitch(standbys, self._store, _new_epoch_id, now, after, wants.playout, running)
        if lone is not None:
            self._switch.go_on_in(epoch)
        self._switcher = InputSwitcher(self._switch, standbys, self._clock, self._log.bind(module="input switch"))

    def _switch_job(self) -> list[Job]:
        return [Job("input switch", self._switcher.run, Health(self._clock))] if self._switcher else []


def _new_epoch_id() -> int:
    return secrets.randbits(63)
