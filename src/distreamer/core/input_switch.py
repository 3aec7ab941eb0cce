"""Which of several inputs is on air. Pure; time is an argument.

All inputs run all the time, each into a store of its own. The switch copies what the one on air brings into the
instance's store, so that a change is a splice between two fragments: at a frame, and in the same epoch when a decoder
can go on.

    the input on air …                                       then
    brings nothing or too little, as would soon be heard →   the best of the others that could play
    works, and a better one was healthy for its RETURN   →   the better one
    anything else                                        →   no change

Who takes over begins as far back as the programme has been silent, if it has brought that much meanwhile: what the
buffers of the far ends have lost comes back with it.

Where two inputs carry the same (relays of one station), who takes over goes on with the very next frame, be it ahead of
the other or behind; when it is behind, it is waited for as long as nobody hears that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from distreamer.core.continuation import Continuation
from distreamer.core.cue import OnAir
from distreamer.core.live_standby import PAUSE_SECONDS
from distreamer.core.made_standby import MadeStandby
from distreamer.core.splicer import Splicer
from distreamer.core.standby import HOLE_SECONDS, Standby
from distreamer.core.store import START, Position, Store
from distreamer.model.status import PlayoutState

QUIET_SECONDS = 2.0
"""Where something plays, the input on air must at least have brought nothing for so long …"""
LAST_MOMENT_SECONDS = 3.0
"""… and no more than this be left to play. Until then the link may come back, and nobody has heard anything."""
VERY_LAST_MOMENT_SECONDS = 0.6
"""When so little is left, an input that does not keep up has to go, whatever it has brought just now."""
QUIET_WHEN_DRY_SECONDS = 1.0
"""When listeners hear nothing already, an input must have brought nothing for so long."""
START_SECONDS = 10.0
"""Before anything was played, an input gets so long to bring its first audio."""
CUSHION_SECONDS = 5.0
"""What a file keeps ahead of the listeners: little, so that they hear the programme again soon after it is back."""
LEAD_SECONDS = 0.5
"""Where nothing plays here, a file is so much ahead of real time, and never behind."""
MOST_SURPLUS_SECONDS = 2.0
"""What rounding to fragments and pieces can amount to. A larger difference is audio that nobody had."""
FILLED_BEYOND_SECONDS = 30.0
"""No more than this is filled of a silence that was longer than it should have been (when no input worked): the far
ends have run dry long ago, and would only be later."""
EVERYTHING = float("inf")


class Listeners(Protocol):
    """What the switch asks of the playout; ``core.playout.Playout`` is one."""

    @property
    def state(self) -> PlayoutState: ...

    def level(self, now: float) -> float: ...

    def shortage(self, now: float, cushion: float | None = None) -> float:
        """Seconds that are missing until ``cushion`` are held ahead (None: the whole delay)."""
        ...

    def hasten(self, cushion: float | None) -> None:
        """When it has yet to begin, it is to begin with so little held ahead (None: with the whole delay)."""
        ...


class InputSwitch:
    """Made with the inputs, the preferred one first; ``advance`` does everything."""

    def __init__(
        self,
        standbys: Sequence[Standby],
        store: Store,
        new_epoch_id: Callable[[], int],
        now: float,
        after_seconds: float | None = None,
        listeners: Listeners | None = None,
        on_air: Standby | None = None,
    ) -> None:
        """``after_seconds`` is FALLBACKAFTER: silence after which another takes over; None: as late as can be when
        there are ``listeners``, else PAUSE_SECONDS. ``on_air`` begins; None: the preferred one."""
        self.switches = 0
        self.continuations = 0
        """Those of the switches at which the programme went on with the very next frame."""
        self._configured = self._order = tuple(standbys)
        self._chosen: Standby | None = None
        self._on_air = on_air or self._order[0]
        self._store = store
        self._splicer = Splicer(store, new_epoch_id)
        self._continuation: Continuation | None = None
        """Until it is known where the input that was put on air goes on."""
        self._after_seconds = after_seconds
        self._most_silent_seconds = PAUSE_SECONDS if after_seconds is None else after_seconds
        self._listeners = listeners
        self._filled_to = now
        """The moment up to which the programme is filled, if it was sent as it came."""
        self._surplus = 0.0
        """Seconds by which the last splice was longer than the gap, for it consists of whole fragments. Known, so that
        they do not add up."""
        self._given_to = now
        self._has_carried = False
        self._patient_until = now
        """Until then the input on air is being started anew: that it has nothing to offer says nothing."""
        self._on_air.begin(EVERYTHING)

    @property
    def on_air(self) -> Standby:
        return self._on_air

    @property
    def chosen(self) -> Standby | None:
        """Which an operator prefers to all others, until he says otherwise."""
        return self._chosen

    def is_better(self, one: Standby, other: Standby) -> bool:
        """Whether ``one`` is preferred to ``other``."""
        return self._order.index(one) < self._order.index(other)

    def advance(self, now: float) -> None:
        """Decides and carries. To be called after each change of an input's store and a few times a second."""
        for standby in self._order:
            standby.look(now)
        self._carry(now)
        chosen = self._choose(now)
        if chosen is not self._on_air:
            self._switch_to(chosen, now)
            self._carry(now)
        if isinstance(self._on_air, MadeStandby):
            self._on_air.ask(now, self._shortage(now))

    def prefer(self, standby: Standby | None, now: float) -> None:
        """An operator wants ``standby`` on air: from now on, if it could be, and whenever it works. None: as it is
        configured."""
        self._chosen = standby
        self._rank()
        if standby is not None and standby is not self._on_air and standby.is_ready(now):
            self._switch_to(standby, now)

    # -- other settings while it runs

    def go_on_in(self, epoch: int | None) -> None:
        """A lone input filled the store until now; when it is the one on air, it has a store of its own that holds the
        same. ``epoch`` is the store's newest when the instance itself made it."""
        self._on_air.skip_held()
        self._has_carried = True
        if epoch is not None:
            self._splicer.go_on_in(epoch)

    def go_on_behind(self, skipped: int) -> None:
        """An earlier run of the program filled the store: the programme goes on behind that, in the same epoch when it
        was numbered here, and without what the input on air repeats of it."""
        newest = self._store.newest_epoch
        if newest is None or not newest.numbers:
            return
        if newest.is_own:
            self._splicer.go_on_in(newest.id, skipped)
        self._has_carried = True
        if not isinstance(self._on_air, MadeStandby):
            self._continuation = Continuation(self._store, self._on_air.store)

    def be_patient(self, until: float) -> None:
        """The module of the input on air is started anew."""
        self._patient_until = until

    def decide_by(self, after_seconds: float | None, listeners: Listeners | None) -> None:
        """As when it was made."""
        self._after_seconds, self._listeners = after_seconds, listeners
        self._most_silent_seconds = PAUSE_SECONDS if after_seconds is None else after_seconds

    def rearrange(self, standbys: Sequence[Standby], now: float) -> None:
        """Other inputs, or in another order. When the one on air is not among them, the best that could play takes its
        place."""
        before, self._configured = self._on_air, tuple(standbys)
        self._rank()
        if before not in self._order:
            ready = (one for one in self._order if one.is_ready(now))
            self._switch_to(next(ready, self._order[0]), now)

    # -- deciding

    def _rank(self) -> None:
        if self._chosen not in self._configured:
            self._chosen = None
        self._order = tuple(sorted(self._configured, key=lambda one: one is not self._chosen))

    def _choose(self, now: float) -> Standby:
        on_air = self._on_air
        for better in self._order[: self._order.index(on_air)]:
            if better.returns_in(now) == 0:
                return better
        if not self._is_lost(now):
            return on_air
        ready = [one for one in self._order if one is not on_air and one.is_ready(now)]
        return min(ready, key=lambda one: one.is_last_resort(now), default=on_air)

    def _is_lost(self, now: float) -> bool:
        on_air = self._on_air
        if on_air.has_failed(now) and now >= self._patient_until:
            return True
        if self._listeners is not None and self._after_seconds is None:
            return self._is_last_moment(self._listeners, now)
        return on_air.silent_seconds(now) >= self._most_silent_seconds or on_air.is_starving(now)

    def _is_last_moment(self, listeners: Listeners, now: float) -> bool:
        quiet, keeps_up = self._on_air.quiet_seconds(now), self._on_air.keeps_up(now)
        match listeners.state:
            case PlayoutState.WAITING:
                return quiet >= START_SECONDS
            case PlayoutState.PLAYING:
                level = listeners.level(now)
                is_very_last = level <= VERY_LAST_MOMENT_SECONDS and not keeps_up
                return is_very_last or (level <= LAST_MOMENT_SECONDS and quiet >= QUIET_SECONDS)
            case PlayoutState.DRY:
                return quiet >= QUIET_WHEN_DRY_SECONDS or not keeps_up

    # -- carrying

    def _switch_to(self, standby: Standby, now: float) -> None:
        before = self._on_air
        before.end(now, is_lost=self._is_lost(now))
        self._on_air = standby
        self.switches += 1
        for less_preferred in self._order[self._order.index(standby) + 1 :]:
            less_preferred.cue.relieve()
        if self._listeners is not None:
            self._listeners.hasten(None)
        makes_audio = isinstance(before, MadeStandby) or isinstance(standby, MadeStandby)
        self._continuation = None if makes_audio else Continuation(self._store, standby.store)
        if makes_audio:
            self._begin(now)

    def _begin(self, now: float, not_before: Position = START) -> None:
        """The input that was put on air begins as far back as makes up for what is missing."""
        standby = self._on_air
        filled_to, wanted = self._missing(now)
        taken = standby.begin(wanted if self._has_carried or self._listeners else EVERYTHING, not_before)
        self._given_to, self._surplus = filled_to, 0.0
        # Who makes audio fills up what is missing anyway.
        if not isinstance(standby, MadeStandby) and abs(taken - wanted) <= MOST_SURPLUS_SECONDS:
            self._surplus = taken - wanted

    def _missing(self, now: float) -> tuple[float, float]:
        """The moment up to which the programme is filled, and the seconds that the input on air should bring to make
        up for what is missing."""
        filled_to = max(self._filled_to + self._surplus, now - self._most_silent_seconds - FILLED_BEYOND_SECONDS)
        return filled_to, self._listeners.shortage(now) if self._listeners else self._on_air.heard_at - filled_to

    def _has_begun(self, now: float) -> bool:
        """Whether it is decided where the input on air goes on; False while it is waited for."""
        continuation = self._continuation
        if continuation is None:
            return True
        if not len(self._on_air.store):
            return False
        if (place := continuation.find()) is not None:
            self._given_to, wanted = self._missing(now)
            taken = self._on_air.go_on_behind(place.fragment, place.rest)
            self._surplus = min(taken - wanted, MOST_SURPLUS_SECONDS)
            self._splicer.hand_over(place.stale_title)
            self.continuations += 1
        elif (behind_seconds := continuation.behind_seconds) is None:
            self._begin(now, continuation.known_to)
        elif self._waits(behind_seconds, now):
            return False
        else:
            self._begin(now)
        self._continuation = None
        return True

    def _waits(self, behind_seconds: float, now: float) -> bool:
        """Whether an input that is so far behind the programme may be waited for."""
        if self._listeners is None or self._listeners.state is PlayoutState.WAITING:
            patience = self._filled_to + self._most_silent_seconds + HOLE_SECONDS - now
        else:
            patience = self._listeners.level(now) - VERY_LAST_MOMENT_SECONDS
        # What it has brought last may have come a while ago. (When nothing comes any more there is nothing to decide.)
        return behind_seconds - (now - self._on_air.heard_at) <= patience

    def _carry(self, now: float) -> None:
        if not self._has_begun(now):
            return
        plays = self._listeners is not None and self._listeners.state is PlayoutState.PLAYING
        while (found := self._on_air.next_fragment(now, lambda: self._must_go_on(now), waits=plays)) is not None:
            spliced = self._splicer.append(found.fragment, found.info, is_cut=found.is_cut)
            self._has_carried = True
            self._given_to += spliced.duration / found.info.format.clock_rate
            self._filled_to = self._given_to if isinstance(self._on_air, MadeStandby) else now
            for standby in self._order:
                standby.cue.latest = OnAir(found.info, spliced)

    def _must_go_on(self, now: float) -> bool:
        """Whether listeners would hear it if a hole were waited for."""
        listeners = self._listeners
        if listeners is None or listeners.state is PlayoutState.WAITING:
            return False
        return listeners.state is PlayoutState.DRY or listeners.level(now) <= LAST_MOMENT_SECONDS

    def _shortage(self, now: float) -> float:
        """Seconds that an input which makes its audio should give now."""
        if self._listeners is None:
            return now - self._given_to + LEAD_SECONDS
        if self._after_seconds is not None:
            return self._listeners.shortage(now)
        self._listeners.hasten(CUSHION_SECONDS)
        return self._listeners.shortage(now, CUSHION_SECONDS)
