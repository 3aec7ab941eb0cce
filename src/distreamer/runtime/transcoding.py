"""Decodes audio files and encodes them in a stream's format. Needs PyAV (the extra ``audio``)."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from distreamer.errors import AudioError
from distreamer.model.audio import AudioFormat, Title
from distreamer.runtime.encoders import Encoder, encoder_for

LONGEST_SECONDS = 600
"""Of a file; the rest is left out."""
LARGEST_BYTES = 32_000_000
"""Of what becomes of it; the rest is left out."""
SHORTEST_SECONDS = 1
"""A shorter file is filled up with silence."""

_NO_AUDIO = "it holds no audio that can be decoded"


def check_audio(file: BinaryIO) -> None:
    """Raises AudioError when ``file`` holds no audio that can be decoded."""
    try:
        with av.open(file, "r") as source:
            found = next(decoded(source), None)
    except av.FFmpegError as error:
        raise AudioError(f"{_NO_AUDIO}: {error.strerror}") from error
    if found is None:
        raise AudioError(_NO_AUDIO)


def transcoded(file: BinaryIO, wanted: AudioFormat, setup: bytes = b"", title: Title | None = None) -> bytes:
    """The audio in ``file`` as a whole stream like ``wanted``, of about its bitrate; in Ogg as much like one with the
    header pages ``setup`` as can be, and with ``title``.

    At most LONGEST_SECONDS, or about LARGEST_BYTES. Raises AudioError when the file cannot be decoded or there is no
    encoder. No frame leans on what stands before the stream.
    """
    try:
        return _encoded(file, encoder_for(wanted, setup), title)
    except (av.FFmpegError, ValueError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else str(error)
        raise AudioError(f"libavcodec cannot convert it: {reason}") from error


def heard_rate(sample: bytes, container: str) -> int:
    """The sample rate in hertz at which a decoder plays ``sample``: of HE-AAC, twice that of its headers. Raises
    AudioError when it cannot be decoded."""
    try:
        with av.open(io.BytesIO(sample), "r", format=container) as source:
            rates = [frame.sample_rate for frame in decoded(source)]
    except av.FFmpegError as error:
        raise AudioError(f"a part of the stream cannot be decoded: {error.strerror}") from error
    if not rates:
        raise AudioError("a part of the stream cannot be decoded")
    return max(rates)


def decoded(source: InputContainer) -> Iterator[AudioFrame]:
    """The first audio stream, without what is damaged."""
    for stream in source.streams.audio[:1]:
        for packet in _packets(source, stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))


def _packets(source: InputContainer, stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    """To the end, wherever that is: libavformat calls an ADTS file that ends inside a header an input error."""
    try:
        yield from source.demux(stream)
    except av.error.OSError as error:
        if error.errno != errno.EIO:
            raise


def _converted(source: InputContainer, encoder: Encoder) -> Iterator[AudioFrame]:
    """As the encoder takes it. Some files change their format on the way."""
    graph: av.filter.Graph | None = None
    kind: tuple[str, str, int] | None = None
    for frame in decoded(source):
        if (frame.format.name, frame.layout.name, frame.sample_rate) != kind:
            if graph is not None:
                yield from _filtered(graph, None)
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            graph = _graph(frame, encoder)
        assert graph is not None
        frame.pts = None
        yield from _filtered(graph, frame)
    if graph is not None:
        yield from _filtered(graph, None)


def _graph(frame: AudioFrame, encoder: Encoder) -> av.filter.Graph:
    """Nothing becomes louder or softer: one channel is played by two as it is, several are mixed so that none clips."""
    graph = av.filter.Graph()
    kind, layout, rate = frame.format.name, frame.layout.name, frame.sample_rate
    filters = [graph.add_abuffer(sample_rate=rate, format=kind, layout=layout, time_base=Fraction(1, rate))]
    if frame.layout.nb_channels == 1 and encoder.layout == "stereo":
        filters.append(graph.add("pan", "stereo|c0=c0|c1=c0"))
    kind, layout, rate = encoder.sample_format, encoder.layout, encoder.sample_rate
    filters += [
        graph.add("aresample", f"sample_rate={rate}:rematrix_maxval=1.0"),
        graph.add("aformat", f"sample_fmts={kind}:channel_layouts={layout}:sample_rates={rate}"),
        graph.add("abuffersink"),
    ]
    for one, after in pairwise(filters):
        one.link_to(after)
    graph.configure()
    return graph


def _filtered(graph: av.filter.Graph, frame: AudioFrame | None) -> Iterator[AudioFrame]:
    graph.push(frame)
    while True:
        try:
            found = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(found, AudioFrame)
        yield found


def _encoded(file: BinaryIO, encoder: Encoder, title: Title | None) -> bytes:
    target = io.BytesIO()
    with (
        av.open(file, "r") as source,
        av.open(target, "w", format=encoder.container, options=encoder.container_options) as output,
    ):
        if title is not None:
            output.metadata["title"] = title.text
        stream = output.add_stream(encoder.name, rate=encoder.sample_rate, options=encoder.options)
        context = stream.codec_context
        assert isinstance(context, AudioCodecContext)
        context.layout, context.format = encoder.layout, encoder.sample_format
        if encoder.bitrate:
            context.bit_rate = encoder.bitrate
        count = 0

        def encode(frame: AudioFrame) -> None:
            nonlocal count
            frame.pts, frame.time_base = count, Fraction(1, encoder.sample_rate)
            count += frame.samples
            output.mux(context.encode(frame))

        for frame in _converted(source, encoder):
            encode(frame)
            if count >= LONGEST_SECONDS * encoder.sample_rate or target.tell() >= LARGEST_BYTES:
                break
        if not count:
            raise AudioError(_NO_AUDIO)
        # A last block that is not full is lost in FLAC, and drawn out in Vorbis: so it is silence.
        missing = max(SHORTEST_SECONDS * encoder.sample_rate - count, context.frame_size)
        encode(_silence(missing, context))
        output.mux(context.encode(None))
    return target.getvalue()


def _silence(samples: int, context: AudioCodecContext) -> AudioFrame:
    frame = AudioFrame(format=context.format.name, layout=context.layout.name, samples=samples)
    frame.sample_rate = context.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame
