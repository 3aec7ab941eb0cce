"""One of several inputs, as the switch between them sees it."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.core.cue import StandbyCue
from distreamer.core.store import START, Store
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment

PAUSE_SECONDS = 8.0
"""An input that brings nothing for longer is not healthy: a little more than a poll of DiStreamer 2 that fails once."""
READY_PART = 0.5
"""Who has brought nothing for this part of it is not put on air: it may be about to fail as well."""
HOLE_SECONDS = 5.0
"""A fragment that is missing between others is waited for so long: another carrier may still bring it."""


@dataclass(frozen=True, slots=True)
class StandbyRules:
    """What the config says of an input."""

    name: str
    """``input``, ``input backup``."""
    return_seconds: float = 10.0
    """How long it must have been healthy to take over from an input of a lower priority."""


class Standby:
    """An input with a store of its own, and how it is."""

    def __init__(
        self, rules: StandbyRules, store: Store, cue: StandbyCue, now: float, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        """``cue`` is the one that the input was given; ``now`` is when it was started; after a longer pause than
        ``pause_seconds`` its health is counted anew."""
        self.rules = rules
        self.store = store
        self.cue = cue
        self.heard_at = now
        """When it brought something last; its start before that."""
        self._pause_seconds = pause_seconds
        self._added = 0
        self._healthy_since: float | None = None
        self._position = START
        self._before: Fragment | None = None
        self._hole_since: float | None = None

    def look(self, now: float) -> None:
        """Notes what came since the last look. To be called after each change of the store."""
        if self.store.added == self._added:
            return
        if self._healthy_since is None or self.silent_seconds(now) > self._pause_seconds:
            self._healthy_since = now
        self._added = self.store.added
        self.heard_at = now

    def silent_seconds(self, now: float) -> float:
        """How long it has brought nothing, beyond what a fragment lasts."""
        newest = self.store.newest()
        return now - self.heard_at - (self._seconds_of(newest) if newest else 0.0)

    def is_ready(self, now: float) -> bool:
        """Whether it could be on air."""
        if self.cue.is_on_demand:
            return self.cue.is_offered
        return self._healthy_since is not None and self.silent_seconds(now) <= READY_PART * self._pause_seconds

    def may_return(self, now: float) -> bool:
        """Whether it has been healthy for long enough to take over from an input that works."""
        if not self.is_ready(now) or self.cue.is_on_demand:
            return self.is_ready(now)
        return self._healthy_since is not None and now - self._healthy_since >= self.rules.return_seconds

    def begin(self, backlog_seconds: float) -> float:
        """Goes on air, with the newest ``backlog_seconds`` of what it holds, rounded to whole fragments; gives how many
        seconds these are. What is made on demand holds nothing that counts."""
        newest = self.store.newest()
        if newest is None:
            self._position = START
        elif self.cue.is_on_demand or backlog_seconds <= (half := self._seconds_of(newest) / 2):
            self._position = self.store.position_of(newest)
        else:
            self._position = self.store.position_before_newest(backlog_seconds - half)
        self._before = None
        self._hole_since = None
        self.cue.begin()
        return self.store.seconds_after(self._position)

    def end(self, *, is_lost: bool) -> None:
        """Goes off air; ``is_lost``: because it brought nothing any more."""
        if is_lost:
            self._healthy_since = None
        self.cue.end()

    def next_fragment(self, now: float, *, in_a_hurry: bool) -> tuple[Fragment, StreamInfo, bool] | None:
        """What is to go on air next: the fragment, what its epoch carries, and whether something is missing before it.
        None when there is nothing, or when a hole may yet fill and nobody is ``in_a_hurry``."""
        fragment = self.store.after(self._position)
        if fragment is None:
            return None
        before = self._before
        is_cut = before is None or before.epoch != fragment.epoch or fragment.number > before.number + 1
        is_hole = before is not None and before.epoch == fragment.epoch and is_cut
        if is_hole and not in_a_hurry:
            if self._hole_since is None:
                self._hole_since = now
            if now - self._hole_since < HOLE_SECONDS:
                return None
        self._hole_since = None
        self._position, self._before = self.store.position_of(fragment), fragment
        return fragment, self._info_of(fragment), is_cut

    def _seconds_of(self, fragment: Fragment) -> float:
        return fragment.duration / self._info_of(fragment).format.clock_rate

    def _info_of(self, fragment: Fragment) -> StreamInfo:
        epoch = self.store.epoch(fragment.epoch)
        assert epoch is not None, "the store gave a fragment of an epoch that it does not hold"
        return epoch.info
