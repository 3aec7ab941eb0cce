"""What a listener hears, judged without mercy: silence, missing frames, repeated frames. Pure; time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from hashlib import blake2b

from distreamer.demo.programme import Programme
from distreamer.measure.listening import AUDIBLE_SECONDS
from distreamer.units import spoken_seconds

MAXIMUM_KNOWN_FRAMES = 60_000
"""About 26 minutes of MP3."""
MAXIMUM_TITLES = 100


class KnownFrames:
    """The sequence that a listener should hear, as far as it is known; each frame by its place in it.

    It holds the newest MAXIMUM_KNOWN_FRAMES digests and forgets older ones.
    """

    def __init__(self, maximum: int = MAXIMUM_KNOWN_FRAMES) -> None:
        self.repeats = False
        """Whether the first frame follows the last (all frames must be known then)."""
        self._maximum = maximum
        self._digests: deque[bytes] = deque()
        self._forgotten = 0
        self._places: dict[bytes, deque[int]] = {}

    def __len__(self) -> int:
        """Frames learnt so far, forgotten ones included."""
        return self._forgotten + len(self._digests)

    def learn(self, frame: bytes) -> None:
        """``frame`` follows all that is known."""
        digest = _digest(frame)
        self._places.setdefault(digest, deque()).append(len(self))
        self._digests.append(digest)
        if len(self._digests) > self._maximum:
            oldest = self._digests.popleft()
            self._forgotten += 1
            places = self._places[oldest]
            places.popleft()
            if not places:
                del self._places[oldest]

    def places(self, frame: bytes) -> tuple[int, ...]:
        """Where ``frame`` stands; empty when it is not known."""
        return tuple(self._places.get(_digest(frame), ()))

    def following(self, place: int) -> int:
        """The place behind ``place``."""
        return (place + 1) % len(self) if self.repeats else place + 1

    def distance(self, start: int, end: int) -> int:
        """Frames from ``start`` forward to ``end``; negative when ``end`` came before."""
        if not self.repeats:
            return end - start
        forward = (end - start) % len(self)
        return forward if forward <= len(self) // 2 else forward - len(self)


def learn_programme(known: KnownFrames, programme: Programme) -> None:
    """Adds what was made of ``programme`` since the last call."""
    complete = programme.complete
    for position in range(len(known), len(programme.frames)):
        known.learn(programme.frames[position])
    known.repeats = complete


def _digest(frame: bytes) -> bytes:
    return blake2b(frame, digest_size=8).digest()


class FrameCheck:
    """Follows what is heard through the known sequence. Equal frames (silence) are no trouble: all places at which
    the listener may be are followed."""

    def __init__(self, known: KnownFrames) -> None:
        self.frames = 0
        self.missing = 0
        self.repeated = 0
        self.strange = 0
        """Frames that are nowhere in the sequence: damaged, or from elsewhere. What they stand for is missing."""
        self._known = known
        self._at: frozenset[int] = frozenset()

    @property
    def place(self) -> int | None:
        """Where the listener is: the place of the newest known frame (the last of several equal ones); None before
        the first."""
        return max(self._at, default=None)

    def heard(self, frame: bytes) -> None:
        """``frame`` comes next."""
        self.frames += 1
        if not len(self._known):
            return  # Nothing to compare with.
        places = self._known.places(frame)
        if not places:
            self.strange += 1
            return
        wanted = {self._known.following(place) for place in self._at}
        going_on = wanted.intersection(places)
        if self._at and not going_on:
            going_on = {self._jump(places)}
        self._at = frozenset(going_on or places)

    def _jump(self, places: tuple[int, ...]) -> int:
        """Counts what lies between; gives the likeliest new place, which is the nearest."""
        start = max(self._at)
        nearest = min(places, key=lambda place: abs(self._known.distance(start, place) - 1))
        step = self._known.distance(start, nearest)
        if step > 0:
            self.missing += step - 1
        else:
            self.repeated += 1 - step
        return nearest


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener heard so far."""

    seconds: float = 0.0
    silent_seconds: float = 0.0
    stops: int = 0
    missing: int = 0
    repeated: int = 0
    strange: int = 0
    disconnects: int = 0
    titles: tuple[str, ...] = ()
    is_silent: bool = False
    """Whether it has nothing to play at this moment."""

    @property
    def is_flawless(self) -> bool:
        """Whether it heard something, and nothing but the programme."""
        faults = self.missing + self.repeated + self.strange + self.disconnects
        return self.seconds > 0 and self.silent_seconds < AUDIBLE_SECONDS and not faults

    @property
    def sentence(self) -> str:
        """In words, without the full stop."""
        strange = f", {_counted(self.strange, 'frame')} damaged" if self.strange else ""
        return (
            f"A listener heard {spoken_seconds(self.seconds)} of programme: "
            f"{spoken_seconds(self.silent_seconds)} of silence, {_counted(self.missing, 'frame')} missing, "
            f"{self.repeated} repeated{strange}, {_counted(self.disconnects, 'disconnect')}"
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
