"""The playout: which fragment is due when. Pure; time is an argument.

The head starts ``delay`` seconds behind the newest fragment and then goes on in real time through whatever the store
holds. When nothing arrives it lives on that distance; listeners hear nothing of it until the head meets the end.

What is held beyond the delay when it starts, or comes within a moment, is given out at once: this lead fills the
players' own buffers, without which the least lateness of a fragment could be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distreamer.core.catch_up import CatchUp
from distreamer.core.comeback import Comeback, Oldest
from distreamer.core.filler import FillerRules, OnReturn
from distreamer.core.pacing import Pacing
from distreamer.core.played import RECENT_SECONDS, Place, Played, missing_between
from distreamer.core.store import START, Position, Store
from distreamer.core.title_times import TitleTimes
from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from distreamer.media.ogg_join import OggJoins
from distreamer.model.audio import Codec, StreamInfo, Title
from distreamer.model.fragment import Fragment
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
FILLER_AFTER_SECONDS = 1.5
"""Filler begins so long after the head ran dry, with what it should have brought since. Until then players live on the
least lead that they were given: a fragment that is a little late is not heard at all."""
MOST_CATCH_UP_SECONDS = 10.0
"""Once the buffer is full behind filler, the rest of what was missed is waited for no longer than this: a thin link may
bring it for minutes."""
MOST_FILLED_AT_ONCE_SECONDS = 10.0
"""A machine that slept does not make up for more filler than this."""
MOST_AHEAD_SECONDS = 10.0
"""Fragments are shorter. Who is told that the next is due later than this has a clock that was set back."""
TOO_OLD_SECONDS = 1.5
"""Beyond what may be, audio is played all the same: what it takes until the first fragments are there."""
FULL = 0.9
"""A store at this part of a limit of its own holds all that it ever will."""


class Playout:
    """The head: WAITING until the delay and a little lead are held, then PLAYING, and DRY whenever the next is due
    and not there."""

    def __init__(
        self,
        store: Store,
        delay: Callable[[StreamInfo], float],
        restart_seconds: float = RESTART_SECONDS,
        filler: FillerRules | None = None,
    ) -> None:
        """``delay`` gives the seconds to keep for a stream. ``restart_seconds`` is the price of going on after
        having run dry; infinity makes listeners wait until the whole delay is there again. With ``filler`` they hear
        that instead of nothing, and until the whole delay is there."""
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
        self._titles = TitleTimes()
        self._store_count = 0
        self._stale_at = 0.0
        self._dry_since = 0.0
        self._played_seconds = 0.0
        self._dry_seconds = 0.0
        self._dry_times = 0
        self._skipped_seconds = 0.0
        self._cushion: float | None = None
        """What is kept ahead at the start instead of the delay."""
        self._filler = filler
        self._waits_to_fill = False
        self._is_filling = False
        self._follows_filler = False
        self._catch_up = CatchUp()
        self._comeback = Comeback(store)
        self._full_since: float | None = None
        """When enough was held to end the filler."""
        self._join: ReservoirJoin | None = None
        """While MP3 frames are played that may lean on what was not."""
        self._ogg_joins = OggJoins()
        self._last_of_programme: Fragment | None = None
        self._programme_due = 0.0
        """When what follows that is due."""
        self._waits_for_rest = False
        """Whether it begins behind what an earlier run of the program played, when all that was missed has come."""

    @property
    def state(self) -> PlayoutState:
        return self._state

    @property
    def is_filling(self) -> bool:
        """Whether filler is played."""
        return self._is_filling

    @property
    def correction(self) -> float:
        """What the speed differs from 1 at present."""
        return self._pacing.correction

    @property
    def place(self) -> Place | None:
        """Where it is; None when it has played nothing yet."""
        if self._last_of_programme is None:
            return None
        return Place(self._last_of_programme.epoch, self._last_of_programme.number, self._programme_due)

    def resume(self, place: Place, now: float) -> list[Played]:
        """Goes on where an earlier run of the program was at ``place``, as late as that was, if the store holds what is
        there; gives what that played last. To be called before anything else."""
        epoch = self._store.epoch(place.epoch)
        self._position = Position(epoch.order, place.number) if epoch is not None else START
        recent = self._played_before(place.next_due)
        if not recent:
            self._position = START
            return []
        for index, played in enumerate(recent):
            self._titles.follow(played.fragment, played.starts_at, played.seconds, is_whole=index > 0)
        held = self._store.seconds_after(self._position)
        self._last = recent[-1]
        self._last_of_programme, self._programme_due = self._last.fragment, place.next_due
        self._next_due = min(place.next_due, now + MOST_AHEAD_SECONDS)
        if held > now - self._next_due:
            self._state = PlayoutState.PLAYING
        elif held > 0:
            # It would have run dry meanwhile. What is too old is skipped, which shows when all has come.
            self._waits_for_rest = True
        else:
            self._next_due = max(self._next_due, now)
            self._run_dry()
        return recent

    def _played_before(self, due: float) -> list[Played]:
        """What was played up to the present position, where the next was due at ``due``."""
        found: list[Played] = []
        fragments = [one for one in self._store if self._store.position_of(one) <= self._position]
        for fragment in reversed(fragments):
            epoch = self._store.epoch(fragment.epoch)
            assert epoch is not None, "the store gave a fragment of an epoch that it does not hold"
            due -= epoch.seconds(fragment.duration)
            found.append(Played(fragment, epoch.info, due, fragment.discontinuity, by_earlier_run=True))
            if sum(played.seconds for played in found) >= RECENT_SECONDS:
                break
        return found[::-1]

    def advance(self, now: float) -> list[Played]:
        """The fragments that have become due, in order. To be called at ``next_time()`` and after each change of
        the store; ``now`` never goes back."""
        self._catch_up.observe(now, self._store.added_seconds)
        self._comeback.observe(now)
        if self._state is not PlayoutState.PLAYING and not self._start(now):
            return self._fill(now)
        self._give_lead(now)
        self._learn(now)
        due: list[Played] = []
        while self._next_due <= now:
            fragment = self._store.after(self._position)
            if fragment is None:
                self._run_dry()
                return due + self._fill(now)
            due.append(self._play(fragment))
        return due

    def next_time(self) -> float | None:
        """When the next fragment is due; None when only a change of the store can bring one."""
        if self._waits_to_fill:
            return self._next_due + FILLER_AFTER_SECONDS
        return self._next_due if self._state is PlayoutState.PLAYING or self._is_filling else None

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
                return max(self._enough_again(), wanted) - self._store.seconds_after(self._position)
            case PlayoutState.PLAYING:
                return wanted - self.level(now)

    def oldest_wanted(self, now: float) -> Oldest | None:
        """The oldest that will be played next; None when all that was missed will be. Who asks must bring what is older
        only behind everything else, or not at all."""
        if not self._is_filling or self._cushion is not None:
            return None
        self._comeback.is_expected = True
        return self._oldest(now)

    def hasten(self, cushion: float | None) -> None:
        """When it does not play, it begins with ``cushion`` seconds held ahead instead of the delay: there is more
        where these came from. None: with the delay, after all."""
        if self._state is not PlayoutState.PLAYING:
            self._cushion = cushion

    def fill_by(self, filler: FillerRules | None) -> None:
        """Other rules from now on, as when it was made; a run of filler that has begun goes on under them."""
        is_first = self._filler is None
        self._filler = filler
        if filler is None:
            self._follows_filler |= self._is_filling
            self._waits_to_fill = self._is_filling = False
        elif is_first and self._state is PlayoutState.DRY:
            self._waits_to_fill = True

    def status(self, now: float, wall: float) -> PlayoutStatus:
        """The snapshot at ``now``, which is Unix time ``wall``."""
        dry = now - self._dry_since if self._state is PlayoutState.DRY else 0.0
        last = self._last
        title, since = self.title(now, wall)
        return PlayoutStatus(
            state=self._state,
            delay_seconds=self._wanted_delay(),
            budget_seconds=self.level(now),
            is_filling=self._is_filling,
            fills_with_clip=self._is_filling and self._filler is not None and self._filler.filler.plays_clip,
            behind_seconds=None if last is None else last.behind_seconds(now, wall),
            played_seconds=self._played_seconds,
            dry_seconds=self._dry_seconds + dry,
            dry_times=self._dry_times,
            skipped_seconds=self._skipped_seconds,
            title=title,
            title_heard_since=since,
        )

    def title(self, now: float, wall: float) -> tuple[Title | None, float | None]:
        """What is heard at ``now``, which is Unix time ``wall``, and since when (Unix time); costs nothing."""
        heard = self._titles.at(now)
        if heard.title is None or heard.since is None:
            return heard.title, None
        return heard.title, wall - (now - heard.since)

    def _start(self, now: float) -> bool:
        """Leaves WAITING or DRY when enough is held; says whether it did."""
        is_first = self._state is PlayoutState.WAITING
        enough = self._kept_at_start() + LEAST_LEAD_SECONDS if is_first else self._enough_again()
        held = self._store.seconds_after(self._position)
        if self._is_filling and self._cushion is None and self._comeback.is_expected:
            place = self._comeback.place(now, self._position, self._oldest(now), enough)
            if place is None and not self._store_is_full(held):
                return False
            self._position = place or self._position
        elif held <= 0 or (held < enough and not self._store_is_full(held)) or self._waits_for_more(now):
            return False
        if is_first:
            begin = self._store.position_before_newest(min(held, self._kept_at_start() + LEAD_SECONDS))
            self._position = max(self._position, begin)
            self._lead_left = LEAD_SECONDS
            self._waits_for_rest = False
        else:
            self._dry_seconds += now - self._dry_since
            self._lead_left = 0.0 if self._is_filling else min(now - self._dry_since, LEAD_SECONDS)
            self._skip_what_is_too_old()
        self._state = PlayoutState.PLAYING
        if not self._is_filling:
            self._next_due = now
        self._follows_filler |= self._is_filling
        self._is_filling = self._waits_to_fill = self._comeback.is_expected = False
        self._full_since = None
        self._lead_until = now + LEAD_WITHIN_SECONDS
        return True

    def _enough_again(self) -> float:
        """Seconds that must be held to go on after having run dry. Who hears filler hears it until a second outage
        as long as the first would not be heard."""
        return self._kept_at_start() if self._is_filling else min(self._wanted_delay(), self._restart_seconds)

    def _waits_for_more(self, now: float) -> bool:
        """Whether filler goes on although enough is held: what is too old to be played shows only when all is there.
        What is made here is brought as it is wanted, and never too old."""
        if not (self._is_filling or self._waits_for_rest) or self._cushion is not None:
            return False
        if self._full_since is None:
            self._full_since = now
        return self._catch_up.is_on(now) and now < self._full_since + MOST_CATCH_UP_SECONDS

    def _skip_what_is_too_old(self) -> None:
        if self._is_filling:
            self._position = max(self._position, self._store.position_before_newest(self._most_delay()))

    def _most_delay(self) -> float:
        """Seconds behind live that may be what is played behind filler."""
        wanted = self._wanted_delay()
        if self._filler is None or self._filler.on_return is OnReturn.LIVE:
            return wanted
        return max(wanted, self._filler.most_delay_seconds)

    def _oldest(self, now: float) -> Oldest:
        """Of what may be played behind filler. As long as the programme was played it was as old as it should be."""
        most = self._most_delay()
        if self._last is None:
            return Oldest(most, 0.0)
        due = self._last.fragment.captured_at + self._last.seconds + now - self._dry_since
        return Oldest(most, due - (most - self._wanted_delay()) - TOO_OLD_SECONDS)

    def _fill(self, now: float) -> list[Played]:
        """The filler that is due."""
        due: list[Played] = []
        if self._filler is None or self._last is None:
            return due
        if self._waits_to_fill and now >= self._next_due + FILLER_AFTER_SECONDS:
            self._waits_to_fill = False
            self._is_filling = self._filler.filler.begin(self._last.fragment, self._last.info)
        if not self._is_filling:
            return due
        self._next_due = max(self._next_due, now - MOST_FILLED_AT_ONCE_SECONDS)
        while self._next_due <= now:
            fragment = self._filler.filler.next(self._last.fragment.captured_at)
            setup, audio = self._ogg_joins.filling(fragment.setup, fragment.audio)
            if audio is not fragment.audio:
                fragment = replace(fragment, setup=setup, audio=audio)
            is_first = self._next_due == self._dry_since
            due.append(Played(fragment, self._last.info, self._next_due, discontinuity=is_first, is_filler=True))
            if self._filler.filler.title is not None:
                self._titles.follow(fragment, self._next_due, due[-1].seconds)
            self._next_due += due[-1].seconds
        return due

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
            if fragment is None or missing_between(before, fragment):
                break
            total += self._seconds_of(fragment)
            position, before = self._store.position_of(fragment), fragment
        return total

    def _play(self, fragment: Fragment) -> Played:
        epoch = self._store.epoch(fragment.epoch)
        assert epoch is not None, "the store gave a fragment of an epoch that it does not hold"
        missing = missing_between(self._last.fragment if self._last else None, fragment)
        self._skipped_seconds += epoch.seconds(missing)
        is_join = missing > 0 or self._follows_filler
        if is_join:
            self._join = ReservoirJoin()
        setup, audio = self._ogg_joins.joined(
            fragment.setup, fragment.audio, is_apart=self._follows_filler, is_cut=is_join
        )
        if audio is not fragment.audio:
            fragment = replace(fragment, setup=setup, audio=audio)
        if self._follows_filler and fragment.title is None and self._filler and self._filler.filler.title:
            fragment = replace(fragment, title=Title(""))  # The filler's must not stay.
        self._follows_filler = False
        is_cut = fragment.discontinuity or is_join
        played = Played(self._joined(fragment, epoch.info), epoch.info, self._next_due, is_cut)
        self._position = Position(epoch.order, fragment.number)
        self._next_due += played.seconds / (1 + self._pacing.correction)
        self._played_seconds += played.seconds
        self._last = played
        self._last_of_programme, self._programme_due = fragment, self._next_due
        self._titles.follow(played.fragment, played.starts_at, played.seconds)
        return played

    def _joined(self, fragment: Fragment, info: StreamInfo) -> Fragment:
        """Without the frames that lean on what was not played."""
        if self._join is None or info.format.codec is not Codec.MPEG:
            self._join = None
            return fragment
        audio = mended_run(self._join, fragment.audio)
        if self._join.done:
            self._join = None
        return replace(fragment, audio=audio)

    def _run_dry(self) -> None:
        self._state = PlayoutState.DRY
        self._dry_since = self._next_due
        self._waits_to_fill = self._filler is not None
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
