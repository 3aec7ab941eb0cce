"""Whether those who listen can stay when the format of what is played changes."""

from __future__ import annotations

from enum import StrEnum

from distreamer.model.audio import AudioFormat


class OnFormatChange(StrEnum):
    """ONFORMATCHANGE: what becomes of listeners."""

    KEEP = "keep"
    """They stay as long as it is the type of audio that they were told."""
    CLOSE = "close"
    """They are closed behind the last byte of the old format whenever a decoder must begin anew, and come again."""

    def keeps(self, before: AudioFormat, after: AudioFormat) -> bool:
        """Whether who was told ``before`` can go on with ``after``. A change of bitrate alone, or of the set-up of an
        Ogg stream, never matters."""
        is_same_type = (before.codec, before.content_type) == (after.codec, after.content_type)
        return is_same_type and (self is OnFormatChange.KEEP or before.joins(after))
