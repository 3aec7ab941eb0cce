"""Answers DiStreamer 2 receivers that poll: one request, one connection."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Final

from aiohttp import web

from distreamer.core.module import OutputContext
from distreamer.model.status import LinkStatus
from distreamer.outputs.polling_receivers import PollingReceivers
from distreamer.protocol.legacy.polling import WRONG_PASSWORD, Answer, answer_get, read_target
from distreamer.sessions.legacy_sending import NO_OGG_BY_POLLING, RenderedStore
from distreamer.sessions.password_gate import PasswordGate
from distreamer.transport.tcp import host_of, spoken_address

MOST_ANSWERS = 256
"""Answers that may be under way; one request more is told to come later."""
STUCK_SECONDS = 60.0
"""For an answer to be taken: a fragment of 80 kB on a link of 16 kbit/s takes 40 s."""
_NOT_KNOWN: Final = Answer(501, b"Only GET and HEAD are known here")
_BUSY_STATUS: Final = 503


def legacy_password_fault(password: str) -> str:
    """Why receivers that run DiStreamer 2 cannot say ``password``; empty when they can.

    They put it into the request line as it is, where only ASCII without spaces can be read by everybody.
    """
    if password.isascii() and password.isprintable() and " " not in password:
        return ""
    return "their requests cannot carry a PASSWORD with spaces or with letters beyond ASCII"


class PollingAnswers:
    """The store as a DiStreamer 2 would hold it, for whoever knows the password and asks."""

    def __init__(
        self, password: str, context: OutputContext, gate: PasswordGate, say_refused: Callable[[str, str], None]
    ) -> None:
        """``gate`` knows who has to wait for the next try of a password; ``say_refused`` is told the peer and the
        reason."""
        self._gate = gate
        self._password = password.encode()
        self._log = context.log
        self._say_refused = say_refused
        self._rendered = RenderedStore.of(context)
        self._receivers = PollingReceivers(context.clock)
        self._under_way = 0

    def links(self) -> tuple[LinkStatus, ...]:
        return self._receivers.links()

    def sentence(self) -> str:
        """Who polls; empty when nobody does. Whoever asks no more is forgotten, and told."""
        for host in self._receivers.forget():
            self._log.warning("a receiver polls no more", peer=host)
        return self._receivers.sentence()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The ``other`` of a WebSocketServer."""
        transport = request.transport
        if self._under_way >= MOST_ANSWERS or transport is None:
            return web.Response(status=_BUSY_STATUS)
        response = _response(self.answer(request.method, _raw_target(request), _peer(transport)))
        # So that the answer is out when it is written, and its time is limited.
        transport.set_write_buffer_limits(high=0)
        self._under_way += 1
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await response.prepare(request)
                await response.write_eof()
        except (TimeoutError, ConnectionError) as error:
            self._log.debug("an answer was not taken", peer=_peer(transport), reason=str(error) or "it took too long")
            transport.abort()
        finally:
            self._under_way -= 1
        return response

    def answer(self, method: str, target: bytes, peer: str) -> Answer:
        """What ``peer`` (``host:port``) is told."""
        if method not in {"GET", "HEAD"}:
            return _NOT_KNOWN
        subject = read_target(target)
        # As with DiStreamer 2, a receiver may say a password to a server that wants none.
        if self._password:
            host = host_of(peer)
            if reason := self._gate.must_wait(host):
                return Answer(_BUSY_STATUS, reason.encode())
            is_right = hmac.compare_digest(subject.password, self._password)
            self._gate.note(host, is_right=is_right)
            if not is_right:
                self._say_refused(peer, "its PASSWORD is not the one here")
                return WRONG_PASSWORD
        rendering = self._rendered.rendering()
        answer = answer_get(subject, rendering)
        if answer.status == 200:
            host = host_of(peer)
            took_fragment = subject.number is not None and method == "GET"
            if self._receivers.heard(host, took_fragment=took_fragment):
                self._log.info("a receiver polls on the wire of DiStreamer 2", peer=host)
                if rendering.ogg_header:
                    self._log.warning(NO_OGG_BY_POLLING, peer=host)
        return answer


def _raw_target(request: web.Request) -> bytes:
    # aiohttp keeps bytes that are no UTF-8 as surrogates.
    return request.raw_path.encode("utf-8", "surrogateescape")


def _peer(transport: asyncio.Transport) -> str:
    address = transport.get_extra_info("peername")
    return spoken_address(*address[:2]) if address else "a peer that is gone"


def _response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, body=answer.body, headers=dict(answer.fields()))
    response.force_close()
    return response
