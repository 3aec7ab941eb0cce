"""The INPUT mode ShoutcastSourceServer: an encoder connects and sends the programme."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from distreamer.config.fields import BindAddress, Bytes, Charset, Password, Seconds
from distreamer.config.settings import FragmentingInputSettings
from distreamer.config.tls_settings import KeyFile, check_certificate_files
from distreamer.core.module import InputContext
from distreamer.core.ports import ByteStream
from distreamer.errors import DEFECT, BindError, LinkError, PeerError
from distreamer.inputs.shoutcast_client import spoken_format, spoken_seam
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.protocol.http1 import Headers
from distreamer.protocol.source.credentials import Credentials
from distreamer.protocol.source.encoder_connection import EncoderConnection
from distreamer.protocol.source.events import Answered, Dialect, Misunderstood, PasswordRefused
from distreamer.sessions.encoder_session import EncoderSession
from distreamer.sessions.source_description import describe_source
from distreamer.transport.certificate import Certificate
from distreamer.transport.tcp import listening_sockets, spoken_address
from distreamer.transport.tcp_server import StreamServer
from distreamer.units import spoken_seconds

MAXIMUM_CONNECTIONS = 64
"""The source, its ghosts, titles and whoever knocks; one more ends the oldest that is not the source."""
REPEATS_SECONDS = 2.0
"""What an encoder sends again of what it had sent before a break comes within a moment. One that was started anew with
the same file begins in real time with what is known, and that is meant."""
PORT_PAIR_ATTEMPTS = 50
"""How often a free port is looked for whose next one is free too."""


class ShoutcastSourceServerSettings(FragmentingInputSettings):
    """Takes the programme from an encoder that connects, as to an Icecast or SHOUTcast server."""

    PORTS: ClassVar[int] = 2

    hostname: BindAddress = "0.0.0.0"

    port: Annotated[int, Field(ge=0, le=65534)] = 8080
    """The TCP port for encoders and for titles; any mount and any user name will do. The next port is listened on as
    well, since SHOUTcast encoders mostly add 1 to what they are given; both ports understand every encoder. 0 takes
    two free ports, which the log then names."""

    password: Annotated[Password, Field(max_length=200)] = "distreamer"
    """What encoders must give. Change it wherever strangers can reach the port. Empty: everyone may send."""

    takeover: Literal["same-credential", "never"] = "same-credential"
    """What happens when an encoder connects while another is on air. ``same-credential``: one with the same user name
    and password takes over at once, for it is mostly the same encoder after a break of its line; give encoders
    different user names when they must not push each other out. ``never``: it is refused until the one on air has
    gone, or has been silent for TIMEOUT."""

    timeout: Annotated[Seconds, Field(ge=1, le=3600)] = 5.0
    """How long the encoder may send no audio before it is disconnected and the next one may come."""

    charset: Charset = "cp1252"
    """In which charset titles and the station's name are when they are not UTF-8, and do not say: cp1252 for Western
    European languages, cp1251 for Cyrillic."""

    timekeyinterval: Annotated[Seconds, Field(le=86400)] = -1
    """Whether the time goes along in the title, as `` {1609131027.843}`` (Unix time) behind it, so that the far end
    can tell how late it is. Below 0: never. 0: with each new title. Above 0: also again every so many seconds."""

    certfile: Path | None = None
    """A certificate (PEM, with its chain). With it, encoders and whoever sends titles must connect with
    TLS, on both ports; empty for no TLS. When the file changes, the new one is taken within seconds."""

    keyfile: KeyFile = None

    icyint: Annotated[Bytes, Field(ge=256, le=1048576)] = 8192
    """How much audio is between two titles in what receivers of DiStreamer 2 get."""

    @property
    def metadata_interval(self) -> int:
        return self.icyint

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        check_certificate_files(self.certfile, self.keyfile)
        return self


class ShoutcastSourceServer:
    """One source at a time is on air; whoever else connects is answered, and disturbs it in nothing."""

    def __init__(self, settings: ShoutcastSourceServerSettings, context: InputContext) -> None:
        self._settings = settings
        self._context = context
        self._credentials = Credentials(settings.password)
        self._address: tuple[str, int] | None = None
        self._on_air: EncoderSession | None = None
        self._began = 0.0
        self._told: StreamInfo | None = None
        self._has_told_seam = False
        self._title: Title | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and PORT that encoders can connect to; None while nothing listens there."""
        return self._address

    @property
    def is_connected(self) -> bool:
        return self._on_air is not None

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen, ResourceError for its certificate."""
        settings = self._settings
        certificate = Certificate.of(settings.certfile, settings.keyfile)
        sockets = self._listen()
        server = StreamServer(
            sockets,
            self.serve,
            self._tls_failed,
            limit=MAXIMUM_CONNECTIONS,
            is_kept=self._is_source,
            tls=certificate.context if certificate else None,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(server.run(), name="source server")
                if certificate is not None:
                    group.create_task(certificate.watch(self._context.log), name="certificate")
                if settings.timekeyinterval > 0:
                    group.create_task(self.keep_time(), name="time key")
        finally:
            self._address = None
            for one in sockets:
                one.close()

    async def serve(self, stream: ByteStream) -> None:
        """Serves one connection until it ends; it is the caller's to close."""
        machine = EncoderConnection(self._credentials, self._settings.charset)
        session = EncoderSession(stream, machine, self, self._context.clock, self._settings.timeout)
        log = self._context.log
        why = ""
        try:
            await session.run()
            why = "it ended the stream" if session.is_source else "it is done"
        except (LinkError, PeerError) as error:
            why = error.reason
        except asyncio.CancelledError:
            why = "this input ends"
            raise
        except Exception as defect:  # a defect that a stranger meets must not end the programme
            why = DEFECT
            log.error(why, peer=session.peer, exc_info=defect)
        finally:
            if self._on_air is session:
                self._off_air(session, why)
            elif not session.is_source:
                log.debug("a connection ended", peer=session.peer, reason=why)

    # -- what sessions tell

    def admits(self, session: EncoderSession) -> bool:
        on_air = self._on_air
        if on_air is None or (self._settings.takeover == "same-credential" and on_air.user == session.user):
            return True
        self._context.log.warning(
            "a source was refused: another one is on air", peer=session.peer, user=session.user, on_air=on_air.peer
        )
        return False

    def begins(self, session: EncoderSession, headers: Headers, dialect: Dialect) -> bool:
        # In SHOUTcast 1 there are the headers, and time, between the password and the audio.
        if not self.admits(session):
            return False
        context = self._context
        if self._on_air is not None:
            silent = spoken_seconds(context.clock.now() - self._on_air.heard_at)
            context.log.warning("a source takes over", peer=session.peer, before=self._on_air.peer, silent_for=silent)
            self._on_air.end()
        self._on_air, self._told, self._began = session, None, context.clock.now()
        self._has_told_seam = False
        description = replace(describe_source(headers, self._settings.charset), repeats_seconds=REPEATS_SECONDS)
        if not description.content_type and dialect in {Dialect.SHOUTCAST, Dialect.XAUDIOCAST}:
            description = replace(description, content_type="audio/mpeg")
        context.ingest.connected(description, context.clock.wall())
        context.health.starting(f"{session.peer} is connected, its audio is awaited")
        context.log.info(
            "a source connected",
            peer=session.peer,
            by=dialect.value,
            station=description.station.name,
            content_type=description.content_type,
        )
        return True

    def audio(self, session: EncoderSession, data: bytes) -> None:
        context = self._context
        context.ingest.audio(data, context.clock.wall())
        info = context.ingest.info
        if context.ingest.audio_seconds and info is not None and info is not self._told:
            self._told = info
            context.health.running(f"receiving {spoken_format(info.format)} from {session.peer}")
        # That an encoder does not repeat anything is the rule, and no news.
        if (seam := context.ingest.seam) is not None and seam.goes_on and not self._has_told_seam:
            self._has_told_seam = True
            context.log.info(spoken_seam(seam))

    def title(self, title: Title) -> None:
        # Encoders repeat the title; only a new one begins something.
        if title == self._title:
            return
        self._title = title
        self._context.log.info("new title", title=title.text)
        wall = self._context.clock.wall()
        self._context.ingest.title(title if self._settings.timekeyinterval < 0 else with_time_key(title, wall))

    def notes(self, session: EncoderSession, event: PasswordRefused | Misunderstood | Answered) -> None:
        log = self._context.log
        if isinstance(event, PasswordRefused):
            self._context.health.wrong_passwords += 1
            log.warning("a wrong password was given", peer=session.peer, by=event.by)
        elif isinstance(event, Misunderstood):
            log.info("what came is not what encoders send", peer=session.peer, reason=event.reason)
        else:
            log.debug("a request was answered", peer=session.peer, request=event.request, status=event.status)

    # -- inside

    def _listen(self) -> list[socket.socket]:
        host, port = self._settings.hostname, self._settings.port
        sockets = listening_pair(host, port)
        self._address = sockets[0].getsockname()[:2]
        where = spoken_address(*self._address)
        self._context.log.info("listening for encoders", address=where, shoutcast_port=self._address[1] + 1)
        self._await_source()
        return sockets

    def _await_source(self) -> None:
        where = f" on {spoken_address(*self._address)}" if self._address else ""
        self._context.health.starting(f"no encoder is connected; one is awaited{where}")

    def _off_air(self, session: EncoderSession, why: str) -> None:
        self._on_air = None
        self._context.ingest.disconnected(self._context.clock.wall())
        self._await_source()
        after = spoken_seconds(self._context.clock.now() - self._began)
        self._context.log.warning("the source is gone", peer=session.peer, reason=why, after=after)

    def _tls_failed(self, peer: str, reason: str) -> None:
        self._context.log.info("a connection could not agree on TLS", peer=peer, reason=reason)

    def _is_source(self, task: asyncio.Task[None]) -> bool:
        return self._on_air is not None and self._on_air.task is task

    async def keep_time(self) -> None:
        """Sends the title again with the time, every TIMEKEYINTERVAL seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(self._settings.timekeyinterval)
            if self._on_air is not None and self._title is not None:
                self._context.ingest.title(with_time_key(self._title, self._context.clock.wall()))


def with_time_key(title: Title, wall: float) -> Title:
    """``title`` with the Unix time behind it, as DiStreamer 2 writes it."""
    return Title(f"{title.text} {{{wall:.3f}}}".lstrip(), title.url)


def listening_pair(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on ``port`` and on the next, in this order; 0 for two that are free. Raises BindError."""
    for attempt in range(PORT_PAIR_ATTEMPTS):
        first = listening_sockets(host, port)
        try:
            return first + listening_sockets(host, first[0].getsockname()[1] + 1)
        except (BindError, OverflowError):
            for one in first:
                one.close()
            if port or attempt == PORT_PAIR_ATTEMPTS - 1:
                raise
    raise AssertionError("the loop returns or raises")
