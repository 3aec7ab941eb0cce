"""The table of the players that listen through an outage, which a test fills."""

from __future__ import annotations

import pytest

FFMPEG = "ffmpeg"
MPG123 = "mpg123"
MPV = "mpv"
VLC = "VLC (cvlc)"
GSTREAMER = "GStreamer (playbin)"
CURL = "curl"
CHROMIUM = "Chromium's audio element"
ROWS = (FFMPEG, MPG123, MPV, VLC, GSTREAMER, CURL, CHROMIUM)

MP3 = "MP3"
AAC = "AAC"
VORBIS = "Ogg Vorbis"
FLAC = "Ogg FLAC"
COLUMNS = (MP3, AAC, VORBIS, FLAC)

NOT_OFFERED: dict[tuple[str, str], str] = {
    **{(MPG123, column): "mpg123 plays MPEG audio only" for column in (AAC, VORBIS, FLAC)},
    (GSTREAMER, AAC): "GStreamer's AAC decoders are in packages of their own",
    **{(CURL, column): "curl stores whatever comes" for column in (AAC, VORBIS, FLAC)},
}
"""The cells of the table that no test can fill, with the reason."""


def proves(row: str, column: str) -> pytest.MarkDecorator:
    """The mark of a test that fills this cell."""
    return pytest.mark.proves("players", row=row, column=column)
