"""The OUTPUT mode ShoutcastServer: players connect and listen."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from distreamer.config.differences import changed_fields
from distreamer.config.fields import BindAddress, Networks, Password, PlayerBodies, Port, Seconds, Unit
from distreamer.config.settings import PlayingOutputSettings
from distreamer.config.tls_settings import KeyFile, check_certificate_files
from distreamer.core.format_change import OnFormatChange
from distreamer.core.module import OutputContext
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.outputs.open_files import most_connections
from distreamer.outputs.player_rules import PlayerRules
from distreamer.outputs.player_server import PlayerServer
from distreamer.outputs.worker_pool import WorkerPool
from distreamer.protocol.forwarded import TrustedProxies
from distreamer.protocol.player_habits import BodyRules
from distreamer.protocol.server_view import Programme
from distreamer.transport.certificate import Certificate
from distreamer.transport.tcp import listening_sockets, spoken_address

SEND_BUFFER_BYTES = 256 * 1024
"""What the system may hold for a listener. Left to itself it takes megabytes, minutes of audio, before it tells
that a player is slow."""
ADOPTED_FIELDS = frozenset(
    {
        "timeout",
        "requireurl",
        "burstseconds",
        "maxlisteners",
        "maxperaddress",
        "trustedproxies",
        "body",
        "adminpassword",
        "minfragments",
        "onformatchange",
    }
)
"""Settings that can change while it serves."""


class ShoutcastServerSettings(PlayingOutputSettings):
    """Serves players, as Icecast and SHOUTcast servers do.

    Every path plays, except playlists (any path that ends in .m3u, .pls or .xspf), the figures at /status-json.xsl,
    /7.html, /currentsong, /stats and below /admin/, and the page with a player that browsers get at /. What players
    ask, and what they get, is in docs/listeners.md.
    """

    hostname: BindAddress = "0.0.0.0"

    port: Port = 8080
    """The TCP port to listen on. Players open http://this-machine:PORT/ with any path. 0 takes a free port,
    which the log then names."""

    timeout: Annotated[Seconds, Field(ge=0, le=86400)] = 30
    """When there was no audio to send for this long, listeners are disconnected; 0 for never."""

    requireurl: Annotated[str, Field(max_length=1000, examples=["live.mp3"])] = ""
    """The only path that players may ask for, without its first slash; others are refused. With ``live``, ``live.mp3``
    plays too when the stream is MP3 (and ``live.aac``, ``live.ogg``, ...). What stands behind a ``?``, such as in
    ``live?key=secret``, is a key: playlists and the page with the player are then for those only who give it.
    ``?key=secret`` alone lets every path play for those who give it. Empty: every path plays."""

    burstseconds: Annotated[Seconds, Field(ge=0, le=25)] = 10
    """How much audio that was played before a new listener gets at once. It fills the player's buffer, so that
    sound begins quickly and goes on through the hiccups of the listener's own network. With SPOOL, listeners that come
    back behind a restart get more if they need it to miss nothing. With 0 all begin with what is played next."""

    maxlisteners: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """How many may listen at the same time; one more is refused."""

    workers: Annotated[int, Unit("processes"), Field(ge=1, le=64)] = 1
    """How many processes serve the players. One is enough for ten thousand and more; each further one takes a core of
    its own and another ten thousand. MAXLISTENERS is for all together (a herd may exceed it by a few); MAXPERADDRESS
    and /admin/listclients are for each process by itself."""

    certfile: Path | None = None
    """A certificate (PEM, with its chain): players can then connect with TLS, to https:// and the same port, which
    goes on to serve those that know no TLS. When the file changes, the new one is taken within seconds, and listeners
    stay. Empty for no TLS."""

    keyfile: KeyFile = None

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        check_certificate_files(self.certfile, self.keyfile)
        return self

    maxperaddress: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """How many may listen at the same time from one address, in IPv6 from one network of 64 bits; 0 for any number.
    Whole companies and mobile networks have one address, so give some room."""

    trustedproxies: Networks = ""
    """Reverse proxies in front of this server, such as nginx on the same machine (127.0.0.1): addresses or networks
    with commas between them. What these say of the player's own address and of the name under which they were asked
    (X-Forwarded-For, -Proto, -Host) is believed; what anybody else says is not."""

    body: PlayerBodies = "none"
    """How players are told where the stream ends. ``none``: it ends with the connection, which all but a few
    understand. ``chunked``: in HTTP/1.1 chunks, for those who ask by HTTP/1.1 and without titles. ``length``: with a
    length that is never reached. Behind it may stand players that get something else, by a part of their User-Agent:
    ``none, Sonos: chunked``."""

    adminpassword: Annotated[Password, Field(max_length=200)] = ""
    """The password of the user ``admin``, for /admin/listclients, which shows the listeners' addresses. Empty: nobody
    sees that page. It travels unprotected unless TLS or a proxy protects it."""


class ShoutcastServer:
    """Listens, and lets the players in."""

    def __init__(self, settings: ShoutcastServerSettings, context: OutputContext) -> None:
        self._settings = settings
        self._context = context
        self._clock = context.clock
        self._store_changed_at = context.clock.now()
        self._address: tuple[str, int] | None = None
        self._certificate: Certificate | None = None
        self.players = self._make_players()
        """Who connected."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port that players can connect to; None while nothing listens there."""
        return self._address

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return self.players.status()

    def adopt(self, settings: ShoutcastServerSettings) -> bool:
        """Takes all but what its sockets were opened with; see ``core.module.Adopting``."""
        if changed_fields(self._settings, settings) - ADOPTED_FIELDS:
            return False
        self._settings = settings
        self.players.obey(self._rules())
        self._bound_connections()
        return True

    async def run(self) -> None:
        """Serves until it is cancelled; raises BindError when it cannot listen, ResourceError for its certificate."""
        self._certificate = Certificate.of(self._settings.certfile, self._settings.keyfile)
        sockets = self._listen()
        undo: list[Callable[[], None]] = [one.close for one in sockets]
        try:
            self.players.begin(self._context.playout.recent())
            undo.append(self._context.playout.subscribe(self.players.play))
            undo.append(self._context.store.subscribe(self._note_change))
            self._say()
            async with asyncio.TaskGroup() as group:
                group.create_task(self.players.serve(sockets), name="players")
                if self._certificate is not None and isinstance(self.players, PlayerServer):
                    group.create_task(self._certificate.watch(self._context.log), name="certificate")
        finally:
            self._address = None
            for step in reversed(undo):
                step()

    def _listen(self) -> list[socket.socket]:
        settings = self._settings
        sockets = listening_sockets(settings.hostname, settings.port, processes=settings.workers)
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._address = sockets[0].getsockname()[:2]
        self._bound_connections()
        self._context.log.info("listening for players", url=self._url())
        return sockets

    def _bound_connections(self) -> None:
        settings = self._settings
        possible = settings.workers * most_connections(settings.maxlisteners)
        if possible < settings.maxlisteners:
            self._context.log.warning(
                "the system allows fewer connections than MAXLISTENERS: raise the limit of open files, or WORKERS",
                maxlisteners=settings.maxlisteners,
                possible=possible,
            )

    def _rules(self) -> PlayerRules:
        settings = self._settings
        return PlayerRules(
            burst_seconds=settings.burstseconds,
            timeout_seconds=settings.timeout,
            required_path=settings.requireurl,
            most_listeners=settings.maxlisteners,
            most_per_address=settings.maxperaddress,
            trusted_proxies=TrustedProxies.parse(settings.trustedproxies),
            body=BodyRules.parse(settings.body),
            admin_password=settings.adminpassword,
            on_format_change=OnFormatChange(settings.onformatchange),
        )

    def _make_players(self) -> PlayerServer | WorkerPool:
        settings, context, rules = self._settings, self._context, self._rules()
        if settings.workers == 1:
            return PlayerServer(rules, context.clock, context.log, self._programme, self._say, self._tls)
        files = (settings.certfile, settings.keyfile)
        recent, supervise = context.playout.recent, context.supervise
        return WorkerPool(rules, context.log, self._programme, self._say, files, settings.workers, recent, supervise)

    def _programme(self) -> Programme:
        epoch = self._context.store.newest_epoch
        return Programme(
            is_heard=self._context.playout.is_heard,
            title=self._heard_title,
            title_heard_since=self._title_heard_since,
            fragment_numbers=epoch.numbers if epoch else (),
            store_age_seconds=self._clock.now() - self._store_changed_at,
        )

    def _heard_title(self) -> str:
        title, _ = self._context.playout.title()
        return title.text if title else ""

    def _tls(self) -> ssl.SSLContext | None:
        return self._certificate.context() if self._certificate else None

    def _title_heard_since(self) -> float | None:
        _, since = self._context.playout.title()
        return since

    def _note_change(self) -> None:
        self._store_changed_at = self._clock.now()

    def _say(self) -> None:
        """How it is, in one sentence."""
        url = self._url()
        if self.players.info is None:
            self._context.health.starting(f"no stream yet: players that ask {url} get 404")
            return
        count = self.players.connected
        self._context.health.running(f"{count} {'listener' if count == 1 else 'listeners'} on {url}")

    def _url(self) -> str:
        scheme = "https" if self._settings.certfile else "http"
        return f"{scheme}://{spoken_address(*self._address)}/" if self._address else ""
