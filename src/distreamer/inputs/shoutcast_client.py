"""Input: takes a programme from an Icecast or SHOUTcast server, or from anything that plays over HTTP."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from distreamer.config.fields import Charset, Seconds, StreamAddress
from distreamer.config.settings import FragmentingInputSettings
from distreamer.core.flow_watch import FlowWatch
from distreamer.core.ingest import Seam, SourceDescription
from distreamer.core.module import InputContext
from distreamer.errors import LinkError, PeerError, ProtocolError
from distreamer.model.audio import AudioFormat, Codec, StreamInfo
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.protocol.http1 import Headers
from distreamer.protocol.http1_response import Body, EndOfBody
from distreamer.protocol.icy import Audio, IcyDemuxer, parse_metadata
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.http_source import HttpSource
from distreamer.sessions.source_description import describe_source
from distreamer.sessions.source_opener import Connect, HttpSourceOpener, HttpSourceOptions
from distreamer.transport.tcp import connect
from distreamer.units import spoken_seconds

SLOW_WINDOW_SECONDS = 20.0
"""Over which a source must bring most of its audio; longer when HTTPTIMEOUT allows longer pauses."""
WINDOW_PER_TIMEOUT = 4.0
"""The window in units of HTTPTIMEOUT, at the least: a pause that HTTPTIMEOUT allows is then a quarter of it."""
NO_AUDIO_SECONDS = 60.0
"""How long a source may send without one recognisable frame (64 kB at 16 kbit/s take 33 s to be recognised)."""
SHORT_FILE_BYTES = 10_000_000
"""What has such a length is a file, and no programme. (Some servers give a programme a huge length.)"""


class ShoutcastClientSettings(FragmentingInputSettings):
    """Takes the programme from an Icecast or SHOUTcast server.

    Servers repeat their last seconds to whoever connects. After a break of the connection DiStreamer recognises them,
    frame by frame, and goes on behind the last one that it has: nothing comes twice, and nothing is lost when the
    connection was away for less than what the server repeats (its burst; in Icecast ``burst-size``). Where it
    recognises nothing, the clock says how much of the burst was on air before the break, and that is left out.
    """

    streamurl: StreamAddress
    """The source's address, beginning with http:// or https://. With SHOUTcast it mostly ends in ``/;`` or in the
    stream's own path. It may hold ``user:password@`` before the host, and may lead to a playlist (M3U, PLS,
    XSPF)."""

    getmetadata: bool = True
    """Whether titles are asked for."""

    httptimeout: Annotated[Seconds, Field(ge=1, le=300)] = 5.0
    """How long the source may take to answer, and how long it may send nothing, before it is given up and connected
    to anew."""

    charset: Charset = "cp1252"
    """In which charset titles and the station's name are when they are not UTF-8: cp1252 for Western European
    languages, cp1251 for Cyrillic."""

    tlsverify: bool = True
    """Whether the certificate of an https source must be valid. ``no`` takes any certificate."""


class ShoutcastClient:
    """One connection to the source at a time; when it ends, ``run`` raises and the supervisor runs it again."""

    def __init__(self, settings: ShoutcastClientSettings, context: InputContext, connector: Connect = connect) -> None:
        self._settings = settings
        self._context = context
        self._url = StreamUrl.parse(settings.streamurl)
        options = HttpSourceOptions(
            timeout_seconds=settings.httptimeout,
            icy_metadata=settings.getmetadata,
            charset=settings.charset,
            verify_tls=settings.tlsverify,
        )
        self._opener = HttpSourceOpener(options, connector)

    async def run(self) -> None:
        """Receives until the source fails (LinkError, PeerError) or the task is cancelled."""
        self._context.health.starting(f"connecting to {self._url}")
        source = await self._opener.open(self._url)
        try:
            reception = _Reception(self._settings, self._context, source)
            while True:
                await reception.receive()
        finally:
            try:
                self._context.ingest.disconnected(self._context.clock.wall())
            finally:
                await source.close()

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None


class _Reception:
    """What one connection brings."""

    def __init__(self, settings: ShoutcastClientSettings, context: InputContext, source: HttpSource) -> None:
        self._charset = settings.charset
        self._context = context
        self._source = source
        self._peer = str(source.url)
        self._began = context.clock.now()
        window = max(SLOW_WINDOW_SECONDS, WINDOW_PER_TIMEOUT * settings.httptimeout)
        self._watch = FlowWatch(self._began, window)
        self._window = window
        self._title = context.ingest.latest_title
        self._told: StreamInfo | None = None
        self._demuxer = _demuxer(source.head.headers, self._peer)
        self._description = _description(source.head.headers, settings.charset)
        self._has_told_seam = False
        context.ingest.connected(self._description, context.clock.wall())
        context.log.debug("the source answered", url=self._peer, content_type=self._description.content_type)

    async def receive(self) -> None:
        """Takes what comes next. Raises LinkError when the source ends or starves."""
        for event in await self._source.next_events():
            if isinstance(event, Body):
                self._take(event.data)
            elif isinstance(event, EndOfBody):
                after = spoken_seconds(self._context.clock.now() - self._began)
                why = f" ({event.problem})" if event.problem else ""
                raise LinkError(self._peer, f"the source closed the connection after {after}{why}")
        self._judge()

    def _take(self, data: bytes) -> None:
        ingest = self._context.ingest
        for event in self._demuxer.feed(data):
            if isinstance(event, Audio):
                had_audio = ingest.audio_seconds > 0
                ingest.audio(event.data, self._context.clock.wall())
                if ingest.audio_seconds and not had_audio:
                    self._say_connected()
                if ingest.seam is not None and not self._has_told_seam:
                    self._has_told_seam = True
                    self._context.log.info(spoken_seam(ingest.seam))
                continue
            title = parse_metadata(event.data, self._charset)
            # Servers repeat the title; only a new one begins something.
            if title is not None and title != self._title:
                self._title = title
                if ingest.title(title):
                    self._context.log.info("new title", title=title.text)

    def _say_connected(self) -> None:
        """Once there is audio: a source that answers and gives none, again and again, would fill the log."""
        self._context.log.info(
            "connected to the source",
            url=self._peer,
            station=self._description.station.name,
            content_type=self._description.content_type,
        )

    def _judge(self) -> None:
        """Says what is received, and whether it is enough."""
        ingest = self._context.ingest
        now = self._context.clock.now()
        seconds = ingest.audio_seconds
        if not seconds:
            if now - self._began > NO_AUDIO_SECONDS:
                raise PeerError(self._peer, f"sends data, but no audio for {NO_AUDIO_SECONDS:g} s")
            return
        info = ingest.info
        if info is None:
            return
        if info is not self._told:
            self._told = info
            self._context.health.running(f"receiving {spoken_format(info.format)} from {self._peer}")
        # Audio that nobody understands is timed by a bitrate that may be wrong: nothing can be said about its flow.
        if not info.format.sample_rate:
            return
        self._watch.observe(now, seconds)
        if self._watch.is_starving(now, seconds):
            part = self._watch.ratio(now, seconds) or 0.0
            raise LinkError(
                self._peer,
                f"only {part:.0%} of the audio came in the last {self._window:g} s:"
                " the source, or the link to it, is too slow",
            )


def spoken_seam(seam: Seam) -> str:
    """How a connection's audio goes together with that of the one before, in a sentence."""
    repeated = spoken_seconds(seam.repeated_seconds)
    if not seam.goes_on:
        old = f"; {repeated} of it are from before the gap, and left out" if seam.repeated_seconds else ""
        return f"nothing of what the source sends now was known: the programme has a gap here{old}"
    if not seam.is_proved:
        return f"the source repeated about {repeated} of the same sound that it sends now; it is left out"
    return f"the source repeated {repeated} that were known: nothing is lost or comes twice"


def spoken_format(form: AudioFormat) -> str:
    """A format as people say it: ``128 kbit/s MP3``."""
    names = {
        Codec.MPEG: {"I": "MP1", "II": "MP2", "III": "MP3"}.get(form.profile.rpartition(" ")[2], "MPEG audio"),
        Codec.AAC: form.profile or "AAC",
        Codec.VORBIS: "Ogg Vorbis",
        Codec.OPUS: "Ogg Opus",
        Codec.FLAC: "Ogg FLAC",
        Codec.OGG: "Ogg",
        Codec.OPAQUE: form.content_type,
    }
    rate = f"{form.bitrate / 1000:.0f} kbit/s " if form.bitrate else ""
    return rate + names[form.codec]


def _description(headers: Headers, charset: str) -> SourceDescription:
    """Of the source. A short file that is fetched again and again is meant to begin with the same each time."""
    length = headers.get("content-length")
    is_file = length.isdecimal() and len(length) < 20 and int(length) <= SHORT_FILE_BYTES
    return replace(
        describe_source(headers, charset), repeats_seconds=0.0 if is_file else math.inf, has_burst=not is_file
    )


def _demuxer(headers: Headers, peer: str) -> IcyDemuxer:
    """For the ``icy-metaint`` of the answer; a server that says none, or nonsense, sends no metadata."""
    value = headers.get("icy-metaint")
    try:
        return IcyDemuxer(int(value) if value.isdecimal() and len(value) < 20 else 0)
    except ProtocolError as error:
        raise PeerError(peer, str(error)) from error
