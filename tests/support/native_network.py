"""A sender that accepts, a link that can be cut, and a receiver that dials, all inside one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from structlog.typing import FilteringBoundLogger

from distreamer.core.clock import LoopClock
from distreamer.core.module import Health, OutputContext
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import MessageStream
from distreamer.core.store import Store
from distreamer.errors import DiStreamerError, LinkError
from distreamer.outputs.receivers import Receivers
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Acceptor
from distreamer.protocol.native.resumption import SessionTable
from distreamer.sessions.native_sender import SenderSession
from distreamer.transport.memory import DEFAULT_CAPACITY, Direction
from distreamer.transport.memory_messages import FramedMessages, MemoryCarrier
from tests.support.input_context import capturing_log
from tests.support.native_programme import SENDER_IDENTITY, fill, verifier


def output_context(store: Store, log: FilteringBoundLogger | None = None) -> OutputContext:
    """For a module that reads from ``store``; to be made inside a running event loop."""
    clock = LoopClock()
    return OutputContext(
        name="output",
        store=store,
        clock=clock,
        log=log or capturing_log(),
        health=Health(clock),
        playout=PlayoutHead(store, clock, lambda info: 25.0),
    )


@dataclass
class NativeNetwork:
    """PC A and the link to it; ``dial`` is what PC B gets. An async context manager."""

    source: Store
    password: str = ""
    latency_seconds: float = 0.05
    capacity: int = DEFAULT_CAPACITY
    """Bytes on their way in one direction: the link carries as many in each ``latency_seconds``."""
    is_cut: bool = False
    refuses: bool = False
    dialled: list[float] = field(default_factory=list)
    """When attempts began."""
    dialling: int = 0
    most_dialling: int = 0
    ended: list[tuple[float, str]] = field(default_factory=list)
    """When conversations ended at PC A, and why."""
    carriers: list[MemoryCarrier] = field(default_factory=list)
    sessions: SessionTable | None = field(default_factory=SessionTable)
    """None for a PC A that knows none."""

    async def __aenter__(self) -> Self:
        self.clock = LoopClock()
        self.receivers = Receivers(self.clock)
        self._restored = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.conversations: set[SenderSession] = set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def dial(self, timeout_seconds: float) -> FramedMessages:
        self.dialled.append(self.clock.now())
        self.dialling += 1
        self.most_dialling = max(self.most_dialling, self.dialling)
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.is_cut:
                    await self._restored.wait()
                await asyncio.sleep(2 * self.latency_seconds)
        except TimeoutError:
            raise LinkError("far:1", "no answer") from None
        finally:
            self.dialling -= 1
        if self.refuses:
            raise LinkError("far:1", "refused the connection")
        carrier = MemoryCarrier(
            latency_seconds=self.latency_seconds, capacity=self.capacity, near_name="192.0.2.7:40000"
        )
        self.carriers.append(carrier)
        self._start(self._accept(carrier.far_messages))
        return carrier.near_messages

    def cut(self, direction: Direction = Direction.BOTH) -> None:
        """A black hole, for old connections and, when it is dark both ways, for new ones."""
        self.is_cut = direction is Direction.BOTH
        self._restored.clear()
        for carrier in self.carriers:
            carrier.cut(direction)

    def restore(self, *, old_ones_too: bool = True) -> None:
        """New connections work again, and what was held back in the old ones flows on, or never does."""
        self.is_cut = False
        self._restored.set()
        if old_ones_too:
            for carrier in self.carriers:
                carrier.restore()

    def fall_silent(self) -> None:
        """The source brings nothing any more."""
        self._programme_task.cancel()

    def play(self, epoch: int = 5, first: int = 1, size: int = 16_000) -> None:
        """From now on the source brings a fragment each second."""
        self._programme_task = self._start(self._programme(epoch, first, size))

    async def _programme(self, epoch: int, number: int, size: int) -> None:
        while True:
            fill(self.source, epoch, number, number, size)
            number += 1
            await asyncio.sleep(1.0)

    async def _accept(self, stream: MessageStream) -> None:
        acceptor = Acceptor(
            SENDER_IDENTITY,
            verifier(self.password),
            f"acceptor-nonce-{len(self.carriers)}",
            stream.binding,
            sessions=self.sessions,
            now=self.clock.now(),
        )
        session = SenderSession(stream, self.source, self.clock, acceptor, self._taken)
        self.conversations.add(session)
        for_another = False
        try:
            ended = await session.run()
            for_another = ended.by_peer and ended.code is GoodbyeCode.REPLACED
            self.ended.append((self.clock.now(), ended.reason))
        except DiStreamerError as error:
            self.ended.append((self.clock.now(), str(error)))
        finally:
            self.conversations.discard(session)
            self.receivers.left(session, for_another=for_another)

    def _taken(self, session: SenderSession) -> None:
        self.receivers.taken(session)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
