"""Has the file that FILLER names converted to whatever format the stream has, and gives it to the filler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from distreamer.core.epoch import Epoch
from distreamer.core.filler import Filler
from distreamer.core.store import Store
from distreamer.errors import AudioError, ResourceError
from distreamer.media.chaining import goes_on, headers_in
from distreamer.media.clip import Clip
from distreamer.model.audio import AudioFormat, Codec, Title
from distreamer.model.fragment import Fragment
from distreamer.runtime.conversion import converted
from distreamer.runtime.plain_words import format_words
from distreamer.units import BITS_PER_BYTE, spoken_seconds

MEASURED_SECONDS = 3.0
"""Held before the bitrate is believed. Nobody hears the stream sooner."""
SAME_BITRATE = 0.3
"""An average over a few seconds that differs by no more than this part is no other bitrate."""
LEAST_BITRATE_PER_CHANNEL = 24_000
"""Of what was measured: a programme that begins with silence says little."""

Converter = Callable[[Path, AudioFormat, bytes, Title | None], Awaitable[Clip]]


class FillerFile:
    """Converts once for each format; what was converted lasts as long as the instance."""

    def __init__(
        self, path: Path, store: Store, filler: Filler, log: FilteringBoundLogger, convert: Converter = converted
    ) -> None:
        self._path = path
        self._store = store
        self._filler = filler
        self._log = log
        self._convert = convert
        self._seen: tuple[int, bytes] | None = None
        """The epoch and the Ogg header pages for which all is done."""
        self._wanted: AudioFormat | None = None
        """What was converted to last, or could not be."""
        self._headers: list[bytes] = []
        """Those for which that was done."""

    async def run(self) -> None:
        """Until it is cancelled."""
        changed = asyncio.Event()
        unsubscribe = self._store.subscribe(changed.set)
        try:
            while True:
                changed.clear()
                await self._look()
                await changed.wait()
        finally:
            unsubscribe()

    async def _look(self) -> None:
        epoch = self._store.newest_epoch
        if epoch is None or not epoch.numbers:
            return
        newest = epoch.fragments[epoch.numbers[-1]]
        if self._seen == (epoch.id, newest.setup):
            return
        fragments = list(epoch.fragments.values())
        if epoch.seconds(sum(one.duration for one in fragments)) < MEASURED_SECONDS:
            return
        wanted = _wanted_format(epoch, fragments)
        headers = headers_in(wanted.codec, newest.setup)
        if not self._is_done(wanted, headers):
            self._wanted, self._headers = wanted, headers
            await self._make(wanted, newest.setup + newest.audio)
        self._seen = epoch.id, newest.setup

    def _is_done(self, wanted: AudioFormat, headers: list[bytes]) -> bool:
        before = self._wanted
        if before is None or not before.joins(wanted) or not goes_on(wanted.codec, self._headers, headers):
            return False
        return abs(wanted.bitrate - before.bitrate) <= SAME_BITRATE * before.bitrate

    async def _make(self, wanted: AudioFormat, sample: bytes) -> None:
        try:
            clip = await self._convert(self._path, wanted, sample, self._filler.title)
        except (AudioError, ResourceError) as error:
            self._filler.clip = None
            self._log.warning(
                "the filler file cannot be used, listeners would hear silence",
                file=str(self._path),
                reason=str(error),
            )
            return
        self._filler.clip = clip
        self._log.info(
            f"the filler file was converted to {format_words(clip.format)}, {spoken_seconds(round(clip.seconds))} long"
        )


def _wanted_format(epoch: Epoch, fragments: list[Fragment]) -> AudioFormat:
    """The stream's, with the bitrate that it has: of one that varies, the headers say nothing or that of one frame."""
    audio = epoch.info.format
    if audio.codec is Codec.FLAC:
        return replace(audio, bitrate=0)
    seconds = epoch.seconds(sum(one.duration for one in fragments))
    measured = round(sum(len(one.audio) for one in fragments) * BITS_PER_BYTE / seconds)
    if abs(measured - audio.bitrate) <= SAME_BITRATE * audio.bitrate:
        return audio
    return replace(audio, bitrate=max(measured, LEAST_BITRATE_PER_CHANNEL * audio.channels))
