"""The demo's two instances with the link between them, made in memory and looked at as one thing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import ValidationError

from distreamer.config.instance import ConfiguredInput, ConfiguredOutput, InstanceConfig
from distreamer.config.redact import redacted_url
from distreamer.config.settings import GeneralSettings, InputSettings, OutputSettings
from distreamer.core.ports import Clock
from distreamer.core.store import START
from distreamer.demo.cutter import LinkCutter
from distreamer.demo.hearing import Heard, KnownFrames
from distreamer.demo.state import DemoState
from distreamer.errors import ConfigError, ResourceError
from distreamer.inputs.distreamer_client import DiStreamerClientSettings
from distreamer.inputs.shoutcast_client import ShoutcastClientSettings
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Codec
from distreamer.model.status import PlayoutStatus
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from distreamer.runtime.instance import Instance
from distreamer.runtime.logging import instance_logger, route_library_logs
from distreamer.transport.relay import Relay

LOOPBACK = "127.0.0.1"
START_SECONDS = 20.0
"""For an output to listen."""
STALE_SECONDS = 3.0
"""When PC A got nothing for so long, the page says why."""


def studio_config(source_url: str) -> InstanceConfig:
    """PC A: takes ``source_url`` and offers it to PC B. Raises ConfigError when the URL is none."""
    try:
        source = ShoutcastClientSettings(mode="ShoutcastClient", streamurl=source_url)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError([f"--source {redacted_url(source_url)}: {reason}"]) from error
    return _config("pc-a", source, DiStreamerServerSettings(mode="DiStreamerServer", hostname=LOOPBACK, port=0))


def transmitter_config(link_port: int) -> InstanceConfig:
    """PC B: takes what PC A offers behind the link, and serves players. Their connections stay through silence."""
    source = DiStreamerClientSettings(mode="DiStreamerClient", serverurl=f"http://{LOOPBACK}:{link_port}")
    players = ShoutcastServerSettings(mode="ShoutcastServer", hostname=LOOPBACK, port=0, timeout=0)
    return _config("pc-b", source, players)


def _config(name: str, source: InputSettings, output: OutputSettings) -> InstanceConfig:
    return InstanceConfig(
        name=name,
        path=None,
        # Without filler, so that the strict listener hears of a cut that is too long, and that nothing is lost by it.
        general=GeneralSettings(outputlevel=0, statusseconds=0, filler="none"),
        inputs=(ConfiguredInput("input", source),),
        outputs=(ConfiguredOutput("output", output),),
    )


class Chain:
    """PC A, the link, PC B."""

    def __init__(self, studio: Instance, transmitter: Instance, cutter: LinkCutter, stream_url: str) -> None:
        self.cutter = cutter
        self.stream_url = stream_url
        """Where players listen to PC B."""
        self._studio = studio
        self._transmitter = transmitter

    def state(self, heard: Heard) -> DemoState:
        """The whole chain now; ``heard`` is what the demo's own listener has to say."""
        studio, transmitter = self._studio.snapshot(), self._transmitter.snapshot()
        playout = transmitter.playout or PlayoutStatus()
        source, store = studio.inputs[0], studio.store
        receives = store.newest_age_seconds is not None and store.newest_age_seconds < STALE_SECONDS
        return DemoState(
            station=(store.info.station.name or "the source") if store.info else "",
            studio_title=store.title.text if store.title else "",
            studio_problem="" if receives else source.detail or source.state.value,
            kept_seconds=store.seconds,
            waiting_seconds=self._waiting_seconds(),
            link_is_cut=self.cutter.is_cut,
            planned_cut_seconds=self.cutter.planned_seconds,
            remaining_cut_seconds=self.cutter.remaining_seconds,
            link_is_connected=any(link.connected for link in transmitter.inputs[0].links),
            buffer_seconds=playout.budget_seconds,
            delay_seconds=playout.delay_seconds,
            playout=playout.state,
            behind_seconds=playout.behind_seconds,
            heard_title=playout.title.text if playout.title else "",
            listeners=sum(output.listeners.connected for output in transmitter.outputs if output.listeners),
            heard=heard,
        )

    def _waiting_seconds(self) -> float:
        """What PC A holds behind the newest that PC B holds."""
        newest, store = self._transmitter.store.newest(), self._studio.store
        return store.seconds_after(store.position_of(newest) if newest else START)


@asynccontextmanager
async def running_chain(source_url: str, known: KnownFrames | None, clock: Clock) -> AsyncIterator[Chain]:
    """Starts PC A, the link and PC B, and ends them with the block.

    With ``known`` what PC A receives is learnt there, as what listeners of PC B should hear. Raises ConfigError when
    ``source_url`` is no URL, ResourceError when a server does not come up.
    """
    settings = studio_config(source_url)
    log = instance_logger(settings)
    studio = Instance(settings, log, clock)
    if known is not None:
        _learn(studio, known)
    undo_routing = route_library_logs(settings, log)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(studio.run(), name="pc-a")]
        try:
            async with Relay(LOOPBACK, await _port(studio)) as relay:
                settings = transmitter_config(relay.port)
                transmitter = Instance(settings, instance_logger(settings), clock)
                tasks.append(group.create_task(transmitter.run(), name="pc-b"))
                stream_url = f"http://{LOOPBACK}:{await _port(transmitter)}/"
                yield Chain(studio, transmitter, LinkCutter(relay, clock), stream_url)
        finally:
            undo_routing()
            for task in tasks:
                task.cancel()


async def _port(instance: Instance) -> int:
    """The port of the instance's output, once it listens."""
    output = instance.output()
    assert isinstance(output, DiStreamerServer | ShoutcastServer)
    for _ in range(int(START_SECONDS / 0.02)):
        if output.address is not None:
            return output.address[1]
        await asyncio.sleep(0.02)
    raise ResourceError(f"{instance.name} does not listen after {START_SECONDS:g} s: {instance.snapshot().outputs}")


def _learn(studio: Instance, known: KnownFrames) -> None:
    """Adds to ``known`` the frames of each fragment that PC A stores. An unknown codec has no frames to compare:
    nothing is learnt then, and nothing checked."""
    store, framer = studio.store, AutoFramer()
    position, setup = START, b""

    def learn() -> None:
        nonlocal position, setup
        while (fragment := store.after(position)) is not None:
            position = store.position_of(fragment)
            new_setup = fragment.setup if fragment.setup != setup else b""
            setup = fragment.setup
            for frame in framer.feed(new_setup + fragment.audio):
                if frame.format.codec is not Codec.OPAQUE:
                    known.learn(frame.data)

    store.subscribe(learn)
