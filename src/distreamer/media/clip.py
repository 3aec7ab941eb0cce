"""A clip: audio in a stream's own format that can be played round after round, where the stream itself is missing."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.chaining import goes_on, headers_in
from distreamer.media.flac_frame import renumbered
from distreamer.media.ogg_codec import OggCodec
from distreamer.media.ogg_pages import FULL_SEGMENT, PageReader
from distreamer.media.ogg_stream import audio_codec
from distreamer.media.ogg_writer import PageWriter
from distreamer.model.audio import AudioFormat, Codec
from distreamer.units import BITS_PER_BYTE

_PAGE_SECONDS = 0.25
_HEAD_SIZE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Clip:
    """Whole frames (MPEG, ADTS) or packets (Ogg), none of which leans on a piece of what is played before the clip."""

    format: AudioFormat
    """Its bitrate is known, as an average where it varies."""
    seconds: float
    """How long one round lasts."""
    headers: tuple[bytes, ...]
    """The header packets of Ogg, in their order; empty for other codecs."""
    sizes: array[int]
    """Bytes of each frame or packet."""
    audio: bytes | memoryview
    """All of them."""

    def follows(self, running: AudioFormat, setup: bytes) -> bool:
        """Whether a decoder that plays ``running``, with the Ogg header pages ``setup``, goes on with it."""
        return self.format.joins(running) and goes_on(running.codec, headers_in(running.codec, setup), self.headers)

    def pieces(self) -> Iterator[bytes]:
        """One round of frames or packets."""
        at = 0
        for size in self.sizes:
            yield bytes(self.audio[at : at + size])
            at += size


def clip_of(stream: bytes, wanted: AudioFormat, setup: bytes = b"") -> Clip:
    """A whole encoded stream as a clip; raises AudioError when a decoder that plays ``wanted``, with the Ogg header
    pages ``setup``, cannot go on with it."""
    return _ogg_clip(stream, wanted, setup) if wanted.codec.is_ogg else _framed_clip(stream, wanted)


def endless(clip: Clip, serial: int) -> Iterator[bytes]:
    """Round after round, piece by piece: a frame, or an Ogg page of the logical stream ``serial`` (32 bits), the first
    of which stands behind the header pages."""
    return _endless_pages(clip, serial) if clip.headers else _endless_pieces(clip)


def dumped(clip: Clip) -> bytes:
    """``clip`` as bytes, for ``loaded`` of the same version."""
    headers = [len(packet) for packet in clip.headers]
    head = {"format": asdict(clip.format), "seconds": clip.seconds, "headers": headers, "pieces": len(clip.sizes)}
    text = json.dumps(head).encode()
    size = len(text).to_bytes(_HEAD_SIZE_BYTES, "big")
    return b"".join([size, text, *clip.headers, clip.sizes.tobytes(), clip.audio])


def loaded(data: bytes | bytearray) -> Clip:
    """What ``dumped`` gave; raises ValueError when it is not whole. The clip keeps ``data``: it may be large."""
    view = memoryview(data)
    at = _HEAD_SIZE_BYTES + int.from_bytes(view[:_HEAD_SIZE_BYTES], "big")
    try:
        head = json.loads(bytes(view[_HEAD_SIZE_BYTES:at]))
        audio_format, seconds, pieces = format_of(head["format"]), head["seconds"], head["pieces"]
        packets = []
        for size in head["headers"]:
            packets.append(bytes(view[at : at + size]))
            at += size
    except (KeyError, TypeError) as error:
        raise ValueError(f"no clip: {error}") from error
    sizes = array("I")
    sizes_to = at + pieces * sizes.itemsize
    sizes.frombytes(view[at:sizes_to])
    clip = Clip(audio_format, seconds, tuple(packets), sizes, view[sizes_to:])
    if len(clip.sizes) != pieces or len(clip.audio) != sum(clip.sizes):
        raise ValueError(f"a clip of {pieces} pieces that breaks off after {len(data)} bytes")
    return clip


def format_of(fields: dict[str, object]) -> AudioFormat:
    """What ``asdict`` made of a format; raises ValueError or TypeError when it made something else."""
    return AudioFormat(**{**fields, "codec": Codec(fields["codec"])})  # type: ignore[arg-type]


def _framed_clip(stream: bytes, wanted: AudioFormat) -> Clip:
    framer = AutoFramer(wanted.content_type)
    frames = [*framer.feed(stream), *framer.close()]
    if not frames:
        raise AudioError("the encoder gave no audio")
    for frame in frames:
        _check(frame.format, wanted)
    seconds = sum(frame.duration for frame in frames) / wanted.clock_rate
    audio = b"".join(frame.data for frame in frames)
    found = frames[0].format
    found = replace(found, bitrate=found.bitrate or _average(audio, seconds))
    return Clip(found, seconds, (), array("I", (len(frame.data) for frame in frames)), audio)


def _ogg_clip(stream: bytes, wanted: AudioFormat, setup: bytes) -> Clip:
    packets = _packets(stream)
    codec = audio_codec(packets[0]) if packets else None
    if codec is None:
        raise AudioError("the encoder gave no audio")
    _check(codec.format, wanted)
    count = _read_headers(codec, packets)
    headers, packets = packets[:count], packets[count:]
    if not goes_on(wanted.codec, headers_in(wanted.codec, setup), headers):
        raise AudioError("it cannot be encoded by the code books of the stream, and many players know no others")
    ticks = [codec.packet_ticks(packet) for packet in packets]
    if wanted.codec is Codec.FLAC and ticks[-1:] != ticks[:1]:
        # In a stream whose frames count blocks of one size only the very last may be shorter.
        packets, ticks = packets[:-1], ticks[:-1]
    seconds = sum(ticks) / wanted.clock_rate
    if seconds <= 0:
        raise AudioError("the encoder gave no audio")
    audio = b"".join(packets)
    found = replace(codec.format, bitrate=_average(audio, seconds))
    return Clip(found, seconds, tuple(headers), array("I", map(len, packets)), audio)


def _check(found: AudioFormat, wanted: AudioFormat) -> None:
    if not found.joins(wanted):
        raise AudioError(f"the stream is {_words(wanted)}, and what could be made for it is {_words(found)}")


def _words(audio: AudioFormat) -> str:
    kind = audio.profile or audio.codec.value.capitalize()
    return f"{kind} of {audio.channels} channels at {audio.sample_rate} Hz"


def _average(audio: bytes, seconds: float) -> int:
    """Bits per second."""
    return round(len(audio) * BITS_PER_BYTE / seconds)


def _packets(stream: bytes) -> list[bytes]:
    """All packets of an Ogg stream that holds one logical stream."""
    packets: list[bytes] = []
    partial = b""
    for page in PageReader().feed(stream):
        for part in page.packets():
            partial += part.data
            if part.ends:
                packets.append(partial)
                partial = b""
    return packets


def _read_headers(codec: OggCodec, packets: Sequence[bytes]) -> int:
    """Shows ``codec``, which has seen the first of ``packets``, its further headers; says how many there are in all."""
    count = 1
    while count < min(codec.header_packets or 0, len(packets)):
        codec.add_header(packets[count])
        count += 1
    return count


def _endless_pages(clip: Clip, serial: int) -> Iterator[bytes]:
    """One logical stream without end: each round goes on where the last one ended, and no decoder begins anew."""
    codec, writer = audio_codec(clip.headers[0]), PageWriter(serial)
    assert codec is not None, "a clip whose headers were read cannot be read again"
    _read_headers(codec, clip.headers)
    before = writer.pages(clip.headers[:1], 0) + writer.pages(clip.headers[1:], 0)
    page: list[bytes] = []
    segments = ticks = granule = 0
    for packet in _endless_pieces(clip):
        size = len(packet) // FULL_SEGMENT + 1
        if page and (ticks >= _PAGE_SECONDS * clip.format.clock_rate or segments + size > FULL_SEGMENT):
            granule += ticks
            yield before + writer.pages(page, granule)
            before, page, segments, ticks = b"", [], 0, 0
        page.append(packet)
        segments += size
        ticks += codec.packet_ticks(packet)


def _endless_pieces(clip: Clip) -> Iterator[bytes]:
    number = 0
    while True:
        for piece in clip.pieces():
            yield renumbered(piece, number) if clip.format.codec is Codec.FLAC else piece
            number += 1
