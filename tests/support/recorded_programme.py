"""What a recording of DiStreamer 2 carries: fragments, lists, and the audio and titles in them.

Taken out by hand, with ``icylist`` and ``icyint`` alone: what our modules make of it is judged by this.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from distreamer.core.store import Store
from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Frame
from tests.protocol.legacy.recordings import FRAGMENT_SIZE, connections
from tests.support.input_context import stored_audio, stored_titles
from tests.support.legacy_wire import Message, read_http, read_list, split_messages

EVERY_FRAME = 0.001
"""Seconds of a fragment of ours, so that no frame waits for others."""
FIRST_TITLES = {"poll": "Song 1", "rev": "", "pers": "Song 2", "persrev": "", "ogg-pers": ""}
"""``icytitle`` of the list that came with the first fragment. None where that list shows, by the places of the blocks,
that the title begins later."""
_TITLE = re.compile(rb"StreamTitle='(.*)';\0*", re.DOTALL)


def title_of(block: bytes) -> str:
    """What a metadata block says, without its length byte; empty for an empty one."""
    found = _TITLE.fullmatch(block)
    return found[1].decode() if found else ""


@dataclass(frozen=True)
class Block:
    """A metadata block."""

    place: int
    """Of its length byte, in bytes from the beginning of the first fragment."""
    audio_place: int
    """Bytes of audio before it."""
    size: int
    """With its length byte."""
    title: str
    """Empty when it says none."""


@dataclass(frozen=True)
class RecordedProgramme:
    """All fragments that went over the wire, in a row."""

    name: str
    fragments: dict[int, bytes]
    lists: tuple[dict[str, Any], ...]
    """In order."""
    ogg_header: bytes
    first_title: str
    """What the receiver must believe to be on air when the first fragment begins; empty for nothing."""

    @property
    def first(self) -> int:
        return min(self.fragments)

    @property
    def content_type(self) -> str:
        return "application/ogg" if self.ogg_header else "audio/mpeg"

    @cached_property
    def stream(self) -> bytes:
        """The fragments, joined."""
        numbers = list(self.fragments)
        assert numbers == list(range(self.first, self.first + len(numbers)))
        assert {len(data) for data in self.fragments.values()} == {FRAGMENT_SIZE}
        return b"".join(self.fragments.values())

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """As the lists place them; each list must agree with the others, and with ``icyint``."""
        places = {
            self.stream_place(int(number), offset)
            for listing in self.lists
            for number, offsets in listing["icylist"].items()
            for offset in offsets
            if int(number) in self.fragments
        }
        found: list[Block] = []
        metadata = 0
        for place in sorted(places):
            size = 1 + 16 * self.stream[place]
            if found:
                assert place == found[-1].place + found[-1].size + self.lists[0]["icyint"]
            block = self.stream[place + 1 : place + size]
            found.append(Block(place, place - metadata, size, title_of(block)))
            metadata += size
        return tuple(found)

    @cached_property
    def audio(self) -> bytes:
        """The stream without its metadata blocks, and without the Ogg header."""
        audio, place = [], 0
        for block in self.blocks:
            audio.append(self.stream[place : block.place])
            place = block.place + block.size
        return b"".join([*audio, self.stream[place:]])

    @cached_property
    def frames(self) -> list[Frame]:
        """All that are whole and known to be."""
        return AutoFramer(self.content_type).feed(self.ogg_header + self.audio)

    @cached_property
    def titles(self) -> list[tuple[int, str]]:
        """Each title with the bytes of whole frames before it; a title begins with the next frame."""
        said = [(0, self.first_title)] if self.first_title else []
        said += [(block.audio_place + len(self.ogg_header), block.title) for block in self.blocks if block.title]
        positions = [frame.position for frame in self.frames]
        before = [0]
        for frame in self.frames:
            before.append(before[-1] + len(frame.data))
        by_place: dict[int, str] = {}
        for place, text in said:
            index = bisect_left(positions, place)
            if index < len(positions):
                by_place[before[index]] = text
        found: list[tuple[int, str]] = []
        for place, text in by_place.items():
            if not found or found[-1][1] != text:
                found.append((place, text))
        return found

    def stream_place(self, number: int, offset: int) -> int:
        """An offset in a fragment as one from the beginning of the first."""
        return (number - self.first) * FRAGMENT_SIZE + offset

    def audio_for(self, place: int) -> int:
        """How many bytes of audio a sender must have had when its stream reached ``place``. A metadata block is put in
        front of the next byte of audio, so it needs that byte."""
        index = bisect_right([block.place for block in self.blocks], place - 1)
        if not index:
            return place
        last = self.blocks[index - 1]
        return last.audio_place + max(place - last.place - last.size, 1)

    def check(self, store: Store) -> None:
        """What came into ``store`` is the programme: all of it, once, with its titles in their places."""
        assert stored_audio(store) == b"".join(frame.data for frame in self.frames)
        assert stored_titles(store) == self.titles
        assert len(store.epochs) == 1
        assert not any(fragment.discontinuity for fragment in store)
        station = store.epochs[0].info.station
        assert (station.name, station.genre) == (self.lists[0]["icyheaders"]["icy-name"], "Test")
        assert {fragment.setup for fragment in store} == {frame.setup for frame in self.frames}

    def until(self, number: int) -> RecordedProgramme:
        """Only the fragments up to ``number``."""
        kept = {one: data for one, data in self.fragments.items() if one <= number}
        lists = tuple(one for one in self.lists if not one["fragmentslist"] or one["fragmentslist"][-1] <= number)
        return RecordedProgramme(self.name, kept, lists, self.ogg_header, self.first_title)


@cache
def persistent_messages(name: str) -> tuple[Message, ...]:
    """All that the sender of a persistent recording sent."""
    (connection,) = connections(name)
    wire = connection.client.removeprefix(b"pw\r\n") if name == "persrev" else connection.server
    return tuple(split_messages(wire))


@cache
def recorded_programme(name: str) -> RecordedProgramme:
    """Of a recording by its name."""
    if name in {"pers", "persrev", "ogg-pers"}:
        messages = persistent_messages(name)
        fragments = {one.number: one.content for one in messages if one.number is not None}
        lists = [one.listing for one in messages if one.action == "list"]
        (header,) = (one.content for one in messages if one.action == "oggheader")
        return RecordedProgramme(name, fragments, tuple(lists), header, FIRST_TITLES[name])
    fragments, lists = {}, []
    for one in connections(name):
        method, target = one.client.split(b" ", 2)[:2]
        subject = target.decode().split("/")[1]
        body = read_http(one.client).body if method == b"POST" else read_http(one.server).body
        if subject != "list":
            if method == b"POST" or one.server.startswith(b"HTTP/1.0 200"):
                fragments[int(subject)] = body
        elif (name == "rev") == (method == b"POST"):
            lists.append(read_list(body))
    return RecordedProgramme(name, fragments, tuple(lists), b"", FIRST_TITLES[name])


HEADER_AND_SIDE_INFORMATION = 36
"""Bytes at the beginning of an MPEG frame. Behind a join they may be changed, so that no decoder plays what is gone."""


def assert_all_but(store: Store, programme: RecordedProgramme, number: int) -> None:
    """All frames are in ``store``, each once and in order, but some of those that have bytes in that fragment. Nothing
    else is."""
    begin, end = (programme.audio_for(programme.stream_place(one, 0)) for one in (number, number + 1))
    known = {frame.data[HEADER_AND_SIDE_INFORMATION:]: index for index, frame in enumerate(programme.frames)}
    came = [frame.data for frame in AutoFramer(programme.content_type).feed(stored_audio(store))]
    assert b"".join(came) == stored_audio(store)
    places = [known[data[HEADER_AND_SIDE_INFORMATION:]] for data in came]
    assert places == sorted(set(places))
    missing = {index for index in range(len(programme.frames)) if index not in places}
    for index in missing:
        frame = programme.frames[index]
        assert begin < frame.position + len(frame.data)
        assert frame.position < end
