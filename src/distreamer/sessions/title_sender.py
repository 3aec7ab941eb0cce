"""Tells a server behind us, beside the audio, what is on air. A failure costs a title, never the audio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import ByteStream
from distreamer.errors import DEFECT, LinkError, PeerError
from distreamer.model.audio import Title
from distreamer.sessions.source_push import ask

ATTEMPTS = 5
"""For each title, one with each fragment of audio."""


class TitleSender:
    """Remembers the title in force through reconnects."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[ByteStream]],
        peer: str,
        timeout_seconds: float,
        log: FilteringBoundLogger,
    ) -> None:
        """``connect`` opens a connection for one title."""
        self._connect = connect
        self._peer = peer
        self._timeout_seconds = timeout_seconds
        self._log = log
        self._title: Title | None = None
        self._attempts_left = 0
        self._news = asyncio.Event()

    def begin(self) -> None:
        """The server knows no title yet."""
        self._attempts_left = ATTEMPTS

    def note(self, title: Title | None) -> None:
        """A fragment was sent, behind which ``title`` is in force (None: nothing is known)."""
        if title is not None and title != self._title:
            self._title, self._attempts_left = title, ATTEMPTS
        if self._title is not None and self._attempts_left:
            self._news.set()

    async def run(self, request: Callable[[Title], bytes]) -> None:
        """Sends until it is cancelled; ``request`` makes the HTTP request that sets a title."""
        log = self._log
        while True:
            await self._news.wait()
            self._news.clear()
            title = self._title
            if title is None or not self._attempts_left:
                continue
            self._attempts_left -= 1
            try:
                await self._send(request(title))
            except (LinkError, PeerError) as error:
                say = log.debug if self._attempts_left else log.warning
                say("a title could not be sent", title=title.text, reason=str(error))
            except Exception as defect:  # that a title meets must not end the audio
                self._attempts_left = 0
                log.error(DEFECT, title=title.text, exc_info=defect)
            else:
                if title == self._title:
                    self._attempts_left = 0

    async def _send(self, request: bytes) -> None:
        stream = await self._connect()
        try:
            answer = await ask(stream, request, self._peer, self._timeout_seconds)
        finally:
            await stream.close()
        if not 200 <= answer.status < 300:
            raise PeerError(self._peer, f"refuses it ({answer.status} {answer.reason})")
