"""A store that is filled with MP3 and titles, and answers as a DiStreamer 2 polled server would."""

from __future__ import annotations

from dataclasses import replace

from distreamer.core.module import LegacyShape, OutputContext
from distreamer.model.audio import Title
from distreamer.outputs.polling_answers import PollingAnswers
from distreamer.protocol.http1 import Headers, RequestHead
from distreamer.sessions.password_gate import PasswordGate
from distreamer.sessions.source_description import describe_source
from distreamer.transport.memory import MemoryStream
from tests.support.input_context import WALL, input_context
from tests.support.made_audio import MP3_FRAME_BYTES, mp3_stream
from tests.support.native_network import output_context

SHAPE = LegacyShape(fragment_bytes=16_384, fragments=15, icyint=8_192)
"""15 s at 128 kbit/s."""
FRAMES_PER_SECOND = 38


class LegacyProgramme:
    """PC A. To be made inside a running event loop."""

    def __init__(self, password: str = "", context: OutputContext | None = None) -> None:
        self.source = input_context()
        self.store = self.source.store
        self.context = replace(context or output_context(self.store), store=self.store, legacy=SHAPE)
        self.refused: list[tuple[str, str]] = []
        self.answers = PollingAnswers(
            password,
            self.context,
            PasswordGate(self.context.clock, self.context.log),
            lambda peer, reason: self.refused.append((peer, reason)),
        )
        self.is_dark = False
        """Whether requests are taken and never answered."""
        self._seconds = 0
        headers = Headers([("icy-name", "Old Radio"), ("content-type", "audio/mpeg")])
        self.source.ingest.connected(describe_source(headers, "utf-8"), WALL)

    def play(self, seconds: int, title: str = "") -> None:
        """That much more of the programme, ``title`` at its beginning."""
        if title:
            self.source.ingest.title(Title(title))
        audio = mp3_stream(self._seconds * FRAMES_PER_SECOND, seconds * FRAMES_PER_SECOND)
        self._seconds += seconds
        self.source.ingest.audio(audio, WALL)

    async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
        """A handler of a MemoryNetwork."""
        if self.is_dark:
            while await stream.read():
                pass
            return
        answer = self.answers.answer(request.method, request.target, "192.0.2.9:4711")
        await stream.write(answer.encode(request.method))


def stream_bytes(seconds: int) -> int:
    """Bytes of audio that ``play`` makes for ``seconds``."""
    return seconds * FRAMES_PER_SECOND * MP3_FRAME_BYTES
