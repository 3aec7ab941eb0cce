"""Polls a DiStreamer 2 for what it holds: one connection for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import ByteStream, Clock
from distreamer.errors import LinkError, PeerError, ProtocolError
from distreamer.model.status import DISTREAMER_2, LinkStatus
from distreamer.protocol.legacy.answer_reader import AnswerReader, WholeAnswer
from distreamer.protocol.legacy.polling import get_request
from distreamer.protocol.legacy.schedules import AskFragment, AskList, PullRequest, PullSchedule
from distreamer.sessions.legacy_address import LegacyAddress
from distreamer.sessions.legacy_receiving import LegacyReceiver
from distreamer.sessions.legacy_refusals import refusal
from distreamer.units import spoken_seconds

PATIENCE_SECONDS = 10.0
"""A server that answers nothing for so long is given up, so that the supervisor counts it."""
PAUSE_SECONDS = 1.0
"""Behind a request that was not answered. The list of a DiStreamer 2 reaches back 25 s by default."""
LONGEST_ANSWER_SECONDS = 120.0
"""For one answer that goes on coming, however slowly."""
SHORTEST_PAUSE_SECONDS = 0.01
"""Between two looks at the schedule, whatever the clock's rounding says."""


class DialStream(Protocol):
    """How a connection is opened; raises LinkError."""

    def __call__(self, timeout_seconds: float) -> Awaitable[ByteStream]: ...


async def ask(dial: DialStream, request: bytes, timeout_seconds: float) -> WholeAnswer:
    """The answer to one request, on a connection of its own. Raises LinkError when there is none, when it is cut off,
    or when nothing came for ``timeout_seconds``; PeerError when it is no answer."""
    stream = await dial(timeout_seconds)
    try:
        async with asyncio.timeout(LONGEST_ANSWER_SECONDS):
            await stream.write(request)
            return await _whole_answer(stream, timeout_seconds)
    except TimeoutError as error:
        raise LinkError(stream.peer, f"the answer was not whole after {LONGEST_ANSWER_SECONDS:g} s") from error
    finally:
        await stream.close()


async def _whole_answer(stream: ByteStream, timeout_seconds: float) -> WholeAnswer:
    reader = AnswerReader()
    while True:
        try:
            async with asyncio.timeout(timeout_seconds):
                data = await stream.read()
        except TimeoutError as error:
            raise LinkError(stream.peer, f"nothing came for {timeout_seconds:g} s") from error
        if not data:
            break
        try:
            answer = reader.receive_data(data)
        except ProtocolError as error:
            raise PeerError(stream.peer, str(error)) from error
        if answer is not None:
            return answer
    try:
        return reader.receive_eof()
    except ProtocolError as error:
        # What is cut off was cut off by the link, as far as anyone can tell.
        raise LinkError(stream.peer, str(error)) from error


class LegacyPolling:
    """The receiving side of a polled link. It outlives its runs: the next goes on with what is held.

    Each request is a connection of its own, so one that fails is no lost conversation: the list is asked for anew.
    """

    def __init__(
        self,
        address: LegacyAddress,
        password: str,
        receiver: LegacyReceiver,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
        *,
        interval_seconds: float,
        timeout_seconds: float,
        dial: DialStream | None = None,
    ) -> None:
        """``interval_seconds`` lie between two lists; ``timeout_seconds`` may pass without a byte in a request.
        ``dial`` opens connections in another way than by TCP."""
        self._address = address
        self._password = password
        self._receiver = receiver
        self._clock = clock
        self._log = log
        self._health = health
        self._interval_seconds = interval_seconds
        self._timeout_seconds = timeout_seconds
        self._dial = dial or address.dial
        self._is_answered = False
        self._ever_answered = False
        self._connected_at = 0.0
        self._answered_at = clock.now()
        self._unanswered_since: float | None = None
        """When the first of the requests was made that were not answered in a row."""
        self._fragments = 0
        self._cuts = 0

    async def run(self, seconds: float) -> None:
        """Polls, and returns after ``seconds``, as soon as all that is listed is here.

        Raises LinkError when nothing was answered for PATIENCE_SECONDS, PeerError for an answer that cannot be used,
        AuthenticationError when the password is refused. All received before is kept.
        """
        began = self._clock.now()
        self._unanswered_since = None
        self._receiver.parser.reconnected()
        schedule = PullSchedule(self._receiver.parser, began, self._interval_seconds)
        try:
            while True:
                now = self._clock.now()
                request = schedule.next_request(now)
                if now - began >= seconds and not isinstance(request, AskFragment):
                    return
                if request is None:
                    await asyncio.sleep(max(schedule.due_at - now, SHORTEST_PAUSE_SECONDS))
                else:
                    await self._poll(schedule, request, now)
        finally:
            self._is_answered = False

    def status(self) -> LinkStatus:
        now = self._clock.now()
        return LinkStatus(
            peer=self._address.peer,
            connected=self._is_answered,
            carrier=DISTREAMER_2,
            connected_seconds=now - self._connected_at if self._is_answered else 0.0,
            silent_seconds=now - self._answered_at,
            fragments=self._fragments,
            duplicates=self._receiver.parser.duplicates,
            cuts=self._cuts,
        )

    async def _poll(self, schedule: PullSchedule, request: PullRequest, asked_at: float) -> None:
        subject = "list" if isinstance(request, AskList) else request.number
        encoded = get_request(self._address.peer, self._address.path, subject, self._password)
        try:
            answer = await ask(self._dial, encoded, self._timeout_seconds)
        except LinkError as error:
            now = self._clock.now()
            self._say_missed(error, now)
            if self._unanswered_since is None:
                self._unanswered_since = asked_at
            if now - self._unanswered_since >= PATIENCE_SECONDS:
                raise
            schedule.failed(now + PAUSE_SECONDS)
            return
        try:
            schedule.answered(request, answer.status, answer.body, self._clock.now())
            self._receiver.pass_on()
        except ProtocolError as error:
            raise refusal(self._address, error, ever_answered=self._ever_answered) from error
        self._fragments += isinstance(request, AskFragment) and answer.status == 200
        self._say_answered(self._clock.now())

    def _say_answered(self, now: float) -> None:
        peer = self._address.peer
        if not self._is_answered:
            self._connected_at = now
            if not self._ever_answered:
                self._log.info("connected to the sender, which speaks the wire of DiStreamer 2", peer=peer)
            else:
                self._log.info("the link is back", peer=peer, silent=spoken_seconds(now - self._answered_at))
        self._is_answered = self._ever_answered = True
        self._answered_at = now
        self._unanswered_since = None
        if self._receiver.has_stream:
            self._health.running(f"polls {peer} on the wire of DiStreamer 2")
        else:
            self._health.starting(f"{peer} answers on the wire of DiStreamer 2, and has no programme yet")

    def _say_missed(self, error: LinkError, now: float) -> None:
        if self._is_answered:
            self._log.warning("the link is down", peer=error.peer, reason=error.reason)
            self._is_answered = False
            self._cuts += 1
        silent = spoken_seconds(round(now - self._answered_at))
        self._health.starting(f"{error.peer} did not answer for {silent}; asking again")
