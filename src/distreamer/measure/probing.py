"""What can be probed: an address, or what a configuration dials."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

import structlog
from structlog.typing import FilteringBoundLogger

from distreamer.config.instance import InstanceConfig, by_preference
from distreamer.config.settings import PlayingOutputSettings
from distreamer.core.delay import DEFAULT_DELAY_SECONDS
from distreamer.core.ports import Clock
from distreamer.errors import ConfigError
from distreamer.inputs.distreamer_client import DiStreamerClientSettings
from distreamer.inputs.shoutcast_client import ShoutcastClientSettings
from distreamer.measure.early_end import unless_ended
from distreamer.measure.http_listening import OPTIONS
from distreamer.measure.link_probe import LinkProbe, LinkTarget, speaks_native
from distreamer.measure.link_report import LinkReport
from distreamer.measure.stream_probe import StreamProbe
from distreamer.measure.stream_report import StreamReport
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.path_addresses import path_addresses
from distreamer.sessions.source_opener import HttpSourceOptions

NOTHING = (
    "there is nothing in it to probe: only what DiStreamerClient and ShoutcastClient dial can be. A second "
    "DiStreamerRevClient would take the place of the one that sends; see the status of that link instead"
)

Tell = Callable[[str], None]
"""Is told what is being done, in a few words."""


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """A stream."""

    name: str
    """For people."""
    url: StreamUrl
    options: HttpSourceOptions = OPTIONS


@dataclass(frozen=True, slots=True)
class UnknownTarget:
    """An address, at which there may be either."""

    name: str
    stream: StreamTarget
    link: LinkTarget


Target = StreamTarget | LinkTarget | UnknownTarget


def targets_of_url(text: str) -> list[Target]:
    """What stands at an address. Raises ProtocolError for what is none."""
    url = StreamUrl.parse(text)
    parts = urlsplit(text.strip())
    bare = f"{url.scheme}://{url.address}{parts.path.rstrip('/')}"
    link = LinkTarget(url.address, bare, password=unquote(parts.password or ""))
    stream = StreamTarget(str(url), url)
    return [UnknownTarget(str(url), stream, link)]


def targets_of_config(configs: Sequence[InstanceConfig]) -> list[Target]:
    """What the inputs of ``configs`` dial. Raises ConfigError when they dial nothing that can be probed."""
    found: list[Target] = []
    for config in configs:
        delay = _delay_seconds(config)
        for name, settings in by_preference(config.inputs):
            if isinstance(settings, ShoutcastClientSettings):
                url = StreamUrl.parse(settings.streamurl)
                options = replace(OPTIONS, verify_tls=settings.tlsverify, charset=settings.charset)
                found.append(StreamTarget(f"{name} {url}", url, options))
            elif isinstance(settings, DiStreamerClientSettings):
                found += _links(settings, delay)
    if not found:
        raise ConfigError([NOTHING])
    return found


async def look_at(
    target: Target, seconds: float, clock: Clock, tell: Tell, ended: asyncio.Event
) -> StreamReport | LinkReport | None:
    """For ``seconds``, or until ``ended`` is set; None when that was before anything was seen. Raises LinkError,
    PeerError and their kind when there is nothing to look at."""
    log = _quiet_log()
    if isinstance(target, UnknownTarget):
        tell("asks what is there")
        is_link = await unless_ended(speaks_native(target.link, log), ended)
        if is_link is None:
            return None
        target = target.link if is_link else target.stream
    if isinstance(target, LinkTarget):
        return await LinkProbe(target, clock, log, tell).run(seconds, ended)
    return await StreamProbe(target.url, clock, tell, target.options).run(seconds, ended)


def _delay_seconds(config: InstanceConfig) -> float | None:
    """DELAY of what plays there; None when nothing does, or MINFRAGMENTS says it, which depends on the stream."""
    playing = [settings for _, settings in config.outputs if isinstance(settings, PlayingOutputSettings)]
    if not playing:
        return None
    if config.general.delay is None:
        is_in_fragments = any("minfragments" in settings.model_fields_set for settings in playing)
        return None if is_in_fragments else DEFAULT_DELAY_SECONDS
    return config.general.delay


def _links(settings: DiStreamerClientSettings, delay_seconds: float | None) -> list[Target]:
    return [
        LinkTarget(
            name=address.name if address.bind else address.peer,
            url=address.url,
            password=settings.password,
            transport=settings.transport,
            verify_tls=settings.tlsverify,
            fingerprint=settings.fingerprint,
            proxy=settings.proxy,
            local_end=address.local_end,
            delay_seconds=delay_seconds,
        )
        for address in path_addresses(settings.serverurl, settings.bind)
    ]


def _quiet_log() -> FilteringBoundLogger:
    """For what the carriers say by themselves: defects only."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    return log
