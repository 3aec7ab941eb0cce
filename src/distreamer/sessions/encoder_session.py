"""One connection of an encoder: its protocol machine, its stream, its deadlines."""

from __future__ import annotations

import asyncio
from typing import Protocol

from distreamer.core.ports import ByteStream, Clock
from distreamer.errors import LinkError, PeerError
from distreamer.model.audio import Title
from distreamer.protocol.http1 import Headers
from distreamer.protocol.source.encoder_connection import EncoderConnection
from distreamer.protocol.source.events import (
    Answered,
    AudioData,
    Dialect,
    Misunderstood,
    PasswordRefused,
    SourceAsks,
    SourceBegins,
    SourceEnded,
    SourceEvent,
    StatsAsked,
    TitleSet,
)

LOGIN_SECONDS = 10.0
"""For each request to be complete, and for a source to log in."""
GATHERING_SECONDS, CALM_BYTES = 0.1, 16_384
"""Encoders send frame by frame. What comes within so long is taken as one, unless so much comes at once: to wake for
each frame costs more than all the rest that is done with it."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 1024 * 1024
"""How long, and for how much, one listens to an encoder that was refused while it sends: a connection that is closed
with bytes unread is reset, and the encoder may never see why."""


class EncoderHost(Protocol):
    """Whom a session tells what its encoder does."""

    @property
    def is_connected(self) -> bool:
        """Whether a source is on air."""
        ...

    def admits(self, session: EncoderSession) -> bool:
        """Whether ``session``, which gave the right password, may be the source now."""
        ...

    def begins(self, session: EncoderSession, headers: Headers, dialect: Dialect) -> bool:
        """The audio of ``session`` follows; False when another source came first."""
        ...

    def audio(self, session: EncoderSession, data: bytes) -> None: ...

    def title(self, title: Title) -> None: ...

    def notes(self, session: EncoderSession, event: PasswordRefused | Misunderstood | Answered) -> None:
        """Something that only the log may want to know."""
        ...


class EncoderSession:
    """Runs in one task; ``run`` returns when the encoder ended properly, or was refused."""

    def __init__(
        self, stream: ByteStream, machine: EncoderConnection, host: EncoderHost, clock: Clock, silence_seconds: float
    ) -> None:
        """``silence_seconds`` is how long a source may send nothing."""
        self.user = ""
        """Once the password was right."""
        self.is_source = False
        self.heard_at = clock.now()
        """When the last audio came, on ``clock``."""
        self._stream = stream
        self._machine = machine
        self._host = host
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._deadline = clock.now() + LOGIN_SECONDS
        self._is_calm = False
        """Whether nothing waits that has to be read at once."""
        self.task: asyncio.Task[None] | None = None
        """That runs it."""

    @property
    def peer(self) -> str:
        return self._stream.peer

    def end(self) -> None:
        """Another takes its place: what it still sends is not looked at."""
        if self.task is not None:
            self.task.cancel()

    async def run(self) -> None:
        """Raises LinkError when the encoder broke off or fell silent, PeerError when what it sent is broken."""
        self.task = asyncio.current_task()
        while not self._machine.is_over:
            try:
                async with asyncio.timeout(max(self._deadline - self._clock.now(), 0)):
                    await self._exchange()
            except TimeoutError as error:
                raise LinkError(self.peer, self._silence()) from error
            if self._is_calm:
                await self._stream.rest(GATHERING_SECONDS)
        if self._machine.may_have_unread:
            await self._linger()

    async def _exchange(self) -> None:
        data = await self._stream.read()
        self._is_calm = self.is_source and 0 < len(data) < CALM_BYTES
        if data:
            self._machine.receive_data(data)
            while (event := self._machine.next_event()) is not None:
                self._take(event)
        elif (event := self._machine.receive_eof()) is not None:
            self._take(event)
        answer = self._machine.data_to_send()
        if answer:
            await self._stream.write(answer)

    def _take(self, event: SourceEvent) -> None:
        now = self._clock.now()
        self._deadline = now + LOGIN_SECONDS
        match event:
            case AudioData():
                self.heard_at = now
                self._host.audio(self, event.data)
            case SourceAsks():
                self.user = event.user
                if self._host.admits(self):
                    self._machine.accept()
                else:
                    self._machine.refuse()
            case SourceBegins():
                if not self._host.begins(self, event.headers, event.dialect):
                    raise LinkError(self.peer, "another source came first")
                self.heard_at = now
                self.is_source = True
            case SourceEnded():
                if event.problem:
                    raise PeerError(self.peer, event.problem)
            case TitleSet():
                self._host.title(event.title)
            case StatsAsked():
                self._machine.tell_stats(is_connected=self._host.is_connected)
            case _:
                self._host.notes(self, event)
        if self.is_source:
            self._deadline = self.heard_at + self._silence_seconds

    def _silence(self) -> str:
        if self.is_source:
            return f"sent no audio for {self._silence_seconds:g} s"
        return f"connected, but did not say within {LOGIN_SECONDS:g} s what it wants"

    async def _linger(self) -> None:
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0 and (data := await self._stream.read()):
                    left -= len(data)
        except (TimeoutError, LinkError):
            pass
