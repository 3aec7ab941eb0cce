"""What decoders make of a stream: libavcodec in this process, ffmpeg and mpg123 beside it."""

from __future__ import annotations

import io
import re
import subprocess

import av
import numpy as np
import numpy.typing as npt

from distreamer.media.auto import AutoFramer
from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from tests.support.programs import find_program

_PROGRAM_SECONDS = 60
_COMPLAINT = re.compile(r"\b(note|error|warning|exit status)\b", re.IGNORECASE)

CONTAINERS = {"mpeg": "mp3", "aac": "aac", "vorbis": "ogg", "opus": "ogg", "flac": "ogg"}
"""libavformat's demuxer for each of our codecs."""


def heard(data: bytes, container: str) -> npt.NDArray[np.int32]:
    """All samples that libavcodec decodes, of shape (frames, channels), full scale 2^31."""
    with av.open(io.BytesIO(data), "r", format=container) as source:
        channels = len(source.streams.audio[0].layout.channels)
        resampler = av.AudioResampler("s32")
        blocks = [
            block.to_ndarray().reshape(-1, channels)
            for frame in source.decode(audio=0)
            for block in resampler.resample(frame)
        ]
    return np.concatenate(blocks)


def whole_frames(audio: bytes, container: str) -> bytes:
    """What of a recording decoders take: it may begin and end within a frame, which they call an error (not in Ogg)."""
    if container == "ogg":
        return audio
    return b"".join(frame.data for frame in AutoFramer().feed(audio))


def ffmpeg_says(data: bytes, container: str, *, strict: bool = True) -> str:
    """What ffmpeg has to complain of; it stops at the first error. ``strict`` makes its decoders look for more."""
    return _says(
        data,
        *(find_program("ffmpeg"), "-nostdin", "-v", "error", "-xerror"),
        *(("-err_detect", "crccheck+bitstream+buffer") if strict else ()),
        *("-f", container, "-i", "pipe:0", "-f", "null", "-"),
    )


def mpg123_says(data: bytes) -> str:
    """What mpg123 has to complain of, out of all that it says; asked to be quiet, it would keep this to itself."""
    words = _says(data, find_program("mpg123"), "-t", "-")
    return "\n".join(line for line in words.splitlines() if _COMPLAINT.search(line))


def complaints_of_a_listener(audio: bytes, container: str) -> str:
    """What decoders have to complain of in what a listener got. It begins in the middle of the programme, where the
    first MP3 frames lean on what came before. Of a chain of Ogg streams the command ffmpeg dislikes the time stamps, so
    it is only decoded."""
    if container == "ogg":
        return "" if len(heard(audio, "ogg")) else "nothing could be decoded"
    frames = whole_frames(audio, container)
    if container == "mp3":
        frames = mended_run(ReservoirJoin(), frames)
        return ffmpeg_says(frames, "mp3") + mpg123_says(frames)
    return ffmpeg_says(frames, container)


def _says(data: bytes, *command: str) -> str:
    done = subprocess.run(command, input=data, capture_output=True, timeout=_PROGRAM_SECONDS, check=False)
    words = done.stderr.decode(errors="replace")
    return words if done.returncode == 0 else f"exit status {done.returncode}: {words}"
