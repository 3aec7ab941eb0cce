"""The playout: which fragment is due when. Pure; time is an argument.

The head starts ``delay`` seconds behind the newest fragment and then goes on in real time through whatever the store
holds. When nothing arrives it lives on that distance; listeners hear nothing of it until the head meets the end.

What is held beyond the delay when it starts, or comes within a moment, is given out at once: this lead fills the
players' own buffers, without which the least lateness of a fragment could be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from distreamer.core.pacing import Pacing
from distreamer.core.store import START, Position, Store
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import FIRST_NUMBER, Fragment
from distreamer.model.status import PlayoutState, PlayoutStatus

RESTART_SECONDS = 5.0
"""After it ran dry, the head goes on when this much is held (or the delay, when that is shorter).

A link that is back brings all that was missed within a moment, so nobody waits for it. A source that is back brings
a second per second: waiting for the whole delay would keep listeners in silence for as long, and going on with the
first fragment would end in a second stop at the next hiccup, which is worse than one that is a little longer.
"""
LEAD_SECONDS = 10.0
"""The lead is no longer than this; after having run dry, no longer than it was dry."""
LEAST_LEAD_SECONDS = 2.0
"""The head does not start before this much can be given out at once."""
LEAD_WITHIN_SECONDS = 15.0
"""What comes later than this after the head (re)started is no lead any more."""
STALE_SECONDS = 3.0
"""When nothing came for this long, beyond a fragment's own length, the levels say nothing about the clocks."""
RECENT_SECONDS = 30.0
"""How much of what was played is kept for listeners that join or are slow: media seconds."""
RECENT_BYTES = 16_000_000
"""The same in bytes of audio, for streams of a very high bitrate."""
FULL = 0.9
"""A store at this part of a limit of its own holds all that it ever will."""


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

    @property
    def seconds(self) -> float:
        """Media seconds."""
        return self.fragment.duration / self.info.format.clock_rate

    def title_at(self, now: float) -> Title | None:
        """The title in force at ``now``, if this is the fragment that is being heard."""
        part = min(max((now - self.starts_at) / self.seconds, 0.0), 1.0)
        heard = part * len(self.fragment.audio)
        title = self.fragment.title
        for mark in self.fragment.title_marks:
            if mark.offset <= heard:
                title = mark.title
        return title


class Playout:
    """The head: WAITING until the delay and a little lead are held, then PLAYING, and DRY whenever the next is due
    and not there."""

    def __init__(
        self, store: Store, delay: Callable[[StreamInfo], float], restart_seconds: float = RESTART_SECONDS
    ) -> None:
        """``delay`` gives the seconds to keep for a stream. ``restart_seconds`` is the price of going on after
        having run dry; infinity makes listeners wait until the whole delay is there again."""
        self._store = store
        self._delay = delay
        self._restart_seconds = restart_seconds
        self._pacing = Pacing()
        self._state = PlayoutState.WAITING
        self._position = START
        self._next_due = 0.0
        self._lead_left = 0.0
        self._lead_until = 0.0
        self._last: Played | None = None
        self._store_count = 0
        self._stale_at = 0.0
        self._dry_since = 0.0
        self._played_seconds = 0.0
        self._dry_seconds = 0.0
        self._dry_times = 0
        self._skipped_seconds = 0.0
        self._cushion: float | None = None
        """What is kept ahead at the start instead of the delay."""

    @property
    def state(self) -> PlayoutState:
        return self._state

    @property
    def correction(self) -> float:
        """What the speed differs from 1 at present."""
        return self._pacing.correction

    def advance(self, now: float) -> list[Played]:
        """The fragments that have become due, in order. To be called at ``next_time()`` and after each change of
        the store; ``now`` never goes back."""
        if self._state is not PlayoutState.PLAYING and not self._start(now):
            return []
        self._give_lead(now)
        self._learn(now)
        due: list[Played] = []
        while self._next_due <= now:
            fragment = self._store.after(self._position)
            if fragment is None:
                self._run_dry()
                break
            due.append(self._play(fragment))
        return due

    def next_time(self) -> float | None:
        """When the next fragment is due; None when only a change of the store can bring one."""
        return self._next_due if self._state is PlayoutState.PLAYING else None

    def level(self, now: float) -> float:
        """Seconds for which the head can go on if nothing arrives any more."""
        if self._state is not PlayoutState.PLAYING:
            return 0.0
        return max(self._store.seconds_after(self._position) + self._next_due - now, 0.0)

    def shortage(self, now: float, cushion: float | None = None) -> float:
        """Seconds that are missing until ``cushion`` seconds (None: the whole delay, which is also the most) are held
        ahead of the head; what it needs to begin, when it does not play. Below 0 when there is more."""
        delay = self._wanted_delay()
        wanted = delay if cushion is None else min(cushion, delay)
        match self._state:
            case PlayoutState.WAITING:
                return self._kept_at_start() + LEAD_SECONDS - self._store.seconds_after(self._position)
            case PlayoutState.DRY:
                return max(min(delay, self._restart_seconds), wanted) - self._store.seconds_after(self._position)
            case PlayoutState.PLAYING:
                return wanted - self.level(now)

    def hasten(self, cushion: float) -> None:
        """When it has not begun yet, it begins with ``cushion`` seconds held ahead instead of the delay: there is more
        where these came from."""
        if self._state is PlayoutState.WAITING:
            self._cushion = cushion

    def status(self, now: float, wall: float) -> PlayoutStatus:
        """The snapshot at ``now``, which is Unix time ``wall``."""
        dry = now - self._dry_since if self._state is PlayoutState.DRY else 0.0
        last = self._last
        return PlayoutStatus(
            state=self._state,
            delay_seconds=self._wanted_delay(),
            budget_seconds=self.level(now),
            behind_seconds=None if last is None else _behind(last, now, wall),
            played_seconds=self._played_seconds,
            dry_seconds=self._dry_seconds + dry,
            dry_times=self._dry_times,
            skipped_seconds=self._skipped_seconds,
            title=None if last is None else last.title_at(now),
        )

    def _start(self, now: float) -> bool:
        """Leaves WAITING or DRY when enough is held; says whether it did."""
        is_first = self._state is PlayoutState.WAITING
        delay = self._kept_at_start() if is_first else self._wanted_delay()
        enough = delay + LEAST_LEAD_SECONDS if is_first else min(delay, self._restart_seconds)
        held = self._store.seconds_after(self._position)
        if held <= 0 or (held < enough and not self._store_is_full(held)):
            return False
        if is_first:
            self._position = self._store.position_before_newest(min(held, delay + LEAD_SECONDS))
            self._lead_left = LEAD_SECONDS
        else:
            dry = now - self._dry_since
            self._dry_seconds += dry
            self._lead_left = min(dry, LEAD_SECONDS)
        self._state = PlayoutState.PLAYING
        self._next_due = now
        self._lead_until = now + LEAD_WITHIN_SECONDS
        return True

    def _give_lead(self, now: float) -> None:
        """Makes due what is held beyond the delay, as long as players lack it. What stands behind a hole does not
        count: the hole would be due before it had the time to fill."""
        if self._lead_left <= 0 or now > self._lead_until:
            self._cushion = None
            return
        delay = self._kept_at_start()
        level = self._seconds_to_hole(delay + LEAD_SECONDS) + self._next_due - now
        lead = min(max(level - delay, 0.0), self._lead_left)
        self._next_due -= lead
        self._lead_left -= lead

    def _seconds_to_hole(self, limit: float) -> float:
        """Seconds held behind the head up to the first hole; not looked for beyond ``limit``."""
        total, position = 0.0, self._position
        before = self._last.fragment if self._last else None
        while total < limit:
            fragment = self._store.after(position)
            if fragment is None or _missing_between(before, fragment):
                break
            total += self._seconds_of(fragment)
            position, before = self._store.position_of(fragment), fragment
        return total

    def _play(self, fragment: Fragment) -> Played:
        epoch = self._store.epoch(fragment.epoch)
        assert epoch is not None, "the store gave a fragment of an epoch that it does not hold"
        missing = _missing_between(self._last.fragment if self._last else None, fragment)
        self._skipped_seconds += epoch.seconds(missing)
        played = Played(
            fragment=fragment,
            info=epoch.info,
            starts_at=self._next_due,
            discontinuity=fragment.discontinuity or missing > 0,
        )
        self._position = Position(epoch.order, fragment.number)
        self._next_due += played.seconds / (1 + self._pacing.correction)
        self._played_seconds += played.seconds
        self._last = played
        return played

    def _run_dry(self) -> None:
        self._state = PlayoutState.DRY
        self._dry_since = self._next_due
        self._dry_times += 1
        self._cushion = None
        self._pacing.freeze()

    def _learn(self, now: float) -> None:
        """Shows the level to the pacing, unless it stands for an outage."""
        if self._store.added != self._store_count:
            self._store_count = self._store.added
            newest = self._store.newest()
            seconds = self._seconds_of(newest) if newest else 0.0
            self._stale_at = now + seconds + STALE_SECONDS
        if now < self._stale_at:
            self._pacing.observe(now, self.level(now))
        else:
            self._pacing.freeze()

    def _seconds_of(self, fragment: Fragment) -> float:
        epoch = self._store.epoch(fragment.epoch)
        return epoch.seconds(fragment.duration) if epoch else 0.0

    def _kept_at_start(self) -> float:
        delay = self._wanted_delay()
        return delay if self._cushion is None else min(delay, self._cushion)

    def _wanted_delay(self) -> float:
        epoch = self._store.newest_epoch
        return self._delay(epoch.info) if epoch else 0.0

    def _store_is_full(self, held: float) -> bool:
        """Whether ``held``, the seconds behind the head, will not become more: the store has reached a limit, and
        holds hardly anything that was played."""
        limits = self._store.limits
        is_full = self._store.seconds >= FULL * limits.seconds or self._store.size >= FULL * limits.size
        return is_full and held >= FULL * self._store.seconds


def _missing_between(before: Fragment | None, fragment: Fragment) -> int:
    """Ticks of audio that should stand between the two."""
    if before is None:
        return 0
    if before.epoch == fragment.epoch:
        return max(fragment.start - before.end, 0) if fragment.number > before.number + 1 else 0
    # What the end of the old epoch lacks, nobody here can know.
    return fragment.start if fragment.number > FIRST_NUMBER else 0


def _behind(last: Played, now: float, wall: float) -> float:
    """How long ago the audio that is heard at ``now`` reached the source. A source takes about as long to send a
    fragment as it lasts."""
    heard = min(max(now - last.starts_at, 0.0), last.seconds)
    return wall - (last.fragment.captured_at - last.seconds + heard)
