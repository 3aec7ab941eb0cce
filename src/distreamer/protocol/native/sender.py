"""The sender's part of a conversation: what the receiver lacks, oldest first, within a window."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from typing import Final

from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.protocol.native import limits
from distreamer.protocol.native.catalogue import Catalogue, CatalogueEpoch
from distreamer.protocol.native.events import Acknowledged, Event, PeerReport, Unwanted, Wanted
from distreamer.protocol.native.messages import Have, Message, Piece, Role, SetupHead, Share, Want, encode
from distreamer.protocol.native.ranges import NumberRanges
from distreamer.protocol.native.shapes import epoch_description, fragment_head, sendable, setup_digest
from distreamer.protocol.native.states import SENDER, SenderState, check_allowed

_PIECE: Final = Piece()
_MOST_HELD_RANGES: Final = 1_024
"""Per epoch; a receiver with more holes than that gets the oldest ones sent again."""


class SenderRole:
    """Reads a catalogue; says ``next_message`` one by one, so that nothing is queued that might be out of date."""

    role = Role.SENDER

    def __init__(self, catalogue: Catalogue, most_fragments: int | None = None) -> None:
        """``most_fragments`` may be on their way at once, where the carrier wants fewer than the protocol allows."""
        self.state = SenderState.IDLE
        self.sent = 0
        """Fragments sent, those that were never acknowledged included."""
        self.acknowledged = 0
        self.unsendable = 0
        """Fragments above the limits of the wire, left out."""
        self._catalogue = catalogue
        self._most_fragments = min(most_fragments or limits.WINDOW_FRAGMENTS, limits.WINDOW_FRAGMENTS)
        self._back_seconds = 0.0
        self._resume_seconds = 0.0
        self._share: Share | None = None
        """The part that is wanted from here; None for everything."""
        self._held: dict[int, NumberRanges] = {}
        self._described: dict[int, StreamInfo] = {}
        self._setup = b""
        self._under_way: dict[tuple[int, int], int] = {}
        self._bodies = 0
        self._body_of: dict[tuple[int, int], int] = {}
        """Of those under way: which body it is."""
        self._heads: deque[bytes] = deque()
        self._body = memoryview(b"")
        self._after_body: tuple[bytes, memoryview] | None = None

    # -- what arrives

    def receive(self, message: Message, payload: bytes) -> list[Event]:
        """Raises ConversationError."""
        del payload
        check_allowed(SENDER, self.state, message)
        if isinstance(message, Want):
            return self._take_want(message)
        assert isinstance(message, Have)
        return self._take_have(message)

    def _take_want(self, want: Want) -> list[Event]:
        self._held = {holding.epoch: NumberRanges(holding.ranges) for holding in want.holdings if holding.ranges}
        self._back_seconds, self._resume_seconds = want.back_seconds, want.resume_seconds
        self._share = want.share
        self.state = SenderState.STREAMS
        unwanted = self._drop_unwanted()
        return [Wanted(), Unwanted(unwanted)] if unwanted else [Wanted()]

    def _drop_unwanted(self) -> tuple[int, ...]:
        """What is under way and too old for the new wish does not count any more; gives which bodies that were."""
        farthest = max(self._back_seconds, self._resume_seconds)
        unwanted = [key for key in self._under_way if self._newer_seconds(key) > farthest]
        for key in unwanted:
            del self._under_way[key]
        return tuple(self._body_of.pop(key) for key in unwanted)

    def _newer_seconds(self, key: tuple[int, int]) -> float:
        """Of audio that is held behind that fragment."""
        newer = 0.0
        for epoch in reversed(self._catalogue.epochs):
            for number in reversed(epoch.numbers):
                if (epoch.id, number) == key:
                    return newer
                fragment = self._catalogue.get(epoch.id, number)
                newer += fragment.duration / epoch.info.format.clock_rate if fragment else 0.0
        return newer

    def _take_have(self, have: Have) -> list[Event]:
        arrived = 0
        for epoch, number in tuple(self._under_way):
            if epoch == have.epoch and any(first <= number <= last for first, last in have.ranges):
                del self._under_way[epoch, number], self._body_of[epoch, number]
                held = self._held.setdefault(epoch, NumberRanges())
                held.add(number)
                held.keep_highest(_MOST_HELD_RANGES)
                arrived += 1
        self.acknowledged += arrived
        return [Acknowledged(arrived)]

    # -- what goes out

    def report(self) -> PeerReport:
        for epoch in reversed(self._catalogue.epochs):
            if epoch.numbers:
                return PeerReport(newest=(epoch.id, epoch.numbers[-1]))
        return PeerReport()

    def behind(self) -> int | None:
        """Fragments of the newest epoch beyond the newest that has arrived there; None when none of it has, or others
        bring a part."""
        if self._share is not None:
            return None
        newest = self.report().newest
        held = self._held.get(newest[0], NumberRanges()).ranges() if newest else ()
        epoch = next((one for one in self._catalogue.epochs if newest and one.id == newest[0]), None)
        if not held or epoch is None:
            return None
        # Counted one by one: a sender that was started anew has skipped numbers.
        return len(epoch.numbers) - bisect_right(epoch.numbers, held[-1][1])

    @property
    def is_wanted(self) -> bool:
        """Whether the receiver has not said that it wants nothing of what comes."""
        return self._share is None or bool(self._share.parts)

    @property
    def is_all_wanted(self) -> bool:
        """Whether nothing of it is left to others."""
        return self._share is None

    def next_message(self) -> bytes | None:
        """The next message; None when there is nothing to send now."""
        if self.state is SenderState.IDLE:
            return None
        if not (self._heads or self._body or self._after_body):
            self._prepare()
        if self._heads:
            return self._heads.popleft()
        if not self._body and self._after_body:
            head, self._body = self._after_body
            self._after_body = None
            return head
        if not self._body:
            return None
        piece, self._body = self._body[: limits.SENT_PIECE_BYTES], self._body[limits.SENT_PIECE_BYTES :]
        return encode(_PIECE, bytes(piece))

    def _prepare(self) -> None:
        self._forget_evicted()
        for epoch in self._catalogue.epochs:
            if self._described.get(epoch.id, epoch.info) != epoch.info:
                self._describe(epoch)
        if self._heads or self._window_is_full():
            return
        chosen = self._oldest_named() or self._oldest_wanted()
        if chosen is None:
            return
        epoch, fragment = chosen
        if epoch.id not in self._described:
            self._describe(epoch)
        head, body = encode(fragment_head(fragment)), memoryview(fragment.audio)
        self._bodies += 1
        if fragment.setup and fragment.setup != self._setup:
            self._setup = fragment.setup
            self._bodies += 1
            setup = SetupHead(size=len(fragment.setup), digest=setup_digest(fragment.setup))
            self._heads.append(encode(setup))
            self._body, self._after_body = memoryview(fragment.setup), (head, body)
        else:
            self._heads.append(head)
            self._body = body
        self._under_way[fragment.epoch, fragment.number] = len(fragment.audio)
        self._body_of[fragment.epoch, fragment.number] = self._bodies - 1
        self.sent += 1

    def _window_is_full(self) -> bool:
        return len(self._under_way) >= self._most_fragments or sum(self._under_way.values()) >= limits.WINDOW_BYTES

    def _describe(self, epoch: CatalogueEpoch) -> None:
        numbers = (epoch.numbers[0], epoch.numbers[-1]) if epoch.numbers else None
        self._heads.append(encode(epoch_description(epoch.id, epoch.info, numbers)))
        self._described[epoch.id] = epoch.info

    def _forget_evicted(self) -> None:
        """What the catalogue no longer holds needs no memory here. Fragments under way keep counting."""
        present = {epoch.id for epoch in self._catalogue.epochs}
        self._held = {epoch: held for epoch, held in self._held.items() if epoch in present}
        self._described = {epoch: info for epoch, info in self._described.items() if epoch in present}

    def _oldest_named(self) -> tuple[CatalogueEpoch, Fragment] | None:
        """Of the fragments that the receiver's share names one by one, whatever their age."""
        if self._share is None:
            return None
        for epoch in self._catalogue.epochs:
            held = self._held.get(epoch.id, NumberRanges())
            for named in self._share.numbers:
                if named.epoch != epoch.id:
                    continue
                for first, last in named.ranges:
                    for number in epoch.numbers[bisect_left(epoch.numbers, first) : bisect_right(epoch.numbers, last)]:
                        fragment = self._catalogue.get(epoch.id, number)
                        is_on_its_way = (epoch.id, number) in self._under_way
                        if fragment and number not in held and not is_on_its_way and sendable(fragment):
                            return epoch, fragment
        return None

    def _oldest_wanted(self) -> tuple[CatalogueEpoch, Fragment] | None:
        """Walks back from the newest fragment as far as the receiver wants, by the rule in ``docs/protocol.md``."""
        epochs = self._catalogue.epochs
        continues = bool(self._under_way) or any(epoch.id in self._held for epoch in epochs)
        found: tuple[CatalogueEpoch, Fragment] | None = None
        newer_seconds = 0.0
        reached = False
        """Whether the walk has met a fragment that the receiver has, or soon will."""
        for epoch in reversed(epochs):
            known = epoch.id in self._held or epoch.id in self._described
            may_begin = known or not reached
            held = self._held.get(epoch.id, NumberRanges())
            for number in reversed(epoch.numbers):
                farthest = self._back_seconds if reached or not continues else self._resume_seconds
                if newer_seconds > max(farthest, self._back_seconds):
                    return found
                fragment = self._catalogue.get(epoch.id, number)
                if fragment is None:
                    continue
                if number in held or (epoch.id, number) in self._under_way:
                    reached = True
                elif not may_begin or self._is_left_to_others(epoch.id, number):
                    pass
                elif sendable(fragment):
                    found = epoch, fragment
                else:
                    self.unsendable += 1
                    self._held.setdefault(epoch.id, NumberRanges()).add(number)
                newer_seconds += fragment.duration / epoch.info.format.clock_rate
            reached = reached or known
        return found

    def _is_left_to_others(self, epoch: int, number: int) -> bool:
        """Whether that fragment is wanted from another sender, or was looked for one by one."""
        share = self._share
        return share is not None and (share.names(epoch, number) or not share.wants(epoch, number))
