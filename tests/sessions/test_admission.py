"""How many may converse at once, and who has to go."""

from __future__ import annotations

import asyncio

from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.core.store import Store
from distreamer.protocol.native.events import Ended, Welcomed
from distreamer.protocol.native.handshake import Acceptor
from distreamer.sessions.admission import MOST_STRANGERS, MOST_STRANGERS_OF_HOST, TOLD_SECONDS, Admission
from distreamer.sessions.native_sender import SenderSession
from distreamer.transport.memory_messages import MemoryCarrier
from tests.support.input_context import capturing_log
from tests.support.native_programme import SENDER_IDENTITY
from tests.support.virtual_time import virtual_time


class House:
    """Who comes in, from where."""

    def __init__(self, most: int = 3) -> None:
        self.said = CapturingLogger()
        self.clock = LoopClock()
        self.admission = Admission(most, "receivers", self.clock, capturing_log(self.said))

    def enter(self, host: str, *, is_welcome: bool = False) -> SenderSession:
        carrier = MemoryCarrier(near_name=f"{host}:40000")
        acceptor = Acceptor(SENDER_IDENTITY, None, "nonce")
        session = SenderSession(carrier.far_messages, Store(), self.clock, acceptor, lambda _: None)
        if is_welcome:
            session.welcomed = Welcomed("node", "agent", (3, 0))
        self.admission.enter(session)
        return session

    def loud(self) -> list[str]:
        return [str(call.kwargs["peer"]) for call in self.said.calls if call.method_name == "warning"]


@virtual_time(seconds_limit=10)
async def test_strangers_of_one_address_make_room_for_one_another_and_for_nobody_else() -> None:
    house = House()
    friends = [house.enter("192.0.2.1", is_welcome=True) for _ in range(2)]
    strangers = [house.enter("198.51.100.7") for _ in range(MOST_STRANGERS_OF_HOST + 3)]
    other = house.enter("192.0.2.9")
    assert [one.session.has_ended for one in strangers] == [True] * 3 + [False] * MOST_STRANGERS_OF_HOST
    assert not any(one.session.has_ended for one in (*friends, other))
    assert house.admission.turned_away == 3


@virtual_time(seconds_limit=10)
async def test_strangers_of_many_addresses_go_where_most_have_come_from() -> None:
    house = House()
    lone = house.enter("192.0.2.9")
    crowd = [house.enter("2001:db8::1") for _ in range(2)]
    for number in range(MOST_STRANGERS - 2):
        house.enter(f"203.0.113.{number}")
    assert not lone.session.has_ended
    assert crowd[0].session.has_ended


@virtual_time(seconds_limit=10)
async def test_behind_a_proxy_of_this_machine_everybody_has_one_address() -> None:
    house = House()
    everybody = [house.enter("127.0.0.1") for _ in range(MOST_STRANGERS)]
    everybody += [house.enter("::1") for _ in range(2)]
    assert [one.session.has_ended for one in everybody] == [True] * 2 + [False] * MOST_STRANGERS


@virtual_time(seconds_limit=10)
async def test_more_than_may_be_welcomed_are_told_so_and_who_leaves_makes_room() -> None:
    house = House(most=2)
    friends = [house.enter(f"192.0.2.{number}", is_welcome=True) for number in range(2)]
    late = house.enter("192.0.2.7")
    assert late.session.has_ended
    assert not any(one.session.has_ended for one in friends)
    house.admission.leave(late)
    house.admission.leave(friends[0])
    assert not house.enter("192.0.2.7").session.has_ended


@virtual_time(seconds_limit=2 * TOLD_SECONDS)
async def test_each_address_is_told_of_once_in_a_while() -> None:
    house = House(most=0)
    for host in ("192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.7"):
        house.enter(host)
    assert house.loud() == ["192.0.2.7", "192.0.2.8"]
    await asyncio.sleep(TOLD_SECONDS)
    house.enter("192.0.2.7")
    assert house.loud() == ["192.0.2.7", "192.0.2.8", "192.0.2.7"]


@virtual_time(seconds_limit=10)
async def test_who_is_turned_away_is_told_that_it_is_busy_here() -> None:
    house = House(most=0)
    ended = await house.enter("192.0.2.7").run()
    assert isinstance(ended, Ended)
    assert (ended.code.value, ended.reason) == ("busy", "there are 0 conversations already")
