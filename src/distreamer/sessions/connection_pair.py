"""A second connection to the same address, kept beside the only one of a link while that goes by TCP.

A TCP connection stands still for seconds when what was sent again is lost again; two hardly ever do so at once. QUIC
does not stand still: while it carries there is no second one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

from distreamer.core.module import Health
from distreamer.core.ports import Clock, MessageStream
from distreamer.errors import DiStreamerError, LinkError
from distreamer.model.status import LinkStatus
from distreamer.protocol.native.handshake import Identity
from distreamer.protocol.native.messages import PathFields
from distreamer.sessions.carrier_rules import FIRST_UPGRADE_SECONDS
from distreamer.sessions.native_carriers import Dials
from distreamer.sessions.native_link import NativeLink
from distreamer.sessions.native_side import Dial, Side
from distreamer.sessions.pair_plan import SECOND
from distreamer.sessions.path_choice import Multipath

BESIDE_AFTER_SECONDS = FIRST_UPGRADE_SECONDS + 2.0
"""TCP must have carried for so long: by then QUIC has been tried again."""
AGAIN_SECONDS = 5.0
"""A second connection that ended is begun anew after so long."""
LOOK_SECONDS = 0.5
DOUBLED_SECONDS = 5.0
"""A peer that does not divide, for so long, sends or takes all twice: then one connection has to do …"""
ALONE_SECONDS = 3600.0
"""… for so long."""


class ConnectionPair:
    """The one link of a module that dials. Only ``first`` decides whether it works, and with which kind of carrier."""

    def __init__(
        self,
        peer: str,
        sides: tuple[Side, Side],
        password: str,
        agent: str,
        clock: Clock,
        log: FilteringBoundLogger,
        health: Health,
        is_doubled: Callable[[], bool],
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """``sides``: what the conversations of each connection share; ``is_doubled``: whether all goes by both;
        ``beside`` runs as long as the pair."""
        node = secrets.token_hex(8)
        fields = PathFields(party=node, name="", rank=SECOND, multipath=Multipath.SHARE.value)
        self.second = NativeLink(
            peer,
            sides[1],
            password,
            Identity(secrets.token_hex(8), agent, fields),
            clock,
            log,
            Health(clock),
            others=lambda: True,
        )
        self.first = NativeLink(
            peer, sides[0], password, Identity(node, agent), clock, log, health, others=lambda: self.second.is_heard
        )
        self._peer = peer
        self._clock = clock
        self._log = log
        self._is_doubled = is_doubled
        self._beside = beside
        self._is_told = False

    async def run(self, dials: Dials) -> None:
        """As ``NativeLink.run``."""
        fault: DiStreamerError | None = None
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._keep_second(dials), name=f"second connection to {self._peer}")]
            if self._beside is not None:
                tasks.append(group.create_task(self._beside(), name="what each connection is asked for"))
            try:
                await self.first.run(dials.dial, dials.better)
            except DiStreamerError as error:
                fault = error
            for task in tasks:
                task.cancel()
        assert fault is not None
        raise fault

    def status(self) -> LinkStatus:
        """As of one connection."""
        status, second = self.first.status(), self.second.status()
        if self.second.is_heard and not self.first.is_heard:
            status = replace(
                status,
                connected=True,
                carrier=second.carrier,
                silent_seconds=second.silent_seconds,
                rtt_seconds=second.rtt_seconds,
            )
        return replace(
            status,
            fragments=status.fragments + second.fragments,
            duplicates=status.duplicates + second.duplicates,
        )

    async def _keep_second(self, dials: Dials) -> None:
        while True:
            await self._until_first_stands_still()
            self._tell(dials)
            async with asyncio.TaskGroup() as group:
                task = group.create_task(self._talk(dials.dial), name=f"talk with {self._peer} by two connections")
                is_doubled = await self._until_none_is_needed()
                task.cancel()
            if is_doubled:
                self._log.info("the other side does not divide; one TCP connection is used", peer=self._peer)
                await asyncio.sleep(ALONE_SECONDS)

    async def _until_first_stands_still(self) -> None:
        """Waits until the first has gone by a carrier that may stand still for a while."""
        seconds = 0.0
        while seconds < BESIDE_AFTER_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            session = self.first.session
            stands_still = session is not None and session.is_heard and session.stream.kind.stands_still
            seconds = seconds + LOOK_SECONDS if stands_still else 0.0

    async def _until_none_is_needed(self) -> bool:
        """Waits until the first goes by a carrier that does not stand still, or both bring the same, which it says."""
        seconds = 0.0
        while seconds < DOUBLED_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            session = self.first.session
            if session is not None and session.is_heard and not session.stream.kind.stands_still:
                return False
            is_doubled = self.first.is_heard and self.second.is_heard and self._is_doubled()
            seconds = seconds + LOOK_SECONDS if is_doubled else 0.0
        return True

    async def _talk(self, dial: Dial) -> None:
        while True:
            try:
                await self.second.run(partial(self._dial, dial))
            except DiStreamerError as error:
                self._log.debug("the second connection ended", peer=self._peer, reason=str(error))
            await asyncio.sleep(AGAIN_SECONDS)

    async def _dial(self, dial: Dial, timeout_seconds: float) -> MessageStream:
        """Only while the first is heard: what keeps that one out, as a wrong password does, is not tried twice."""
        if not self.first.is_heard:
            raise LinkError(self._peer, "the first connection is not heard")
        return await dial(timeout_seconds)

    def _tell(self, dials: Dials) -> None:
        say = self._log.debug if self._is_told else self._log.info
        reason = "UDP does not get through" if dials.better else "it goes by TCP only"
        say("two TCP connections are used for the link", peer=self._peer, reason=reason)
        self._is_told = True
