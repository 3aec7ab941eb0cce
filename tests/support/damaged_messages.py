"""The beginning of a recording of the persistent wires, damaged; and the peer that comes behind it, which is good."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pytest

from distreamer.core.store import Store
from distreamer.protocol.legacy import limits
from tests.support.legacy_wire import Message
from tests.support.recorded_programme import assert_all_but, persistent_messages, recorded_programme

ROUNDS = 3
"""So much of the recordings is used here. The first round brings five fragments, all others one."""
DAMAGED_ROUND = 1
"""The index of the second."""


@dataclass(frozen=True)
class Beginning:
    """What a sender said until something went wrong."""

    wire: bytes
    lists: int
    """So many came whole."""


class ShortRecording:
    """Of ``pers`` or ``persrev``."""

    def __init__(self, name: str) -> None:
        messages = list(persistent_messages(name))
        self._lists = [index for index, one in enumerate(messages) if one.action == "list"][:ROUNDS]
        self.messages = messages[: self._lists[-1] + 1]
        self.programme = recorded_programme(name).until(numbers_of(self.messages[-1])[-1])
        self.wire = b"".join(one.wire for one in self.messages)
        self._ends = list(accumulate(len(one.wire) for one in self.messages))
        self._damaged = self._lists[DAMAGED_ROUND]
        number = self.messages[self._damaged - 1].number
        assert number is not None
        self.number = number
        """Of the fragment that is damaged."""

    @property
    def edges(self) -> list[int]:
        """Where messages and their heads begin and end, and one byte before and behind."""
        heads = [end - len(one.content) - 2 for one, end in zip(self.messages, self._ends, strict=True)]
        near = {place + step for place in (*heads, *self._ends) for step in (-3, -2, -1, 0, 1)}
        return sorted(place for place in near if 0 <= place <= len(self.wire))

    def cut(self, place: int) -> Beginning:
        """The first ``place`` bytes."""
        whole = [one for one, end in zip(self.messages, self._ends, strict=True) if end <= place]
        return Beginning(self.wire[:place], sum(one.action == "list" for one in whole))

    def damaged_fragment(self, wire: bytes) -> Beginning:
        """``wire`` comes in the place of the fragment of the second round."""
        return self._replaced(self._damaged - 1, wire)

    def damaged_list(self, content: bytes) -> Beginning:
        """``content`` comes as the list of the second round."""
        return self._replaced(self._damaged, Message("list", content).wire)

    def listing(self) -> dict[str, Any]:
        """The list of the second round, to be changed."""
        return self.messages[self._damaged].listing

    def from_round(self, lists: int, holdings: Collection[int]) -> bytes:
        """What a good sender sends to whom holds that, when its store is that of the list with this index."""
        index = self._lists[lists]
        stored = numbers_of(self.messages[index])
        header = [one for one in self.messages if one.action == "oggheader"]
        here = [one for one in self.messages[:index] if one.number in stored and one.number not in holdings]
        later = [one for one in self.messages[index:] if one.number not in holdings]
        return b"".join(one.wire for one in (*header, *here, *later))

    def check_without_damaged_fragment(self, store: Store) -> None:
        """All audio is in ``store`` but that of the damaged fragment, and what was cut off with it."""
        assert_all_but(store, self.programme, self.number)

    def _replaced(self, index: int, wire: bytes) -> Beginning:
        before = self.messages[:index]
        after = b"".join(one.wire for one in self.messages[index + 1 :])
        return Beginning(
            b"".join(one.wire for one in before) + wire + after, sum(one.action == "list" for one in before)
        )


def numbers_of(message: Message) -> list[int]:
    """What a list names."""
    return list(message.listing["fragmentslist"])


CONTENT = recorded_programme("pers").fragments[15]
_NO_MESSAGE = "this begins no message"
_LENGTH = r"is announced with {} bytes; it must have between {} and {}"
_END = "should end behind its {} bytes"

DAMAGED_FRAGMENTS: dict[str, tuple[bytes, str]] = {
    "2 GB": (b"15|2147483648\r\n" + CONTENT, _LENGTH.format(2147483648, 1, limits.FRAGMENT_BYTES)),
    "one byte too many for us": (b"15|4194305\r\n" + CONTENT, _LENGTH.format(4194305, 1, limits.FRAGMENT_BYTES)),
    "negative length": (b"15|-16384\r\n" + CONTENT, _LENGTH.format(-16384, 1, limits.FRAGMENT_BYTES)),
    "no bytes": (b"15|0\r\n\r\n", _LENGTH.format(0, 1, limits.FRAGMENT_BYTES)),
    "length of 500 digits": (b"15|" + b"9" * 500 + b"\r\n" + CONTENT, _NO_MESSAGE),
    "length in words": (b"15|sixteen\r\n" + CONTENT, _NO_MESSAGE),
    "no length": (b"15\r\n" + CONTENT + b"\r\n", _NO_MESSAGE),
    "one byte less": (b"15|16383\r\n" + CONTENT + b"\r\n", _END.format(16383)),
    "one byte more": (b"15|16385\r\n" + CONTENT + b"\r\n", _END.format(16385)),
    "number 0": (b"0|16384\r\n" + CONTENT + b"\r\n", "fragment number '0'"),
    "negative number": (b"-15|16384\r\n" + CONTENT + b"\r\n", "fragment number '-15'"),
    "number of 60 digits": (b"9" * 60 + b"|16384\r\n" + CONTENT + b"\r\n", "fragment number"),
    "number of 500 digits": (b"9" * 500 + b"|16384\r\n" + CONTENT + b"\r\n", _NO_MESSAGE),
    "a line without end": (b"x" * 3_000, "no message begins within 1024 bytes"),
    "bytes of a picture": (b"\xff\xd8\xff\xe0\n" * 50, _NO_MESSAGE),
    "list of 2 GB": (b"list|2147483648\r\n", _LENGTH.format(2147483648, 0, limits.LIST_BYTES)),
    "ogg header of 2 GB": (b"oggheader|2147483648\r\n", _LENGTH.format(2147483648, 0, limits.OGG_HEADER_BYTES)),
    "unknown message of 2 GB": (b"news|2147483648\r\n", _LENGTH.format(2147483648, 0, limits.MESSAGE_TEXT_BYTES)),
    "error of 2 GB": (b"err|2147483648\r\n", _LENGTH.format(2147483648, 0, limits.MESSAGE_TEXT_BYTES)),
    "refusal": (b"err|9\r\nno reason\r\n", "refuses: no reason"),
}
"""In the place of a fragment, and what is said about it."""


def _with(**changes: object) -> Callable[[dict[str, Any]], bytes]:
    return lambda listing: json.dumps({**listing, **changes}).encode()


def _raw(content: bytes) -> Callable[[dict[str, Any]], bytes]:
    return lambda listing: content


DAMAGED_LISTS: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "nothing": (_raw(b""), "the list cannot be read"),
    "cut": (lambda listing: json.dumps(listing).encode()[:-20], "the list cannot be read"),
    "no object": (_raw(b"[8, 9, 10]"), "the list cannot be read"),
    "no numbers": (_with(fragmentslist=None), "fragmentslist cannot be read: None is no array"),
    "deep": (_raw(b"[" * 100_000), "the list cannot be read"),
    "deep object": (_raw(b'{"fragmentslist": ' * 10_000), "the list cannot be read"),
    "no UTF-8": (_raw(b'{"fragmentslist": ["\xff"]}'), "the list cannot be read"),
    "huge": (lambda listing: json.dumps(listing).encode().ljust(limits.LIST_BYTES + 1), "limit|must have between"),
    "20000 numbers": (_with(fragmentslist=list(range(1, 20_001))), "20000 numbers are above the limit of 10000"),
    "negative number": (_with(fragmentslist=[-15]), "-15 is no number from 1"),
    "number too large": (_with(fragmentslist=[2**53]), "9007199254740992 is no number from 1"),
    "half a number": (_with(fragmentslist=[14.5]), "14.5 is no number from 1"),
    "number of 500 digits": (_with(fragmentslist=[10**500]), "is no number from 1"),
    "number of 4000 digits": (_with(fragmentslist=[10**4000]), "the list"),
    "negative offset": (_with(icylist={"15": [-1]}), "-1 is no number from 0"),
    "offset of 2 GB": (_with(icylist={"15": [2147483648]}), "2147483648 is no number from 0 to 4194303"),
    "20000 offsets": (_with(icylist={"15": list(range(20_000))}), "20000 numbers are above the limit of 10000"),
    "offsets of nothing": (_with(icylist={"no number": [1]}), "'no number' is no number of a fragment"),
    "offsets under 500 digits": (_with(icylist={"9" * 500: [1]}), "is no number of a fragment"),
    "icyint of 2 GB": (_with(icyint=2147483648), "icyint cannot be read: .* 2147483648"),
    "negative icyint": (_with(icyint=-2), "icyint cannot be read"),
    "icyint in words": (_with(icyint="8192"), "icyint cannot be read"),
    "negative sourcegen": (_with(sourcegen=-1), "sourcegen cannot be read"),
    "title that is no text": (_with(icytitle=5), "icytitle cannot be read"),
}
"""In the place of a list, made from it, and what is said about it."""

CONTRADICTING_LISTS: dict[str, tuple[Callable[[dict[str, Any]], bytes], str]] = {
    "offset behind the fragment": (
        lambda listing: _of_newest(listing, [91, 8284, 20_000]),
        "a metadata block at byte 20000 of fragment [0-9]+, which has 16384",
    ),
    "offset in the middle of audio": (
        lambda listing: _of_newest(listing, [5_000, 5_001]),
        "fragment [0-9]+ has metadata blocks at bytes .* the list says 5000, 5001",
    ),
}
"""Lists that contradict the newest fragment that they name: it is left out."""


def _of_newest(listing: dict[str, Any], offsets: list[int]) -> bytes:
    newest = str(listing["fragmentslist"][-1])
    return json.dumps({**listing, "icylist": {**listing["icylist"], newest: offsets}}).encode()


def cases(table: dict[str, Any]) -> pytest.MarkDecorator:
    """A test for each."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in table.items()])
