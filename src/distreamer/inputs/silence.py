"""The INPUT mode Silence: for when nothing else works, so that players stay connected."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from distreamer.config.fields import Unit
from distreamer.config.settings import MadeInputSettings
from distreamer.core.cue import OnAir
from distreamer.core.ingest import SourceDescription
from distreamer.core.module import InputContext
from distreamer.errors import AudioError
from distreamer.media.opus import CLOCK_RATE
from distreamer.media.silence import SilenceMaker, silence_maker
from distreamer.model.audio import AudioFormat, Codec, Station, Title
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.units import BITS_PER_KILOBIT


class SilenceSettings(MadeInputSettings):
    """Sends silence: as the last of several inputs it keeps players connected when nothing else works.

    It has the format of what was on air before, so that players go on and hear the programme as soon as it is back. The
    keys below say what it is where nothing was on air yet.
    """

    codec: Literal["mp3", "aac", "opus", "flac"] = "mp3"
    """In which format, where nothing was on air before. Opus and FLAC are in Ogg."""

    samplerate: Annotated[int, Unit("hertz"), Field(ge=8000, le=192000)] = 44100
    """Its sample rate; that of Opus is always 48000."""

    channels: Annotated[int, Field(ge=1, le=2)] = 2
    """1 for mono, 2 for stereo."""

    bitrate: Annotated[int, Unit("kilobits per second"), Field(ge=8, le=448)] = 128
    """Its bitrate, for MP3: that of the programme that is expected."""

    title: Annotated[str, Field(max_length=500)] = ""
    """What listeners see meanwhile. Empty: what they saw before."""

    @model_validator(mode="after")
    def _there_is_such_a_format(self) -> Self:
        try:
            silence_maker(configured_format(self))
        except AudioError as error:
            raise ValueError(f"CODEC and SAMPLERATE do not fit: {error}") from error
        return self


class Silence:
    """Gives as much as its cue wants; each turn on air is a stream of its own."""

    def __init__(self, settings: SilenceSettings, context: InputContext) -> None:
        self._settings = settings
        self._context = context
        self._turns = 0

    async def run(self) -> None:
        """Gives silence until it is cancelled; raises AudioError when it cannot be made in the format on air."""
        context = self._context
        context.cue.offer()
        try:
            while True:
                context.health.running("stands by")
                await self._take_turn()
        finally:
            context.cue.withdraw()
            context.ingest.disconnected(context.clock.wall())

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None

    async def _take_turn(self) -> None:
        """From when it is wanted until it goes off air."""
        context = self._context
        maker: SilenceMaker | None = None
        while (wanted := await context.cue.wanted()) > 0:
            maker = maker or self._begin()
            before = context.ingest.audio_seconds
            while context.ingest.audio_seconds - before < wanted:
                context.ingest.audio(maker.next(), context.clock.wall())
            context.cue.gave(context.ingest.audio_seconds - before)
        context.ingest.disconnected(context.clock.wall())

    def _begin(self) -> SilenceMaker:
        context, before = self._context, self._context.cue.on_air()
        self._turns += 1
        maker = self._maker(before)
        audio = maker.format
        station = before.info.station if before else Station()
        context.ingest.connected(SourceDescription(audio.content_type, audio.bitrate, station), context.clock.wall())
        title = Title(self._settings.title) if self._settings.title else before.fragment.last_title if before else None
        if title is not None:
            context.ingest.title(title)
        context.health.running("sends silence")
        return maker

    def _maker(self, before: OnAir | None) -> SilenceMaker:
        if before is None:
            return silence_maker(configured_format(self._settings), serial=self._turns)
        return silence_maker(before.info.format, before.fragment.setup, serial=self._turns)


def configured_format(settings: SilenceSettings) -> AudioFormat:
    """What the keys describe, whether or not there is such a format."""
    rate, channels = settings.samplerate, settings.channels
    match settings.codec:
        case "mp3":
            version = "1" if rate >= 32_000 else "2" if rate >= 16_000 else "2.5"
            bitrate = settings.bitrate * BITS_PER_KILOBIT
            return AudioFormat(Codec.MPEG, rate, rate, channels, f"MPEG-{version} layer III", bitrate)
        case "aac":
            return AudioFormat(Codec.AAC, rate, rate, channels, "AAC LC")
        case "opus":
            return AudioFormat(Codec.OPUS, CLOCK_RATE, CLOCK_RATE, channels)
        case "flac":
            return AudioFormat(Codec.FLAC, rate, rate, channels, "16 bit")
