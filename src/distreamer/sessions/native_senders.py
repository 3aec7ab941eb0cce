"""Who sends to an input that accepts: one sender at a time, by one path or several, each with several carriers up."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import Clock
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.messages import PathFields
from distreamer.sessions.native_receiver import ReceiverSession, Reception
from distreamer.sessions.pair_plan import FIRST, SECOND
from distreamer.sessions.path_choice import Multipath
from distreamer.sessions.receiving_paths import LOOK_SECONDS, ReceivingPair, ReceivingPath, ReceivingPaths
from distreamer.transport.tcp import host_of


@dataclass(eq=False, slots=True)
class _Path:
    """One path of the sender."""

    reception: Reception
    receiving: ReceivingPath
    since: float
    """When it was up after it was not."""
    sessions: list[ReceiverSession] = field(default_factory=list)
    """Those that were welcomed and have not ended; the newest is the last."""
    host: str = ""
    """Its address, without the port, which changes with each carrier."""
    heard_at: float = 0.0
    cuts: int = 0
    carrier: str = ""
    is_told_up: bool = False
    """Of one of several paths: what the log said last."""

    @property
    def is_dark(self) -> bool:
        return bool(self.sessions) and all(one.session.is_dark for one in self.sessions)


class NativeSenders:
    """Knows a sender that returns by its node, or by the party of its paths, and lets one that is new take the place of
    the one before."""

    def __init__(self, reception: Reception, clock: Clock, log: FilteringBoundLogger) -> None:
        self._reception = reception
        self._clock = clock
        self._log = log
        self._party: str | None = None
        self._party_before: str | None = None
        """Whose place it took."""
        self._paths: dict[int, _Path] = {}
        """By their rank; a lone one is 0."""
        self._receiving: ReceivingPaths | None = None
        """None before the first sender came."""
        self._is_pair = False
        """Whether the sender has a single path, on which it may have a second connection."""
        self._is_dark = False
        """Whether it was told that nothing is heard, while a carrier may still come back."""
        self._changed = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return any(path.sessions for path in self._paths.values())

    async def run(self) -> None:
        """Asks the paths of the sender anew when that is needed, until it is cancelled."""
        while True:
            if self._receiving is not None:
                self._receiving.look()
                self._tell_paths()
            await asyncio.sleep(LOOK_SECONDS)

    async def changed(self, seconds: float) -> None:
        """Waits until the sender came or went, at the longest for ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    def welcome(self, session: ReceiverSession) -> str:
        """The handshake of ``session`` is done: it is asked for what it is to bring. Gives what is new, in words;
        nothing for another carrier of a sender that is connected."""
        assert session.welcomed is not None
        fields = session.welcomed.path
        party = fields.party if fields else session.welcomed.node
        if party == self._party:
            news = "" if self.is_connected else "the sender is back"
        else:
            news = "a sender connected"
            self._replace(party, fields, session.session.stream.peer)
        path = self._path(fields)
        if not path.sessions:
            others = [one.since for one in self._paths.values() if one.sessions] if self._is_pair else []
            path.since = min(others, default=self._clock.now())
        path.host = host_of(session.session.stream.peer)
        path.carrier = session.session.stream.kind.name
        path.sessions.append(session)
        session.join(path.reception)
        session.take()
        self._end_ghosts(path, session)
        self._changed.set()
        return news

    def _end_ghosts(self, path: _Path, session: ReceiverSession) -> None:
        """A sender that came back leaves carriers that are dark, and would be kept until they might come back too. One
        that is used there after all is told nothing worse than that it was not heard."""
        for other in path.sessions:
            if other is not session and other.session.is_dark:
                other.session.end(GoodbyeCode.SILENCE, "nothing was heard, and another carrier has come")

    def _replace(self, party: str, fields: PathFields | None, peer: str) -> None:
        for path in self._paths.values():
            for other in path.sessions:
                other.session.end(GoodbyeCode.REPLACED, "another sender has connected")
        if party == self._party_before:
            self._log.warning(
                "two senders take each other's place here; give each an [INPUT] with a PORT of its own",
                peer=peer,
            )
        self._party, self._party_before, self._is_dark = party, self._party, False
        self._count()
        self._paths.clear()
        self._is_pair = fields is None
        if fields is None:
            self._receiving = ReceivingPair(self._reception, self._clock, self._log)
        else:
            mode = Multipath.read(fields.multipath)
            self._receiving = ReceivingPaths(mode, self._reception, self._clock, self._log)

    def _count(self) -> None:
        """What a sender with a single path has brought counts when another takes its place."""
        if self._is_pair:
            self._reception.fragments += sum(path.reception.fragments for path in self._paths.values())
            self._reception.duplicates += sum(path.reception.duplicates for path in self._paths.values())

    def _path(self, fields: PathFields | None) -> _Path:
        assert self._receiving is not None
        rank = fields.rank if fields else FIRST
        if self._is_pair:
            rank = min(rank, SECOND)
        if rank not in self._paths:
            name = fields.name if fields else ""
            receiving = self._receiving.paths[rank] if self._is_pair else self._receiving.add(name, rank)
            self._paths[rank] = _Path(receiving.reception, receiving, self._clock.now())
        return self._paths[rank]

    def _tell_paths(self) -> None:
        if self._is_pair:
            return
        for link, path in zip(self.links(), (path for _, path in sorted(self._paths.items())), strict=True):
            if link.connected is not path.is_told_up:
                path.is_told_up = link.connected
                say = self._log.info if link.connected else self._log.warning
                say("the path is up" if link.connected else "the path is down", path=link.path, peer=link.peer)

    def dark_news(self) -> bool | None:
        """Whether all carriers went dark (True) or one came back (False) since the last call; None for no change."""
        is_dark = self._is_all_dark()
        if is_dark == self._is_dark:
            return None
        self._is_dark = is_dark
        now = self._clock.now()
        for path in self._paths.values():
            # One without carriers was counted when it lost the last.
            if path.sessions:
                path.cuts += is_dark
                path.since = path.since if is_dark else now
        return is_dark

    def _is_all_dark(self) -> bool:
        used = [path for path in self._paths.values() if path.sessions]
        return bool(used) and all(path.is_dark for path in used)

    def left(self, session: ReceiverSession) -> bool:
        """``session`` has ended; says whether the sender was lost by it."""
        for path in self._paths.values():
            if session in path.sessions:
                path.sessions.remove(session)
                path.heard_at = session.session.heard_at
                self._changed.set()
                if path.sessions:
                    return False
                was_told = self._is_dark
                path.cuts += not (was_told or (self._is_pair and self.is_connected))
                if self.is_connected:
                    return False
                self._is_dark = False
                return not was_told
        return False

    def links(self) -> tuple[LinkStatus, ...]:
        """Of the sender that is or was here, each path; none when there never was one."""
        links = tuple(self._status(path) for _, path in sorted(self._paths.items()))
        return (self._as_one(links),) if self._is_pair else links

    def _as_one(self, links: tuple[LinkStatus, ...]) -> LinkStatus:
        """Two connections are one link."""
        best = min(links, key=lambda link: (not link.connected, 0.0 if link.connected else link.silent_seconds))
        return replace(
            best,
            fragments=self._reception.fragments + sum(link.fragments for link in links),
            duplicates=self._reception.duplicates + sum(link.duplicates for link in links),
            cuts=sum(link.cuts for link in links),
        )

    def _status(self, path: _Path) -> LinkStatus:
        now = self._clock.now()
        is_here, name = bool(path.sessions), path.receiving.name
        is_connected = is_here and not path.is_dark
        is_used = self._receiving is None or self._receiving.carries(path.receiving)
        return LinkStatus(
            peer=path.host,
            connected=is_connected,
            carrier=path.carrier,
            connected_seconds=now - path.since if is_connected else 0.0,
            silent_seconds=min((one.session.silent_seconds for one in path.sessions), default=now - path.heard_at),
            rtt_seconds=path.sessions[-1].session.conversation.round_trip if is_here else None,
            fragments=path.reception.fragments,
            duplicates=path.reception.duplicates,
            cuts=path.cuts,
            path=name,
            carries=is_connected and is_used if name else True,
        )
