"""A strict listener: is told what arrives, and says what is wrong with it. Pure; time is an argument.

What is missing within one connection shows in the numbers of Ogg pages, in MP3 frames that do not fit together, and in
less audio than time went by. Between two connections it is found as ``ShoutcastClient`` finds it: by the audio
itself, which servers repeat to who comes back.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import replace
from itertools import count

from distreamer.core.ingest import Ingest, SourceDescription
from distreamer.core.store import Store, StoreLimits
from distreamer.measure.finding import Finding, Kind, Verdict
from distreamer.measure.formats import spoken_audio, type_fault
from distreamer.measure.page_gaps import PageGaps
from distreamer.measure.player import PREBUFFER_SECONDS, SETTLING_SECONDS, SimulatedPlayer
from distreamer.measure.repeats import Repeat, RepeatCheck
from distreamer.measure.reservoir_check import ReservoirCheck
from distreamer.measure.shortfall import WINDOW_SECONDS, Shortfall
from distreamer.measure.stream_reading import Damage, StreamReading
from distreamer.model.audio import AudioFormat, Codec, Frame, Title
from distreamer.units import spoken_bytes, spoken_seconds

STRICT_PREBUFFER_SECONDS = 1.0
MOST_FINDINGS = 1_000
"""That are kept; the oldest are forgotten."""
STORE_LIMITS = StoreLimits(seconds=30.0)
"""What the frames are in, whose digests tell how a connection goes on; nobody reads it."""
AUDIBLE_SECONDS = 0.05
"""Silence below this is the inaccuracy of the measurement."""


class Listening:
    """From the first connection to the end, through all further ones."""

    def __init__(self, began: float, *, is_strict: bool = False) -> None:
        """``is_strict``: with a player that holds no more than a second, and a wrong format counts as wrong."""
        self.findings: deque[Finding] = deque(maxlen=MOST_FINDINGS)
        self._began = self._now = began
        self._is_strict = is_strict
        self._player = SimulatedPlayer(STRICT_PREBUFFER_SECONDS if is_strict else PREBUFFER_SECONDS)
        self._told = 0
        self._titles = 0
        self._wrong: Counter[Kind] = Counter()
        epochs = count(1)
        self._ingest = Ingest(Store(STORE_LIMITS), lambda: next(epochs))
        self._source = SourceDescription()
        self._reading: StreamReading | None = None
        self._repeats = RepeatCheck()
        self._pages = PageGaps()
        self._reservoir = ReservoirCheck()
        self._shortfall = Shortfall()
        self._format: AudioFormat | None = None
        self._title: Title | None = None
        self._lost_at: float | None = None
        """When the connection before was lost; None until one was, and when it is known how it goes on."""
        self._unreachable = ""
        """Why there is no further connection; empty while it is not known."""
        self._connected_at = began
        self._is_settled = True
        """Whether what a server gives at once to who comes back was taken."""
        self._silent_since: float | None = None

    # -- what happens

    def connected(self, source: SourceDescription, metaint: int, now: float) -> list[Finding]:
        """A server answered. Raises ProtocolError for a ``metaint`` that nobody can mean."""
        self._reading = StreamReading(source.content_type, source.bitrate, metaint, audio=self._take_audio)
        self._repeats, self._pages = RepeatCheck(), PageGaps()
        self._reservoir, self._shortfall = ReservoirCheck(), Shortfall()
        self._source, self._connected_at = replace(source, repeats_seconds=math.inf), now
        self._unreachable = ""
        self._is_settled = self._lost_at is None
        self._ingest.connected(self._source, now)
        if self._lost_at is None:
            return []
        away = now - self._lost_at
        return self._tell(now, Kind.CONNECTED, f"connected again after {spoken_seconds(away)}", seconds=away)

    def received(self, data: bytes, now: float) -> list[Finding]:
        """Bytes of the body."""
        reading, self._now = self._reading, now
        assert reading is not None, "nobody is connected"
        found: list[Finding] = []
        for event in reading.receive(data):
            if isinstance(event, Frame):
                found += self._frame(event, now)
            elif isinstance(event, Title):
                found += self._take_title(event, now)
            elif isinstance(event, Damage):
                self._reservoir.forget()
                text = f"{spoken_bytes(event.size)} that are no audio"
                found += self._tell(now, Kind.DAMAGE, text, is_wrong=True)
        return found + self._missing(reading.audio_seconds, now) + self._seam(now)

    def disconnected(self, reason: str, now: float) -> list[Finding]:
        """The connection is gone."""
        found = self.look(now) + self._ended_repeat(self._repeats.end(), now)
        self._ingest.disconnected(now)
        found += self._seam(now)
        self._reading = None
        if self._lost_at is None:
            self._lost_at = now
        return found + self._tell(now, Kind.DISCONNECTED, reason, is_wrong=True)

    def unreachable(self, reason: str, now: float) -> list[Finding]:
        """It cannot be connected to again; told once for each ``reason`` that is another one than before."""
        if reason == self._unreachable:
            return []
        self._unreachable = reason
        return self._tell(now, Kind.DISCONNECTED, f"cannot connect again: {reason}")

    def look(self, now: float) -> list[Finding]:
        """To be called about once a second, also when nothing comes."""
        before = self._player.silent_seconds
        self._player.advance(now)
        if not self._is_settled and now - self._connected_at >= SETTLING_SECONDS:
            self._is_settled = True
            self._player.forget_surplus()
        return self._silence(now, before)

    def end(self, now: float) -> list[Finding]:
        """Listening ends, by the listener's own wish."""
        found = self.look(now) + self._ended_repeat(self._repeats.end(), now)
        if self._silent_since is not None:
            found += self._underrun(now)
        return found

    def verdict(self, now: float) -> Verdict:
        """All up to now."""
        self._player.advance(now)
        return Verdict(
            seconds=now - self._began,
            heard_seconds=self._player.heard_seconds,
            silent_seconds=self._player.silent_seconds,
            disconnects=self._wrong[Kind.DISCONNECTED],
            gaps=self._wrong[Kind.GAP],
            repeats=self._wrong[Kind.REPEAT],
            damages=self._wrong[Kind.DAMAGE],
            underruns=self._wrong[Kind.UNDERRUN],
            wrong_formats=self._wrong[Kind.FORMAT],
            title_changes=self._titles,
            is_fine=self._player.heard_seconds > 0 and not self._wrong.total() and self._silent_since is None,
            unkept_findings=self._told - len(self.findings),
        )

    # -- inside

    def _frame(self, frame: Frame, now: float) -> list[Finding]:
        found = self._take_format(frame.format, now)
        missing = self._pages.frame(frame)
        if missing:
            pages = "1 Ogg page is" if missing == 1 else f"{missing} Ogg pages are"
            found += self._tell(now, Kind.GAP, f"{pages} missing", is_wrong=True)
        if not self._reservoir.frame(frame):
            text = "a frame does not fit to those before it: some are missing, or damaged"
            found += self._tell(now, Kind.DAMAGE, text, is_wrong=True)
        found += self._ended_repeat(self._repeats.frame(frame), now)
        before = self._player.silent_seconds
        self._player.received(frame.duration / frame.format.clock_rate, now)
        return found + self._silence(now, before)

    def _take_audio(self, data: bytes) -> None:
        self._ingest.audio(data, self._now)

    def _take_format(self, audio: AudioFormat, now: float) -> list[Finding]:
        before, self._format = self._format, audio
        if before is not None and before.joins(audio):
            return []
        if before is not None:
            text = f"the format is another one now: {spoken_audio(audio)} instead of {spoken_audio(before)}"
        elif audio.codec is Codec.OPAQUE:
            text = "the format is none that can be checked; only its flow is watched"
        elif fault := type_fault(self._source.content_type, audio):
            text = fault
        else:
            return []
        return self._tell(now, Kind.FORMAT, text, is_wrong=self._is_strict)

    def _take_title(self, title: Title, now: float) -> list[Finding]:
        before, self._title = self._title, title
        # Who has no titles says so at the beginning.
        if title == before or (before is None and not title.text):
            return []
        self._titles += 1
        return self._tell(now, Kind.TITLE, f"title: {title.text or 'none'}")

    def _ended_repeat(self, repeat: Repeat | None, now: float) -> list[Finding]:
        if repeat is None:
            return []
        ago = spoken_seconds(repeat.ago_seconds)
        text = f"{spoken_seconds(repeat.seconds)} came twice, {ago} apart"
        return self._tell(now, Kind.REPEAT, text, is_wrong=True, seconds=repeat.seconds)

    def _missing(self, audio_seconds: float, now: float) -> list[Finding]:
        missing = self._shortfall.observe(now, audio_seconds)
        if missing is None:
            return []
        text = f"{spoken_seconds(missing)} less audio came than time went by"
        return self._tell(now - WINDOW_SECONDS, Kind.GAP, text, is_wrong=True, seconds=missing)

    def _seam(self, now: float) -> list[Finding]:
        """How a further connection goes on, once that is known."""
        seam = self._ingest.seam
        if seam is None or self._lost_at is None:
            return []
        away, self._lost_at = self._connected_at - self._lost_at, None
        if not seam.goes_on:
            text = f"nothing of what came before comes again: about {spoken_seconds(away)} are missing"
            return self._tell(now, Kind.GAP, text, is_wrong=True, seconds=away)
        repeated = spoken_seconds(seam.repeated_seconds)
        return self._tell(
            now, Kind.CONNECTED, f"nothing is missing; {repeated} came again", seconds=seam.repeated_seconds
        )

    def _silence(self, now: float, before: float) -> list[Finding]:
        """Whether the player ran dry, or plays again; ``before``: the silence when it was looked at last."""
        silence = self._player.silent_seconds - before
        if self._silent_since is None and silence > 0:
            self._silent_since = now - silence
        if self._silent_since is not None and not self._player.is_silent:
            return self._underrun(now)
        return []

    def _underrun(self, now: float) -> list[Finding]:
        assert self._silent_since is not None
        since, self._silent_since = self._silent_since, None
        seconds = now - since
        if seconds < AUDIBLE_SECONDS:
            return []
        text = f"nothing to play for {spoken_seconds(seconds)}"
        return self._tell(since, Kind.UNDERRUN, text, is_wrong=True, seconds=seconds)

    def _tell(
        self, at: float, kind: Kind, text: str, *, is_wrong: bool = False, seconds: float | None = None
    ) -> list[Finding]:
        finding = Finding(max(at - self._began, 0.0), kind, text, is_wrong, seconds)
        self.findings.append(finding)
        self._told += 1
        self._wrong[kind] += is_wrong
        return [finding]
