"""A second DiStreamer 3 peer, written from docs/protocol.md alone and for the tests alone.

It shares no line with the program: what the two agree on is what the document says. There are both roles, the
``Receiver`` here and the ``Sender`` in ``independent_sender``, and none of what a product needs besides: no racing,
no bounds on memory. Whatever the program says is held against the tables of the document (``independent_rules``).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

from tests.support.independent_carriers import Carrier, Dial, websocket_to
from tests.support.independent_rules import BrokenRule, checked
from tests.support.independent_wire import (
    Header,
    Message,
    Name,
    Scram,
    Song,
    Type,
    attributes,
    digest_of,
    pack,
    ranges_of,
)

VERSION = (3, 0)
PING_SECONDS = 0.7
LATE_SECONDS = 0.1
"""By which a timer comes late when this machine stood still."""
ITERATIONS = 4_096

NOTHING = Message(0, {})


class CarrierLost(Exception):  # noqa: N818 - an event of the link, not a fault
    """The carrier is gone and nobody said goodbye."""


class Goodbye(Exception):  # noqa: N818 - the name of the message
    """One of the two said goodbye: ``mine`` tells who, ``code`` and ``reason`` why."""

    def __init__(self, code: str, reason: str, *, mine: bool) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason, self.mine = code, reason, mine


@dataclass
class Peer:
    """What a module is over all its conversations."""

    password: str = ""
    version: tuple[int, int] = VERSION
    extra: Message = NOTHING
    """Fields and payload of a later minor version, put on all messages that have room for them."""
    node: str = field(default_factory=lambda: secrets.token_hex(8))
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def introduction(self) -> Header:
        return {"version": list(self.version), "node": self.node, "agent": "Independent/1"}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until it holds; it is looked at after each message that came."""
        async with self.changed:
            await self.changed.wait_for(condition)

    async def news(self) -> None:
        async with self.changed:
            self.changed.notify_all()


class Conversation:
    """What both roles do on one carrier: messages, handshake, signs of life, goodbyes."""

    def __init__(self, carrier: Carrier, peer: Peer, role: str) -> None:
        self.carrier, self.module, self.role = carrier, peer, role
        self.peer: Header = {}
        """The hello or welcome of the other side."""
        self.pings: list[Header] = []
        self.pongs: list[int] = []
        self.over = False
        self.silent = False
        """The carrier stays up, but nothing is said any more."""

    async def send(self, kind: int, header: Header, payload: bytes = b"") -> None:
        if not self.silent:
            extra = self.module.extra
            await self.send_raw(pack(Message(kind, header | extra.header, payload or extra.payload)))

    async def send_raw(self, data: bytes) -> None:
        try:
            await self.carrier.send(data)
        except ConnectionError as error:
            raise CarrierLost from error

    async def receive(self) -> Message:
        """The next message that is not a sign of life and not unknown; raises Goodbye and CarrierLost."""
        while True:
            message = await self.hear()
            if message is not None:
                return message

    async def hear(self) -> Message | None:
        """Takes one message; None when it was a sign of life or unknown, and is dealt with."""
        try:
            message = checked(await self._receive())
        except TimeoutError:
            await self.say_goodbye("silence", f"nothing was heard for {self.carrier.silence_seconds} s")
        except ConnectionError as error:
            raise CarrierLost from error
        except BrokenRule as broken:
            await self.say_goodbye(broken.code, str(broken))
        if message is None:
            return None
        if message.type == Type.GOODBYE:
            await self.carrier.hang_up()
            raise Goodbye(message.header["code"], message.header["reason"], mine=False)
        if message.type == Type.PING:
            self.pings.append(message.header)
            await self.module.news()
            await self.send(Type.PONG, {"id": message.header["id"]})
        elif message.type == Type.PONG:
            self.pongs.append(message.header["id"])
        else:
            return message
        return None

    async def _receive(self) -> bytes:
        """Raises TimeoutError when the other side is silent. When that comes late it is this machine that stood still,
        and the other side has as much time again."""
        if self.silent:
            return await self.carrier.receive()
        loop, patience = asyncio.get_running_loop(), self.carrier.silence_seconds
        while True:
            end = loop.time() + patience
            try:
                async with asyncio.timeout_at(end):
                    return await self.carrier.receive()
            except TimeoutError:
                patience = min(loop.time() - end, patience)
                if patience < LATE_SECONDS:
                    raise

    async def expect(self, *kinds: Type) -> Message:
        """The next message, which must be one of these."""
        message = await self.receive()
        if message.type not in kinds:
            await self.say_goodbye("protocol", f"{Type(message.type).name} is not expected now")
        if message.type in (Type.HELLO, Type.WELCOME):
            self.peer = message.header
        return message

    async def say_goodbye(self, code: str, reason: str) -> NoReturn:
        """Says it, closes the carrier and raises it."""
        await self.send(Type.GOODBYE, {"code": code, "reason": reason})
        await self.carrier.hang_up()
        raise Goodbye(code, reason, mine=True)

    def binding_flag(self) -> str:
        """What a client-first-message begins with."""
        return "n,," if self.carrier.binding is None else "p=tls-server-end-point,,"

    def bound(self) -> str:
        """What a proof is bound to."""
        return base64.b64encode(self.binding_flag().encode() + (self.carrier.binding or b"")).decode()

    async def introduce(self) -> None:
        """The handshake of a dialler."""
        bare = f"n=distreamer,r={secrets.token_hex(12)}"
        proving = {"scram": self.binding_flag() + bare} if self.module.password else {}
        await self.send(Type.HELLO, self.module.introduction() | {"role": self.role} | proving)
        answer = await self.expect(Type.CHALLENGE, Type.WELCOME)
        proves = ""
        if answer.type == Type.CHALLENGE:
            challenge = attributes(answer.header["scram"])
            if not challenge["r"].startswith(attributes(bare)["r"]) or not 4096 <= int(challenge["i"]) <= 250_000:
                await self.say_goodbye("authentication", "the challenge is none")
            scram = Scram(self.module.password, bare, answer.header["scram"], f"c={self.bound()},r={challenge['r']}")
            proves = scram.server_final()
            await self.send(Type.PROOF, {"scram": scram.client_final()})
            answer = await self.expect(Type.WELCOME)
        if self.module.password and (not proves or answer.header.get("scram") != proves):
            await self.say_goodbye("authentication", "the other side does not know the password")

    async def welcome(self) -> None:
        """The handshake of an acceptor."""
        hello = (await self.expect(Type.HELLO)).header
        if hello["role"] == self.role:
            await self.say_goodbye("role", f"both are {hello['role']}s")
        proof: Header = {}
        if self.module.password:
            if not hello.get("scram"):
                await self.say_goodbye("authentication", "a password is needed here")
            bare = hello["scram"].removeprefix("n,,")
            nonce = attributes(bare)["r"] + secrets.token_hex(12)
            salt = base64.b64encode(secrets.token_bytes(16)).decode()
            scram = Scram(self.module.password, bare, f"r={nonce},s={salt},i={ITERATIONS}", f"c=biws,r={nonce}")
            await self.send(Type.CHALLENGE, {"scram": scram.server_first})
            given = (await self.expect(Type.PROOF)).header["scram"]
            if not hmac.compare_digest(given.encode(), scram.client_final().encode()):
                await self.say_goodbye("authentication", "that is another password")
            proof = {"scram": scram.server_final()}
        await self.send(Type.WELCOME, self.module.introduction() | proof)

    @asynccontextmanager
    async def pinging(self) -> AsyncIterator[None]:
        """Gives signs of life meanwhile."""

        async def ping() -> None:
            number = 0
            while True:
                await self.send(Type.PING, {"id": number})
                number += 1
                await asyncio.sleep(PING_SECONDS)

        task = asyncio.create_task(ping())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, CarrierLost):
                await task


@dataclass
class Receiver(Peer):
    """Dials a sender and keeps what it sends."""

    epochs: dict[int, Header] = field(default_factory=dict)
    """The last description of each epoch, in the order of the sender."""
    songs: dict[Name, Song] = field(default_factory=dict)
    arrivals: list[Name] = field(default_factory=list)
    """Every fragment that came, as often as it came."""
    setup: bytes = b""

    @asynccontextmanager
    async def dial(self, port: int, dial: Dial = websocket_to) -> AsyncIterator[Conversation]:
        """A conversation with whoever listens at that port of this machine, up to its welcome."""
        async with dial(port) as carrier:
            conversation = Conversation(carrier, self, "receiver")
            self.setup = b""
            await conversation.introduce()
            async with conversation.pinging():
                yield conversation

    def holdings(self) -> list[Header]:
        held = {epoch: [number for of, number in self.songs if of == epoch] for epoch in self.epochs}
        return [{"epoch": str(epoch), "ranges": ranges_of(numbers)} for epoch, numbers in held.items() if numbers]

    async def want(self, conversation: Conversation, back: float = 300, resume: float = 300) -> None:
        want = {"holdings": self.holdings(), "back_seconds": back, "resume_seconds": resume}
        await conversation.send(Type.WANT, want)

    async def take(self, conversation: Conversation, *, confirm: bool = True) -> Song:
        """The next fragment, checked; ``confirm`` tells the sender that it is here."""
        while True:
            kind, header, _ = await conversation.expect(Type.EPOCH, Type.SETUP, Type.FRAGMENT)
            if kind == Type.EPOCH:
                self.epochs[int(header["epoch"])] = header
                continue
            body = b""
            while len(body) < header["size"]:
                body += (await conversation.expect(Type.PIECE)).payload
            if kind == Type.SETUP:
                self.setup = body
                digest = digest_of(body).hex()
            else:
                described = {key: value for key, value in header.items() if key not in ("setup", "size", "digest")}
                song = Song(described, body, self.setup if header["setup"] else b"")
                digest = song.digest()
            if digest != header["digest"] or len(body) != header["size"]:
                await conversation.say_goodbye("protocol", "the digest is another")
            if kind == Type.FRAGMENT:
                break
        if song.name[0] not in self.epochs:
            await conversation.say_goodbye("protocol", "nobody knows that epoch")
        self.arrivals.append(song.name)
        self.songs[song.name] = song
        if confirm:
            await self.confirm(conversation, song.name)
        return song

    async def confirm(self, conversation: Conversation, name: Name) -> None:
        await conversation.send(Type.HAVE, {"epoch": str(name[0]), "ranges": [[name[1], name[1]]]})

    async def take_until(self, conversation: Conversation, name: Name) -> None:
        """Takes fragments up to that one."""
        while name not in self.songs:
            await self.take(conversation)
