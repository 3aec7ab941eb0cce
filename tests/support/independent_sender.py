"""The sender of the second DiStreamer 3 peer; see ``independent_peer``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from tests.support.independent_carriers import CLOSING_SECONDS, Dial, WebSocketCarrier
from tests.support.independent_peer import CarrierLost, Conversation, Goodbye, Peer
from tests.support.independent_rules import MOST_MESSAGE_BYTES
from tests.support.independent_wire import Header, Message, Name, Song, Type, digest_of

PIECE_BYTES = 2_048
WINDOW_FRAGMENTS, WINDOW_BYTES = 8, 262_144


@dataclass
class Course:
    """How far a sender is with one receiver."""

    back: float = 0
    resume: float = 0
    held: set[Name] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    """Epochs that the receiver has."""
    under_way: dict[Name, int] = field(default_factory=dict)
    """Bytes of what was sent and is not confirmed."""
    described: dict[int, Header] = field(default_factory=dict)
    setup: bytes = b""

    def is_open(self) -> bool:
        return len(self.under_way) < WINDOW_FRAGMENTS and sum(self.under_way.values()) < WINDOW_BYTES


@dataclass
class Sender(Peer):
    """Accepts receivers, or dials one, and serves each of them what it wants."""

    epochs: dict[int, Header] = field(default_factory=dict)
    """The description of each epoch, oldest first."""
    songs: dict[Name, Song] = field(default_factory=dict)
    wants: list[Header] = field(default_factory=list)
    """Every want that came."""
    confirmed: list[Name] = field(default_factory=list)
    """Every fragment in a have, in the order in which they came."""
    sent: list[Name] = field(default_factory=list)
    """Every fragment that was sent, as often as it was."""
    conversations: list[Conversation] = field(default_factory=list)
    goodbyes: list[Goodbye] = field(default_factory=list)
    """How conversations ended, where somebody said so."""
    silent: bool = False
    """Accepts carriers and says nothing on them."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """The port of this machine at which it accepts."""
        application = web.Application()
        application.router.add_get("/distreamer3", self._accept)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def offer(self, *songs: Song, epochs: dict[int, Header] | None = None) -> None:
        """More of the programme."""
        self.epochs |= epochs or {}
        self.songs |= {song.name: song for song in songs}
        await self.news()

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(timeout=CLOSING_SECONDS, max_msg_size=MOST_MESSAGE_BYTES, compress=False)
        await websocket.prepare(request)
        conversation = Conversation(WebSocketCarrier(websocket), self, "sender")
        conversation.silent = self.silent
        self.conversations.append(conversation)
        await self.news()
        try:
            await conversation.welcome()
            await self._serve(conversation)
        except Goodbye as goodbye:
            self.goodbyes.append(goodbye)
        except CarrierLost:
            pass
        conversation.over = True
        await self.news()
        return websocket

    async def dial(self, port: int, dial: Dial) -> None:
        """Serves the receiver that listens at that port of this machine, until a Goodbye or CarrierLost."""
        async with dial(port) as carrier:
            conversation = Conversation(carrier, self, "sender")
            self.conversations.append(conversation)
            await conversation.introduce()
            await self._serve(conversation)

    async def _serve(self, conversation: Conversation) -> None:
        course = Course()
        async with conversation.pinging():
            await self._hear(await conversation.expect(Type.WANT), course)
            stream = asyncio.create_task(self._stream(conversation, course))
            try:
                while True:
                    await self._hear(await conversation.expect(Type.WANT, Type.HAVE), course)
            finally:
                stream.cancel()
                with suppress(asyncio.CancelledError, CarrierLost):
                    await stream

    async def _hear(self, message: Message, course: Course) -> None:
        header = message.header
        told = header["holdings"] if message.type == Type.WANT else [header]
        names = {
            (int(each["epoch"]), number)
            for each in told
            for first, last in each["ranges"]
            for number in range(first, last + 1)
        }
        if message.type == Type.WANT:
            course.back, course.resume, course.held = header["back_seconds"], header["resume_seconds"], set()
            self.wants.append(header)
        else:
            self.confirmed += sorted(names)
        course.held |= names
        course.begun |= {epoch for epoch, _ in names}
        for name in names:
            course.under_way.pop(name, None)
        await self.news()

    async def _stream(self, conversation: Conversation, course: Course) -> None:
        while True:
            async with self.changed:
                await self.changed.wait_for(lambda: course.is_open() and self._next(course) is not None)
            song = self._next(course)
            assert song is not None
            course.under_way[song.name] = len(song.audio)
            course.begun.add(song.name[0])
            await self.send_song(conversation, course, song)
            if not conversation.silent:
                self.sent.append(song.name)

    async def send_song(self, conversation: Conversation, course: Course, song: Song) -> None:
        epoch = song.name[0]
        if course.described.get(epoch) != self.epochs[epoch]:
            course.described[epoch] = self.epochs[epoch]
            await conversation.send(Type.EPOCH, self.epochs[epoch])
        if song.setup and song.setup != course.setup:
            course.setup = song.setup
            announcement = {"size": len(song.setup), "digest": digest_of(song.setup).hex()}
            await self._send_body(conversation, Type.SETUP, announcement, song.setup)
        await self._send_body(conversation, Type.FRAGMENT, song.announcement(), song.audio)

    async def _send_body(self, conversation: Conversation, kind: Type, announcement: Header, body: bytes) -> None:
        await conversation.send(kind, announcement)
        for start in range(0, len(body), PIECE_BYTES):
            await conversation.send(Type.PIECE, {}, body[start : start + PIECE_BYTES])

    def _next(self, course: Course) -> Song | None:
        """The oldest fragment that is wanted."""
        order = {epoch: place for place, epoch in enumerate(self.epochs)}
        latest = max((order[epoch] for epoch in course.begun if epoch in order), default=-1)
        known = course.held | course.under_way.keys()
        newer, behind_newest_held, found = 0.0, True, None
        for name in sorted(self.songs, key=lambda name: (order[name[0]], name[1]), reverse=True):
            behind_newest_held = behind_newest_held and name not in known
            reach = course.resume if behind_newest_held and latest >= 0 else course.back
            may_begin = name[0] in course.begun or order[name[0]] > latest
            if name not in known and may_begin and newer <= max(course.back, reach):
                found = self.songs[name]
            newer += self.songs[name].header["duration"] / self.epochs[name[0]]["clock_rate"]
        return found
