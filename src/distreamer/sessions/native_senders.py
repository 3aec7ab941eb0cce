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
        self._sessions.append(session)
        self._changed.set()
        return news

    def left(self, session: ReceiverSession) -> bool:
        """``session`` has ended; says whether the sender was lost by it."""
        if session not in self._sessions:
            return False
        self._sessions.remove(session)
        self._heard_at = session.session.conversation.heard_at
        self._changed.set()
        if self._sessions:
            return False
        self._cuts += 1
        return True

    def status(self, reception: Reception) -> LinkStatus | None:
        """Of the sender that is or was here; None when there never was one."""
        if self._node is None:
            return None
        now = self._clock.now()
        if not self._sessions:
            return LinkStatus(
                peer=self._host,
                connected=False,
                carrier="websocket",
                silent_seconds=now - self._heard_at,
                fragments=reception.fragments,
                duplicates=reception.duplicates,
                cuts=self._cuts,
            )
        conversation = self._sessions[-1].session.conversation
        return LinkStatus(
            peer=self._host,
            connected=True,
            carrier="websocket",
            connected_seconds=now - self._since,
            silent_seconds=min(one.session.silent_seconds for one in self._sessions),
            rtt_seconds=conversation.round_trip,
            fragments=reception.fragments,
            duplicates=reception.duplicates,
            cuts=self._cuts,
        )
