"""A store of ours that holds a recorded programme so that DiStreamer 2 fragments of it are the recorded ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.core.module import LegacyShape, OutputContext
from distreamer.core.store import Store
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from tests.protocol.legacy.recordings import FRAGMENT_SIZE
from tests.support.input_context import capturing_log
from tests.support.legacy_wire import Message, MessageSplitter
from tests.support.native_network import output_context
from tests.support.recorded_programme import RecordedProgramme, persistent_messages

SHAPE = LegacyShape(fragment_bytes=FRAGMENT_SIZE, fragments=5, icyint=8_192)
MP3 = StreamInfo(
    AudioFormat(Codec.MPEG, 48_000, 48_000, 2, bitrate=128_000, content_type="audio/mpeg"),
    Station("Capture FM", genre="Test"),
)
OGG = StreamInfo(
    AudioFormat(Codec.VORBIS, 44_100, 44_100, 2, bitrate=128_000, content_type="application/ogg"),
    Station("Ogg FM", genre="Test", public=False),
)
TITLES_IN_FRONT = ((0, "Song 0"), (122_000, "Song 1"))
"""Before the recordings of MP3 there were two titles, by the places of their metadata blocks."""
PIECE = 8_500
"""Bytes of one of our fragments: with Ogg the first title that comes beside it must be in the first of them."""
FIRST_GENERATION = 1.0
"""Unix time at the start: our ``sourcegen`` begins with it, and that of the recordings is 1."""


class AlignedStore:
    """Silence in front puts the recorded audio where it was in the recorded sender's stream."""

    def __init__(self, programme: RecordedProgramme) -> None:
        self.programme = programme
        self.store = Store()
        self.store.open_epoch(1, OGG if programme.ogg_header else MP3)
        self._silence = 0 if programme.first == 1 else self._bytes_in_front()
        self._audio = bytes(self._silence) + programme.audio
        titles = list(TITLES_IN_FRONT) if self._silence else []
        titles += [(self._silence + block.audio_place, block.title) for block in programme.blocks if block.title]
        self._titles = titles
        self._place = 0
        self._number = 0
        self._title: Title | None = None

    def fill_for(self, listing: dict[str, Any]) -> None:
        """Up to the byte that the sender of ``listing`` must have had: its newest fragment is full, and its last
        metadata block has begun."""
        newest = self.programme.stream_place(listing["fragmentslist"][-1], FRAGMENT_SIZE)
        listed = [
            self.programme.stream_place(int(number), offset) + 1
            for number, offsets in listing["icylist"].items()
            for offset in offsets
        ]
        self._fill(self._silence + self.programme.audio_for(max(newest, *listed)))

    def fill(self, number: int) -> None:
        """Up to the end of that fragment of DiStreamer 2."""
        self._fill(self._silence + self.programme.audio_for(self.programme.stream_place(number, FRAGMENT_SIZE)))

    def context(self, said: CapturingLogger | None = None) -> OutputContext:
        """For a module that sends this. To be made inside a running event loop."""
        made = output_context(self.store, capturing_log(said))
        return replace(made, legacy=SHAPE, clock=LoopClock(FIRST_GENERATION))

    def _bytes_in_front(self) -> int:
        until_block = self.programme.blocks[0].place
        stream = (self.programme.first - 1) * FRAGMENT_SIZE + until_block
        blocks, titles = divmod(stream - SHAPE.icyint, SHAPE.icyint + 1)
        assert titles == len(TITLES_IN_FRONT) * 32
        return SHAPE.icyint * (blocks + 1) - until_block

    def _fill(self, end: int) -> None:
        end = min(end, len(self._audio))
        while self._place < end:
            data = self._audio[self._place : min(self._place + PIECE, end)]
            inside = [(place - self._place, Title(text)) for place, text in self._titles]
            inside = [(offset, title) for offset, title in inside if 0 <= offset < len(data)]
            if inside and not inside[0][0]:
                self._title = inside.pop(0)[1]
            self._number += 1
            marks = tuple(TitleMark(offset, title) for offset, title in inside)
            setup = self.programme.ogg_header
            self.store.add(Fragment(1, self._number, self._place, len(data), data, 0.0, self._title, marks, setup))
            self._title = marks[-1].title if marks else self._title
            self._place += len(data)


def known_part(listing: dict[str, Any], programme: RecordedProgramme) -> dict[str, Any]:
    """What a list says, in a form in which ours and a recorded one are equal. Of what lies behind the recorded
    fragments nobody knows: neither its metadata blocks, nor whether the title is from there."""
    known = {number: places for number, places in listing["icylist"].items() if int(number) in programme.fragments}
    headers = {name.lower(): text for name, text in listing["icyheaders"].items()}
    part = {**listing, "icylist": known, "icyheaders": headers}
    if max(programme.fragments) in listing["fragmentslist"]:
        del part["icytitle"]
    return part


class RecordedReceiver:
    """Takes what a persistent sender of ours sends, and lets its store go on from list to list as the recorded one."""

    def __init__(self, aligned: AlignedStore) -> None:
        self._aligned = aligned
        self._splitter = MessageSplitter()
        self._expected = deque(self._without_repeats())
        self._said_last: object = None
        self._let_go_on()

    @property
    def is_at_end(self) -> bool:
        """Whether all that was recorded was sent."""
        return not self._expected

    def feed(self, data: bytes) -> None:
        """It must be what was recorded."""
        for message in self._splitter.feed(data):
            said = self._said(message)
            if message.action == "list" and said == self._said_last:
                continue  # Nothing new: the life sign of every round.
            assert self._expected
            assert said == self._said(self._expected.popleft())
            self._said_last = said
            if message.action == "list":
                self._let_go_on()

    def _said(self, message: Message) -> object:
        return known_part(message.listing, self._aligned.programme) if message.action == "list" else message

    def _let_go_on(self) -> None:
        following = (message.listing for message in self._expected if message.action == "list")
        if listing := next(following, None):
            self._aligned.fill_for(listing)

    def _without_repeats(self) -> Iterator[Message]:
        """What was recorded, without lists that say what was said last."""
        last: object = None
        for message in persistent_messages(self._aligned.programme.name):
            said = self._said(message)
            if message.action != "list" or said != last:
                yield message
            last = said
