"""One kind of carrier of a link, kept up and watched."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from distreamer.core.ports import CarrierKind, Clock, CountsPackets, MessageStream
from distreamer.errors import LinkError, PeerError
from distreamer.measure.formats import spoken_audio
from distreamer.measure.link_notes import CarrierFigures, LinkNotes
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import EpochDescribed, Event, PeerReport, Welcomed
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Dialler, Identity
from distreamer.protocol.native.limits import Timing
from distreamer.protocol.native.messages import Share, Want
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.sessions.native_session import NativeSession, error_of
from distreamer.sessions.native_side import Dial

PARTS = 4
"""One fragment in so many is asked for."""
BACK_SECONDS = 20.0
"""Of the programme, of which one part in PARTS comes at once: by it the speed of the link is known."""
LATER_BACK_SECONDS = 2.0
"""The same on a further carrier: only what comes from now on."""
DIAL_SECONDS = 3.0
RECEIVES = "receives, as a DiStreamerRevServer does; only who sends can be probed"
AGAIN_SECONDS = 0.5


class Target(Protocol):
    """Whom one talks to."""

    @property
    def password(self) -> str: ...

    @property
    def peer(self) -> str:
        """``host:port``."""
        ...


class CarrierProbe:
    """``run`` keeps a conversation up, on one carrier after the other, until it is cancelled."""

    def __init__(self, dial: Dial | None, target: Target, identity: Identity, clock: Clock) -> None:
        """``dial`` is None for a kind that is not to be tried."""
        self.fault: LinkError | PeerError | None = None
        """Of the last attempt; None when it worked."""
        self.agent = ""
        """Program and version of the other side."""
        self.format = ""
        """Of the programme, in words; empty while none came."""
        self.is_reached = False
        """Whether there ever was a conversation."""
        self._dial = dial
        self._target = target
        self._identity = identity
        self._clock = clock
        self._notes = LinkNotes()
        self._changed = asyncio.Event()
        self._is_asked = False
        self._has_asked = False
        self._conversation: _Conversation | None = None

    @property
    def peer(self) -> str:
        """``host:port``."""
        return self._target.peer

    @property
    def is_tried(self) -> bool:
        return self._dial is not None

    async def reached(self, seconds: float) -> None:
        """Waits until there is a conversation, or more attempts would not help; at the longest for ``seconds``."""
        if self._dial is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def ask(self) -> None:
        """Asks for a part of the programme from now on."""
        self._is_asked = True
        if self._conversation is not None and self._conversation.is_welcome:
            self._want(self._conversation)

    def figures(self) -> CarrierFigures:
        """Of all that was seen."""
        return self._notes.figures()

    async def run(self) -> None:
        """Ends by itself only when more attempts would not help."""
        try:
            while self._dial is not None and not isinstance(self.fault, PeerError):
                try:
                    await self._converse(await self._dial(DIAL_SECONDS))
                except (LinkError, PeerError) as error:
                    self.fault = error
                    if isinstance(error, PeerError):
                        self._changed.set()
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self._notes.ended(self._clock.now())
            self._changed.set()

    async def _converse(self, stream: MessageStream) -> None:
        """One carrier, until it is lost: it raises why."""
        role = ReceiverRole(PeerReport)
        handshake = Dialler(self._identity, self._target.password, secrets.token_urlsafe(18), stream.binding)
        timing = Timing().lasting(stream.kind.lasting_seconds)
        session = NativeSession(
            _Watched(stream, self._notes, self._clock),
            Conversation(role, handshake, self._clock.now(), timing),
            self._clock,
            self._handle,
        )
        one = self._conversation = _Conversation(stream, role, session)
        try:
            ended = await session.run()
            if ended.code is GoodbyeCode.ROLE:
                raise PeerError(self._target.peer, RECEIVES)
            raise error_of(ended, self._target.peer)
        except (LinkError, PeerError):
            if one.is_welcome:
                self._notes.broke()
            raise
        finally:
            self._conversation = None
            if one.is_welcome:
                came, sent = one.packets()
                self._notes.packets(came - one.packets_before[0], sent - one.packets_before[1])

    def _handle(self, event: Event) -> None:
        one = self._conversation
        assert one is not None, "events come while it runs"
        if isinstance(event, Welcomed):
            one.is_welcome, one.packets_before = True, one.packets()
            self.agent, self.fault, self.is_reached = event.agent, None, True
            self._notes.began(self._clock.now())
            self._changed.set()
            if self._is_asked:
                self._want(one)
        elif isinstance(event, EpochDescribed):
            self.format = spoken_audio(event.info.format)

    def _want(self, one: _Conversation) -> None:
        back = LATER_BACK_SECONDS if self._has_asked else BACK_SECONDS
        self._has_asked = True
        share = Share(of=PARTS, parts=(0,))
        one.role.ask(Want(holdings=(), back_seconds=back, resume_seconds=back, share=share))
        one.session.wake()


@dataclass(slots=True)
class _Conversation:
    """On one carrier."""

    stream: MessageStream
    role: ReceiverRole
    session: NativeSession
    is_welcome: bool = False
    packets_before: tuple[int, int] = (0, 0)
    """When both sides were welcome; see ``CountsPackets``."""

    def packets(self) -> tuple[int, int]:
        return self.stream.packets if isinstance(self.stream, CountsPackets) else (0, 0)


class _Watched:
    """A MessageStream whose messages are noted."""

    def __init__(self, inner: MessageStream, notes: LinkNotes, clock: Clock) -> None:
        self._inner = inner
        self._notes = notes
        self._clock = clock

    @property
    def kind(self) -> CarrierKind:
        return self._inner.kind

    @property
    def heard_at(self) -> float | None:
        return self._inner.heard_at

    @property
    def binding(self) -> bytes | None:
        return self._inner.binding

    @property
    def peer(self) -> str:
        return self._inner.peer

    async def receive(self) -> bytes:
        message = await self._inner.receive()
        self._notes.received(message, self._clock.now(), self._clock.wall())
        return message

    async def send(self, message: bytes) -> None:
        self._notes.sent(message, self._clock.now())
        await self._inner.send(message)

    async def close(self) -> None:
        await self._inner.close()
