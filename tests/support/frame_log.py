"""The log of an MP3 response, frame by frame: which frame of which programme, or silence, stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distreamer.media.auto import AutoFramer

HEAD_BYTES = 36
"""Header and side information of an MPEG-1 stereo frame without checksum. Behind a seam they may be blanked, so that no
decoder plays what is gone."""
SILENCE = "silence"


@dataclass(frozen=True)
class Run:
    """Frames that follow one another."""

    source: str
    """The name of the programme, or SILENCE."""
    first: int
    """The number of its first frame in that programme; silence counts from 0."""
    last: int
    muted: int
    """How many at the beginning were blanked."""

    @property
    def frames(self) -> int:
        return self.last - self.first + 1


def frames_of(audio: bytes) -> list[bytes]:
    """As the framer cuts them; the last may break off, all else must be frames."""
    framer = AutoFramer()
    frames = [frame.data for frame in framer.feed(audio)]
    frames += [frame.data for frame in framer.close()]
    whole = sum(len(frame) for frame in frames)
    assert b"".join(frames) == audio[:whole], "there are bytes between frames"
    assert len(audio) - whole < len(frames[-1]) + HEAD_BYTES, f"{len(audio) - whole} bytes at the end are no frame"
    return frames


def frame_log(audio: bytes, programmes: Mapping[str, bytes]) -> list[Run]:
    """The runs in ``audio``; fails at a frame that is neither silence nor in any of ``programmes``, all of whose
    frames must differ."""
    known: dict[bytes, tuple[str, int, bytes]] = {}
    for name, sent in programmes.items():
        for number, frame in enumerate(frames_of(sent)):
            assert known.setdefault(frame[HEAD_BYTES:], (name, number, frame)) == (name, number, frame)
    runs: list[Run] = []
    for index, frame in enumerate(frames_of(audio)):
        before = runs[-1] if runs else None
        if _is_silent(frame):
            source, number, is_muted = SILENCE, before.last + 1 if before and before.source == SILENCE else 0, False
        else:
            assert frame[HEAD_BYTES:] in known, f"frame {index} was never sent"
            source, number, sent_frame = known[frame[HEAD_BYTES:]]
            is_muted = frame != sent_frame
        if before is not None and (before.source, before.last + 1) == (source, number):
            assert not is_muted or before.muted == before.frames, f"frame {index} is blanked, and stands behind no seam"
            runs[-1] = Run(source, before.first, number, before.muted + is_muted)
        else:
            runs.append(Run(source, number, number, int(is_muted)))
    return runs


def _is_silent(frame: bytes) -> bool:
    """No main data belong to it, and all that it holds is fill."""
    return not any(frame[4:HEAD_BYTES]) and set(frame[HEAD_BYTES:-1]) == {0xFF}
