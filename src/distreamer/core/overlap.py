"""Where the end of a programme stands in what another connection, or another input, brings of it. Pure.

Pieces are compared by their digests alone. What is remembered is the text, what comes is read piece by piece; all
places up to which both agree are followed at once, as the bits of one number (the Shift-And method of Baeza-Yates and
Gonnet), so that an hour of digital silence, which fits everywhere, costs no more than music.
"""

from __future__ import annotations

from collections import Counter, deque

from distreamer.model.audio import Codec, Title

MEMORY_SECONDS = 120.0
"""More than any server repeats to who reconnects: 1 MB at 64 kbit/s."""
MEMORY_PIECES = 16_384
"""Of frames of 8 ms (MPEG layer I), 120 s."""
MEMORY_TITLES = 64
ENOUGH, ENOUGH_PAGES = 3, 1
"""So many pieces that occur nowhere else prove a place; a programme is not taken for another because of less. No Ogg
page is like another, for it tells its time."""


def enough(codec: Codec) -> int:
    """How many pieces prove a place in a programme of that codec."""
    return ENOUGH_PAGES if codec.is_ogg else ENOUGH


class Memory:
    """The last pieces of a programme, and its titles."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[bytes, float]] = deque()
        self._seconds = 0.0
        self._added = 0
        self._titles: deque[tuple[int, Title | None]] = deque(maxlen=MEMORY_TITLES)
        """Each with the count of pieces before it; the first has begun before what is remembered, mostly."""

    @property
    def digests(self) -> list[bytes]:
        """Oldest first."""
        return [digest for digest, _ in self._pieces]

    def add(self, digest: bytes, seconds: float, title: Title | None) -> None:
        """The next piece, which lasts ``seconds``, and the title in force for it."""
        if not self._titles or title != self._titles[-1][1]:
            self._titles.append((self._added, title))
        self._added += 1
        self._pieces.append((digest, seconds))
        self._seconds += seconds
        while len(self._pieces) > 1 and (self._seconds > MEMORY_SECONDS or len(self._pieces) > MEMORY_PIECES):
            self._seconds -= self._pieces.popleft()[1]
        while len(self._titles) > 1 and self._titles[1][0] <= self._added - len(self._pieces):
            self._titles.popleft()

    def seconds_of_last(self, count: int) -> float:
        """How long the last ``count`` pieces last."""
        return sum(self._pieces[-place][1] for place in range(1, min(count, len(self._pieces)) + 1))

    def knows(self, title: Title | None) -> bool:
        """Whether ``title`` was in force for any of the pieces."""
        return any(title == known for _, known in self._titles)

    def is_older(self, title: Title, pieces_ago: float) -> bool:
        """Whether ``title``, which somebody else says began so many pieces before the end, was over before the title in
        force began: servers put titles at places of their own, a second earlier or later."""
        return self.knows(title) and pieces_ago >= self._added - self._titles[-1][0]


class Alignment:
    """Looks for the end of what is remembered in what comes."""

    def __init__(self, remembered: list[bytes]) -> None:
        """``remembered``: digests, oldest first."""
        self._length = len(remembered)
        self._places: dict[bytes, int] = {}
        """Where each piece stands, as the bits of a number."""
        for place, digest in enumerate(remembered):
            self._places[digest] = self._places.get(digest, 0) | 1 << place
        self._matching = 0
        """Bits of the places up to which what is remembered and what came last are the same."""
        self.matched = 0
        """How many pieces in a row, the last one included, stand in what is remembered."""
        self._votes: Counter[int] = Counter()
        """By shift (a place in what is remembered, less the place in what came): the pieces that occur but once in
        each of both, and thus leave no choice."""
        self._voted: dict[bytes, int | None] = {}
        self.count = 0
        """Pieces that came."""

    @property
    def is_matching(self) -> bool:
        """Whether what came last stands anywhere in what is remembered."""
        return self._matching != 0

    def add(self, digest: bytes, *, may_begin: bool = True) -> bool:
        """The next piece that came. Says whether what is remembered ends with it, going by as many pieces as match;
        see ``proof``. Where nothing matched before it, a match may begin with it only if ``may_begin``."""
        places = self._places.get(digest, 0)
        self._matching = self._matching << 1 & places
        self.matched += 1
        if not self._matching:
            self._matching = places if may_begin else 0
            self.matched = int(self._matching != 0)
        if places:
            self._vote(digest, places)
        self.count += 1
        return self._matching >> self._length - 1 != 0 if self._length else False

    def proof(self, count: int) -> int:
        """How many pieces prove that what is remembered ends with the ``count``-th that came."""
        return self._votes[self._length - count]

    def missing(self, enough: int) -> int | None:
        """How many more pieces must come until the end is reached; None when no place is proved by ``enough`` of
        them."""
        places = (self.count - 1 + shift for shift, votes in self._votes.items() if votes >= enough)
        matching = [place for place in places if 0 <= place < self._length and self._matching >> place & 1]
        return self._length - 1 - max(matching) if matching else None

    def _vote(self, digest: bytes, places: int) -> None:
        shift: int | None = None
        if digest not in self._voted:
            is_only_one = places & places - 1 == 0
            shift = places.bit_length() - 1 - self.count if is_only_one else None
        elif (taken_back := self._voted[digest]) is not None:
            self._votes[taken_back] -= 1
        self._voted[digest] = shift
        if shift is not None:
            self._votes[shift] += 1
