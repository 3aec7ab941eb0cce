"""What is played, and what can be said about a fragment beside the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.core.store import Position, Store
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import FIRST_NUMBER, Fragment

RECENT_SECONDS = 30.0
"""How much of what was played is kept for listeners that join or are slow: media seconds."""
RECENT_BYTES = 16_000_000
"""The same in bytes of audio, for streams of a very high bitrate."""


@dataclass(frozen=True, slots=True)
class Played:
    """A fragment that is due, with what is needed to make sense of it."""

    fragment: Fragment
    info: StreamInfo
    """What its epoch carries."""
    starts_at: float
    """When its first byte is due, on the clock that drives the playout."""
    discontinuity: bool
    """True when what listeners hear jumps before it: audio was skipped, or is missing at the source."""
    by_earlier_run: bool = False
    """Whether an earlier run of the program gave it out; its listeners were disconnected behind the last of these."""
    is_filler: bool = False
    """Whether it is played in the place of a programme that did not come."""

    @property
    def seconds(self) -> float:
        """Media seconds."""
        return self.fragment.duration / self.info.format.clock_rate

    def behind_seconds(self, now: float, wall: float) -> float:
        """How long ago the audio that is heard at ``now``, which is Unix time ``wall``, reached the source. A source
        takes about as long to send a fragment as it lasts."""
        heard = min(max(now - self.starts_at, 0.0), self.seconds)
        return wall - (self.fragment.captured_at - self.seconds + heard)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a playout is."""

    epoch: int
    number: int
    """Of the fragment that was played last."""
    next_due: float
    """When it ends, and what follows is due."""


def missing_between(before: Fragment | None, fragment: Fragment) -> int:
    """Ticks of audio that should stand between the two."""
    if before is None:
        return 0
    if before.epoch == fragment.epoch:
        return max(fragment.start - before.end, 0) if fragment.number > before.number + 1 else 0
    # What the end of the old epoch lacks, nobody here can know.
    return fragment.start if fragment.number > FIRST_NUMBER else 0


def played_before(store: Store, position: Position, due: float) -> list[Played]:
    """What an earlier run of the program played of ``store`` up to ``position``, where the next was due at ``due``;
    about the last RECENT_SECONDS of it."""
    found: list[Played] = []
    fragments = [one for one in store if store.position_of(one) <= position]
    for fragment in reversed(fragments):
        epoch = store.epoch_of(fragment)
        due -= epoch.seconds(fragment.duration)
        found.append(Played(fragment, epoch.info, due, fragment.discontinuity, by_earlier_run=True))
        if sum(played.seconds for played in found) >= RECENT_SECONDS:
            break
    return found[::-1]
