"""How loud a piece of audio is."""

from __future__ import annotations

from dataclasses import dataclass

FLOOR_DBFS = -100.0
"""Nothing is told to be softer: 16 bits reach to -96 dBFS, and digital silence has no level."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """In dBFS: decibels of mean power, where a sine of full scale has 0 (AES17).

    None: there is some sound, and nobody knows how loud it is.
    """

    left_dbfs: float | None
    right_dbfs: float | None
    """The same as the left of one channel."""
    peak_dbfs: float | None = None
    """The highest sample of all channels; a little above 0 where a lossy codec went beyond full scale."""

    @property
    def loudest_dbfs(self) -> float | None:
        """Of the two channels."""
        if self.left_dbfs is None or self.right_dbfs is None:
            return None
        return max(self.left_dbfs, self.right_dbfs)


DIGITAL_SILENCE = Loudness(FLOOR_DBFS, FLOOR_DBFS, FLOOR_DBFS)
SOME_SOUND = Loudness(None, None)
