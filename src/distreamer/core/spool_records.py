"""What the files of a spool consist of: records, each with checksums, that can be read one by one. Pure.

    record:  mark (4 bytes), kind (1), size of facts (4), size of body (4), CRC-32 of all these (4),
             facts (JSON), body, CRC-32 of facts and body (4); numbers are big endian

A file holds all that its fragments need: epochs and set-up headers stand before the first fragment that has them.
Behind damage, whatever it is, the next record is found by its mark and its checksums.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Final

from distreamer.core.played import Place
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import FIRST_NUMBER, Fragment, TitleMark

MARK: Final = b"\xd5\x9aSp"
_HEAD: Final = struct.Struct(">4scII")
_CHECKSUM: Final = struct.Struct(">I")
HEAD_BYTES: Final = _HEAD.size + _CHECKSUM.size
LARGEST_FACTS: Final = 262_144
"""Bytes: 17 titles of 4,000 characters each with room to spare."""
LARGEST_BODY: Final = 4_194_304
"""Bytes. A fragment is up to 1 MiB; a single frame may be larger."""
DIGEST_BYTES: Final = 16
LARGEST_EPOCH: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class EpochOpened:
    """An epoch, or what it is described like from now on."""

    id: int
    info: StreamInfo
    is_own: bool
    """Whether the writer of the spool numbers its fragments itself."""


Record = EpochOpened | Fragment | Place
"""Of several places the last holds; its time is Unix time."""


def setup_key(setup: bytes) -> str:
    """Under which set-up headers are known in a file; empty for none."""
    return blake2b(setup, digest_size=DIGEST_BYTES).hexdigest() if setup else ""


def fits(fragment: Fragment) -> bool:
    """Whether a record can hold it."""
    return (
        len(fragment.audio) <= LARGEST_BODY
        and len(fragment.setup) <= LARGEST_BODY
        and len(_json(_fragment_facts(fragment))) <= LARGEST_FACTS
    )


def encode(record: Record) -> bytes:
    """``record`` as it stands in a file. Set-up headers of a fragment must stand before it; see ``encode_setup``."""
    match record:
        case Fragment():
            return _framed(b"F", _json(_fragment_facts(record)), record.audio)
        case EpochOpened():
            return _framed(b"E", _json(asdict(record)))
        case Place():
            return _framed(b"P", _json(asdict(record)))


def encode_setup(setup: bytes) -> bytes:
    """Set-up headers, for the fragments behind them."""
    return _framed(b"S", b"", setup)


class Decoder:
    """Takes a file's bytes in pieces of any size, and gives its records. It raises nothing, whatever they are."""

    def __init__(self) -> None:
        self.damages = 0
        """Places at which something was not as it should be."""
        self._buffer = bytearray()
        self._is_lost = False
        """Whether what stands here is part of a damage that was counted."""
        self._setups: dict[str, bytes] = {}

    def feed(self, data: bytes) -> list[Record]:
        """The records that ``data`` completes."""
        self._buffer += data
        found: list[Record] = []
        at = 0
        while (step := self._step(at)) is not None:
            at, record = step
            found += [record] if record is not None else []
        del self._buffer[:at]
        return found

    def close(self) -> list[Record]:
        """The file ends here: what stands behind a record that is cut off."""
        found: list[Record] = []
        while self._buffer:
            self._damaged()
            del self._buffer[0]
            found += self.feed(b"")
        return found

    def _step(self, at: int) -> tuple[int, Record | None] | None:
        """The record at that place, and the place behind it; None when more is needed."""
        buffer = self._buffer
        begin = buffer.find(MARK, at)
        if begin < 0:
            left = len(buffer) - len(MARK) + 1
            if left <= at:
                return None
            self._damaged()
            return left, None
        if begin > at:
            self._damaged()
            return begin, None
        if len(buffer) - at < HEAD_BYTES:
            return None
        _, kind, facts_size, body_size = _HEAD.unpack_from(buffer, at)
        (checksum,) = _CHECKSUM.unpack_from(buffer, at + _HEAD.size)
        is_sound = checksum == zlib.crc32(buffer[at : at + _HEAD.size])
        if not is_sound or facts_size > LARGEST_FACTS or body_size > LARGEST_BODY:
            self._damaged()
            return at + 1, None
        end = at + HEAD_BYTES + facts_size + body_size + _CHECKSUM.size
        if len(buffer) < end:
            return None
        content = bytes(buffer[at + HEAD_BYTES : end - _CHECKSUM.size])
        (checksum,) = _CHECKSUM.unpack_from(buffer, end - _CHECKSUM.size)
        if checksum != zlib.crc32(content):
            self._damaged()
            return at + 1, None
        return end, self._record(kind, content[:facts_size], content[facts_size:])

    def _record(self, kind: bytes, facts: bytes, body: bytes) -> Record | None:
        if kind == b"S":
            self._setups[setup_key(body)] = body
            self._is_lost = False
            return None
        try:
            record = self._parsed(kind, json.loads(facts), body)
        except (ValueError, KeyError, TypeError, RecursionError):
            # Another version wrote it, or it needs what was damaged.
            self._damaged()
            return None
        self._is_lost = False
        return record

    def _parsed(self, kind: bytes, facts: Any, body: bytes) -> Record:
        if kind == b"F":
            return _fragment(facts, body, self._setups)
        if kind == b"E":
            return EpochOpened(_epoch(facts["id"]), _stream_info(facts["info"]), bool(facts["is_own"]))
        if kind == b"P":
            number = _whole(facts["number"], FIRST_NUMBER)
            return Place(_epoch(facts["epoch"]), number, float(facts["next_due"]))
        raise ValueError(kind)

    def _damaged(self) -> None:
        self.damages += not self._is_lost
        self._is_lost = True


def _framed(kind: bytes, facts: bytes, body: bytes = b"") -> bytes:
    head = _HEAD.pack(MARK, kind, len(facts), len(body))
    content = facts + body
    return b"".join((head, _CHECKSUM.pack(zlib.crc32(head)), content, _CHECKSUM.pack(zlib.crc32(content))))


def _json(facts: Mapping[str, object]) -> bytes:
    return json.dumps(facts, separators=(",", ":")).encode()


def _fragment_facts(fragment: Fragment) -> dict[str, object]:
    return {
        "epoch": fragment.epoch,
        "number": fragment.number,
        "start": fragment.start,
        "duration": fragment.duration,
        "captured_at": fragment.captured_at,
        "title": _title_facts(fragment.title),
        "title_marks": [(mark.offset, _title_facts(mark.title)) for mark in fragment.title_marks],
        "setup": setup_key(fragment.setup),
        "discontinuity": fragment.discontinuity,
    }


def _title_facts(title: Title | None) -> tuple[str, str] | None:
    return None if title is None else (title.text, title.url)


def _fragment(facts: Any, audio: bytes, setups: Mapping[str, bytes]) -> Fragment:
    return Fragment(
        epoch=_epoch(facts["epoch"]),
        number=_whole(facts["number"], FIRST_NUMBER),
        start=_whole(facts["start"], 0),
        duration=_whole(facts["duration"], 1),
        audio=audio,
        captured_at=float(facts["captured_at"]),
        title=None if facts["title"] is None else _title(facts["title"]),
        title_marks=tuple(TitleMark(_whole(offset, 0), _title(title)) for offset, title in facts["title_marks"]),
        setup=setups[facts["setup"]] if facts["setup"] else b"",
        discontinuity=bool(facts["discontinuity"]),
    )


def _title(facts: Any) -> Title:
    text, url = facts
    return Title(_text(text), _text(url))


def _stream_info(facts: Any) -> StreamInfo:
    form, station = facts["format"], facts["station"]
    return StreamInfo(
        AudioFormat(
            codec=Codec(form["codec"]),
            clock_rate=_whole(form["clock_rate"], 1),
            sample_rate=_whole(form["sample_rate"], 0),
            channels=_whole(form["channels"], 0),
            profile=_text(form["profile"]),
            bitrate=_whole(form["bitrate"], 0),
            content_type=_text(form["content_type"]),
        ),
        Station(
            name=_text(station["name"]),
            description=_text(station["description"]),
            genre=_text(station["genre"]),
            url=_text(station["url"]),
            public=None if station["public"] is None else bool(station["public"]),
        ),
        _whole(facts["legacy_fragment_bytes"], 0),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: Any, least: int) -> int:
    if not isinstance(value, int) or value < least:
        raise ValueError(value)
    return value


def _epoch(value: Any) -> int:
    if _whole(value, 0) > LARGEST_EPOCH:
        raise ValueError(value)
    return int(value)
