"""Whatever arrives in whatever state, a conversation ends in an orderly way or goes on, and never raises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended
from distreamer.protocol.native.messages import decode, encode
from distreamer.protocol.native.states import State
from distreamer.protocol.native.wish import want_of
from tests.support.native_messages import MESSAGE
from tests.support.native_programme import fill, pair

HEADERS = st.sampled_from([b"{}", b'{"id":1}', b"[]", b"null", b'{"epoch":"5","ranges":[[1,3]]}'])


@st.composite
def arrivals(draw: st.DrawFn) -> bytes:
    """A message of the protocol, one that was changed on the way, or anything."""
    framed = st.builds(
        lambda kind, header: bytes((kind,)) + len(header).to_bytes(2, "big") + header, st.integers(0, 255), HEADERS
    )
    message = draw(MESSAGE.map(encode) | framed | st.binary(max_size=30))
    if message and draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(message) - 1))
        message = message[:place] + bytes((draw(st.integers(0, 255)),)) + message[place + 1 :]
    return message


def shaken() -> tuple[Conversation, Conversation]:
    """A sender with fragments and a receiver that asked for them, both talking."""
    store = Store()
    fill(store, 5, 1, 3)
    both = pair(store)
    both.receiver_role.ask(want_of(Store(), 30, 300))
    for _ in range(2):
        while (message := both.receiver.data_to_send(0.0)) is not None:
            both.sender.receive_data(message, 0.0)
        while both.receiver.state is not State.TALKS and (message := both.sender.data_to_send(0.0)) is not None:
            both.receiver.receive_data(message, 0.0)
    return both.sender, both.receiver


@settings(deadline=None, max_examples=150)
@given(
    incoming=st.lists(arrivals(), max_size=12),
    is_shaken=st.booleans(),
    is_sender=st.booleans(),
    password=st.sampled_from(["", "secret"]),
)
def test_a_conversation_never_raises(incoming: list[bytes], is_shaken: bool, is_sender: bool, password: str) -> None:
    fresh = pair(Store(), password=password)
    conversation = (shaken() if is_shaken else (fresh.sender, fresh.receiver))[0 if is_sender else 1]
    now = 0.0
    for message in incoming:
        was_closed = conversation.state is State.CLOSED
        events = conversation.receive_data(message, now)
        ends = [event for event in events if isinstance(event, Ended)]
        assert len(ends) == int(not was_closed and conversation.state is State.CLOSED)
        for _ in range(40):
            answer = conversation.data_to_send(now)
            if answer is None:
                break
            assert decode(answer)[0] is not None
        now += 0.1
        conversation.handle_timer(now)
