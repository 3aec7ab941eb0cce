"""An encoder's bytes against the protocol machine of a source server."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from distreamer.protocol.source.credentials import Credentials
from distreamer.protocol.source.encoder_connection import EncoderConnection
from distreamer.protocol.source.events import AudioData, SourceAsks, SourceBegins, SourceEvent, StatsAsked

AUDIO = bytes(range(256)) * 3
PASSWORD = "hack:me"


def basic(user: str = "source", password: str = PASSWORD) -> bytes:
    """The line of a header."""
    return b"Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()) + b"\r\n"


@dataclass
class Conversation:
    """What came of one connection; ``busy`` refuses sources."""

    busy: bool = False
    password: str = PASSWORD
    events: list[SourceEvent] = field(default_factory=list)
    sent: bytes = b""

    def __post_init__(self) -> None:
        self.machine = EncoderConnection(Credentials(self.password), "cp1252")

    def hear(self, parts: list[bytes], *, eof: bool = False) -> Conversation:
        for part in parts:
            self.machine.receive_data(part)
            while (event := self.machine.next_event()) is not None:
                self._take(event)
            self.sent += self.machine.data_to_send()
        if eof and (event := self.machine.receive_eof()) is not None:
            self._take(event)
            self.sent += self.machine.data_to_send()
        return self

    def _take(self, event: SourceEvent) -> None:
        self.events.append(event)
        if isinstance(event, SourceAsks):
            self.machine.refuse() if self.busy else self.machine.accept()
        elif isinstance(event, StatsAsked):
            self.machine.tell_stats(is_connected=True)

    @property
    def audio(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, AudioData))

    @property
    def begun(self) -> list[SourceBegins]:
        return [event for event in self.events if isinstance(event, SourceBegins)]

    @property
    def user(self) -> str:
        return next(event.user for event in self.events if isinstance(event, SourceAsks))

    @property
    def status(self) -> int:
        """Of the first HTTP answer."""
        return int(self.sent.split(b" ", 2)[1])
