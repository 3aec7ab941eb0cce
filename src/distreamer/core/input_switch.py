"""Which of several inputs is on air. Pure; time is an argument.

All inputs run all the time, each into a store of its own. The switch copies what the one on air brings into the
instance's store, so that a change is a splice between two fragments: at a frame, and in the same epoch when a decoder
can go on.

    the input on air …                                       then
    brings nothing, and listeners would soon notice      →   the best of the others that could play
    works, and a better one was healthy for its RETURN   →   the better one
    anything else                                        →   no change

Who takes over begins as far back as the programme has been silent, if it holds that much: what the buffers of the
far ends have lost meanwhile comes back with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from distreamer.core.cue import OnAir
from distreamer.core.splicer import Splicer
from distreamer.core.standby import Standby
from distreamer.core.store import Store
from distreamer.model.status import PlayoutState

DEFAULT_AFTER_SECONDS = 8.0
"""Where nothing plays here, nobody knows what the far ends still hold: it must be soon."""
SILENT_SECONDS = 3.0
"""Where something plays, the input on air must at least have been silent for so long …"""
LAST_MOMENT_SECONDS = 3.0
"""… and no more than this be left to play. Until then the link may come back, and nobody has heard anything."""
START_SECONDS = 10.0
"""Before anything was played, an input gets so long to bring its first audio."""
CUSHION_SECONDS = 5.0
"""What a file keeps ahead of the listeners: little, so that they hear the programme again soon after it is back."""
LEAD_SECONDS = 0.5
"""Where nothing plays here, a file is so much ahead of real time, and never behind."""
EVERYTHING = float("inf")


class Listeners(Protocol):
    """What the switch asks of the playout; ``core.playout.Playout`` is one."""

    @property
    def state(self) -> PlayoutState: ...

    def level(self, now: float) -> float: ...

    def shortage(self, now: float, cushion: float | None = None) -> float:
        """Seconds that are missing until ``cushion`` are held ahead (None: the whole delay)."""
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
    ) -> None:
        """``after_seconds`` is FALLBACKAFTER: silence after which another takes over; None: as late as can be when
        there are ``listeners``, else DEFAULT_AFTER_SECONDS."""
        self.switches = 0
        self._order = tuple(standbys)
        self._on_air = self._order[0]
        self._splicer = Splicer(store, new_epoch_id)
        self._after_seconds = after_seconds
        self._listeners = listeners
        self._ends_at = now
        """The moment up to which the programme is filled, if it was sent as it came."""
        self._surplus = 0.0
        """Seconds by which the last splice was longer than the gap, for it consists of whole fragments. Known, so that
        they do not add up."""
        self._given_since = now
        self._given_seconds = 0.0
        self._has_carried = False
        self._on_air.begin(EVERYTHING)

    @property
    def on_air(self) -> Standby:
        return self._on_air

    @property
    def preferred(self) -> Standby:
        """The one that would be on air if all worked."""
        return self._order[0]

    def advance(self, now: float) -> None:
        """Decides and carries. To be called after each change of an input's store and a few times a second."""
        for standby in self._order:
            standby.look(now)
        self._carry(now)
        chosen = self._choose(now)
        if chosen is not self._on_air:
            self._switch_to(chosen, now)
            self._carry(now)
        self._on_air.cue.want(self._shortage(now))

    # -- deciding

    def _choose(self, now: float) -> Standby:
        rank = self._order.index(self._on_air)
        for better in self._order[:rank]:
            if better.may_return(now):
                return better
        if self._is_lost(now):
            return next((one for one in self._order if one is not self._on_air and one.is_ready(now)), self._on_air)
        return self._on_air

    def _is_lost(self, now: float) -> bool:
        on_air = self._on_air
        if on_air.cue.is_on_demand:
            return not on_air.cue.is_offered
        silent = on_air.silent_seconds(now)
        if self._waits_for_the_last_moment:
            return silent >= SILENT_SECONDS and self._is_last_moment(now, silent)
        return silent >= (DEFAULT_AFTER_SECONDS if self._after_seconds is None else self._after_seconds)

    @property
    def _waits_for_the_last_moment(self) -> bool:
        return self._listeners is not None and self._after_seconds is None

    def _is_last_moment(self, now: float, silent: float) -> bool:
        listeners = self._listeners
        assert listeners is not None, "only asked where something plays"
        match listeners.state:
            case PlayoutState.WAITING:
                return silent >= START_SECONDS
            case PlayoutState.PLAYING:
                return listeners.level(now) <= LAST_MOMENT_SECONDS
            case PlayoutState.DRY:
                return True

    # -- carrying

    def _switch_to(self, standby: Standby, now: float) -> None:
        self._on_air.end(is_lost=self._is_lost(now))
        self._on_air = standby
        self.switches += 1
        for less_preferred in self._order[self._order.index(standby) + 1 :]:
            less_preferred.cue.relieve()
        filled_to = self._ends_at + self._surplus
        wanted = self._listeners.shortage(now) if self._listeners else standby.heard_at - filled_to
        taken = standby.begin(wanted if self._has_carried or self._listeners else EVERYTHING)
        self._given_since, self._given_seconds = filled_to, 0.0
        self._surplus = 0.0 if standby.cue.is_on_demand or not self._has_carried else taken - wanted

    def _carry(self, now: float) -> None:
        while (found := self._on_air.next_fragment(now, in_a_hurry=self._is_in_a_hurry(now))) is not None:
            fragment, info, is_cut = found
            spliced = self._splicer.append(fragment, info, is_cut=is_cut)
            self._has_carried = True
            self._given_seconds += spliced.duration / info.format.clock_rate
            on_demand = self._on_air.cue.is_on_demand
            self._ends_at = self._given_since + self._given_seconds if on_demand else now
            self._tell(OnAir(info, spliced))

    def _is_in_a_hurry(self, now: float) -> bool:
        """Whether listeners would hear it if a hole were waited for."""
        listeners = self._listeners
        return (
            listeners is not None
            and listeners.state is PlayoutState.PLAYING
            and listeners.level(now) <= LAST_MOMENT_SECONDS
        )

    def _tell(self, on_air: OnAir) -> None:
        for standby in self._order:
            standby.cue.latest = on_air

    def _shortage(self, now: float) -> float:
        """Seconds that an input which can give any amount should give now."""
        if self._waits_for_the_last_moment and self._listeners is not None:
            return self._listeners.shortage(now, CUSHION_SECONDS)
        return now - self._given_since - self._given_seconds + LEAD_SECONDS
