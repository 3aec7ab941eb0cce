"""Who sends to an input that accepts: one sender at a time, which may have several carriers up."""

from __future__ import annotations

import asyncio
import contextlib

from distreamer.core.ports import Clock
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.sessions.native_receiver import ReceiverSession, Reception


class NativeSenders:
    """Knows a sender that returns by its node, and lets one that is new take the place of the one before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: list[ReceiverSession] = []
        """Those that were welcomed and have not ended, all of one node; the newest is the last."""
        self._node: str | None = None
        self._host = ""
        """Its address, without the port, which changes with each carrier."""
        self._since = 0.0
        """When the sender was connected after it was not."""
        self._heard_at = 0.0
        self._cuts = 0
        self._carrier = ""
        self._is_dark = False
        """Whether it was told that nothing is heard, while a carrier may still come back."""
        self._changed = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return bool(self._sessions)

    async def changed(self, seconds: float) -> None:
        """Waits until the sender came or went, at the longest for ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    def welcome(self, session: ReceiverSession) -> str:
        """The handshake of ``session`` is done. Gives what is new, in words; nothing for another carrier of a sender
        that is connected."""
        assert session.welcomed is not None
        node = session.welcomed.node
        if node == self._node:
            news = "" if self._sessions else "the sender is back"
        else:
            news = "a sender connected"
            for other in self._sessions:
                other.session.end(GoodbyeCode.REPLACED, "another sender has connected")
            self._sessions.clear()
        if news:
            self._since = self._clock.now()
        self._node = node
        self._host = session.session.stream.peer.rpartition(":")[0].strip("[]")
        self._carrier = session.session.stream.kind.name
        self._sessions.append(session)
        self._changed.set()
        return news

    def dark_news(self) -> bool | None:
        """Whether all carriers went dark (True) or one came back (False) since the last call; None for no change."""
        is_dark = self._is_all_dark()
        if is_dark == self._is_dark:
            return None
        self._is_dark = is_dark
        self._cuts += is_dark
        return is_dark

    def _is_all_dark(self) -> bool:
        return bool(self._sessions) and all(one.session.is_dark for one in self._sessions)

    def left(self, session: ReceiverSession) -> bool:
        """``session`` has ended; says whether the sender was lost by it."""
        if session not in self._sessions:
            return False
        self._sessions.remove(session)
        self._heard_at = session.session.heard_at
        self._changed.set()
        if self._sessions:
            return False
        was_told, self._is_dark = self._is_dark, False
        self._cuts += not was_told
        return not was_told

    def status(self, reception: Reception) -> LinkStatus | None:
        """Of the sender that is or was here; None when there never was one."""
        if self._node is None:
            return None
        now = self._clock.now()
        if not self._sessions:
            return LinkStatus(
                peer=self._host,
                connected=False,
                carrier=self._carrier,
                silent_seconds=now - self._heard_at,
                fragments=reception.fragments,
                duplicates=reception.duplicates,
                cuts=self._cuts,
            )
        conversation = self._sessions[-1].session.conversation
        silent = min(one.session.silent_seconds for one in self._sessions)
        return LinkStatus(
            peer=self._host,
            connected=not self._is_all_dark(),
            carrier=self._carrier,
            connected_seconds=now - self._since,
            silent_seconds=silent,
            rtt_seconds=conversation.round_trip,
            fragments=reception.fragments,
            duplicates=reception.duplicates,
            cuts=self._cuts,
        )
