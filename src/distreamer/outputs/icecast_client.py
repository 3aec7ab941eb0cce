"""The OUTPUT mode IcecastClient: sends what is played to an Icecast or SHOUTcast server, as an encoder does."""

from __future__ import annotations

import asyncio
import ssl
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from distreamer import AGENT
from distreamer.config.fields import Password, Seconds, StreamAddress
from distreamer.config.settings import PlayingOutputSettings
from distreamer.core.format_change import OnFormatChange
from distreamer.core.module import OutputContext
from distreamer.core.ports import ByteStream
from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.model.audio import Station, StreamInfo
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.played_queue import PlayedQueue
from distreamer.protocol.source.source_client import SourceClient, SourceLogin, SourceProtocol, title_request
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.source_opener import Connect
from distreamer.sessions.source_push import RefusedError, SourcePush
from distreamer.sessions.title_sender import TitleSender
from distreamer.transport.tcp import client_tls, connect

NOT_KNOWN = frozenset({400, 404, 405, 501, 505})
"""What servers say that know only one of PUT and SOURCE; or that something else is amiss, for a while."""
TELL_AGAIN_SECONDS = 60.0
HEALTHY_SECONDS = 10.0
"""After a connection that lasted for less, a further one is no news."""


class IcecastClientSettings(PlayingOutputSettings):
    """Sends the programme to an Icecast or SHOUTcast server, as an encoder does.

    It sends what is played, DELAY behind live. The server and its listeners notice nothing of a link in front of this
    machine that fails for less than that. Icecast and Liquidsoap's harbor take it (AzuraCast's server is one, its
    entrance for streamers the other), and SHOUTcast as from an encoder of its kind.
    """

    serverurl: Annotated[StreamAddress, Field(examples=["http://icecast.example:8000/live.mp3"])]
    """The server and the mount, beginning with http:// or https:// and ending in the mount. The mount may be ``/``,
    where the server shows no page there (in the icecast.xml that Icecast comes with, an ``alias`` does). For SHOUTcast
    there is no mount, and the port is the one that listeners use."""

    user: Annotated[str, Field(max_length=200)] = "source"
    """The user's name; most servers want ``source``, AzuraCast that of the streamer."""

    password: Annotated[Password, Field(max_length=200)] = ""
    """The source password."""

    protocol: Literal["auto", "put", "source", "shoutcast"] = "auto"
    """How it is sent. ``auto``: with PUT, or with SOURCE to a server that does not know PUT. ``shoutcast``: as to
    SHOUTcast 1, on the port above that of SERVERURL."""

    name: Annotated[str, Field(max_length=500)] = ""
    """What the station is called. This and the next four: empty for what the programme's source says."""

    description: Annotated[str, Field(max_length=500)] = ""
    """What it is about."""

    genre: Annotated[str, Field(max_length=500)] = ""
    """Its genre."""

    url: Annotated[str, Field(max_length=500)] = ""
    """Its web page."""

    public: bool | None = None
    """Whether the server may list it in public directories."""

    sendtitles: bool = True
    """Whether titles are sent, each when it is heard. (Ogg streams carry those of their encoder in any case.)"""

    timeout: Annotated[Seconds, Field(ge=1, le=300)] = 10
    """How long the server may take to answer, and to take audio."""

    tlsverify: bool = True
    """Whether the certificate of an https server must be valid. ``no`` takes any certificate."""

    @model_validator(mode="after")
    def _has_a_mount(self) -> Self:
        # The mount / is written: who leaves it out has forgotten the mount more often than not.
        if self.protocol != "shoutcast" and not urlsplit(self.serverurl).path:
            raise ValueError("SERVERURL must end in the mount, such as /live.mp3, or / alone")
        return self


class IcecastClient:
    """One connection at a time; when it fails ``run`` raises, and goes on with what was not sent yet."""

    def __init__(self, settings: IcecastClientSettings, context: OutputContext, connector: Connect = connect) -> None:
        self._settings = settings
        self._context = context
        self._connect = connector
        self._url = StreamUrl.parse(settings.serverurl)
        self._peer = self._url.address + ("" if settings.protocol == "shoutcast" else self._url.target)
        self._tls: ssl.SSLContext | None = None
        self._on_format_change = OnFormatChange(settings.onformatchange)
        self._queue = PlayedQueue()
        self._guess = SourceProtocol.PUT
        """What is tried with ``auto``; the other after a refusal that may be due to it."""
        self._has_tried = False
        self._connected_at: float | None = None
        self._lost_at = context.clock.now()
        self._is_news = True
        self._told_dropped = 0.0
        self._tell_again_at = 0.0
        self._sent = 0
        self._cuts = 0
        self._titles = TitleSender(lambda: self._open(0), self._peer, settings.timeout, context.log)

    async def run(self) -> None:
        """Sends until it is cancelled; raises LinkError, PeerError or AuthenticationError."""
        self._queue.catch_up(self._context.playout.recent())
        unsubscribe = self._context.playout.subscribe(self._queue.put)
        try:
            while True:
                if not self._queue.seconds:
                    self._context.health.starting("waits for something to play")
                # Servers give up a source that sends nothing: nobody connects before there is audio.
                await self._send_stream((await self._queue.first()).info)
        finally:
            unsubscribe()

    def links(self) -> tuple[LinkStatus, ...]:
        if not self._has_tried:
            return ()  # A link that nobody has asked for is not down.
        now = self._context.clock.now()
        since = self._connected_at
        return (
            LinkStatus(
                self._peer,
                connected=since is not None,
                carrier=self._protocol.value,
                connected_seconds=0.0 if since is None else now - since,
                silent_seconds=now - self._lost_at if since is None else 0.0,
                fragments=self._sent,
                cuts=self._cuts,
            ),
        )

    def listeners(self) -> ListenersStatus | None:
        return None

    @property
    def _protocol(self) -> SourceProtocol:
        if self._settings.protocol == "auto":
            return self._guess
        return SourceProtocol(self._settings.protocol)

    async def _send_stream(self, info: StreamInfo) -> None:
        """Until a stream comes that the server must be told anew."""
        context, settings = self._context, self._settings
        context.health.starting(f"connecting to {self._peer}")
        self._has_tried = True
        login = self._login(info)
        port_above = 1 if self._protocol is SourceProtocol.SHOUTCAST else 0
        stream = await self._open(port_above)
        try:
            push = SourcePush(stream, SourceClient(self._protocol, login), self._peer, settings.timeout)
            await self._log_in(push)
            self._connected_at = context.clock.now()
            context.health.running(f"sends to {self._peer}")
            say = context.log.info if self._is_news else context.log.debug
            say("connected to the server", url=str(self._url), by=self._protocol.value)
            async with asyncio.TaskGroup() as group:
                others = [group.create_task(push.listen(), name="answers of the server")]
                if settings.sendtitles and not info.format.codec.is_ogg:
                    self._titles.begin()
                    telling = self._titles.run(lambda title: title_request(self._protocol, login, title))
                    others.append(group.create_task(telling, name="titles"))
                await self._send_audio(push, info)
                for task in others:
                    task.cancel()
        finally:
            if self._connected_at is not None:
                self._lost_at = context.clock.now()
                self._is_news = self._lost_at - self._connected_at >= HEALTHY_SECONDS
                self._connected_at = None
                self._cuts += 1
            await stream.close()

    async def _log_in(self, push: SourcePush) -> None:
        """After a failure that may be due to the way of sending, the next attempt is made in the other way."""
        try:
            await push.log_in()
        except AuthenticationError:
            raise
        except (LinkError, PeerError) as error:
            if not isinstance(error, RefusedError) or error.status in NOT_KNOWN:
                is_put = self._guess is SourceProtocol.PUT
                self._guess = SourceProtocol.SOURCE if is_put else SourceProtocol.PUT
            raise

    async def _send_audio(self, push: SourcePush, info: StreamInfo) -> None:
        setup = b""
        while True:
            played = await self._queue.first()
            # The server and the players behind it were told a type of audio.
            if not self._on_format_change.keeps(info.format, played.info.format):
                return
            info = played.info
            fragment = played.fragment
            begins = bool(fragment.setup) and fragment.setup != setup
            await push.send(fragment.setup + fragment.audio if begins else fragment.audio)
            setup = fragment.setup
            # Only now: what a broken connection did not take is sent on the next one.
            self._queue.done(played)
            self._tell_what_was_left_out()
            self._sent += 1
            self._titles.note(fragment.last_title)

    def _tell_what_was_left_out(self) -> None:
        """At most once a minute."""
        now, seconds = self._context.clock.now(), self._queue.dropped_seconds - self._told_dropped
        if not seconds or now < self._tell_again_at:
            return
        self._told_dropped, self._tell_again_at = self._queue.dropped_seconds, now + TELL_AGAIN_SECONDS
        self._context.log.warning(
            "audio was left out: the server, or the link to it, takes less than real time", seconds=seconds
        )

    async def _open(self, port_above: int) -> ByteStream:
        if self._url.is_tls and self._tls is None:
            self._tls = client_tls(verify=self._settings.tlsverify)
        return await self._connect(
            self._url.host,
            self._url.port + port_above,
            timeout_seconds=self._settings.timeout,
            tls=self._tls if self._url.is_tls else None,
        )

    def _login(self, info: StreamInfo) -> SourceLogin:
        settings, station = self._settings, info.station
        return SourceLogin(
            host_field=self._url.host_field,
            mount=self._url.target,
            user=settings.user,
            password=settings.password,
            audio=info.format,
            station=Station(
                name=settings.name or station.name,
                description=settings.description or station.description,
                genre=settings.genre or station.genre,
                url=settings.url or station.url,
                public=station.public if settings.public is None else settings.public,
            ),
            agent=AGENT,
        )
