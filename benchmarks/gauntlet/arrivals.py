"""When each fragment arrived at PC B: a receiver beside it, which takes what B has the moment B has it."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.config.instance import ConfiguredInput, InstanceConfig
from distreamer.config.settings import GeneralSettings
from distreamer.core.ports import Clock
from distreamer.demo.hearing import KnownFrames
from distreamer.inputs.distreamer_client import DiStreamerClientSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.fragment import Fragment
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import instance_logger

NEWEST = 200
"""So many fragments of an epoch are looked at; older ones do not come any more."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A fragment."""

    at: float
    """By the event loop's clock."""
    last_place: int
    """Of the programme's frames in it."""


class Arrivals:
    """Listens to the DiStreamerServer at the loopback port of B, until ``run`` is cancelled."""

    def __init__(self, port: int, known: KnownFrames, clock: Clock) -> None:
        self.seen: list[Arrival] = []
        self._known = known
        self._clock = clock
        self._looked_at: set[tuple[int, int]] = set()
        source = DiStreamerClientSettings(mode="DiStreamerClient", serverurl=f"http://127.0.0.1:{port}", legacy=False)
        config = InstanceConfig(
            name="arrivals",
            path=None,
            general=GeneralSettings(outputlevel=0, statusseconds=0),
            inputs=(ConfiguredInput("input", source),),
            outputs=(),
        )
        self._instance = Instance(config, instance_logger(config), clock)

    async def run(self) -> None:
        """Notes each fragment when it comes."""
        unsubscribe = self._instance.store.subscribe(self._look)
        try:
            await self._instance.run()
        finally:
            unsubscribe()

    def _look(self) -> None:
        for epoch in self._instance.store.epochs:
            for number in epoch.numbers[-NEWEST:]:
                if (epoch.id, number) not in self._looked_at:
                    self._looked_at.add((epoch.id, number))
                    self._note(epoch.fragments[number])

    def _note(self, fragment: Fragment) -> None:
        framer = AutoFramer()
        frames = framer.feed(fragment.audio) + framer.close()
        places = [place for frame in frames for place in self._known.places(frame.data)]
        if places:
            self.seen.append(Arrival(self._clock.now(), max(places)))
