"""One native conversation on one carrier, from its first message to its last."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from distreamer.core.ports import Clock, MessageStream
from distreamer.core.time_limit import time_limit
from distreamer.errors import AuthenticationError, DiStreamerError, LinkError, PeerError
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.sessions.carrier_rules import rival_after

DOWN_SECONDS = 2.5
"""A link that was silent for so long is told to be down, also when its carrier outlives that."""
GOODBYE_SECONDS = 0.5
"""How long the last word may take to be sent and heard."""
_CONFIGURATION_TO_BLAME = {
    GoodbyeCode.VERSION,
    GoodbyeCode.ROLE,
    GoodbyeCode.PROTOCOL,
    GoodbyeCode.UNSUPPORTED,
}


class NativeSession:
    """Carries the messages of a conversation, and hands its events to ``handle``, which must be quick."""

    def __init__(
        self, stream: MessageStream, conversation: Conversation, clock: Clock, handle: Callable[[Event], None]
    ) -> None:
        self.stream = stream
        self.conversation = conversation
        self._clock = clock
        self._handle = handle
        self._wake = asyncio.Event()
        self._finished = asyncio.Event()
        self._outcome: Ended | DiStreamerError | None = None
        self._is_sending = False

    @property
    def heard_at(self) -> float:
        """When the peer gave a sign of life last. A carrier that knows it better than by whole messages also knows
        whether the peer hears us."""
        heard_at = self.stream.heard_at
        return self.conversation.heard_at if heard_at is None else heard_at

    @property
    def silent_seconds(self) -> float:
        """How long the peer has given none."""
        return self._clock.now() - self.heard_at

    @property
    def has_ended(self) -> bool:
        """Whether it is over, or about to be."""
        return self._outcome is not None

    @property
    def is_heard(self) -> bool:
        """Whether the peer gave a sign of life so lately that the carrier works."""
        return not self.has_ended and self.silent_seconds < self.rival_after

    @property
    def rival_after(self) -> float:
        """For how many seconds the peer may be silent before the carrier gets rivals."""
        return rival_after(self.conversation.round_trip, self.conversation.shortest_round_trip)

    @property
    def is_dark(self) -> bool:
        """Whether nothing was heard for so long that the link is down, although the carrier may come back by itself."""
        return self.stream.kind.lasting_seconds is not None and self.silent_seconds >= DOWN_SECONDS

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def end(self, code: GoodbyeCode, reason: str) -> None:
        """Says goodbye and lets ``run`` return; nothing happens when it has ended already."""
        self._take(self.conversation.say_goodbye(code, reason))

    async def run(self) -> Ended:
        """Until one side says goodbye; the carrier is closed then. Raises LinkError or PeerError when the carrier
        broke."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = (
                    group.create_task(self._read(), name=f"read from {self.stream.peer}"),
                    group.create_task(self._write(), name=f"write to {self.stream.peer}"),
                )
                await self._finished.wait()
                for task in tasks:
                    task.cancel()
        finally:
            self.conversation.say_goodbye(GoodbyeCode.SHUTDOWN, "this side ends")
            await self._part()
        assert self._outcome is not None
        if isinstance(self._outcome, DiStreamerError):
            raise self._outcome
        return self._outcome

    async def _read(self) -> None:
        try:
            while (timer := self.conversation.next_timer()) is not None:
                # Looked at first, or a stream of messages that never pauses would keep own life signs back.
                message = await self._message_until(timer) if timer > self._clock.now() else None
                if message is not None:
                    self._take(self.conversation.receive_data(message, self._clock.now()))
                else:
                    # A loop's timers may be early by its clock's resolution.
                    now = max(timer, self._clock.now())
                    # When they are late this process stood still, and the peer's words may be waiting to be read.
                    self.conversation.heard_at = min(self.heard_at + (now - timer), now)
                    self._take(self.conversation.handle_timer(now))
        except (LinkError, PeerError) as error:
            self._finish(error)

    async def _message_until(self, moment: float) -> bytes | None:
        try:
            async with asyncio.timeout(moment - self._clock.now()):
                return await self.stream.receive()
        except TimeoutError:
            return None

    async def _write(self) -> None:
        try:
            while True:
                self._wake.clear()
                message = self.conversation.data_to_send(self._clock.now())
                if message is None:
                    await self._wake.wait()
                    continue
                self._is_sending = True
                await self.stream.send(message)
                self._is_sending = False
        except LinkError as error:
            self._finish(error)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Ended):
                self._finish(event)
            else:
                self._handle(event)
        self._wake.set()

    def _finish(self, outcome: Ended | DiStreamerError) -> None:
        if self._outcome is None:
            self._outcome = outcome
        self._finished.set()

    async def _part(self) -> None:
        """Sends the goodbye, if the carrier takes it, and waits until the peer has heard it: a connection that is
        closed with bytes unread is reset, and the goodbye would be lost with it."""
        try:
            # A carrier that is stuck in the middle of a message takes no more.
            if not self._is_sending and not isinstance(self._outcome, DiStreamerError):
                with contextlib.suppress(LinkError, PeerError, TimeoutError):
                    async with time_limit(GOODBYE_SECONDS):
                        await self._say_last_words()
        finally:
            await self.stream.close()

    async def _say_last_words(self) -> None:
        last = self.conversation.data_to_send(self._clock.now())
        if last is None:
            return
        await self.stream.send(last)
        while True:
            await self.stream.receive()


def error_of(ended: Ended, peer: str) -> LinkError | PeerError:
    """What the end of a conversation means for the module that runs it."""
    if ended.code is GoodbyeCode.AUTHENTICATION:
        if ended.by_peer:
            return AuthenticationError(peer, f"does not accept the PASSWORD of this side; it says: {ended.reason}")
        return AuthenticationError(peer, ended.reason)
    reason = ended.reason
    if ended.by_peer:
        shut_down = ended.code is GoodbyeCode.SHUTDOWN
        reason = "the program there was stopped" if shut_down else f"ended the conversation; it says: {ended.reason}"
    return PeerError(peer, reason) if ended.code in _CONFIGURATION_TO_BLAME else LinkError(peer, reason)
