"""What the two polling clients ask next, and when. Time is an argument, in seconds of any clock that only goes forward.

while (request := schedule.next_request(..., now)) is not None: ask it, and tell schedule.answered(...)
wait until schedule.due_at
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from distreamer.errors import ProtocolError
from distreamer.protocol.http1 import shown
from distreamer.protocol.legacy.listing import Listing, parse_listing
from distreamer.protocol.legacy.parser import FragmentParser
from distreamer.protocol.legacy.polling import refused
from distreamer.protocol.legacy.renderer import Rendering

INTERVAL_SECONDS: Final = 3.0
"""Default of HTTPINTERVAL."""
GONE_PAUSE_SECONDS: Final = 0.5
"""Between the answer that a listed fragment is gone and the question for a newer list."""


class PasswordRefusedError(ProtocolError):
    """The server answered 403 and named the password. Others on the way answer 403 too."""


@dataclass(frozen=True, slots=True)
class AskList:
    """GET the list."""


@dataclass(frozen=True, slots=True)
class AskFragment:
    """GET that fragment."""

    number: int


@dataclass(frozen=True, slots=True)
class PushFragment:
    """POST that fragment."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class PushList:
    """POST the list."""

    encoded: bytes


PullRequest = AskList | AskFragment
PushRequest = AskList | PushFragment | PushList


class PullSchedule:
    """DiStreamerClient: gets the list every HTTPINTERVAL seconds, then what is lacking, in ascending order.

    A fragment that the list names and that is gone (404) shows that the list is old: a new one is fetched soon. One
    that the new list names as well and that is still not there is given up.
    """

    def __init__(self, parser: FragmentParser, now: float, interval: float = INTERVAL_SECONDS) -> None:
        """``parser`` must be one whose list does not close a round."""
        self.due_at = now
        """When the next list is due."""
        self._parser = parser
        self._interval = interval
        self._missing: list[int] = []
        """Ascending from the end."""
        self._gone: set[int] = set()

    def next_request(self, now: float) -> PullRequest | None:
        """What to ask now; None: nothing before ``due_at``."""
        if self._missing:
            return AskFragment(self._missing[-1])
        return AskList() if now >= self.due_at else None

    def answered(self, request: PullRequest, status: int, body: bytes, now: float) -> None:
        """The answer to what ``next_request`` gave last; the parser's events are to be fetched behind it. Raises
        PasswordRefusedError, and ProtocolError for an answer that cannot be used."""
        _check_password_taken(status, body)
        if isinstance(request, AskList):
            self._take_list(status, body, now)
        else:
            self._take_fragment(request.number, status, body, now)

    def failed(self, now: float) -> None:
        """A request got no answer: the list is asked for anew, at once, by whoever tries again."""
        self._missing.clear()
        self.due_at = now

    def _take_list(self, status: int, body: bytes, now: float) -> None:
        if status != 200:
            raise refused(status, body, "the list")
        listing = parse_listing(body)
        self.due_at = now + self._interval
        self._parser.take_list(listing)
        holdings = set(self._parser.holdings)
        numbers = listing.fragmentslist if listing.has_stream else ()
        self._gone.intersection_update(numbers)
        for number in self._gone:
            self._parser.give_up(number)
        lacking = [number for number in numbers if number not in holdings and number not in self._gone]
        self._missing = lacking[::-1]

    def _take_fragment(self, number: int, status: int, body: bytes, now: float) -> None:
        if status == 404:
            self._gone.add(number)
            self._missing.clear()
            self.due_at = now + min(GONE_PAUSE_SECONDS, self._interval)
            return
        if status != 200:
            raise refused(status, body, f"fragment {number}")
        self._missing.pop()
        self._parser.take_fragment(number, body)


class _Step(Enum):
    ASK = auto()
    LIST_FIRST = auto()
    FRAGMENTS = auto()
    """And the list behind them, unless it went first."""


class PushSchedule:
    """DiStreamerRevClient: every HTTPINTERVAL seconds asks the receiver for its list, sends what it lacks, in
    ascending order, and the list. The list goes first where the receiver has to drop something before: what it
    expects next is gone, or what it holds is of another stream; then it is all sent.
    """

    def __init__(self, now: float, interval: float = INTERVAL_SECONDS) -> None:
        self.due_at = now
        """When the next round is due."""
        self._interval = interval
        self._step = _Step.ASK
        self._remote: frozenset[int] = frozenset()
        """What the receiver has."""
        self._sourcegen = 0
        self._list_was_first = False

    def next_request(self, rendering: Rendering, now: float) -> PushRequest | None:
        """What to send now, of what there is now; None: nothing before ``due_at``, or no fragment yet (an empty list
        would make the receiver throw away what it plays)."""
        if not rendering.fragments:
            return None
        if self._step is not _Step.ASK and rendering.listing.sourcegen != self._sourcegen:
            self.failed(now)
        return _PUSHES[self._step](self, rendering, now)

    def answered(self, request: PushRequest, status: int, body: bytes, rendering: Rendering, now: float) -> None:
        """The answer to what ``next_request`` gave last. Raises PasswordRefusedError, and ProtocolError for any other
        that is not the expected one."""
        _check_password_taken(status, body)
        if status != 200:
            raise refused(status, body, _spoken(request))
        if isinstance(request, AskList):
            self._compare(parse_listing(body), rendering)
        elif isinstance(request, PushFragment):
            self._remote |= {request.number}
        elif self._step is _Step.LIST_FIRST:
            self._step = _Step.FRAGMENTS
        else:
            self._end(now)

    def failed(self, now: float) -> None:
        """A request got no answer, or the stream changed: the round begins anew, at once."""
        self._step = _Step.ASK
        self.due_at = now

    def _compare(self, remote: Listing, rendering: Rendering) -> None:
        listing = rendering.listing
        held = frozenset(remote.fragmentslist)
        is_other = bool(held) and remote.sourcegen != listing.sourcegen
        self._remote = frozenset() if is_other else held
        self._sourcegen = listing.sourcegen
        lacking = [number for number in listing.fragmentslist if number not in self._remote]
        expected_is_gone = bool(held) and bool(lacking) and max(held) + 1 not in lacking
        self._list_was_first = is_other or expected_is_gone
        self._step = _Step.LIST_FIRST if self._list_was_first else _Step.FRAGMENTS

    def _ask(self, rendering: Rendering, now: float) -> PushRequest | None:
        return AskList() if now >= self.due_at else None

    def _push_fragment(self, rendering: Rendering, now: float) -> PushRequest | None:
        for number, data in rendering.fragments.items():
            if number not in self._remote:
                return PushFragment(number, data)
        if self._list_was_first:
            self._end(now)
            return None
        return PushList(rendering.encoded_listing)

    def _push_list(self, rendering: Rendering, now: float) -> PushRequest | None:
        return PushList(rendering.encoded_listing)

    def _end(self, now: float) -> None:
        self._step = _Step.ASK
        self.due_at = now + self._interval


_PUSHES: Final[dict[_Step, Callable[[PushSchedule, Rendering, float], PushRequest | None]]] = {
    _Step.ASK: PushSchedule._ask,
    _Step.LIST_FIRST: PushSchedule._push_list,
    _Step.FRAGMENTS: PushSchedule._push_fragment,
}


def _check_password_taken(status: int, body: bytes) -> None:
    """DiStreamer refuses it in plain text (``Invalid password``); what a proxy says is a page in HTML, which may ask
    for a password of its own."""
    if status == 403 and b"password" in body.lower() and b"<" not in body:
        raise PasswordRefusedError(f"it answered with status 403: {shown(body)}")


def _spoken(request: PushRequest) -> str:
    if isinstance(request, PushFragment):
        return f"taking fragment {request.number}"
    return "the list" if isinstance(request, AskList) else "taking the list"
