"""The INPUT mode File: plays a file, or the files of a folder."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from pydantic import Field

from distreamer.config.settings import MadeInputSettings
from distreamer.core.ingest import SourceDescription
from distreamer.core.module import InputContext
from distreamer.errors import AudioError, DiStreamerError, ResourceError
from distreamer.media.ogg_serial import OggSerialShift
from distreamer.media.probe import probe
from distreamer.model.audio import Frame, Station, Title
from distreamer.model.status import LinkStatus, ListenersStatus
from distreamer.protocol.charset import one_line, repaired

ENDINGS = frozenset({".mp3", ".mp2", ".aac", ".ogg", ".oga", ".opus"})
"""Of files in a folder that are played; all others (pictures, playlists) are passed over."""
PIECE_BYTES = 8_192
"""Read and given at a time: half a second at 128 kbit/s."""
MAXIMUM_FILES = 10_000
"""Of a folder and all below it; those that come last by their names are left out."""
PLAYABLE = "MP3, AAC (ADTS) and Ogg are played; convert others first, for instance with ffmpeg"


class FileSettings(MadeInputSettings):
    """Plays a file or the files of a folder: for when nothing else works, or as a programme of its own.

    The audio is sent as it is: MP3, AAC (in ADTS) or Ogg with Vorbis, Opus or FLAC. As a fallback it had better have
    the format of the programme (the same codec, sample rate and channels): then it is joined to it without a seam, and
    players go on. Otherwise they must begin anew, which some do only when somebody starts them again.

    A fallback that gave nothing when it was wanted, or hung, is left in peace for a minute, and for longer each time it
    happens again, up to an hour, as long as another input works.
    """

    path: Annotated[Path, Field(examples=["/var/lib/distreamer/emergency.mp3"])]
    """The file, or a folder. Of a folder, all files below it that end in .mp3, .mp2, .aac, .ogg, .oga or .opus are
    played; it is looked at anew after each round."""

    loop: bool = True
    """Whether it begins again at its end. ``no``: it is played once each time it goes on air, and then the next input
    that works takes over."""

    order: Literal["name", "shuffle"] = "name"
    """In which order the files of a folder are played."""

    title: Annotated[str, Field(max_length=500)] = ""
    """What listeners see while it plays. Empty: the file's name without its ending; Ogg files bring a title of their
    own."""


class File:
    """Gives as much as its cue wants. When it comes on air again it begins with the next file, not inside of one."""

    def __init__(
        self,
        settings: FileSettings,
        context: InputContext,
        shuffle: Callable[[list[Path]], None] = random.shuffle,
    ) -> None:
        self._settings = settings
        self._context = context
        self._shuffle = shuffle
        self._played = 0
        """Files begun so far."""
        self._refused: set[Path] = set()
        self._is_offered = False

    async def run(self) -> None:
        """Plays until it is cancelled; raises ResourceError or AudioError when there is nothing that can be played."""
        context = self._context
        try:
            while True:
                paths = await asyncio.to_thread(find_files, self._settings.path)
                if self._settings.order == "shuffle":
                    self._shuffle(paths)
                if await self._play_all(paths) and not self._settings.loop:
                    self._withdraw()
                    context.health.running("has played to its end, and waits for its next turn")
                    await context.cue.relieved()
        finally:
            self._withdraw()
            context.ingest.disconnected(context.clock.wall())

    def links(self) -> tuple[LinkStatus, ...]:
        return ()

    def listeners(self) -> ListenersStatus | None:
        return None

    async def _play_all(self, paths: list[Path]) -> bool:
        """Whether they were played to the end of the last. Raises ResourceError or AudioError when none can be."""
        faults: list[DiStreamerError] = []
        for path in paths:
            try:
                is_whole = await self._play(path)
            except (AudioError, ResourceError) as error:
                faults.append(error)
                self._refuse(path, error)
                continue
            if not is_whole and not self._settings.loop:
                return False
        if len(faults) == len(paths) == 1:
            raise faults[0]
        if len(faults) == len(paths):
            raise AudioError(f"none of the {len(paths)} files in {self._settings.path} can be played; {faults[0]}")
        return True

    async def _play(self, path: Path) -> bool:
        """Gives the file as it is wanted; says whether it went to its end. Raises ResourceError or AudioError for a
        file that cannot be played."""
        context = self._context
        file, first = await asyncio.to_thread(open_audio, path)
        try:
            self._offer()
            context.health.running(f"stands by with {path.name}")
            shift: OggSerialShift | None = None
            seconds = 0.0
            while (wanted := await context.cue.wanted()) > 0:
                if not seconds:
                    context.health.running(f"plays {path.name}")
                    shift = self._begin(path, first)
                given = await self._give(file, wanted, shift)
                if not seconds and not given:
                    raise AudioError(f"{path} holds no audio")
                seconds += given
                context.cue.gave(given)
                if given < wanted:
                    return True
            return False
        finally:
            file.close()
            context.ingest.disconnected(context.clock.wall())

    def _offer(self) -> None:
        """Once it is known that there is something to play."""
        if not self._is_offered:
            self._context.cue.offer()
            self._is_offered = True

    def _withdraw(self) -> None:
        self._context.cue.withdraw()
        self._is_offered = False

    def _begin(self, path: Path, first: Frame) -> OggSerialShift | None:
        """The file goes on air. The station stays what it was: the name of an emergency file says nothing."""
        context, on_air = self._context, self._context.cue.on_air()
        audio, station = first.format, on_air.info.station if on_air else Station()
        context.ingest.connected(SourceDescription(audio.content_type, audio.bitrate, station), context.clock.wall())
        if self._settings.title or first.title is None:
            # A file's name is bytes, in whatever charset was usual when it was copied there.
            context.ingest.title(Title(self._settings.title or one_line(repaired(os.fsencode(path.stem)))))
        self._played += 1
        return OggSerialShift(self._played) if audio.codec.is_ogg else None

    async def _give(self, file: BinaryIO, wanted: float, shift: OggSerialShift | None) -> float:
        """Seconds given: at least ``wanted``, unless the file ends before."""
        ingest = self._context.ingest
        before = ingest.audio_seconds
        while ingest.audio_seconds - before < wanted:
            try:
                data = await asyncio.to_thread(file.read, PIECE_BYTES)
            except OSError as error:
                raise ResourceError(f"{file.name} cannot be read to its end: {error.strerror}") from error
            if not data:
                ingest.disconnected(self._context.clock.wall())  # gives the frames that only waited for more
                break
            ingest.audio(shift.feed(data) if shift else data, self._context.clock.wall())
        return ingest.audio_seconds - before

    def _refuse(self, path: Path, error: Exception) -> None:
        """Says once why a file is passed over."""
        if path not in self._refused and len(self._refused) < MAXIMUM_FILES:
            self._refused.add(path)
            self._context.log.warning("a file is passed over", reason=str(error))


def find_files(path: Path) -> list[Path]:
    """The files to play, by name; raises ResourceError when there is none."""
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            raise ResourceError(f"PATH = {path}: there is no such file or folder")
        found = sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS and one.is_file())
    except OSError as error:
        raise ResourceError(f"PATH = {path} cannot be read: {error.strerror}") from error
    if not found:
        raise ResourceError(f"PATH = {path}: nothing below this folder ends in {', '.join(sorted(ENDINGS))}")
    return found[:MAXIMUM_FILES]


def open_audio(path: Path) -> tuple[BinaryIO, Frame]:
    """The file, at its beginning, and its first frame; raises ResourceError when it cannot be read, AudioError when it
    holds nothing that can be sent as it is."""
    try:
        file = path.open("rb")
        try:
            found = probe(iter(partial(file.read, PIECE_BYTES), b""))
            file.seek(0)
        except BaseException:
            file.close()
            raise
    except OSError as error:
        raise ResourceError(f"{path} cannot be read: {error.strerror}") from error
    if found is None:
        file.close()
        raise AudioError(f"{path} holds no audio that can be sent as it is: {PLAYABLE}")
    return file, found
