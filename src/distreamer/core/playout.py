"""The playout: which fragment is due when. Pure; time is an argument.

The head starts ``delay`` seconds behind the newest fragment and then goes on in real time through whatever the store
holds. When nothing arrives it lives on that distance; listeners hear nothing of it until the head meets the end.

What is held beyond the delay when it starts, or comes within a moment, is given out at once: this lead fills the
players' own buffers, without which the least lateness of a fragment could be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distreamer.core.comeback import Oldest
from distreamer.core.filler import FillerRules
from distreamer.core.filler_turn import FillerTurn
from distreamer.core.lead import LEAD_SECONDS, LEAST_LEAD_SECONDS, Lead
from distreamer.core.played import Place, Played, missing_between, played_before
from distreamer.core.playout_joins import PlayoutJoins
from distreamer.core.programme_return import RESTART_SECONDS, ProgrammeReturn
from distreamer.core.store import START, Position, Store
from distreamer.core.store_pacing import StorePacing
from distreamer.core.title_times import TitleTimes
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment
from distreamer.model.status import PlayoutState, PlayoutStatus

FILLER_AFTER_SECONDS = 1.5
"""Filler begins so long after the head ran dry, with what it should have brought since. Until then players live on the
least lead that they were given: a fragment that is a little late is not heard at all."""
MOST_AHEAD_SECONDS = 10.0
"""Fragments are shorter. Who is told that the next is due later than this has a clock that was set back."""


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
        self._pacing = StorePacing(store)
        self._state = PlayoutState.WAITING
        self._position = START
        self._next_due = 0.0
        self._lead = Lead(store)
        self._last: Played | None = None
        self._titles = TitleTimes()
        self._dry_since = 0.0
        self._played_seconds = 0.0
        self._dry_seconds = 0.0
        self._dry_times = 0
        self._skipped_seconds = 0.0
        self._cushion: float | None = None
        """What is kept ahead at the start instead of the delay."""
        self._joins = PlayoutJoins()
        self._filler = FillerTurn(filler, self._joins)
        self._return = ProgrammeReturn(store, self._wanted_delay, restart_seconds, filler)
        self._last_of_programme: Fragment | None = None
        self._programme_due = 0.0
        """When what follows that is due."""

    @property
    def state(self) -> PlayoutState:
        return self._state

    @property
    def is_filling(self) -> bool:
        """Whether filler is played."""
        return self._filler.is_on

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
        recent = played_before(self._store, self._position, place.next_due)
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
            return recent
        # It would have run dry meanwhile.
        if held > 0:
            self._return.expect_rest(now)
        if held <= 0 or self._filler.rules is not None:
            self._next_due = max(self._next_due, now)
            self._run_dry()
            self._return.ran_dry(self._last, place.next_due)
        return recent

    def advance(self, now: float) -> list[Played]:
        """The fragments that have become due, in order. To be called at ``next_time()`` and after each change of
        the store; ``now`` never goes back."""
        self._return.observe(now)
        if self._state is not PlayoutState.PLAYING and not self._start(now):
            return self._fill(now)
        self._give_lead(now)
        self._pacing.observe(now, self.level(now))
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
        if self._filler.waits:
            return self._next_due + FILLER_AFTER_SECONDS
        if self._state is PlayoutState.PLAYING or self._filler.is_on:
            return self._next_due
        return self._return.first_due

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
        if not self._filler.is_on or self._cushion is not None:
            return None
        return self._return.oldest_wanted(now)

    def hasten(self, cushion: float | None) -> None:
        """When it does not play, it begins with ``cushion`` seconds held ahead instead of the delay: there is more
        where these came from. None: with the delay, after all."""
        if self._state is not PlayoutState.PLAYING:
            self._cushion = cushion

    def fill_by(self, filler: FillerRules | None) -> None:
        """Other rules from now on, as when it was made; a run of filler that has begun goes on under them."""
        self._return.rules = filler
        self._filler.change(filler, is_dry=self._state is PlayoutState.DRY)

    def status(self, now: float, wall: float) -> PlayoutStatus:
        """The snapshot at ``now``, which is Unix time ``wall``."""
        dry = now - self._dry_since if self._state is PlayoutState.DRY else 0.0
        last = self._last
        title, since = self.title(now, wall)
        return PlayoutStatus(
            state=self._state,
            delay_seconds=self._wanted_delay(),
            budget_seconds=self.level(now),
            is_filling=self._filler.is_on,
            fills_with_clip=self._filler.plays_clip,
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
        is_first = self._state is PlayoutState.WAITING or (self._return.is_rest_expected and not self._filler.is_on)
        enough = self._kept_at_start() + LEAST_LEAD_SECONDS if is_first else self._enough_again()
        held = self._store.seconds_after(self._position)
        if self._filler.is_on:
            place = self._return.place(now, self._position, enough, is_hastened=self._cushion is not None)
            if place is None:
                return False
            self._position = place
        elif not self._return.is_enough(held, enough) or self._waits_for_more(now):
            return False
        if self._state is PlayoutState.DRY:
            self._dry_seconds += now - self._dry_since
        if is_first:
            begin = self._store.position_before_newest(min(held, self._kept_at_start() + LEAD_SECONDS))
            self._position = max(self._position, begin)
            self._lead.begin(now)
        else:
            self._lead.begin(now, 0.0 if self._filler.is_on else now - self._dry_since)
        self._state = PlayoutState.PLAYING
        if not self._filler.is_on:
            self._next_due = now
        self._filler.end()
        self._return.happened()
        return True

    def _enough_again(self) -> float:
        return self._return.wanted_seconds(self._kept_at_start(), is_filling=self._filler.is_on)

    def _waits_for_more(self, now: float) -> bool:
        """Whether it goes on waiting behind a start of the program, although enough is held."""
        return self._return.is_rest_expected and self._cushion is None and self._return.is_rest_awaited(now)

    def _fill(self, now: float) -> list[Played]:
        """The filler that is due."""
        if self._last is None:
            return []
        if self._filler.waits and now >= self._next_due + FILLER_AFTER_SECONDS:
            self._filler.begin(self._last)
        due = self._filler.due(now, self._next_due, self._last, is_first=self._next_due == self._dry_since)
        for played in due:
            if self._filler.has_title:
                self._titles.follow(played.fragment, played.starts_at, played.seconds)
            self._next_due = played.starts_at + played.seconds
        return due

    def _give_lead(self, now: float) -> None:
        """Makes due what is held beyond the delay, as long as players lack it."""
        if self._lead.is_over(now):
            self._cushion = None
            return
        last = self._last.fragment if self._last else None
        self._next_due -= self._lead.take(now, self._next_due, self._position, last, self._kept_at_start())

    def _play(self, fragment: Fragment) -> Played:
        epoch = self._store.epoch_of(fragment)
        missing = missing_between(self._last.fragment if self._last else None, fragment)
        self._skipped_seconds += epoch.seconds(missing)
        is_join = missing > 0 or self._filler.is_last
        fitting = self._joins.programme(fragment, epoch.info, is_cut=is_join, follows_filler=self._filler.is_last)
        if self._filler.leaves_title and fragment.title is None:
            fitting = replace(fitting, title=Title(""))  # The filler's must not stay.
        self._filler.is_last = False
        played = Played(fitting, epoch.info, self._next_due, fragment.discontinuity or is_join)
        self._position = Position(epoch.order, fragment.number)
        self._next_due += played.seconds / (1 + self._pacing.correction)
        self._played_seconds += played.seconds
        self._last = played
        self._last_of_programme, self._programme_due = fragment, self._next_due
        self._titles.follow(played.fragment, played.starts_at, played.seconds)
        return played

    def _run_dry(self) -> None:
        self._state = PlayoutState.DRY
        self._dry_since = self._next_due
        if self._last is not None:
            self._return.ran_dry(self._last, self._next_due)
        self._filler.ran_dry()
        self._dry_times += 1
        self._cushion = None
        self._pacing.freeze()

    def _kept_at_start(self) -> float:
        delay = self._wanted_delay()
        return delay if self._cushion is None else min(delay, self._cushion)

    def _wanted_delay(self) -> float:
        epoch = self._store.newest_epoch
        return self._delay(epoch.info) if epoch else 0.0
