"""Since when a title holds: what the studio sent and what listeners hear are the same titles at different times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from distreamer.core.store import Store
from distreamer.model.audio import Title
from distreamer.model.fragment import FIRST_NUMBER, Fragment


@dataclass(frozen=True, slots=True)
class TitleChange:
    """A title and when it began."""

    title: Title | None
    since: float | None
    """On the clock by which the fragments were given; None when it began before the first of them."""


class TitleTimes:
    """Follows the titles of fragments, each of which begins at a time of any clock that its owner likes."""

    def __init__(self) -> None:
        self._changes: deque[TitleChange] = deque([TitleChange(None, None)])

    def follow(self, fragment: Fragment, starts_at: float, seconds: float, *, is_whole: bool = True) -> None:
        """``fragment`` begins at ``starts_at`` and lasts ``seconds``; unless ``is_whole`` its first title may have
        begun before. What is asked later is about no time before ``starts_at``."""
        while len(self._changes) > 1 and (self._changes[1].since or 0.0) <= starts_at:
            self._changes.popleft()
        self._change(fragment.title, starts_at if is_whole else None)
        for mark in fragment.title_marks:
            self._change(mark.title, starts_at + seconds * mark.offset / len(fragment.audio))

    def at(self, now: float) -> TitleChange:
        """The title at ``now``."""
        return next((one for one in reversed(self._changes) if one.since is None or one.since <= now), self._changes[0])

    @property
    def newest(self) -> TitleChange:
        """The title behind the last fragment."""
        return self._changes[-1]

    def _change(self, title: Title | None, since: float | None) -> None:
        if title != self._changes[-1].title:
            self._changes.append(TitleChange(title, since))


class SentTitles:
    """Since when the newest title of a store holds, by when it reached the source (Unix time): to a second or so, for
    a fragment knows only when the last of it came."""

    def __init__(self) -> None:
        self._times = TitleTimes()
        self._last: Fragment | None = None

    @property
    def newest_since(self) -> float | None:
        """None when there is no title, or when it began before anything that was ever held here."""
        newest = self._times.newest
        return None if newest.title is None else newest.since

    def look(self, store: Store) -> None:
        """To be called after each change of ``store``."""
        newest = store.newest()
        epoch = store.epoch(newest.epoch) if newest else None
        if newest is None or epoch is None or newest is self._last:
            return
        seconds = epoch.seconds(newest.duration)
        is_whole = self._last is not None or newest.number == FIRST_NUMBER
        self._times.follow(newest, newest.captured_at - seconds, seconds, is_whole=is_whole)
        self._last = newest
