"""A sender that was written from docs/protocol.md alone serves a real DiStreamerClient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, DiStreamerError, PeerError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.audio import Codec
from tests.support import independent_peer
from tests.support.independent_peer import Conversation
from tests.support.independent_sender import Course, Sender
from tests.support.independent_wire import Header, Message, Name, Scram, Song, Type, pack
from tests.support.input_context import input_context
from tests.support.module_table import DISTREAMER_CLIENT, NATIVE_WIRE, proves

pytestmark = pytest.mark.timeout(60)

LATER = Message(0, {"later": [1, {"x": None}], "scheme": "new"}, b"payload that nobody asked for")
TITLE = {"text": "Ä – 🎵", "url": ""}
MARKS = [{"offset": 7, "title": {"text": "Next", "url": "https://song.example"}}]


def described(epoch: int, **changed: Any) -> dict[int, Header]:
    fields = {
        "codec": "ogg",
        "clock_rate": 48_000,
        "sample_rate": 48_000,
        "channels": 2,
        "bitrate": 96_000,
        "content_type": "audio/ogg",
        "station": {"name": "Independent", "public": None},
        "legacy_fragment_bytes": 0,
    }
    return {epoch: {"epoch": str(epoch)} | fields | changed}


def song(epoch: int, number: int, setup: bytes = b"", size: int = 6_000, **changed: Any) -> Song:
    fields = {
        "epoch": str(epoch),
        "number": number,
        "start": (number - 1) * 48_000,
        "duration": 48_000,
        "captured_at": 1_763_900_000 + number,
        "title": TITLE if number % 3 else None,
        "title_marks": [] if number % 4 else MARKS,
        "discontinuity": number % 5 == 0,
    }
    return Song(fields | changed, f"{epoch} {number} ".encode() * size, setup)


def songs(epoch: int, first: int, last: int, setup: bytes = b"") -> list[Song]:
    return [song(epoch, number, setup, size=600) for number in range(first, last + 1)]


class Client:
    """The real thing."""

    def __init__(self, port: int, password: str = "") -> None:
        self.context = input_context()
        self.store = self.context.store
        settings = DiStreamerClientSettings(serverurl=f"http://127.0.0.1:{port}/", password=password)
        self.module = DiStreamerClient(settings, self.context)

    async def until(self, condition: Callable[[Store], bool]) -> None:
        changed = asyncio.Event()
        unsubscribe = self.store.subscribe(changed.set)
        while not condition(self.store):
            changed.clear()
            await changed.wait()
        unsubscribe()

    async def holds(self, sender: Sender) -> None:
        """Waits until everything that the sender has is here, and sees that it is the same."""
        await self.until(lambda store: len(store) >= len(sender.songs))
        for fragment in self.store:
            original = sender.songs[fragment.epoch, fragment.number]
            head = original.header
            assert (fragment.start, fragment.duration) == (head["start"], head["duration"])
            assert fragment.captured_at == head["captured_at"]
            assert (fragment.audio, fragment.setup) == (original.audio, original.setup)
            assert fragment.discontinuity == head["discontinuity"]
            title = {"text": fragment.title.text, "url": fragment.title.url} if fragment.title else None
            assert title == head["title"]
            marks = [
                {"offset": mark.offset, "title": {"text": mark.title.text, "url": mark.title.url}}
                for mark in fragment.title_marks
            ]
            assert marks == head["title_marks"]


@asynccontextmanager
async def receiving(port: int, password: str = "") -> AsyncIterator[Client]:
    """A client that its supervisor runs again whenever it ends with an error."""
    client = Client(port, password)

    async def supervise() -> None:
        while True:
            try:
                await client.module.run()
            except DiStreamerError as error:
                client.context.health.retrying(str(error))

    task = asyncio.create_task(supervise())
    try:
        yield client
    finally:
        if task.done():
            task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@proves(DISTREAMER_CLIENT, NATIVE_WIRE)
@pytest.mark.parametrize("password", ["", "secret", "grün & leise", "ﬁne gru\u0308n\u00a0\u00ad=,"])
async def test_everything_arrives_as_it_was_sent(password: str) -> None:
    sender = Sender(password)
    await sender.offer(*songs(2**63 - 1, 1, 20, b"OggS" * 1500), epochs=described(2**63 - 1))
    async with sender.listening() as port:
        async with receiving(port, password) as client:
            await client.holds(sender)
            await sender.offer(song(2**63 - 1, 21, b"OggS other", size=60_000))
            await client.holds(sender)
            [epoch] = client.store.epochs
            assert (epoch.info.format.codec, epoch.info.format.clock_rate) == (Codec.OGG, 48_000)
            assert (epoch.info.format.sample_rate, epoch.info.format.channels) == (48_000, 2)
            assert (epoch.info.format.bitrate, epoch.info.format.content_type) == (96_000, "audio/ogg")
            assert (epoch.info.station.name, epoch.info.station.public) == ("Independent", None)
        await sender.until(lambda: len(sender.goodbyes) > 0)
    [conversation] = sender.conversations
    assert conversation.peer["role"] == "receiver"
    assert conversation.peer["version"] == [3, 0]
    assert 1 <= len(conversation.peer["node"]) <= 64
    assert (sender.wants[0]["holdings"], sender.wants[0]["back_seconds"]) == ([], 30)
    assert [goodbye.code for goodbye in sender.goodbyes] == ["shutdown"]
    assert len(sender.sent) == 21


@pytest.mark.parametrize(("here", "there"), [("right", "wrong"), ("right", ""), ("", "right")])
async def test_another_password_is_refused(here: str, there: str) -> None:
    sender = Sender(here)
    async with sender.listening() as port:
        with pytest.raises(AuthenticationError, match="PASSWORD"):
            await Client(port, there).module.run()
        await sender.until(lambda: len(sender.goodbyes) >= 1)
    assert {goodbye.code for goodbye in sender.goodbyes} == {"authentication"}
    assert sender.goodbyes[0].mine == (here == "right")
    assert sender.wants == []


async def test_an_impostor_who_does_not_know_the_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scram, "server_final", lambda self: "v=" + "A" * 43 + "=")
    sender = Sender("secret")
    async with sender.listening() as port:
        with pytest.raises(AuthenticationError):
            await Client(port, "secret").module.run()
        await sender.until(lambda: len(sender.goodbyes) >= 1)
    assert (sender.goodbyes[0].code, sender.goodbyes[0].mine) == ("authentication", False)


@pytest.mark.parametrize("iterations", [4_095, 250_001, 2**40])
async def test_iterations_beyond_the_bounds_are_refused(iterations: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(independent_peer, "ITERATIONS", iterations)
    sender = Sender("secret")
    async with sender.listening() as port:
        with pytest.raises((AuthenticationError, PeerError)):
            await Client(port, "secret").module.run()
        await sender.until(lambda: len(sender.goodbyes) >= 1)
    assert (sender.goodbyes[0].code, sender.goodbyes[0].mine) == ("authentication", False)


async def test_a_second_epoch_and_another_description() -> None:
    sender = Sender()
    await sender.offer(*songs(9, 1, 5), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        await sender.offer(*songs(4, 1, 3, b"head"), epochs=described(4, codec="flac", clock_rate=44_100))
        await client.holds(sender)
        await sender.offer(song(4, 4), epochs=described(4, station={"name": "Another name"}))
        await client.holds(sender)
        assert [epoch.id for epoch in client.store.epochs] == [9, 4]
        assert client.store.epochs[1].info.format.codec is Codec.FLAC
        assert client.store.epochs[1].info.format.clock_rate == 44_100
        assert client.store.epochs[1].info.station.name == "Another name"
        assert client.module.links()[0].cuts == 0


async def test_an_unknown_codec_and_what_may_be_absent() -> None:
    sender = Sender()
    bare = {"epoch": "3", "codec": "next-codec", "clock_rate": 1, "content_type": "audio/x-next"}
    short = {"epoch": "3", "number": 1, "start": 0, "duration": 1, "captured_at": 1}
    await sender.offer(Song(short, b"x"), epochs={3: bare})
    async with sender.listening() as port, receiving(port) as client:
        await client.until(lambda store: len(store) == 1)
        [epoch] = client.store.epochs
        assert epoch.info.format.codec is Codec.OPAQUE
        assert (epoch.info.format.sample_rate, epoch.info.format.bitrate, epoch.info.station.name) == (0, 0, "")
        [fragment] = client.store
        assert (fragment.title, fragment.title_marks, fragment.setup) == (None, (), b"")
        assert not fragment.discontinuity


async def test_pings_come_and_are_answered() -> None:
    sender = Sender()
    await sender.offer(*songs(9, 1, 5), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        [conversation] = sender.conversations
        await sender.until(lambda: len(conversation.pings) >= 3)
    ids = [ping["id"] for ping in conversation.pings]
    assert len(set(ids)) == len(ids)
    assert conversation.pongs[:2] == [0, 1]
    assert conversation.pings[2]["buffer_seconds"] == 5
    assert conversation.pings[2].get("budget_seconds") is None


async def test_a_client_dials_again_when_the_sender_goes_silent() -> None:
    sender = Sender()
    await sender.offer(*songs(9, 1, 20), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        sender.conversations[0].silent = True
        await sender.offer(*songs(9, 21, 22))
        await client.holds(sender)
        assert client.store.duplicates == 0
        await sender.until(lambda: sender.conversations[0].over)
        assert [goodbye.code for goodbye in sender.goodbyes] == ["replaced"]
        assert client.module.links()[0].connected
    assert sender.wants[1]["holdings"] == [{"epoch": "9", "ranges": [[1, 20]]}]
    assert sender.conversations[0].peer["node"] == sender.conversations[1].peer["node"]
    again: set[Name] = {name for name in sender.sent if sender.sent.count(name) > 1}
    assert again <= {(9, 21), (9, 22)}


async def test_a_sender_that_is_silent_for_long_is_found_again() -> None:
    sender = Sender()
    await sender.offer(*songs(9, 1, 3), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        sender.silent = True
        sender.conversations[0].silent = True
        await sender.until(lambda: len(sender.conversations) >= 4)
        assert len(sender.wants) == 1
        sender.silent = False
        await sender.offer(*songs(9, 4, 6))
        await client.holds(sender)
        assert client.store.duplicates == 0
        assert sender.wants[-1]["holdings"] == [{"epoch": "9", "ranges": [[1, 3]]}]


async def test_a_newer_minor_version_is_welcome() -> None:
    sender = Sender("secret", version=(3, 4), extra=LATER)
    await sender.offer(*songs(9, 1, 5), epochs=described(9))
    async with sender.listening() as port, receiving(port, "secret") as client:
        await client.holds(sender)
        await sender.conversations[0].send(0x7F, {"what": "ever"})
        await sender.offer(*songs(9, 6, 8, b"head"))
        await client.holds(sender)
        assert client.module.links()[0].cuts == 0


async def test_another_major_version_is_refused() -> None:
    sender = Sender(version=(4, 0))
    async with sender.listening() as port:
        with pytest.raises(PeerError, match="4"):
            await Client(port).module.run()
        await sender.until(lambda: len(sender.goodbyes) >= 1)
    assert (sender.goodbyes[0].code, sender.goodbyes[0].mine) == ("version", False)


def piece(data: bytes) -> Message:
    return Message(Type.PIECE, {}, data)


def announced(whole: Song, **changed: Any) -> Message:
    return Message(Type.FRAGMENT, whole.announcement() | changed)


EPOCH = Message(Type.EPOCH, described(9)[9])
SHORT = song(9, 1, size=2)
UNSORTED = song(9, 1, size=4, title_marks=[MARKS[0] | {"offset": 9}, *MARKS])
BEYOND = song(9, 1, size=1, title_marks=MARKS)


@dataclass
class Breaking(Sender):
    """Says ``breach`` in its first conversation, where a fragment is due."""

    breach: list[bytes] = field(default_factory=list)

    async def send_song(self, conversation: Conversation, course: Course, song: Song) -> None:
        if len(self.conversations) == 1:
            for message in self.breach:
                await conversation.send_raw(message)
            await asyncio.Event().wait()
        await super().send_song(conversation, course, song)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([EPOCH, announced(SHORT, digest="0" * 32), piece(SHORT.audio)], "protocol"),
        ([EPOCH, announced(SHORT), piece(SHORT.audio + b"x")], "protocol"),
        ([EPOCH, announced(SHORT), piece(b"")], "protocol"),
        ([EPOCH, announced(replace(SHORT, audio=bytes(5000))), piece(bytes(4097))], "protocol"),
        ([EPOCH, announced(SHORT), EPOCH], "protocol"),
        ([EPOCH, announced(SHORT, size=0)], "protocol"),
        ([EPOCH, announced(SHORT, size=2_097_153)], "protocol"),
        ([EPOCH, announced(SHORT, setup=True), piece(SHORT.audio)], "protocol"),
        ([EPOCH, announced(song(9, 0, start=0))], "protocol"),
        ([EPOCH, announced(SHORT, duration=0)], "protocol"),
        ([EPOCH, announced(SHORT, captured_at="1")], "protocol"),
        ([EPOCH, announced(SHORT, title={"text": "x" * 1025})], "protocol"),
        ([EPOCH, announced(SHORT, title_marks=MARKS * 17)], "protocol"),
        ([EPOCH, announced(UNSORTED), piece(UNSORTED.audio)], "protocol"),
        ([EPOCH, announced(BEYOND), piece(BEYOND.audio)], "protocol"),
        ([Message(Type.EPOCH, described(9, clock_rate=0)[9])], "protocol"),
        ([Message(Type.EPOCH, described(9, station={"public": 1})[9])], "protocol"),
        ([Message(Type.EPOCH, described(9)[9] | {"epoch": "-1"})], "protocol"),
        ([announced(SHORT), piece(SHORT.audio)], "protocol"),
        ([piece(b"x")], "protocol"),
        ([Message(Type.SETUP, {"size": 1_048_577, "digest": "0" * 32})], "protocol"),
        ([Message(Type.WANT, {})], "protocol"),
        ([Message(0x80, {})], "unsupported"),
        ([EPOCH, announced(SHORT), Message(0x80, {})], "unsupported"),
    ],
)
async def test_a_sender_that_breaks_a_rule_is_told_and_nothing_bad_is_kept(messages: list[Message], code: str) -> None:
    sender = Breaking(breach=[pack(message) for message in messages])
    await sender.offer(*songs(9, 1, 3), epochs=described(9))
    async with sender.listening() as port:
        client = Client(port)
        with pytest.raises(PeerError):
            await client.module.run()
        await sender.until(lambda: len(sender.goodbyes) > 0)
        assert len(client.store) == 0
    assert [(goodbye.code, goodbye.mine) for goodbye in sender.goodbyes] == [(code, False)]


async def test_a_text_that_is_no_unicode_breaks_a_rule() -> None:
    head = pack(announced(SHORT, title={"text": "surrogate"})).replace(b"surrogate", b"\\ud800...")
    sender = Breaking(breach=[pack(EPOCH), head, pack(piece(SHORT.audio))])
    await sender.offer(*songs(9, 1, 3), epochs=described(9))
    async with sender.listening() as port:
        with pytest.raises(PeerError):
            await Client(port).module.run()
        await sender.until(lambda: len(sender.goodbyes) > 0)
    assert (sender.goodbyes[0].code, sender.goodbyes[0].mine) == ("protocol", False)


async def test_after_a_wrong_digest_the_next_conversation_asks_again() -> None:
    first = song(9, 1)
    sender = Breaking(breach=[pack(EPOCH), pack(announced(SHORT, digest="0" * 32)), pack(piece(SHORT.audio))])
    await sender.offer(first, *songs(9, 2, 3), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        assert client.store.duplicates == 0
    assert sender.wants[1]["holdings"] == []


@pytest.mark.parametrize("code", ["busy", "shutdown", "spare", "a code of a later version"])
async def test_after_a_goodbye_the_client_dials_again(code: str) -> None:
    class Parting(Sender):
        async def send_song(self, conversation: Conversation, course: Course, song: Song) -> None:
            if len(self.conversations) == 1 and song.name == (9, 2):
                await conversation.send(Type.GOODBYE, {"code": code, "reason": "tea"})
                await asyncio.Event().wait()
            await super().send_song(conversation, course, song)

    sender = Parting()
    await sender.offer(*songs(9, 1, 3), epochs=described(9))
    async with sender.listening() as port, receiving(port) as client:
        await client.holds(sender)
        assert client.store.duplicates == 0
        assert sender.wants[1]["holdings"] == [{"epoch": "9", "ranges": [[1, 1]]}]
