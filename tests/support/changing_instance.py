"""An instance in virtual time whose configuration changes: made-up inputs, a made-up output, real players' server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Literal
from unittest.mock import patch

from structlog.testing import CapturingLogger

from distreamer.config.instance import ConfiguredAlert, ConfiguredInput, ConfiguredOutput, InstanceConfig
from distreamer.config.settings import (
    AlertSettings,
    FragmentingInputSettings,
    GeneralSettings,
    InputSettings,
    MadeInputSettings,
    OutputSettings,
)
from distreamer.core.clock import LoopClock
from distreamer.core.ingest import SourceDescription
from distreamer.core.module import InputContext, OutputContext
from distreamer.core.store import Store
from distreamer.errors import ResourceError
from distreamer.model.audio import Title
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.player_server import PlayerServer
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from distreamer.runtime.instance import Instance
from distreamer.runtime.level_program import Meter
from distreamer.runtime.modules import INPUTS, OUTPUTS, InputMode, OutputMode
from tests.support.input_context import WALL, capturing_log
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_frame, mp3_frame_48, mp3_stream
from tests.support.player_transport import PlayerTransport

FRAMES_PER_SECOND = 38
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


class LiveSettings(FragmentingInputSettings):
    """Brings numbered frames, a second of them at each full second: all sources the same."""

    mode: str = "Live"
    url: str = "http://one.example/"
    title: str | None = None
    """Its URL when it is None; empty: it says none."""
    is_48_khz: bool = False
    works: bool = True
    lead: int = 0
    """Seconds that it brings at once when it begins."""


class MadeSettings(MadeInputSettings):
    """The same whenever they are wanted."""

    mode: str = "Made"
    path: str = "one.mp3"
    title: str | None = None
    """Its path when it is None; empty: it says none."""
    works: bool = True


class ProbeSettings(OutputSettings):
    """Notes what happens to it."""

    mode: str = "Probe"
    port: int = 1
    volume: int = 1
    """This alone can be adopted."""
    ends: Literal["at once", "late", "never"] = "at once"
    is_wrong: bool = False


@dataclass
class Stage:
    """What the made-up modules share."""

    frames: count[int] = field(default_factory=count)
    """Of all that is made when it is wanted: one row, so that what is missing or repeated is seen."""
    events: list[str] = field(default_factory=list)
    said: CapturingLogger = field(default_factory=CapturingLogger)

    def next_second(self) -> bytes:
        first = next(self.frames)
        for _ in range(FRAMES_PER_SECOND - 1):
            next(self.frames)
        return mp3_stream(first, FRAMES_PER_SECOND)

    def lines(self) -> list[str]:
        """What was logged."""
        return [str(call.kwargs.get("event")) for call in self.said.calls]


class _Module:
    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None


class Live(_Module):
    def __init__(self, stage: Stage, settings: LiveSettings, context: InputContext) -> None:
        self._stage, self._settings, self._context = stage, settings, context

    async def run(self) -> None:
        context, name = self._context, f"{self._context.name} {self._settings.url}"
        context.health.running("receives")
        self._stage.events.append(f"{name} begins")
        context.ingest.connected(SourceDescription("audio/mpeg"), context.clock.wall())
        if self._settings.title != "":
            context.ingest.title(Title(self._settings.title or self._settings.url))
        try:
            first = int(context.clock.now()) + 1
            for second in range(first - self._settings.lead, first):
                self._bring(second)
            for second in count(first):
                await asyncio.sleep(max(second - context.clock.now(), 0.0))
                if self._settings.works:
                    self._bring(second)
        finally:
            context.ingest.disconnected(context.clock.wall())
            self._stage.events.append(f"{name} ends")

    def _bring(self, second: int) -> None:
        numbers = range(second * FRAMES_PER_SECOND, (second + 1) * FRAMES_PER_SECOND)
        make = mp3_frame_48 if self._settings.is_48_khz else mp3_frame
        self._context.ingest.audio(b"".join(map(make, numbers)), self._context.clock.wall())


class Made(_Module):
    def __init__(self, stage: Stage, settings: MadeSettings, context: InputContext) -> None:
        self._stage, self._settings, self._context = stage, settings, context

    async def run(self) -> None:
        context, name = self._context, f"{self._context.name} {self._settings.path}"
        self._stage.events.append(f"{name} begins")
        try:
            await asyncio.sleep(0.2)  # as a file is opened
            if not self._settings.works:
                raise ResourceError(f"{self._settings.path} is not there")
            context.cue.offer()
            context.health.running("stands by")
            context.ingest.connected(SourceDescription("audio/mpeg"), context.clock.wall())
            if self._settings.title != "":
                context.ingest.title(Title(self._settings.title or self._settings.path))
            while True:
                wanted = await context.cue.wanted()
                for _ in range(round(wanted + 0.5)):
                    context.ingest.audio(self._stage.next_second(), context.clock.wall())
                    context.cue.gave(FRAMES_PER_SECOND * 1152 / 44100)
        finally:
            context.cue.withdraw()
            context.ingest.disconnected(context.clock.wall())
            self._stage.events.append(f"{name} ends")


class Probe(_Module):
    def __init__(self, stage: Stage, settings: ProbeSettings, context: OutputContext) -> None:
        if settings.is_wrong:
            raise ResourceError(f"{context.name} cannot be made")
        self._stage, self._settings, self._context = stage, settings, context

    def adopt(self, settings: ProbeSettings) -> bool:
        if settings.model_copy(update={"volume": self._settings.volume}) != self._settings:
            return False
        self._settings = settings
        self._stage.events.append(f"{self._name} adopts {settings.volume}")
        return True

    async def run(self) -> None:
        self._context.health.running("probes")
        self._stage.events.append(f"{self._name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            if self._settings.ends == "late":
                await asyncio.sleep(3)
            while self._settings.ends == "never" and not self._stage.events[-1].endswith("over"):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)
            self._stage.events.append(f"{self._name} ends")

    @property
    def _name(self) -> str:
        return f"{self._context.name} {self._settings.port}"


def configured(
    *sections: tuple[str, InputSettings | OutputSettings | AlertSettings], **general: object
) -> InstanceConfig:
    """The configuration with these sections, by their names (``input``, ``output studio``). What they bring is digital
    silence, of which nothing is told."""
    return InstanceConfig(
        "station",
        None,
        GeneralSettings.model_validate({"delay": 10, "statusseconds": 0, "silenceseconds": 0, **general}),
        tuple(ConfiguredInput(name, one) for name, one in sections if isinstance(one, InputSettings)),
        tuple(ConfiguredOutput(name, one) for name, one in sections if isinstance(one, OutputSettings)),
        tuple(ConfiguredAlert(name, one) for name, one in sections if isinstance(one, AlertSettings)),
    )


def players_server(**keys: float | str) -> ShoutcastServerSettings:
    """Settings of a ShoutcastServer on a free port."""
    return ShoutcastServerSettings.model_validate(
        {"mode": "ShoutcastServer", "hostname": "127.0.0.1", "port": 0, **keys}
    )


@dataclass
class Player:
    """Somebody who listens."""

    transport: PlayerTransport

    @property
    def frames(self) -> list[int]:
        """The numbers of the frames that were heard."""
        body = self.transport.body
        whole = range(0, len(body) - MP3_FRAME_BYTES + 1, MP3_FRAME_BYTES)
        return [int.from_bytes(body[place + 4 : place + 12], "big") for place in whole]

    def assert_unbroken(self, seconds: float) -> None:
        """The connection is up, and so much was heard without a frame missing or repeated."""
        frames = self.frames
        assert not self.transport.is_closed
        assert len(frames) >= seconds * FRAMES_PER_SECOND, f"only {len(frames)} frames were heard"
        assert frames == list(range(frames[0], frames[0] + len(frames)))


@dataclass
class ChangingInstance:
    """The instance, and what it is told to become."""

    instance: Instance
    stage: Stage

    @property
    def stores(self) -> list[Store]:
        """Those that the inputs fill; the instance's own when there is a single one."""
        return [part.context.store for part in self.instance.inputs]

    async def become(self, config: InstanceConfig) -> list[str]:
        """What happened, in words."""
        return await self.instance.commit(self.instance.prepare(config))

    def player(self, output: str = "output") -> Player:
        server = self.instance.output(output)
        assert isinstance(server, ShoutcastServer)
        assert isinstance(server.players, PlayerServer)
        transport = PlayerTransport(server.players)
        transport.says(REQUEST)
        return Player(transport)


@asynccontextmanager
async def running(config: InstanceConfig, meter: Meter | None = None) -> AsyncIterator[ChangingInstance]:
    """Runs it until the block ends, with ``meter`` for its levels. The tables of modules hold the made-up ones
    meanwhile."""
    stage = Stage()
    inputs = {
        "Live": InputMode(LiveSettings, partial(Live, stage)),
        "Made": InputMode(MadeSettings, partial(Made, stage)),
    }
    with (
        patch.dict(INPUTS, inputs),
        patch.dict(OUTPUTS, {"Probe": OutputMode(ProbeSettings, partial(Probe, stage))}),
    ):
        instance = Instance(config, capturing_log(stage.said), LoopClock(WALL), meter=meter)
        task = asyncio.create_task(instance.run())
        await asyncio.sleep(0.01)
        try:
            yield ChangingInstance(instance, stage)
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.wait({task}, timeout=60)
            assert task.done()
