"""A receiver that was written from docs/protocol.md alone takes the programme from a real DiStreamerServer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.model.fragment import Fragment
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.transport.relay import Relay
from tests.support.independent_carriers import WebSocketCarrier
from tests.support.independent_peer import CarrierLost, Conversation, Goodbye, Receiver
from tests.support.independent_wire import Header, Message, Name, Scram, Song, Type, attributes, digest_of, pack, unpack
from tests.support.module_table import DISTREAMER_SERVER, NATIVE_WIRE, proves
from tests.support.native_network import output_context
from tests.support.native_programme import INFO, fill, fragment

pytestmark = pytest.mark.timeout(60)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "protocol-vectors.json").read_text("utf-8"))
LATER = Message(0, {"later": [1, {"x": None}], "scheme": "new"}, b"payload that nobody asked for")


@asynccontextmanager
async def serving(store: Store, password: str = "") -> AsyncIterator[int]:
    """A DiStreamerServer with that programme; gives its port."""
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, password=password)
    server = DiStreamerServer(settings, output_context(store))
    task = asyncio.create_task(server.run())
    while server.address is None:
        await asyncio.sleep(0)
        assert not task.done()
    try:
        yield server.address[1]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def filled(last: int, epoch: int = 5, size: int = 5000) -> Store:
    store = Store()
    fill(store, epoch, 1, last, size)
    return store


def same(song: Song, original: Fragment) -> bool:
    """Whether nothing was changed on the way."""

    def said(title: Any) -> tuple[str, str] | None:
        return title and (title["text"], title.get("url", ""))

    head = song.header
    marks = [(mark["offset"], said(mark["title"])) for mark in head.get("title_marks", [])]
    return (
        song.name == (original.epoch, original.number)
        and (head["start"], head["duration"]) == (original.start, original.duration)
        and head["captured_at"] == original.captured_at
        and said(head.get("title")) == (original.title and (original.title.text, original.title.url))
        and marks == [(mark.offset, (mark.title.text, mark.title.url)) for mark in original.title_marks]
        and head.get("discontinuity", False) == original.discontinuity
        and (song.audio, song.setup) == (original.audio, original.setup)
    )


async def farewell(conversation: Conversation) -> Goodbye:
    """The goodbye of the other side, whatever comes before it."""
    try:
        while True:
            await conversation.receive()
    except Goodbye as goodbye:
        if goodbye.mine:
            raise
        return goodbye


async def answered_ping(conversation: Conversation, number: int) -> None:
    """Waits for the answer to a ping, taking nothing of the programme."""
    await conversation.send(Type.PING, {"id": number})
    while number not in conversation.pongs:
        assert await conversation.hear() is None


# -- the golden vectors


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["name"])
def test_the_vectors_are_what_the_document_says(vector: dict[str, Any]) -> None:
    message = unpack(bytes.fromhex(vector["message"]))
    assert message == Message(Type[vector["type"].upper()], vector["header"], bytes.fromhex(vector["payload"]))
    assert pack(message).hex() == vector["message"]


def test_the_digests_of_the_vectors_are_what_the_document_says() -> None:
    vectors = {vector["name"]: vector for vector in VECTORS["messages"]}

    def payload(name: str) -> bytes:
        return bytes.fromhex(vectors[name]["payload"])

    setup = payload("piece of the setup")
    plain = Song(vectors["fragment"]["header"], payload("its piece"))
    headed = Song(vectors["fragment with set-up headers"]["header"], payload("piece of that fragment"), setup)
    assert digest_of(setup).hex() == vectors["setup"]["header"]["digest"]
    assert plain.digest() == plain.header["digest"]
    assert headed.digest() == headed.header["digest"]


def test_the_scram_vector_is_what_the_document_says() -> None:
    given = VECTORS["scram"]
    nonce = attributes(given["server_first"])["r"]
    scram = Scram(
        given["password"], given["client_first"].removeprefix("n,,"), given["server_first"], f"c=biws,r={nonce}"
    )
    assert (scram.client_final(), scram.server_final()) == (given["client_final"], given["server_final"])


# -- the programme


@proves(DISTREAMER_SERVER, NATIVE_WIRE)
@pytest.mark.parametrize("password", ["", "secret", "grün & leise", "ﬁne gru\u0308n\u00a0\u00ad=,"])
async def test_everything_arrives_as_it_was(password: str) -> None:
    store = filled(20)
    async with serving(store, password) as port:
        receiver = Receiver(password)
        async with receiver.dial(port) as conversation:
            assert conversation.peer["version"] == [3, 0]
            await receiver.want(conversation)
            await receiver.take_until(conversation, (5, 20))
            assert len(store) == 20
            assert all(map(same, receiver.songs.values(), store))
            fill(store, 5, 21, 23, size=100_000)
            await receiver.take_until(conversation, (5, 23))
    assert receiver.arrivals == [(5, number) for number in range(1, 24)]
    described = receiver.epochs[5]
    assert described["codec"] == INFO.format.codec.value
    assert (described["clock_rate"], described["sample_rate"], described["channels"]) == (1000, 44100, 2)
    assert (described["profile"], described["bitrate"]) == ("MPEG-1 layer III", 128000)
    assert described["content_type"] == "audio/mpeg"
    assert described["station"]["name"] == "Radio Söndag"
    assert described["station"]["public"] is True
    assert (described["first"], described["last"]) == (1, 20)


@pytest.mark.parametrize(("here", "there"), [("wrong", "right"), ("", "right")])
async def test_another_password_is_refused(here: str, there: str) -> None:
    async with serving(filled(3), there) as port:
        with pytest.raises(Goodbye) as caught:
            async with Receiver(here).dial(port):
                pass
    assert (caught.value.code, caught.value.mine) == ("authentication", False)


async def test_a_server_without_a_password_is_refused_by_who_has_one() -> None:
    async with serving(filled(3)) as port:
        with pytest.raises(Goodbye) as caught:
            async with Receiver("secret").dial(port):
                pass
    assert (caught.value.code, caught.value.mine) == ("authentication", True)


async def test_after_a_cut_nothing_that_is_held_comes_again() -> None:
    store = filled(30, size=20_000)
    async with serving(store) as port, Relay("127.0.0.1", port) as relay:
        receiver = Receiver()
        for last, fail in ((7, relay.refuse), (19, relay.drop_connections)):
            async with receiver.dial(relay.port) as conversation:
                await receiver.want(conversation, back=5 if receiver.songs else 300)
                await receiver.take_until(conversation, (5, last))
                fail()
                with pytest.raises((CarrierLost, Goodbye)):
                    await receiver.take_until(conversation, (5, 30))
                relay.restore()
        async with receiver.dial(relay.port) as conversation:
            await receiver.want(conversation, back=5)
            await receiver.take_until(conversation, (5, 30))
            await answered_ping(conversation, 1000)
    assert receiver.arrivals == [(5, number) for number in range(1, 31)]


async def test_epochs_set_up_headers_and_descriptions_come_before_what_they_belong_to() -> None:
    store = filled(2, epoch=5)
    store.open_epoch(2**63 - 1, INFO)
    headers = [b"OggS one", b"OggS one", b"OggS two" * 600, b""]
    for number, setup in enumerate(headers, start=1):
        store.add(fragment(2**63 - 1, number, setup=setup))
    async with serving(store) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            await receiver.take_until(conversation, (2**63 - 1, 4))
            store.describe(2**63 - 1, replace(INFO.station, name="Another name"))
            store.add(fragment(2**63 - 1, 5))
            await receiver.take_until(conversation, (2**63 - 1, 5))
    assert list(receiver.epochs) == [5, 2**63 - 1]
    assert [song.setup for song in receiver.songs.values()] == [b"", b"", *headers, b""]
    assert receiver.epochs[2**63 - 1]["station"]["name"] == "Another name"
    assert receiver.epochs[5]["station"]["name"] == "Radio Söndag"


@pytest.mark.parametrize(
    ("held", "back", "resume", "wanted"),
    [
        ([], 5, 300, range(15, 21)),
        ([], 0, 0, range(20, 21)),
        ([[1, 10]], 5, 300, range(11, 21)),
        ([[1, 3]], 5, 8, range(12, 21)),
        ([[1, 3], [5, 16], [18, 18]], 5, 300, [17, 19, 20]),
        ([[1, 3], [5, 16]], 300, 0, [4, 17, 18, 19, 20]),
        ([[1, 2], [3, 8]], 5, 300, range(9, 21)),
        ([[30, 40]], 5, 300, range(1, 21)),
        ([[30, 40]], 5, 9, range(11, 21)),
    ],
)
async def test_what_is_wanted(held: list[list[int]], back: float, resume: float, wanted: Iterable[int]) -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            holdings = [{"epoch": "5", "ranges": held}] if held else []
            want = {"holdings": holdings, "back_seconds": back, "resume_seconds": resume}
            await conversation.send(Type.WANT, want)
            for number in wanted:
                assert (await receiver.take(conversation)).name == (5, number)
            await answered_ping(conversation, 1000)


@pytest.mark.parametrize(
    ("held", "arrivals"),
    [
        ([(6, 2)], [(6, 1), (6, 3), (7, 1), (7, 2), (7, 3)]),
        ([(8, 2), (7, 2)], [(8, 1), (8, 3), (7, 1), (7, 3)]),
        ([(9, 2)], [(8, 1), (8, 2), (8, 3), (6, 1), (6, 2), (6, 3), (7, 1), (7, 2), (7, 3)]),
    ],
)
async def test_no_epoch_is_begun_that_lies_before_one_that_is_there(held: list[Name], arrivals: list[Name]) -> None:
    store = filled(3, epoch=8)
    fill(store, 6, 1, 3)
    fill(store, 7, 1, 3)
    async with serving(store) as port:
        receiver = Receiver()
        receiver.epochs = {epoch: {} for epoch, _ in held}
        receiver.songs = {name: Song({}, b"") for name in held}
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            for name in arrivals:
                assert (await receiver.take(conversation)).name == name
            await answered_ping(conversation, 1000)


@pytest.mark.parametrize(("size", "at_once"), [(1000, 8), (100_000, 3), (262_144, 1)])
async def test_no_more_is_on_its_way_than_the_window(size: int, at_once: int) -> None:
    async with serving(filled(20, size=size)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            for _ in range(at_once):
                await receiver.take(conversation, confirm=False)
            await answered_ping(conversation, 1000)
            await conversation.send(Type.HAVE, {"epoch": "5", "ranges": [[1, at_once]]})
            await receiver.take_until(conversation, (5, 20))
    assert len(receiver.arrivals) == 20


async def test_another_want_replaces_the_one_before_and_what_is_on_its_way_is_not_sent_again() -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation, back=2)
            for _ in range(3):
                await receiver.take(conversation, confirm=False)
            receiver.songs = {(5, 2): Song({}, b"")}
            await receiver.want(conversation)
            while (5, 17) not in receiver.songs:
                await receiver.take(conversation)
            await answered_ping(conversation, 1000)
    assert receiver.arrivals == [(5, number) for number in (18, 19, 20, 1, *range(3, 18))]


# -- versions, signs of life, goodbyes


async def test_a_newer_minor_version_is_welcome() -> None:
    async with serving(filled(20), "secret") as port:
        receiver = Receiver("secret", version=(3, 9), extra=LATER)
        async with receiver.dial(port) as conversation:
            await conversation.send(0x41, {"x": 1})
            await receiver.want(conversation)
            await conversation.send(0x7F, {})
            await receiver.take_until(conversation, (5, 10))
            await conversation.send(0x08, {})
            await receiver.take_until(conversation, (5, 20))
            assert conversation.peer["version"] == [3, 0]
    assert len(receiver.arrivals) == 20


@pytest.mark.parametrize("extra", [Message(0, {}), LATER])
async def test_another_major_version_is_refused(extra: Message) -> None:
    async with serving(filled(3)) as port:
        with pytest.raises(Goodbye) as caught:
            async with Receiver(version=(4, 0), extra=extra).dial(port):
                pass
    assert (caught.value.code, caught.value.mine) == ("version", False)
    assert "4" in caught.value.reason
    assert "3" in caught.value.reason


async def test_pings_are_answered_and_name_the_newest() -> None:
    store = filled(4)
    async with serving(store) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            await receiver.take_until(conversation, (5, 4))
            await answered_ping(conversation, 2**53 - 1)
            heard = len(conversation.pings)
            while len(conversation.pings) < heard + 2:
                assert await conversation.hear() is None
    assert conversation.pings[-1]["newest"] == {"epoch": "5", "number": 4}


async def test_a_receiver_that_is_silent_is_told_so() -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            conversation.silent = True
            assert (await farewell(conversation)).code == "silence"


async def test_a_want_on_a_new_carrier_replaces_the_old_one() -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as old:
            await receiver.want(old)
            await receiver.take_until(old, (5, 3))
            async with receiver.dial(port) as new:
                await receiver.want(new)
                assert (await farewell(old)).code == "replaced"
                await receiver.take_until(new, (5, 20))
    assert len(receiver.arrivals) == 20


async def test_a_server_that_ends_says_so() -> None:
    async with AsyncExitStack() as life:
        port = await life.enter_async_context(serving(filled(3)))
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            await receiver.take_until(conversation, (5, 3))
            leaving = asyncio.create_task(life.aclose())
            assert (await farewell(conversation)).code == "shutdown"
            await leaving


async def test_a_sender_is_not_accepted_by_a_sender() -> None:
    async with serving(filled(3)) as port:
        receiver = Receiver(extra=Message(0, {"role": "sender"}))
        with pytest.raises(Goodbye) as caught:
            async with receiver.dial(port):
                pass
    assert (caught.value.code, caught.value.mine) == ("role", False)


def want(**changed: Any) -> bytes:
    fields: Header = {"holdings": [], "back_seconds": 300, "resume_seconds": 300}
    return pack(Message(Type.WANT, fields | changed))


def holding(*ranges: list[int]) -> bytes:
    return want(holdings=[{"epoch": "1", "ranges": list(ranges)}])


@pytest.mark.parametrize(
    "data",
    [
        *[bytes.fromhex(vector["message"]) for vector in VECTORS["errors"] if vector["code"] == "protocol"],
        pack(Message(Type.HELLO, {"version": [3, 0], "role": "receiver", "node": "a", "agent": ""})),
        pack(Message(Type.EPOCH, {})),
        pack(Message(Type.PIECE, {}, b"x")),
        pack(Message(Type.PING, {"id": 2**53})),
        pack(Message(Type.PING, {"id": True})),
        pack(Message(Type.PING, {"id": 1.5})),
        b"\x06\x00\x0a" + b'{"id":NaN}',
        b"\x06\x00\x09" + b'{"id":"\xff',
        pack(Message(Type.PING, {"id": 1, "x": "x" * 32_768})),
        want(back_seconds=86_401),
        want(resume_seconds=-1),
        want(holdings=[{"epoch": str(epoch), "ranges": []} for epoch in range(17)]),
        holding(*([2 * number, 2 * number] for number in range(1, 258))),
        holding([3, 4], [1, 2]),
        holding([4, 3]),
        pack(Message(Type.HAVE, {"epoch": "05", "ranges": [[1, 1]]})),
        pack(Message(Type.HAVE, {"epoch": str(2**63), "ranges": [[1, 1]]})),
    ],
)
async def test_who_breaks_a_rule_is_told(data: bytes) -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.want(conversation)
            await conversation.send_raw(data)
            assert (await farewell(conversation)).code == "protocol"


@pytest.mark.parametrize("kind", [0x80, 0xC1, 0xFF])
async def test_a_message_that_must_be_understood_is_refused(kind: int) -> None:
    async with serving(filled(20)) as port, Receiver().dial(port) as conversation:
        await conversation.send(kind, {})
        assert (await farewell(conversation)).code == "unsupported"


async def test_a_have_before_a_want_breaks_a_rule() -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await receiver.confirm(conversation, (5, 1))
            assert (await farewell(conversation)).code == "protocol"


async def test_what_is_no_message_at_all_ends_the_carrier() -> None:
    async with serving(filled(20)) as port:
        async with Receiver().dial(port) as conversation:
            assert isinstance(conversation.carrier, WebSocketCarrier)
            await conversation.carrier.websocket.send_str("hello")
            with pytest.raises((CarrierLost, Goodbye)):
                await conversation.receive()
        async with Receiver().dial(port) as conversation:
            await conversation.send(Type.PING, {"id": 1}, bytes(65_536))
            with pytest.raises((CarrierLost, Goodbye)):
                await conversation.receive()


async def test_what_nobody_asked_for_is_ignored() -> None:
    async with serving(filled(20)) as port:
        receiver = Receiver()
        async with receiver.dial(port) as conversation:
            await conversation.send(Type.PONG, {"id": 12345})
            await receiver.want(conversation)
            await receiver.confirm(conversation, (5, 17))
            await receiver.confirm(conversation, (77, 1))
            await receiver.take_until(conversation, (5, 20))
    assert receiver.arrivals == [(5, number) for number in range(1, 21)]
