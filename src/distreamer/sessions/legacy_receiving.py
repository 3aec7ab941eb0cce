"""The receiving end of a DiStreamer 2 conversation: fragments and lists become audio and titles of an ingest."""

from __future__ import annotations

import asyncio

from distreamer.core.ingest import Ingest, SourceDescription
from distreamer.core.ports import ByteStream, Clock
from distreamer.errors import AuthenticationError, LinkError, PeerError, ProtocolError
from distreamer.protocol.charset import DEFAULT_CHARSET
from distreamer.protocol.icy import Audio
from distreamer.protocol.legacy.parser import FragmentParser, Gap, SourceBegins, TitleChanged
from distreamer.protocol.legacy.persistent import ErrorMessage, ListMessage, MessageReader, NumberedFragment, OggHeader
from distreamer.sessions.source_description import describe_source


class LegacyReceiver:
    """Outlives conversations: the next one goes on with the fragments that are held."""

    def __init__(self, ingest: Ingest, clock: Clock, *, list_closes_round: bool) -> None:
        """``list_closes_round`` as for ``FragmentParser``."""
        self.parser = FragmentParser(list_closes_round)
        self._ingest = ingest
        self._clock = clock
        self._source = SourceDescription()

    @property
    def has_stream(self) -> bool:
        """Whether any audio came."""
        return self._ingest.info is not None

    def begin_conversation(self) -> tuple[int, ...]:
        """The fragments that the sender of a conversation that begins now need not send. What came in the one before
        and was in none of its lists is not among them: it is dropped, for the sender may be another process now."""
        self.parser.reconnected()
        return self.parser.holdings

    def pass_on(self) -> None:
        """Gives the ingest what has become whole. Raises ProtocolError for a fragment that contradicts its list;
        all before it is passed on."""
        while (event := self.parser.next_event()) is not None:
            if isinstance(event, Audio):
                self._ingest.audio(event.data, self._clock.wall())
            elif isinstance(event, TitleChanged):
                self._ingest.title(event.title)
            else:
                self._begin(event)

    def _begin(self, event: SourceBegins | Gap) -> None:
        if isinstance(event, SourceBegins):
            self._source = describe_source(event.headers, DEFAULT_CHARSET)
        self._ingest.connected(self._source, self._clock.wall())


async def receive_messages(
    stream: ByteStream, receiver: LegacyReceiver, silence_seconds: float, first: bytes = b""
) -> None:
    """Takes what the sender sends behind ``begin_conversation``, ``first`` being what came already, until it is
    cancelled. Raises LinkError when the sender closed or said nothing for ``silence_seconds``, PeerError when it broke
    the rules or refuses us."""
    reader = MessageReader()
    data = first
    while True:
        try:
            reader.receive_data(data)
            while (message := reader.next_message()) is not None:
                if isinstance(message, NumberedFragment):
                    receiver.parser.take_fragment(message.number, message.data)
                elif isinstance(message, OggHeader):
                    receiver.parser.take_ogg_header(message.data)
                elif isinstance(message, ListMessage):
                    receiver.parser.take_list(message.listing)
                    receiver.pass_on()
                else:
                    raise _refusal(stream.peer, message)
        except ProtocolError as error:
            raise PeerError(stream.peer, str(error)) from error
        data = await read_within(stream, silence_seconds)


async def read_within(stream: ByteStream, seconds: float) -> bytes:
    """The next bytes. Raises LinkError at the end, or when none came for ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            data = await stream.read()
    except TimeoutError as error:
        raise LinkError(stream.peer, f"nothing came for {seconds:g} s") from error
    if not data:
        raise LinkError(stream.peer, "the other side closed the connection")
    return data


def _refusal(peer: str, message: ErrorMessage) -> PeerError:
    if "assword" in message.text:
        return AuthenticationError(peer, f"does not accept the PASSWORD of this side; it says: {message.text}")
    return PeerError(peer, f"refuses: {message.text}")
