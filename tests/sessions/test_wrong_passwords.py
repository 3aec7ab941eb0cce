"""Whoever tries passwords is slowed down, and nobody else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import CapturingLogger

from distreamer.core.ports import CarrierKind
from distreamer.core.store import Store
from distreamer.protocol.legacy.polling import WRONG_PASSWORD
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import Ended, Event, PeerReport, Welcomed
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.protocol.native.handshake import Dialler
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.resumption import SessionMemory
from distreamer.protocol.native.sender import SenderRole
from distreamer.sessions import wrong_passwords
from distreamer.sessions.native_door import NativeDoor
from distreamer.sessions.wrong_passwords import FREE_TRIES, LONGEST_PAUSE_SECONDS, WrongPasswords
from tests.support.input_context import capturing_log
from tests.support.legacy_programme import LegacyProgramme
from tests.support.native_programme import RECEIVER_IDENTITY
from tests.support.virtual_time import virtual_time

STRANGER, FRIEND = "203.0.113.5", "198.51.100.7"


class Clock:
    seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds


class Stream:
    """As much of a carrier as a door looks at."""

    kind = CarrierKind("websocket")
    binding = None
    heard_at = None

    def __init__(self, host: str) -> None:
        self.peer = f"[{host}]:4000" if ":" in host else f"{host}:4000"

    async def receive(self) -> bytes:
        raise AssertionError("nobody reads here")

    async def send(self, message: bytes) -> None:
        raise AssertionError("nobody writes here")

    async def close(self) -> None:
        raise AssertionError("nobody closes here")


class Door:
    def __init__(self) -> None:
        self.clock, self.said = Clock(), CapturingLogger()
        self.door = NativeDoor("right", self.clock, capturing_log(self.said))

    def begin(self, host: str, password: str, memory: SessionMemory | None = None) -> tuple[Conversation, Conversation]:
        """A dialler and its acceptor."""
        handshake = Dialler(RECEIVER_IDENTITY, password, "nonce", sessions=memory)
        here = Conversation(ReceiverRole(PeerReport), handshake, 0.0)
        return here, Conversation(SenderRole(Store()), self.door.acceptor(Stream(host)), 0.0)

    def knock(self, host: str, password: str) -> Event:
        """What the dialler hears in the end."""
        return finish(*self.begin(host, password))


def step(speaker: Conversation, hearer: Conversation) -> list[Event]:
    events: list[Event] = []
    while (message := speaker.data_to_send(0.0)) is not None:
        events += hearer.receive_data(message, 0.0)
    return events


def finish(here: Conversation, there: Conversation) -> Event:
    for _ in range(10):
        step(here, there)
        for event in step(there, here):
            if isinstance(event, (Ended, Welcomed)):
                return event
    raise AssertionError("it did not come to an end")


def code_of(event: Event) -> GoodbyeCode | None:
    return event.code if isinstance(event, Ended) else None


def test_after_some_wrong_ones_an_address_waits_longer_and_longer_and_no_other_does() -> None:
    stage = Door()
    for _ in range(FREE_TRIES + 1):
        assert code_of(stage.knock(STRANGER, "guessed")) is GoodbyeCode.AUTHENTICATION
    refusal = stage.knock(STRANGER, "right")
    assert code_of(refusal) is GoodbyeCode.BUSY
    assert isinstance(refusal, Ended)
    assert refusal.reason == f"too many wrong passwords came from {STRANGER}; the next is looked at in 1 s"
    assert isinstance(stage.knock(FRIEND, "right"), Welcomed)
    stage.clock.seconds += 1.0
    assert code_of(stage.knock(STRANGER, "guessed")) is GoodbyeCode.AUTHENTICATION
    stage.clock.seconds += 1.0
    assert code_of(stage.knock(STRANGER, "right")) is GoodbyeCode.BUSY
    stage.clock.seconds += 1.0
    assert isinstance(stage.knock(STRANGER, "right"), Welcomed)
    # The right one ends it.
    assert code_of(stage.knock(STRANGER, "guessed")) is GoodbyeCode.AUTHENTICATION
    assert isinstance(stage.knock(STRANGER, "right"), Welcomed)
    assert stage.door.gate.tries.wrong == FREE_TRIES + 3
    assert stage.door.gate.tries.put_off == 2
    assert len(stage.said.calls) == 1


def test_many_who_were_asked_at_the_same_time_gain_nothing() -> None:
    stage = Door()
    asked = [stage.begin(STRANGER, "guessed") for _ in range(40)]
    for here, there in asked:
        step(here, there)
        step(there, here)
    ends = [code_of(finish(*pair)) for pair in asked]
    assert ends.count(GoodbyeCode.AUTHENTICATION) == FREE_TRIES + 1
    assert ends.count(GoodbyeCode.BUSY) == 40 - FREE_TRIES - 1


def test_who_goes_on_with_a_session_does_not_wait_for_others_at_the_same_address() -> None:
    stage, memory = Door(), SessionMemory()
    assert isinstance(finish(*stage.begin(STRANGER, "right", memory)), Welcomed)
    for _ in range(FREE_TRIES + 2):
        stage.knock(STRANGER, "guessed")
    assert code_of(stage.knock(STRANGER, "right")) is GoodbyeCode.BUSY
    assert isinstance(finish(*stage.begin(STRANGER, "right", memory)), Welcomed)


def test_in_ipv6_a_household_is_one_address_and_this_machine_never_waits() -> None:
    stage = Door()
    for number in range(FREE_TRIES + 1):
        stage.knock(f"2001:db8::{number}", "guessed")
        stage.knock("127.0.0.1", "guessed")
        stage.knock("::1", "guessed")
    assert code_of(stage.knock("2001:db8::ffff", "right")) is GoodbyeCode.BUSY
    for host in ("2001:db8:0:1::1", "127.0.0.1", "::1"):
        assert isinstance(stage.knock(host, "right"), Welcomed)


@virtual_time()
async def test_the_old_wire_has_the_same_table() -> None:
    programme = LegacyProgramme("right")
    ask = programme.answers.answer
    for _ in range(FREE_TRIES + 1):
        assert ask("GET", b"/list/guessed", f"{STRANGER}:5000") == WRONG_PASSWORD
    for password in (b"guessed", b"right"):
        put_off = ask("GET", b"/list/" + password, f"{STRANGER}:5000")
        assert put_off.status == 503
        assert b"too many wrong passwords" in put_off.body
    assert ask("GET", b"/list/right", f"{FRIEND}:5000").status != 503


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.floats(0, 2000)), max_size=80))
def test_whatever_comes_the_table_is_bounded_and_no_pause_is_longer_than_the_longest(
    tries: list[tuple[int, bool, float]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrong_passwords, "MOST_ADDRESSES", 3)
        table, now = WrongPasswords(), 0.0
        for address, is_right, later in tries:
            now += later
            host = f"192.0.2.{address}"
            if is_right:
                table.note_right(host)
                assert table.pause(host, now) == 0.0
            else:
                table.note_wrong(host, now)
            assert len(table._tries) <= 3
            assert 0.0 <= table.pause(host, now) <= LONGEST_PAUSE_SECONDS
            assert table.pause(host, now + LONGEST_PAUSE_SECONDS) == 0.0


def test_it_is_known_how_long_ago_the_last_one_came() -> None:
    tested = WrongPasswords()
    assert tested.seconds_since(1000.0) is None
    tested.note_wrong(STRANGER, 1000.0)
    tested.note_wrong("127.0.0.1", 1010.0)
    tested.note_right(STRANGER)
    assert tested.seconds_since(1030.0) == 20.0
