"""Finds out what a stream is: listens for a while, then connects once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from distreamer.core.ports import Clock
from distreamer.errors import DiStreamerError, LinkError, PeerError, ProtocolError
from distreamer.measure.bitrates import Bitrates
from distreamer.measure.early_end import unless_ended
from distreamer.measure.formats import spoken_audio, type_fault
from distreamer.measure.http_listening import OPTIONS, OpenedStream, StreamOpener
from distreamer.measure.pace import Pace
from distreamer.measure.splice_trial import SpliceTrial
from distreamer.measure.stream_reading import Damage, StreamReading
from distreamer.measure.stream_report import Splice, StreamReport
from distreamer.model.audio import AudioFormat, Frame, Title
from distreamer.protocol.http1_response import Body, EndOfBody
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.source_opener import Connect, HttpSourceOptions
from distreamer.transport.tcp import connect

SPLICE_SECONDS = 15.0
"""For the second connection to show what it brings."""
MOST_TITLES = 100

Tell = Callable[[str], None]
"""Is told what is being done, in a few words."""


class StreamProbe:
    """``run`` once."""

    def __init__(
        self,
        url: StreamUrl,
        clock: Clock,
        tell: Tell,
        options: HttpSourceOptions = OPTIONS,
        connector: Connect = connect,
    ) -> None:
        self._url = url
        self._clock = clock
        self._tell = tell
        self._opener = StreamOpener(url, options, connector)
        self._trial = SpliceTrial()
        self._pace = Pace()
        self._bitrates = Bitrates()
        self._format: AudioFormat | None = None
        self._titles: list[str] = []
        self._damaged_bytes = 0

    async def run(self, seconds: float, ended: asyncio.Event) -> StreamReport | None:
        """Listens for ``seconds``, or until ``ended`` is set; None when that was before anything came. Raises
        LinkError, PeerError or AuthenticationError when there is nothing to listen to."""
        self._tell("connects")
        asked_at = self._clock.now()
        opened = await unless_ended(self._opener.open(), ended)
        if opened is None:
            return None
        began = self._clock.now()
        self._tell(f"listens for {seconds:g} s")
        reading = self._reading(opened)
        try:
            reason = await unless_ended(self._listen(opened, reading), ended, seconds)
        finally:
            await opened.source.close()
        listened = self._clock.now() - began
        self._trial.cut(self._clock.now())
        splice = await unless_ended(self._splice(), ended) if self._format is not None and not ended.is_set() else None
        description = opened.description
        drift = self._pace.drift()
        return StreamReport(
            url=str(self._url),
            steps=opened.visited[1:],
            server=opened.server,
            protocol=f"HTTP/{opened.source.head.version}",
            tls=opened.tls,
            station=description.station.name,
            content_type=description.content_type,
            format=spoken_audio(self._format) if self._format else "",
            type_fault=type_fault(description.content_type, self._format) if self._format else "",
            declared_bits_per_second=description.bitrate,
            measured_bits_per_second=self._bitrates.measured,
            varies=self._bitrates.varies,
            lowest_bits_per_second=self._bitrates.lowest,
            highest_bits_per_second=self._bitrates.highest,
            metaint_bytes=opened.metaint,
            titles=tuple(self._titles),
            answered_seconds=began - asked_at,
            seconds=listened,
            audio_seconds=reading.audio_seconds,
            burst_seconds=self._pace.burst_seconds,
            speed=self._pace.speed,
            longest_pause_seconds=self._pace.longest_pause_seconds,
            drift=drift,
            damaged_bytes=self._damaged_bytes,
            ended=reason or "",
            splice=splice,
        )

    # -- inside

    def _reading(self, opened: OpenedStream) -> StreamReading:
        self._trial.connected(opened.description, self._clock.now())
        description = opened.description
        try:
            return StreamReading(
                description.content_type, description.bitrate, opened.metaint, audio=self._give_to_trial
            )
        except ProtocolError as error:
            raise PeerError(str(opened.source.url), str(error)) from error

    def _give_to_trial(self, data: bytes) -> None:
        self._trial.audio(data, self._clock.now())

    async def _listen(self, opened: OpenedStream, reading: StreamReading) -> str:
        """Until it ends by itself; gives why."""
        try:
            while True:
                for event in await opened.source.next_events():
                    if isinstance(event, Body):
                        self._take(event.data, reading)
                    elif isinstance(event, EndOfBody):
                        problem = f" ({event.problem})" if event.problem else ""
                        return f"the server closed the connection{problem}"
        except (LinkError, PeerError) as error:
            return error.reason

    def _take(self, data: bytes, reading: StreamReading) -> None:
        for event in reading.receive(data):
            if isinstance(event, Frame):
                self._format = self._format or event.format
                self._bitrates.frame(event)
            elif isinstance(event, Title):
                self._titles.append(event.text)
                del self._titles[:-MOST_TITLES]
            elif isinstance(event, Damage):
                self._damaged_bytes += event.size
        self._pace.observe(self._clock.now(), reading.audio_seconds)

    async def _splice(self) -> Splice | None:
        """Connects once more, and looks for what was heard already."""
        self._tell("connects again, to see what is repeated")
        try:
            opened = await self._opener.open()
        except DiStreamerError as error:
            return _untried(error)
        fault: LinkError | PeerError | None = None
        try:
            reading = self._reading(opened)
            async with asyncio.timeout(SPLICE_SECONDS):
                while self._trial.splice() is None:
                    for event in await opened.source.next_events():
                        if isinstance(event, Body):
                            for _ in reading.receive(event.data):
                                pass
                        elif isinstance(event, EndOfBody):
                            raise LinkError(str(opened.source.url), "the server closed the connection")
        except TimeoutError:
            self._trial.ended(self._clock.now())
        except (LinkError, PeerError) as error:
            fault = error
            self._trial.ended(self._clock.now())
        finally:
            await opened.source.close()
        splice = self._trial.splice()
        # That it brought nothing known says nothing when it brought next to nothing.
        return splice if fault is None or (splice is not None and splice.works) else _untried(fault)


def _untried(error: DiStreamerError) -> Splice:
    return Splice(works=False, bridges_seconds=0.0, sentence=f"cannot be tried: the second time {error}")
