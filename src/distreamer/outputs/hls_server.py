"""The OUTPUT mode HlsServer: players and browsers fetch the programme in segments, by HTTP Live Streaming."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Annotated

from aiohttp import web
from pydantic import Field

from distreamer.config.fields import BindAddress, Networks, Port, Seconds, Unit
from distreamer.config.settings import PlayingOutputSettings
from distreamer.core.module import OutputContext
from distreamer.core.played import Played
from distreamer.model.audio import Codec
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.hls_answers import MOST_CONNECTIONS, HlsAnswers
from distreamer.outputs.hls_audience import HlsAudience
from distreamer.outputs.open_files import most_connections
from distreamer.protocol.forwarded import TrustedProxies
from distreamer.protocol.hls import packing_of
from distreamer.protocol.hls_window import SegmentWindow
from distreamer.transport.tcp import BACKLOG, listening_sockets, spoken_address

PATH = "live.m3u8"
"""The path of the playlist that is named to people."""
COUNT_SECONDS = 5.0
"""How often is looked who has not come again, and who only holds a connection."""
LISTENS_TARGETS = 3
"""A player that has not asked for the playlist for so many target durations does not listen any more."""
USER_TIMEOUT_MILLISECONDS = 30_000
"""The kernel gives up a player that takes nothing for so long."""
SHUTDOWN_SECONDS = 2.0
"""How long answers under way may take when the server ends."""
_WORDS = {Codec.VORBIS: "Ogg Vorbis", Codec.OPUS: "Ogg Opus", Codec.FLAC: "Ogg FLAC", Codec.OGG: "Ogg"}


class HlsServerSettings(PlayingOutputSettings):
    """Serves players and browsers by HTTP Live Streaming (HLS), for MP3 and AAC.

    The playlist is /live.m3u8, and at any other path that ends in .m3u8. Ogg cannot be served like this. ONFORMATCHANGE
    has no effect: players are told of each change in the playlist.
    """

    hostname: BindAddress = "0.0.0.0"

    port: Port = 8081
    """The TCP port to listen on. Players open http://this-machine:PORT/live.m3u8. 0 takes a free port, which the log
    then names."""

    segmentseconds: Annotated[Seconds, Field(ge=2, le=20)] = 6
    """How long a segment is. Players begin about three of them behind what is played; short ones cost more requests."""

    segments: Annotated[int, Unit("segments"), Field(ge=3, le=60)] = 6
    """How many segments the playlist lists. It lists more while they are too short to last for three times the longest.
    Each is kept for as long again after it has left the list."""

    trustedproxies: Networks = ""
    """Reverse proxies in front of this server, such as nginx on the same machine (127.0.0.1): addresses or networks
    with commas between them. What these say of the player's own address (X-Forwarded-For) is believed, so that
    listeners are told apart by it; what anybody else says is not."""


class HlsServer:
    """Gathers segments of what is played, and answers who asks for them."""

    def __init__(self, settings: HlsServerSettings, context: OutputContext) -> None:
        self._settings = settings
        self._context = context
        self._window = SegmentWindow(context.clock.wall(), settings.segmentseconds, settings.segments)
        self._audience = HlsAudience()
        self._latest: Played | None = None
        self._address: tuple[str, int] | None = None
        proxies = TrustedProxies.parse(settings.trustedproxies)
        self.answers = HlsAnswers(self._window, self._audience, context.clock, self._why_nothing, proxies)
        """What players are told."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that players can connect to; None while nothing listens there."""
        return self._address

    @property
    def window(self) -> SegmentWindow:
        """What is served."""
        return self._window

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        self._count()
        return self._audience.status()

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen."""
        sockets = listening_sockets(self._settings.hostname, self._settings.port)
        for one in sockets:
            with suppress(OSError, AttributeError):  # what the system does not know is left out
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MILLISECONDS)
        self.answers.most_connections = most_connections(MOST_CONNECTIONS)
        self._catch_up()
        unsubscribe = self._context.playout.subscribe(self.play)
        runner = self.answers.runner(SHUTDOWN_SECONDS)
        try:
            await runner.setup()
            for one in sockets:
                await web.SockSite(runner, one, backlog=BACKLOG).start()
            self._address = sockets[0].getsockname()[:2]
            self._context.log.info("listening for HLS players", url=self._url())
            while True:
                self.answers.tidy(self._context.clock.now())
                self._say()
                await asyncio.sleep(COUNT_SECONDS)
        finally:
            self._address = None
            unsubscribe()
            await runner.cleanup()
            for one in sockets:
                one.close()

    def play(self, played: Played) -> None:
        """To be subscribed to the playout."""
        had_reason = self._why_nothing()
        self._latest = played
        clock, audio = self._context.clock, played.info.format
        now = clock.now()
        if packing_of(audio.codec) is None:
            self._window.interrupt(now)
        else:
            begins_at = clock.wall() - (now - played.starts_at)
            self._window.add(played.fragment, audio, begins_at, now, is_discontinuous=played.discontinuity)
        reason = self._why_nothing()
        if reason != had_reason:
            if reason:
                self._context.log.warning("players get 404", reason=reason)
            self._say()

    def _catch_up(self) -> None:
        """What was played lately: players can begin at once. While a module waits to be run again it hears nothing."""
        recent = self._context.playout.recent()
        known = next((index for index, played in enumerate(recent) if played is self._latest), None)
        if known is None and self._latest is not None:
            self._window.interrupt(self._context.clock.now())
        for played in recent[0 if known is None else known + 1 :]:
            self.play(played)

    def _why_nothing(self) -> str | None:
        """Why there is no playlist; None when there may be one."""
        if self._latest is None:
            return "No stream yet"
        codec = self._latest.info.format.codec
        if packing_of(codec) is not None:
            return None
        words = _WORDS.get(codec, "of an unknown kind")
        return f"HLS carries MP3 and AAC only; this stream is {words}"

    def _count(self) -> None:
        self._audience.let_go(self._context.clock.now() - LISTENS_TARGETS * self._window.target_seconds)

    def _say(self) -> None:
        """How it is, in one sentence."""
        if self._address is None:
            return
        why = self._why_nothing()
        if self._latest is None:
            self._context.health.starting(f"no stream yet: players that ask {self._url()} get 404")
        elif why is not None:
            self._context.health.starting(f"{why}: players that ask {self._url()} get 404")
        else:
            self._count()
            count = self._audience.connected
            self._context.health.running(f"{count} {'listener' if count == 1 else 'listeners'} on {self._url()}")

    def _url(self) -> str:
        return f"http://{spoken_address(*self._address)}/{PATH}" if self._address else ""
