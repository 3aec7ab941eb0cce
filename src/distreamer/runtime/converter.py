"""Converts an audio file into a clip, as a program of its own: neither its work nor a file that crashes a decoder can
disturb what is on air, and what it takes of the memory is given back. ``conversion`` starts it.

    python -m distreamer.runtime.converter check FILE
    python -m distreamer.runtime.converter convert FILE REQUEST
"""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from distreamer.errors import AudioError, ResourceError
from distreamer.media.clip import clip_of, dumped, format_of
from distreamer.model.audio import AudioFormat, Codec, Title
from distreamer.runtime.decoding_program import REFUSED, give_way, lacks_decoder


def main(arguments: Sequence[str]) -> int:
    """Gives the exit code."""
    give_way()
    try:
        answer = _answer(*arguments)
    except (AudioError, ResourceError) as error:
        sys.stdout.buffer.write(str(error).encode())
        return REFUSED
    sys.stdout.buffer.write(answer)
    return 0


def _answer(task: str, path: str, request: str = "") -> bytes:
    try:
        from distreamer.runtime import transcoding  # late: PyAV is an extra
    except ImportError as error:
        way_out = "install distreamer[audio], or use FILLER = silence"
        raise ResourceError(f"{lacks_decoder(error)}: {way_out}") from error
    with _opened(Path(path)) as file:
        if task == "check":
            transcoding.check_audio(file)
            return b""
        words = json.loads(request)
        wanted, sample = format_of(words["format"]), sys.stdin.buffer.read()
        if wanted.codec is Codec.AAC:
            _check_rate(wanted, transcoding.heard_rate(sample, "aac"))
        title = Title(words["title"]) if words["title"] else None
        return dumped(clip_of(transcoding.transcoded(file, wanted, sample, title), wanted, sample))


def _check_rate(wanted: AudioFormat, rate: int) -> None:
    """HE-AAC looks like AAC LC at half the rate, and what is AAC LC itself would be played dull, or too fast."""
    if rate != wanted.sample_rate:
        raise AudioError("the stream is HE-AAC, for which there is no encoder here")


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # A pipe could be waited for for ever.
            raise ResourceError("it is no file")
        return path.open("rb")
    except OSError as error:
        raise ResourceError(f"it cannot be read: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
