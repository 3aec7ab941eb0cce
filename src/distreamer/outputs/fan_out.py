"""The fan-out: all listeners are fed from one rendition.

They are spread over slots. Whenever a fragment is due the slots are served one after the other within about a second,
so that thousands of sends do not come at one moment; a listener gets all that is new for it in one write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from distreamer.core.format_change import OnFormatChange
from distreamer.core.played import Played
from distreamer.core.ports import Clock
from distreamer.core.rendition import Rendition
from distreamer.outputs.player_connection import PlayerConnection

SLOTS = 20
SLOT_SECONDS = 0.05
"""From one slot to the next. A round is over before the next fragment, which takes about a second, is due."""
CROWD = 500
"""From so many listeners on each is served in every second round only, with twice as much: what a write costs hardly
depends on its size. The second by which audio comes later is hidden by the burst that all players got."""
PAUSE_SECONDS = 1.5
"""When nothing new comes for so long, those who were left out are served all the same."""
WRITE_BYTES = 256 * 1024
"""A slow listener catches up in writes of about this size at the most; so much more may be buffered for it."""
STUCK_SECONDS = 60.0
"""A listener that was written to no more for this long, because it took nothing or far too little of what was
buffered for it, is cut off: most are gone without a word."""
SWEEP_SECONDS = 1.0
"""How often it is looked for listeners whose time is over."""
STANDSTILL_SECONDS = 1.5
"""A look that comes so long after the one before says nothing of a listener: the machine is busy."""


class FanOut:
    """The listeners and what they hear."""

    def __init__(
        self,
        clock: Clock,
        burst_seconds: float,
        timeout_seconds: float,
        close: Callable[[PlayerConnection], None],
        on_format_change: OnFormatChange = OnFormatChange.KEEP,
    ) -> None:
        """``burst_seconds`` of what was played before are sent at once to who joins. ``timeout_seconds`` without
        audio end a listener's connection; 0 for never. ``close`` ends a connection whose last byte was written."""
        self._clock = clock
        self._close = close
        self._burst_seconds = burst_seconds
        self._timeout_seconds = timeout_seconds
        self._on_format_change = on_format_change
        self._rendition: Rendition | None = None
        self._slots: list[dict[PlayerConnection, None]] = [{} for _ in range(SLOTS)]
        self._stuck: dict[PlayerConnection, float] = {}
        self._next_slot = 0
        self._news = asyncio.Event()
        self._news_since = clock.now()
        self._audio_until = clock.now()
        self.moved_forward = 0
        """How often a listener that was too slow lost audio."""
        self.closed_without_audio = 0
        """Listeners closed because there was none."""
        self.cut_off = 0
        """Listeners cut off because they took too little."""

    def serve_by(self, burst_seconds: float, timeout_seconds: float, on_format_change: OnFormatChange) -> None:
        """Other rules, as when it was made. Those who listen stay."""
        self._burst_seconds, self._timeout_seconds = burst_seconds, timeout_seconds
        self._on_format_change = on_format_change

    def begin(self, recent: Iterable[Played]) -> None:
        """Starts with what was played lately; there must be no listeners."""
        self._rendition = None
        for played in recent:
            self.play(played)

    def play(self, played: Played) -> None:
        """A fragment is due. Listeners who cannot go on with its format get the rest of the old, and are then closed:
        they come again and are told the new one."""
        if self._rendition is None or not self._rendition.accepts(played.info, self._on_format_change):
            self.close_listeners()
            self._rendition = Rendition(played.info)
        self._rendition.add(played)
        self._audio_until = played.starts_at + played.seconds
        if not self._news.is_set():
            self._news_since = self._clock.now()
            self._news.set()

    def join(self, connection: PlayerConnection, *, icy: bool, burst: bool) -> None:
        """``connection`` listens from now on; its head was written. Something must have been played before."""
        assert self._rendition is not None, "a listener came before there was anything to play"
        connection.cursor = self._rendition.enter(self._burst_seconds if burst else 0.0, icy=icy)
        connection.begun_at = self._clock.now()
        connection.slot = self._next_slot
        self._next_slot = (self._next_slot + 1) % SLOTS
        if connection.is_stuck:
            self.stuck(connection)
            return
        self._slots[connection.slot][connection] = None
        self._deliver(connection)

    def leave(self, connection: PlayerConnection) -> bool:
        """``connection`` is gone or shall get nothing more; says whether it was a listener."""
        if connection.cursor is None:
            return False
        connection.cursor = None
        self._slots[connection.slot].pop(connection, None)
        self._stuck.pop(connection, None)
        return True

    def stuck(self, connection: PlayerConnection) -> None:
        """``connection`` takes nothing at present: it leaves its slot."""
        if connection.cursor is not None:
            self._slots[connection.slot].pop(connection, None)
            self._stuck[connection] = self._clock.now()

    def unstuck(self, connection: PlayerConnection) -> None:
        """``connection`` takes data again: it catches up and returns to its slot."""
        if connection.cursor is not None:
            self._stuck.pop(connection, None)
            self._slots[connection.slot][connection] = None
            self._deliver(connection)

    def listeners(self) -> list[PlayerConnection]:
        """All who listen."""
        return [connection for slot in self._slots for connection in slot] + list(self._stuck)

    def close_listeners(self) -> None:
        """Gives every listener what it has not got yet, if it takes it, and ends its connection behind that."""
        for connection in self.listeners():
            self._finish(connection)

    async def run(self) -> None:
        """Serves the slots, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve(), name="fan-out: slots")
            group.create_task(self._sweep(), name="fan-out: sweep")

    async def _serve(self) -> None:
        half = 0
        owed = False
        """Whether some were left out of the last round."""
        while True:
            begun, is_news = await self._next_round(owed)
            is_crowd = sum(map(len, self._slots)) >= CROWD
            half = 1 - half
            for turn, slot in enumerate(self._slots):
                if not slot or (is_crowd and turn % 2 == half):
                    continue
                await asyncio.sleep(max(begun + turn * SLOT_SECONDS - self._clock.now(), 0.0))
                for connection in tuple(slot):
                    self._deliver(connection)
            owed = is_crowd and is_news

    async def _next_round(self, owed: bool) -> tuple[float, bool]:
        """Waits until there is news, or for a while when somebody is ``owed`` what was news before; gives when the
        round begins, and whether there is news."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE_SECONDS if owed else None):
                await self._news.wait()
            self._news.clear()
            # A round has little time to spare. When one ended too late, the next must not begin so late as well.
            return self._news_since, True
        return self._clock.now(), False

    async def _sweep(self) -> None:
        while True:
            before = self._clock.now()
            await asyncio.sleep(SWEEP_SECONDS)
            now = self._clock.now()
            if now - before > STANDSTILL_SECONDS:
                continue  # This process stood still: what is due meanwhile comes at once, and nobody is to blame.
            for connection in [one for one, since in self._stuck.items() if now - since >= STUCK_SECONDS]:
                self.cut_off += 1
                connection.abort()
            if not self._timeout_seconds or now - self._audio_until < self._timeout_seconds:
                continue
            for connection in self.listeners():
                if now - connection.begun_at >= self._timeout_seconds:
                    self.closed_without_audio += 1
                    self._finish(connection)

    def _finish(self, connection: PlayerConnection) -> None:
        self._deliver(connection)
        self.leave(connection)
        self._close(connection)

    def _deliver(self, connection: PlayerConnection) -> None:
        """Writes what is new, as far as the connection takes it."""
        while not connection.is_stuck and self._write_next(connection):
            pass

    def _write_next(self, connection: PlayerConnection) -> bool:
        """Says whether there was anything to write."""
        cursor = connection.cursor
        if cursor is None or self._rendition is None:
            return False
        before = cursor.moved_forward
        data = self._rendition.take(cursor, WRITE_BYTES)
        if data is None:
            return False
        self.moved_forward += cursor.moved_forward - before
        connection.write(data)
        return True
