"""Fragments and stream descriptions as messages, and back; the digests."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Final

from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.native import limits
from distreamer.protocol.native.faults import broken_rule
from distreamer.protocol.native.messages import (
    EpochDescription,
    FragmentHead,
    StationFields,
    TitleFields,
    TitleMarkFields,
)

_HEADER_ROOM: Final = 4_096
"""What a fragment's header needs at the most beside its titles."""


def clipped(text: str, characters: int = limits.TEXT_CHARACTERS) -> str:
    """``text`` cut to its limit, and without half surrogates, which UTF-8 cannot carry."""
    return text[:characters].encode("utf-8", "replace").decode()


def setup_digest(setup: bytes) -> str:
    """Hexadecimal."""
    return hashlib.blake2b(setup, digest_size=limits.DIGEST_BYTES).hexdigest()


def fragment_digest(fragment: Fragment) -> str:
    """Over the canonical bytes that ``docs/protocol.md`` defines; hexadecimal."""
    digest = hashlib.blake2b(digest_size=limits.DIGEST_BYTES)
    digest.update(struct.pack(">QQQQ", fragment.epoch, fragment.number, fragment.start, fragment.duration))
    digest.update(struct.pack(">dB", fragment.captured_at, fragment.discontinuity))
    digest.update(bytes.fromhex(setup_digest(fragment.setup)) if fragment.setup else bytes(limits.DIGEST_BYTES))
    digest.update(struct.pack(">B", fragment.title is not None))
    if fragment.title is not None:
        digest.update(_canonical_title(fragment.title))
    digest.update(struct.pack(">I", len(fragment.title_marks)))
    for mark in fragment.title_marks:
        digest.update(struct.pack(">I", mark.offset) + _canonical_title(mark.title))
    digest.update(fragment.audio)
    return digest.hexdigest()


def _canonical_title(title: Title) -> bytes:
    text, url = title.text.encode(), title.url.encode()
    return struct.pack(">I", len(text)) + text + struct.pack(">I", len(url)) + url


def sendable(fragment: Fragment) -> bool:
    """Whether the wire can carry it."""
    return (
        0 < len(fragment.audio) <= limits.FRAGMENT_BYTES
        and len(fragment.setup) <= limits.SETUP_BYTES
        and 0 <= fragment.start <= limits.LARGEST_INTEGER
        and 0 < fragment.duration <= limits.LARGEST_INTEGER
        and math.isfinite(fragment.captured_at)
    )


def fragment_head(fragment: Fragment) -> FragmentHead:
    """The announcement of a fragment. Titles are cut to what the wire carries, and the digest fits what is left."""
    title = _title_fields(fragment.title)
    marks = [
        TitleMarkFields(offset=mark.offset, title=fields)
        for mark in fragment.title_marks[-limits.TITLE_MARKS :]
        if (fields := _title_fields(mark.title)) is not None
    ]
    room = limits.HEADER_BYTES - _HEADER_ROOM - _size(title)
    while marks and sum(_size(mark.title) for mark in marks) > room:
        del marks[0]
    head = FragmentHead(
        epoch=fragment.epoch,
        number=fragment.number,
        start=fragment.start,
        duration=fragment.duration,
        captured_at=fragment.captured_at,
        title=title,
        title_marks=tuple(marks),
        setup=bool(fragment.setup),
        discontinuity=fragment.discontinuity,
        size=len(fragment.audio),
        digest="0" * 2 * limits.DIGEST_BYTES,
    )
    carried = _assembled(head, fragment.audio, fragment.setup)
    return head.model_copy(update={"digest": fragment_digest(carried)})


def fragment_of(head: FragmentHead, audio: bytes, setup: bytes) -> Fragment:
    """The fragment that was announced by ``head``. Raises ProtocolError when the digest or a title's place is wrong."""
    offset = -1
    for mark in head.title_marks:
        if not offset < mark.offset < head.size:
            raise broken_rule(
                f"fragment {head.number}: a title begins at byte {mark.offset}, after byte {offset}, of {head.size}"
            )
        offset = mark.offset
    fragment = _assembled(head, audio, setup)
    found = fragment_digest(fragment)
    if found != head.digest:
        raise broken_rule(f"fragment {head.number}: its digest is {found} and should be {head.digest}")
    return fragment


def _assembled(head: FragmentHead, audio: bytes, setup: bytes) -> Fragment:
    return Fragment(
        epoch=head.epoch,
        number=head.number,
        start=head.start,
        duration=head.duration,
        audio=audio,
        captured_at=head.captured_at,
        title=None if head.title is None else Title(head.title.text, head.title.url),
        title_marks=tuple(TitleMark(mark.offset, Title(mark.title.text, mark.title.url)) for mark in head.title_marks),
        setup=setup if head.setup else b"",
        discontinuity=head.discontinuity,
    )


def _title_fields(title: Title | None) -> TitleFields | None:
    return None if title is None else TitleFields(text=clipped(title.text), url=clipped(title.url))


def _size(title: TitleFields | None) -> int:
    """Bytes in the header, with the keys around it."""
    return 0 if title is None else len(title.model_dump_json().encode()) + 40


def epoch_description(epoch: int, info: StreamInfo, numbers: tuple[int, int] | None) -> EpochDescription:
    """The announcement of an epoch; ``numbers`` are the first and last that are held."""
    station = info.station
    return EpochDescription(
        epoch=epoch,
        codec=info.format.codec.value,
        clock_rate=info.format.clock_rate,
        sample_rate=info.format.sample_rate,
        channels=info.format.channels,
        profile=_plain(info.format.profile),
        bitrate=info.format.bitrate,
        content_type=_plain(info.format.content_type),
        station=StationFields(
            name=_plain(station.name),
            description=_plain(station.description),
            genre=_plain(station.genre),
            url=_plain(station.url),
            public=station.public,
        ),
        legacy_fragment_bytes=info.legacy_fragment_bytes,
        first=numbers[0] if numbers else None,
        last=numbers[1] if numbers else None,
    )


def _plain(text: str) -> str:
    """Clipped, and without control characters, each of which would need six bytes in the header."""
    return "".join(character if character >= " " else " " for character in clipped(text))


def _codec(name: str) -> Codec:
    try:
        return Codec(name)
    except ValueError:
        return Codec.OPAQUE


def stream_info(description: EpochDescription) -> StreamInfo:
    """What the announced epoch carries."""
    station = description.station
    return StreamInfo(
        AudioFormat(
            codec=_codec(description.codec),
            clock_rate=description.clock_rate,
            sample_rate=description.sample_rate,
            channels=description.channels,
            profile=description.profile,
            bitrate=description.bitrate,
            content_type=description.content_type,
        ),
        Station(station.name, station.description, station.genre, station.url, station.public),
        description.legacy_fragment_bytes,
    )
