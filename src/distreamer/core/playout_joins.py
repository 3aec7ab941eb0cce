"""Where what is played does not stand at its source behind what was played before it. Pure."""

from __future__ import annotations

from dataclasses import replace

from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from distreamer.media.ogg_join import OggJoins
from distreamer.model.audio import Codec, StreamInfo
from distreamer.model.fragment import Fragment


class PlayoutJoins:
    """Makes of each fragment what players can play behind the one before it."""

    def __init__(self) -> None:
        self._reservoir: ReservoirJoin | None = None
        """While MP3 frames are played that may lean on what was not."""
        self._ogg = OggJoins()

    def programme(self, fragment: Fragment, info: StreamInfo, *, is_cut: bool, follows_filler: bool) -> Fragment:
        """``fragment``, of an epoch that carries ``info``. ``is_cut``: something is missing before it, or was played in
        its place."""
        if is_cut:
            self._reservoir = ReservoirJoin()
        setup, audio = self._ogg.joined(fragment.setup, fragment.audio, is_apart=follows_filler, is_cut=is_cut)
        return self._without_leaning(_changed(fragment, setup, audio), info)

    def filling(self, fragment: Fragment) -> Fragment:
        """``fragment`` of filler."""
        return _changed(fragment, *self._ogg.filling(fragment.setup, fragment.audio))

    def _without_leaning(self, fragment: Fragment, info: StreamInfo) -> Fragment:
        """Without the frames that lean on what was not played."""
        if self._reservoir is None or info.format.codec is not Codec.MPEG:
            self._reservoir = None
            return fragment
        audio = mended_run(self._reservoir, fragment.audio)
        if self._reservoir.done:
            self._reservoir = None
        return replace(fragment, audio=audio)


def _changed(fragment: Fragment, setup: bytes, audio: bytes) -> Fragment:
    return fragment if audio is fragment.audio else replace(fragment, setup=setup, audio=audio)
