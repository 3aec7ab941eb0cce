"""The sending end of DiStreamer 2's reversed polling: one connection for each request, all of them dialled here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from distreamer.core.ports import Clock
from distreamer.errors import ProtocolError
from distreamer.protocol.legacy.polling import LIST, get_request, post_request
from distreamer.protocol.legacy.schedules import (
    AskList,
    PushFragment,
    PushRequest,
    PushSchedule,
)
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_polling import DialStream, ask
from distreamer.sessions.legacy_refusals import refusal
from distreamer.sessions.legacy_sending import RenderedStore

SHORTEST_WAIT_SECONDS = 0.1
"""Between two looks for something to send, however much is due."""
SLOWEST_BYTES_PER_SECOND = 16_000
"""A push gets so much more time: a link that is slower cannot carry a programme of 128 kbit/s."""


class LegacyPusher:
    """Pushes what the server lacks, round after round."""

    def __init__(
        self,
        address: LegacyAddress,
        password: str,
        rendered: RenderedStore,
        clock: Clock,
        timeout_seconds: float,
        interval_seconds: float,
        dial: DialStream | None = None,
    ) -> None:
        """``password`` must be one that the wire can carry (``persistent.check_password``). The server has
        ``timeout_seconds`` for an answer, behind the time that a fragment takes; ``interval_seconds`` lie between two
        rounds. ``dial`` opens connections in another way than by TCP."""
        self.fragments = 0
        """That the server took."""
        self.answered_at: float | None = None
        """When the server last gave the expected answer."""
        self._ever_answered = False
        self._address = address
        self._password = password
        self._rendered = rendered
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._interval_seconds = interval_seconds
        self._dial = dial or address.dial

    async def run_until(self, moment: float, answered: Callable[[], None]) -> None:
        """Pushes until ``moment``; ``answered`` is called behind every expected answer. Raises LinkError when a
        request got no answer in time, AuthenticationError when the server refuses the password, PeerError when its
        answer cannot be used."""
        schedule = PushSchedule(self._clock.now(), self._interval_seconds)
        while (now := self._clock.now()) < moment:
            rendering = self._rendered.rendering()
            request = schedule.next_request(rendering, now)
            if request is None:
                # Without any fragment a round is due and there is nothing to send in it.
                due = schedule.due_at if schedule.due_at > now else now + self._interval_seconds
                await asyncio.sleep(max(SHORTEST_WAIT_SECONDS, min(due, moment) - now))
                continue
            encoded = self._encoded(request)
            answer = await ask(self._dial, encoded, self._timeout_seconds + len(encoded) / SLOWEST_BYTES_PER_SECOND)
            try:
                schedule.answered(request, answer.status, answer.body, rendering, self._clock.now())
            except ProtocolError as error:
                raise refusal(self._address, error, ever_answered=self._ever_answered) from error
            self.fragments += isinstance(request, PushFragment)
            self.answered_at = self._clock.now()
            self._ever_answered = True
            answered()

    def _encoded(self, request: PushRequest) -> bytes:
        host, path, password = self._address.peer, self._address.path, self._password
        if isinstance(request, AskList):
            return get_request(host, path, LIST, password)
        if isinstance(request, PushFragment):
            return post_request(host, path, request.number, password, request.data)
        return post_request(host, path, LIST, password, request.encoded)
