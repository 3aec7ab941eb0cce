"""Recorded exchanges of DiStreamer 2: who said what, and when.

Each line of a recording is ``[connection, direction, seconds, bytes as hex]``; the client is whoever opened the
connection. FRAGMENTSIZE was 16384, FRAGMENTSNUMBER 5; the source was an MP3 of 128 kbit/s with ``icy-metaint`` 8192,
or Ogg Vorbis with a time stamp in the titles every 5 seconds (``ogg-pers``).
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from distreamer.protocol.legacy.answer_reader import AnswerReader, WholeAnswer
from distreamer.protocol.legacy.persistent import LineReader, MessageReader, NumberedFragment, PersistentMessage

FOLDER = Path(__file__).parents[2] / "data" / "legacy"
FRAGMENT_SIZE = 16_384
PASSWORD = "pw"


@dataclass
class Connection:
    """What went over one TCP connection."""

    client_pieces: list[bytes] = field(default_factory=list)
    server_pieces: list[bytes] = field(default_factory=list)
    began: float = -1.0
    """Seconds, as are the others."""
    answered: float = -1.0

    @property
    def client(self) -> bytes:
        return b"".join(self.client_pieces)

    @property
    def server(self) -> bytes:
        return b"".join(self.server_pieces)

    @property
    def request_line(self) -> str:
        return self.client.partition(b" HTTP")[0].decode()

    @property
    def pushed(self) -> bytes:
        """The body of a POST."""
        return self.client.partition(b"\r\n\r\n")[2]

    @property
    def answer(self) -> WholeAnswer:
        reader = AnswerReader()
        for piece in self.server_pieces:
            answer = reader.receive_data(piece)
            if answer is not None:
                return answer
        return reader.receive_eof()


@cache
def connections(name: str) -> tuple[Connection, ...]:
    """Of the recording ``name``, in the order in which they were opened."""
    found: dict[int, Connection] = {}
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt") as lines:
        for line in lines:
            number, direction, seconds, data = json.loads(line)
            connection = found.setdefault(number, Connection(began=seconds))
            side = connection.client_pieces if direction.startswith("c>s") else connection.server_pieces
            side.append(bytes.fromhex(data))
            if direction.startswith("s>c"):
                connection.answered = seconds
    return tuple(found.values())


@cache
def pushed_messages(name: str) -> tuple[PersistentMessage, ...]:
    """The messages of a recording of the persistent wires."""
    (connection,) = connections(name)
    reader = MessageReader()
    if name == "persrev":
        line = LineReader()
        assert line.receive_data(connection.client) == PASSWORD.encode()
        reader.receive_data(line.rest())
    else:
        reader.receive_data(connection.server)
    messages = []
    while (message := reader.next_message()) is not None:
        messages.append(message)
    return tuple(messages)


def fragments_of(name: str) -> dict[int, bytes]:
    """All fragments of a recording of the persistent wires."""
    return {item.number: item.data for item in pushed_messages(name) if isinstance(item, NumberedFragment)}
