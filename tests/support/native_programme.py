"""Stores with known fragments, and conversations over them, for the tests of the native protocol."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.core.store import Store
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import PeerReport
from distreamer.protocol.native.handshake import Acceptor, Dialler, Identity
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.scram import Verifier
from distreamer.protocol.native.sender import SenderRole

CLOCK_RATE = 1000
INFO = StreamInfo(
    AudioFormat(Codec.MPEG, CLOCK_RATE, 44100, 2, "MPEG-1 layer III", 128000, "audio/mpeg"),
    Station("Radio Söndag", "All day", "Pop", "https://radio.example", True),
)
SALT = bytes(range(16))
SENDER_IDENTITY = Identity("sender-node", "DiStreamer/3.0.0")
RECEIVER_IDENTITY = Identity("receiver-node", "DiStreamer/3.0.0")


def fragment(epoch: int, number: int, size: int = 5000, setup: bytes = b"") -> Fragment:
    """One second of audio whose bytes, titles and times follow from its name."""
    title = Title(f"Song {number // 10}")
    marks = (
        (TitleMark(size // 2, Title(f"Song {number // 10 + 1}", "https://song.example")),) if number % 10 == 9 else ()
    )
    return Fragment(
        epoch=epoch,
        number=number,
        start=(number - 1) * CLOCK_RATE,
        duration=CLOCK_RATE,
        audio=(epoch.to_bytes(8, "big") + number.to_bytes(8, "big") + bytes(size))[:size],
        captured_at=1_763_900_000 + number + 0.1,
        title=title,
        title_marks=marks,
        setup=setup,
        discontinuity=number % 7 == 0,
    )


def fill(store: Store, epoch: int, first: int, last: int, size: int = 5000) -> None:
    """Puts the fragments ``first`` to ``last`` into ``store``."""
    store.open_epoch(epoch, INFO)
    for number in range(first, last + 1):
        store.add(fragment(epoch, number, size))


def verifier(password: str) -> Verifier | None:
    """The quickest that is allowed."""
    return Verifier.of(password, SALT, 4096) if password else None


@dataclass
class Pair:
    """A sender that accepts and a receiver that dials, not yet connected by anything."""

    sender: Conversation
    receiver: Conversation
    sender_role: SenderRole
    receiver_role: ReceiverRole


def pair(
    store: Store,
    now: float = 0.0,
    password: str = "",
    dialler_password: str | None = None,
    report: PeerReport | None = None,
) -> Pair:
    """The receiver dials; ``dialler_password`` is ``password`` when it is not given."""
    sender_role, receiver_role = SenderRole(store), ReceiverRole(lambda: report or PeerReport())
    known = password if dialler_password is None else dialler_password
    return Pair(
        Conversation(sender_role, Acceptor(SENDER_IDENTITY, verifier(password), "acceptor-nonce"), now),
        Conversation(receiver_role, Dialler(RECEIVER_IDENTITY, known, "dialler-nonce"), now),
        sender_role,
        receiver_role,
    )
