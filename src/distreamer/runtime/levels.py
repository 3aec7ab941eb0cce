"""How loud the programme of one instance is: what is played or, where nothing is, what comes in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from distreamer.core.played import Played
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.ports import Clock
from distreamer.core.silence_watch import SilenceWatch
from distreamer.core.store import Store
from distreamer.media.rough_loudness import rough_loudness
from distreamer.model.audio import AudioFormat, Codec
from distreamer.model.fragment import Fragment
from distreamer.model.loudness import Loudness
from distreamer.model.status import LevelMethod, LevelStatus, PlayoutState
from distreamer.runtime.level_program import Meter

LOOK_SECONDS = 1.0
FIRST_LOOK_SECONDS = 0.3
"""Not at the moment at which everything else is done that is done once a second."""
MEASURED_SECONDS = 0.9
"""Of the newest audio; fragments are mostly a little shorter than a second, or longer."""
MOST_BYTES = 2_000_000
"""Of one piece: a second of the largest lossless streams. What is larger is left out."""
MOST_FRAGMENTS = 16
"""Kept for a piece; the shortest last a fifth of a second. Of what comes at once, after an outage, only the newest
counts."""
STALE_SECONDS = 5.0
"""After nothing came for so long, beyond what a fragment lasts, nothing is known any more."""

_CONTAINERS = {Codec.MPEG: "mp3", Codec.AAC: "aac"}


class LevelRules(NamedTuple):
    """What the configuration says."""

    plays: bool
    """Whether any output does."""
    limit_dbfs: float
    """SILENCEDBFS."""


class _Piece(NamedTuple):
    """What is measured at once."""

    audio: bytes
    setup: bytes
    form: AudioFormat
    seconds: float


class Levels:
    """Made with the instance. Audio is looked at as it goes by, and never waits."""

    def __init__(
        self,
        store: Store,
        playout: PlayoutHead,
        rules: Callable[[], LevelRules],
        clock: Clock,
        meter: Meter | None,
    ) -> None:
        """Without a ``meter``, and while it does not work, levels are estimated."""
        self._store = store
        self._playout = playout
        self._rules = rules
        self._clock = clock
        self._meter = meter
        self._watch = SilenceWatch()
        self._new: deque[tuple[Fragment, AudioFormat]] = deque(maxlen=MOST_FRAGMENTS)
        self._last_of_store: tuple[int, int] | None = None
        self._is_asked = False
        self._run = 0
        """Counts what belongs together: an answer that comes when something else is on air is not taken."""
        self._heard: tuple[Loudness, LevelMethod] | None = None
        self._stale_at = 0.0
        self._skipped = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        unsubscribe = self._playout.subscribe(self._played), self._store.subscribe(self._stored)
        try:
            await asyncio.sleep(FIRST_LOOK_SECONDS)
            while True:
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for end in unsubscribe:
                end()
            self._forget()

    def status(self) -> LevelStatus | None:
        """As it was at the last look."""
        if self._heard is None:
            return None
        loudness, method = self._heard
        return LevelStatus(
            method,
            loudness.left_dbfs,
            loudness.right_dbfs,
            loudness.peak_dbfs,
            self._watch.silent_seconds(self._clock.now()),
            self._skipped,
        )

    def _played(self, played: Played) -> None:
        if not self._rules().plays:
            return
        if played.is_filler:
            self._forget()
        elif not played.by_earlier_run:
            self._new.append((played.fragment, played.info.format))

    def _stored(self) -> None:
        newest = self._store.newest()
        epoch = self._store.epoch(newest.epoch) if newest else None
        if (
            self._rules().plays
            or newest is None
            or epoch is None
            or (newest.epoch, newest.number) == self._last_of_store
        ):
            return
        self._last_of_store = newest.epoch, newest.number
        self._new.append((newest, epoch.info.format))

    def _look(self) -> None:
        now = self._clock.now()
        piece = self._newest_piece()
        if piece is None:
            is_dry = self._rules().plays and self._playout.state is PlayoutState.DRY
            if is_dry or now >= self._stale_at:
                self._forget()
            return
        self._stale_at = now + STALE_SECONDS + piece.seconds
        meter = self._meter
        if meter is None or not meter.works or piece.form.codec is Codec.OPAQUE or len(piece.audio) > MOST_BYTES:
            self._estimate(piece)
            return
        if self._is_asked or not self._ask(meter, piece):
            self._skipped += 1
            self._estimate(piece)

    def _ask(self, meter: Meter, piece: _Piece) -> bool:
        container, run = "ogg" if piece.form.codec.is_ogg else _CONTAINERS[piece.form.codec], self._run

        def tell(loudness: Loudness | None) -> None:
            self._is_asked = False
            if run == self._run:
                self._told(piece, loudness)

        self._is_asked = True
        if meter.ask(piece.setup + piece.audio, container, tell):
            return True
        self._is_asked = False
        return False

    def _newest_piece(self) -> _Piece | None:
        """Of what came since it was called last; fragments that one decoder plays in a row."""
        if not self._new:
            return None
        newest, form = self._new[-1]
        seconds = 0.0
        parts: list[bytes] = []
        while self._new and seconds < MEASURED_SECONDS:
            fragment, its_form = self._new.pop()
            if its_form != form or fragment.setup != newest.setup:
                break
            parts.insert(0, fragment.audio)
            seconds += fragment.duration / form.clock_rate
        self._new.clear()
        return _Piece(b"".join(parts), newest.setup, form, seconds)

    def _told(self, piece: _Piece, loudness: Loudness | None) -> None:
        if loudness is None:
            self._skipped += 1
            self._estimate(piece)
        else:
            self._take(piece, loudness, LevelMethod.DECODED)

    def _estimate(self, piece: _Piece) -> None:
        loudness = rough_loudness(piece.audio, piece.setup, piece.form)
        if loudness is None:
            self._forget()
        else:
            self._take(piece, loudness, LevelMethod.ESTIMATED)

    def _take(self, piece: _Piece, loudness: Loudness, method: LevelMethod) -> None:
        self._heard = loudness, method
        self._watch.note(loudness, self._rules().limit_dbfs, piece.seconds, self._clock.now())

    def _forget(self) -> None:
        """Nothing of the programme comes, or nothing is known of it."""
        self._new.clear()
        self._run += 1
        self._heard = None
        self._watch.forget()
