"""What each connection to the link's port is used for, so that the right one goes when there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum

from aiohttp import web


class Use(IntEnum):
    """The lowest goes first."""

    NOTHING = 0
    """It was opened, and nothing is asked of it just now."""
    ANSWER = 1
    """A request is being answered."""
    CONVERSATION = 2
    """It is the business of those who accept conversations how many there are."""


class LinkUses:
    """Of the connections of one server of aiohttp."""

    def __init__(self) -> None:
        self._uses: dict[asyncio.BaseProtocol, Use] = {}

    def of(self, protocol: asyncio.BaseProtocol) -> Use:
        """That of the connection with that protocol."""
        return self._uses.get(protocol, Use.NOTHING)

    def converses(self, protocol: asyncio.BaseProtocol) -> None:
        """The request that is being answered has become a conversation."""
        self._uses[protocol] = Use.CONVERSATION

    @web.middleware
    async def note(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """A middleware."""
        self._uses[request.protocol] = Use.ANSWER
        try:
            return await handler(request)
        finally:
            self._uses.pop(request.protocol, None)
