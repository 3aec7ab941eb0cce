"""A player without sound that connects to a stream, and comes back when it is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from distreamer.core.ports import Clock
from distreamer.errors import LinkError, PeerError, ProtocolError
from distreamer.measure.early_end import unless_ended
from distreamer.measure.finding import Finding, Verdict
from distreamer.measure.http_listening import OPTIONS, OpenedStream, StreamOpener
from distreamer.measure.listening import Listening
from distreamer.protocol.http1_response import Body, EndOfBody
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.source_opener import Connect, HttpSourceOptions
from distreamer.transport.tcp import connect

FIRST_PAUSE_SECONDS = 0.5
"""A player that lost its server comes back, as VLC does …"""
LONGEST_PAUSE_SECONDS = 5.0
"""… and waits twice as long after each time in vain, up to this."""
LOOK_SECONDS = 1.0


class StreamListener:
    """``run`` once; what is found is given to ``found`` at once."""

    def __init__(
        self,
        url: StreamUrl,
        clock: Clock,
        found: Callable[[Finding], None],
        *,
        is_strict: bool = False,
        options: HttpSourceOptions = OPTIONS,
        connector: Connect = connect,
    ) -> None:
        self._clock = clock
        self._found = found
        self._opener = StreamOpener(url, options, connector)
        self._is_strict = is_strict
        self._listening = Listening(clock.now(), is_strict=is_strict)

    async def run(self, seconds: float | None, ended: asyncio.Event) -> Verdict:
        """Listens for ``seconds`` (None: for ever), or until ``ended`` is set. Raises LinkError or PeerError when
        nothing answers the first time, or no audio is there."""
        opened = await unless_ended(self._opener.open(), ended)
        # What the server took to answer is no part of what is heard.
        self._listening = Listening(self._clock.now(), is_strict=self._is_strict)
        if opened is None:
            return self._listening.verdict(self._clock.now())
        async with asyncio.TaskGroup() as group:
            jobs = [group.create_task(self._listen(opened)), group.create_task(self._look())]
            try:
                async with asyncio.timeout(seconds):
                    await ended.wait()
            except TimeoutError:
                pass
            for job in jobs:
                job.cancel()
        now = self._clock.now()
        self._say(self._listening.end(now))
        return self._listening.verdict(now)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those that are kept."""
        return tuple(self._listening.findings)

    # -- inside

    async def _listen(self, opened: OpenedStream) -> None:
        """One connection after the other."""
        while True:
            reason = await self._take(opened)
            self._say(self._listening.disconnected(reason, self._clock.now()))
            opened = await self._come_back()

    async def _come_back(self) -> OpenedStream:
        pause = FIRST_PAUSE_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                return await self._opener.open()
            except (LinkError, PeerError) as error:
                self._say(self._listening.unreachable(error.reason, self._clock.now()))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _take(self, opened: OpenedStream) -> str:
        """What a connection brings; gives why it ended."""
        source = opened.source
        try:
            self._say(self._listening.connected(opened.description, opened.metaint, self._clock.now()))
            while True:
                for event in await source.next_events():
                    if isinstance(event, Body):
                        self._say(self._listening.received(event.data, self._clock.now()))
                    elif isinstance(event, EndOfBody):
                        problem = f" ({event.problem})" if event.problem else ""
                        return f"the server closed the connection{problem}"
        except (LinkError, PeerError) as error:
            return error.reason
        except ProtocolError as error:
            return str(error)
        finally:
            await source.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._say(self._listening.look(self._clock.now()))

    def _say(self, findings: list[Finding]) -> None:
        for finding in findings:
            self._found(finding)
