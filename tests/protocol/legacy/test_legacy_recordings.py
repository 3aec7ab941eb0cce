"""The recordings of DiStreamer 2, replayed against each of our roles."""

from __future__ import annotations

import re

import pytest

from distreamer.media.auto import AutoFramer
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.http1 import RequestReader
from distreamer.protocol.icy import encode_metadata, parse_metadata
from distreamer.protocol.legacy.listing import Listing, encode_listing, parse_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.persistent import (
    ListMessage,
    NumberedFragment,
    OggHeader,
    PersistentMessage,
    accepting_line,
    opening_request,
    password_line,
    read_answer,
    read_opening,
)
from distreamer.protocol.legacy.polling import (
    Push,
    answer_get,
    answer_held_list,
    get_request,
    post_request,
    read_push,
    read_target,
    take_push,
)
from distreamer.protocol.legacy.renderer import FragmentRenderer, Rendering
from distreamer.protocol.legacy.rounds import RoundWriter, message
from distreamer.protocol.legacy.schedules import (
    AskList,
    PullSchedule,
    PushFragment,
    PushList,
    PushRequest,
    PushSchedule,
)
from tests.protocol.legacy.reception import Received
from tests.protocol.legacy.recordings import FRAGMENT_SIZE, PASSWORD, connections, fragments_of, pushed_messages

PERSISTENT = ("pers", "persrev", "ogg-pers")
MP3 = StreamInfo(AudioFormat(Codec.MPEG, 48_000, 48_000, 2), Station("Capture FM"))
OGG = StreamInfo(AudioFormat(Codec.VORBIS, 44_100, 44_100, 2), Station("Ogg FM"))
HEADERS = {"icy-genre": "Test", "icy-br": "128", "icy-name": "Capture FM", "Content-Type": "audio/mpeg"}


def lists_of(name: str) -> list[bytes]:
    """The lists of a recording as they went over the wire."""
    wire = b"".join(connection.server + connection.client for connection in connections(name))
    return re.findall(rb'\{"fragmentslist".*?"sourcegen": \d+\}', wire)


@pytest.mark.parametrize("name", ["poll", "pers", "rev", "persrev", "ogg-pers"])
def test_lists_are_written_as_they_were_read(name: str) -> None:
    lists = lists_of(name)
    assert len(lists) > 8
    for data in lists:
        assert encode_listing(parse_listing(data)) == data


# -- persistent


def receive(parser: FragmentParser, received: Received, item: PersistentMessage) -> None:
    if isinstance(item, NumberedFragment):
        parser.take_fragment(item.number, item.data)
    elif isinstance(item, OggHeader):
        parser.take_ogg_header(item.data)
    elif isinstance(item, ListMessage):
        parser.take_list(item.listing)
    received.take(parser)


def received_from(name: str) -> tuple[FragmentParser, Received]:
    parser, received = FragmentParser(list_closes_round=True), Received()
    for item in pushed_messages(name):
        receive(parser, received, item)
    return parser, received


def test_the_openings_are_those_of_the_recordings() -> None:
    assert opening_request("", PASSWORD, ()) == connections("pers")[0].client
    assert opening_request("", "", ()) == connections("ogg-pers")[0].client
    assert connections("persrev")[0].client.startswith(password_line(PASSWORD))
    assert accepting_line(()) == connections("persrev")[0].server
    assert read_answer(connections("persrev")[0].server.strip()) == ()
    head = RequestReader().receive_data(connections("pers")[0].client)
    assert head is not None
    opening = read_opening(head.target)
    assert (opening.password, opening.holdings) == (b"pw", ())


@pytest.mark.parametrize("name", PERSISTENT)
def test_what_the_persistent_sender_said_is_heard(name: str) -> None:
    parser, received = received_from(name)
    fragments = fragments_of(name)
    assert received.gaps == []
    assert (parser.duplicates, parser.dropped) == (0, 0)
    (place, source), *others = received.sources
    assert (place, others) == (0, [])
    assert source.headers.get("ICY-NAME") == ("Ogg FM" if name == "ogg-pers" else "Capture FM")
    assert parser.holdings == tuple(sorted(fragments)[-5:])
    frames = AutoFramer(source.headers.get("content-type")).feed(bytes(received.audio))
    if name == "ogg-pers":
        texts = [re.sub(r" \{[\d.]+\}", "", title.text) for _, title in received.titles]
        assert texts == ["Artist - First"] * 3 + ["Artist - Second"] * 2
        assert {frame.format.codec for frame in frames} == {Codec.VORBIS}
    else:
        assert [title.text for _, title in received.titles] == ["Song 2", "Song 3", "Song 4"]
        # The first fragment begins in the middle of a frame, and the last ends there.
        positions = [frame.position for frame in frames]
        assert all(a.position + len(a.data) == b for a, b in zip(frames, positions[1:], strict=False))
        assert positions[0] < 2_000


@pytest.mark.parametrize("name", PERSISTENT)
def test_the_round_writer_says_what_the_persistent_sender_said(name: str) -> None:
    """Where the recorded sender had the same store, round by round; every byte of it."""
    held: dict[int, bytes] = {}
    header = b""
    wire, writer = b"", RoundWriter()
    for item in pushed_messages(name):
        if isinstance(item, NumberedFragment):
            held[item.number] = item.data
        elif isinstance(item, OggHeader):
            header = item.data
        elif isinstance(item, ListMessage):
            held = {number: held[number] for number in item.listing.fragmentslist}
            rendering = Rendering(item.listing, held, header, encode_listing(item.listing))
            wire += b"".join(writer.round(rendering))
    (connection,) = connections(name)
    recorded = connection.client.removeprefix(b"pw\r\n") if name == "persrev" else connection.server
    assert recorded == wire
    assert writer.missed == 0
    assert writer.sent == len(fragments_of(name))


# -- the renderer gives the recorded fragments again


def rendered_from(
    audio: bytes, titles: list[tuple[int, Title]], info: StreamInfo, setup: bytes = b"", piece: int = 5_000
) -> list[Rendering]:
    """The stores behind each of our fragments, which are cut at any place."""
    renderer = FragmentRenderer(FRAGMENT_SIZE, 5, 8_192)
    title: Title | None = None
    stores = []
    for number, start in enumerate(range(0, len(audio), piece), 1):
        inside = [(place - start, item) for place, item in titles if start <= place < start + piece]
        marks = tuple(TitleMark(place, item) for place, item in inside if place)
        if inside and not inside[0][0]:
            title = inside[0][1]
        data = audio[start : start + piece]
        renderer.add(info, Fragment(1, number, start, len(data), data, 0.0, title, marks, setup))
        title = marks[-1].title if marks else title
        stores.append(renderer.rendering())
    return stores


def check_against(name: str, stores: list[Rendering]) -> None:
    """Every fragment, its offsets and every title of the recording come out again."""
    rendered = {number: data for store in stores for number, data in store.fragments.items()}
    offsets = {number: found for store in stores for number, found in store.listing.icylist.items()}
    recorded = fragments_of(name)
    complete = {number: data for number, data in recorded.items() if number in rendered}
    assert len(complete) >= len(recorded) - 1
    for number, data in complete.items():
        assert rendered[number] == data
    lists = [item.listing for item in pushed_messages(name) if isinstance(item, ListMessage)]
    for listing in lists:
        for number in listing.fragmentslist:
            assert offsets.get(number) == listing.icylist[number] or number not in complete
    # The newest title may be in the fragment that was not full when the recording ended.
    titles = {item.icytitle for item in lists} - {lists[-1].icytitle}
    assert titles <= {store.listing.icytitle for store in stores}
    assert len(titles) > 1


def title_places(name: str, first_block: int) -> list[tuple[int, Title]]:
    """The titles in the fragments of a recording, each with the bytes of audio in front of its block, found by
    counting from ``first_block`` on."""
    stream = b"".join(fragments_of(name).values())
    found, place, audio = [], first_block, first_block
    while place < len(stream):
        size = 16 * stream[place]
        if title := parse_metadata(stream[place + 1 : place + 1 + size]):
            found.append((audio, title))
        place += 1 + size + 8_192
        audio += 8_192
    return found


@pytest.mark.parametrize("name", ["pers", "persrev"])
def test_the_renderer_gives_the_recorded_mp3_fragments_again(name: str) -> None:
    """The recordings begin in the middle. By the place of the first block two titles of two units were in front of it:
    so much silence with two such titles gives the recorded alignment."""
    _, received = received_from(name)
    first = min(fragments_of(name))
    listing = next(item.listing for item in pushed_messages(name) if isinstance(item, ListMessage))
    until_block = listing.icylist[first][0]
    blocks, titles_in_front = divmod((first - 1) * FRAGMENT_SIZE + until_block - 8_192, 8_193)
    assert titles_in_front == 2 * 2 * 16
    in_front = 8_192 * (blocks + 1) - until_block
    titles = [(0, Title("Song 0")), (20_000, Title("Song 1"))]
    titles += [(in_front + place, title) for place, title in title_places(name, until_block)]
    assert [title.text for _, title in titles] == ["Song 0", "Song 1", "Song 2", "Song 3", "Song 4"]
    check_against(name, rendered_from(bytes(in_front) + bytes(received.audio), titles, MP3))


def test_the_renderer_gives_the_recorded_ogg_fragments_again() -> None:
    _, received = received_from("ogg-pers")
    (header,) = (item.data for item in pushed_messages("ogg-pers") if isinstance(item, OggHeader))
    audio = bytes(received.audio).removeprefix(header)
    assert audio.startswith(b"OggS")
    # Titles come beside it from the first block on, so the stream has metadata from its beginning.
    stores = rendered_from(audio, title_places("ogg-pers", 8_192), OGG, header, piece=8_500)
    assert {store.listing.sourcegen for store in stores} == {1}
    assert {store.listing.icyint for store in stores} == {8_192}
    assert {store.ogg_header for store in stores} == {header}
    check_against("ogg-pers", stores)


# -- polling


def test_the_polling_client_asks_what_the_recorded_client_asked() -> None:
    recorded = connections("poll")
    parser, received = FragmentParser(list_closes_round=False), Received()
    schedule = PullSchedule(parser, recorded[0].began, interval=2.0)
    for connection in recorded:
        request = schedule.next_request(connection.began)
        assert request is not None
        subject = "list" if isinstance(request, AskList) else request.number
        assert get_request("127.0.0.1:9407", "", subject, PASSWORD) == connection.client
        answer = connection.answer
        schedule.answered(request, answer.status, answer.body, connection.answered)
        received.take(parser)
    assert received.gaps == []
    assert len(received.sources) == 1
    assert [title.text for _, title in received.titles] == ["Song 1", "Song 2", "Song 3", "Song 4"]
    assert parser.holdings == (26, 27, 28, 29, 30)
    # What both recordings hold is the same stream.
    _, persistent = received_from("pers")
    assert bytes(persistent.audio[:200_000]) in received.audio


def test_the_polling_server_answers_as_the_recorded_server() -> None:
    held: dict[int, bytes] = {}
    for connection in connections("poll"):
        if connection.answer.status == 200 and "/list/" not in connection.request_line:
            held[int(connection.request_line.split("/")[1])] = connection.answer.body
    rendering = Rendering()
    statuses = []
    for connection in connections("poll"):
        head = RequestReader().receive_data(connection.client)
        assert head is not None
        subject = read_target(head.target)
        assert subject.password == PASSWORD.encode()
        if subject.name == "list":
            listing = parse_listing(connection.answer.body)
            there = {number: held[number] for number in listing.fragmentslist if number in held}
            rendering = Rendering(listing, there | {13: held[13]}, b"", encode_listing(listing))
        answer = answer_get(subject, rendering)
        statuses.append(answer.status)
        assert (answer.status, answer.body) == (connection.answer.status, connection.answer.body)
        sent = answer.encode(head.method)
        status_line, _, fields = connection.server.partition(b"\r\n\r\n")[0].partition(b"\r\n")
        assert sent.startswith(status_line + b"\r\n")
        # All fields that a client reads; the date and Python's name are left out.
        for line in sent.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
            assert line in fields.split(b"\r\n")
    assert statuses.count(404) == 1


def test_the_pushing_client_sends_what_the_recorded_client_sent() -> None:
    recorded = connections("rev")
    bodies = {
        int(connection.request_line.split("/")[1]): connection.pushed
        for connection in recorded
        if re.match(r"POST /\d", connection.request_line)
    }
    stores = [
        Rendering(listing, {number: bodies[number] for number in listing.fragmentslist}, b"", connection.pushed)
        for connection in recorded
        if connection.request_line.startswith("POST /list")
        for listing in [parse_listing(connection.pushed)]
    ]
    schedule = PushSchedule(recorded[0].began, interval=2.0)
    rounds = -1
    for connection in recorded:
        rounds += connection.request_line.startswith("GET")
        rendering = stores[rounds]
        request: PushRequest | None = schedule.next_request(rendering, connection.began)
        assert request is not None
        assert encoded(request) == connection.client
        answer = connection.answer
        schedule.answered(request, answer.status, answer.body, rendering, connection.answered)
    assert rounds == len(stores) - 1 == 8
    assert schedule.next_request(stores[-1], recorded[-1].answered) is None


def encoded(request: PushRequest) -> bytes:
    if isinstance(request, PushFragment):
        return post_request("127.0.0.1:9425", "", request.number, PASSWORD, request.data)
    if isinstance(request, PushList):
        return post_request("127.0.0.1:9425", "", "list", PASSWORD, request.encoded)
    return get_request("127.0.0.1:9425", "", "list", PASSWORD)


def test_the_pushed_server_answers_as_the_recorded_server() -> None:
    parser, received = FragmentParser(list_closes_round=False), Received()
    for connection in connections("rev"):
        head = RequestReader().receive_data(connection.client)
        assert head is not None
        subject = read_target(head.target)
        if head.method == "GET":
            answer = answer_held_list(subject, parser)
        else:
            push = read_push(subject, head.headers)
            assert isinstance(push, Push)
            answer = take_push(push, connection.pushed, parser)
        assert (answer.status, answer.body) == (connection.answer.status, connection.answer.body)
        received.take(parser)
    assert received.gaps == []
    assert [title.text for _, title in received.titles] == ["Song 2", "Song 3", "Song 4"]
    _, persistent = received_from("pers")
    assert bytes(received.audio[20_000:200_000]) in persistent.audio


def test_messages_have_the_recorded_form() -> None:
    assert message(b"oggheader", b"") == b"oggheader|0\r\n\r\n"
    assert connections("pers")[0].server.startswith(message(b"oggheader", b""))
    assert message(b"err", b"Password incorrect") == b"err|18\r\nPassword incorrect\r\n"


def test_the_recorded_title_is_ours() -> None:
    listing = Listing.model_validate_json(lists_of("poll")[0])
    assert listing.title_block == encode_metadata(Title("Song 1"))[1:]
    assert listing.icyheaders == HEADERS
