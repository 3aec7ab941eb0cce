"""The receiving end of DiStreamer 2's reversed polling: answers what a DiStreamerRevClient asks and pushes."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable

from aiohttp import web

from distreamer.core.ports import Clock
from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import Headers
from distreamer.protocol.legacy.polling import (
    WRONG_PASSWORD,
    Answer,
    Push,
    answer_held_list,
    read_push,
    read_target,
    take_push,
)
from distreamer.sessions.legacy_receiving import LegacyReceiver
from distreamer.sessions.password_gate import PasswordGate

BODY_SECONDS = 30.0
"""How long the body of a push may take."""
MOST_BODIES = 8
"""Pushes whose bodies are read at the same time; a pusher of DiStreamer 2 sends one after the other."""
BUSY = Answer(503, b"Too many requests")
NOT_NOW = Answer(503, b"Another sender is connected")


class PushRequests:
    """Outlives requests: each has a connection of its own, and only its address and the clock tell who is there."""

    def __init__(
        self,
        receiver: LegacyReceiver,
        password: str,
        clock: Clock,
        refused: Callable[[str, str], None],
        gate: PasswordGate,
    ) -> None:
        """``refused`` is told the peer's host and the reason when its request cannot be granted; ``gate`` knows who has
        to wait for the next try of a password."""
        self._gate = gate
        self.host = ""
        """Of the pusher that was last heard."""
        self.heard_at: float | None = None
        """When its last push was taken."""
        self.fragments = 0
        """Pushed, duplicates included."""
        self._receiver = receiver
        self._password = password.encode()
        self._clock = clock
        self._refused = refused
        self._bodies = 0

    async def answer(self, request: web.Request, *, is_taken: bool) -> web.Response:
        """``is_taken``: another sender is connected, whose programme this one would spoil."""
        host = request.remote or "a peer that is gone"
        answer = await self._answer(request, host, is_taken=is_taken)
        fields = [(name, value) for name, value in answer.fields() if name != "Content-Length"]
        response = web.Response(status=answer.status, body=answer.body, headers=fields)
        response.force_close()
        return response

    async def _answer(self, request: web.Request, host: str, *, is_taken: bool) -> Answer:
        subject = read_target(request.raw_path.encode("utf-8", "surrogateescape"))
        # As with DiStreamer 2, a sender may say a password to a server that wants none.
        if self._password:
            if reason := self._gate.must_wait(host):
                return Answer(503, reason.encode())
            is_right = hmac.compare_digest(subject.password, self._password)
            self._gate.note(host, is_right=is_right)
            if not is_right:
                self._refused(host, "wrong password")
                return WRONG_PASSWORD
        if is_taken:
            return NOT_NOW
        if request.method in {"GET", "HEAD"}:
            return answer_held_list(subject, self._receiver.parser)
        if request.method != "POST":
            return Answer(501, b"Unsupported method")
        push = read_push(subject, Headers(request.headers.items()))
        if isinstance(push, Answer):
            return push
        if self._bodies >= MOST_BODIES:
            return BUSY
        self._bodies += 1
        try:
            body = await _body(request, push.size)
        finally:
            self._bodies -= 1
        return self._take(host, push, body)

    def _take(self, host: str, push: Push, body: bytes) -> Answer:
        try:
            answer = take_push(push, body, self._receiver.parser)
            self._receiver.pass_on()
        except ProtocolError as error:
            self._refused(host, str(error))
            return Answer(400, str(error).encode())
        if answer.status == 200:
            # Whoever only looks at the list is no pusher.
            self.host, self.heard_at = host, self._clock.now()
            self.fragments += push.number is not None
        return answer


async def _body(request: web.Request, size: int) -> bytes:
    """What came of ``size`` announced bytes, before the pusher went away or BODY_SECONDS were over."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while len(body) < size and (piece := await request.content.readany()):
                body += piece
    except (TimeoutError, OSError):
        pass
    return bytes(body)
