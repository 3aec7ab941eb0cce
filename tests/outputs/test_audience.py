"""Who listens is counted, by address too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.model.status import ListenersStatus
from distreamer.outputs.audience import PROBE_SECONDS, Audience
from distreamer.protocol.server_view import Refusal


@dataclass(eq=False)
class Listener:
    address: str
    begun_at: float = 0.0
    number: int = 0


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time


def audience() -> tuple[Audience[Listener], Clock]:
    clock = Clock()
    return Audience(clock), clock


def test_addresses_are_counted_once() -> None:
    room, _ = audience()
    listeners = [
        Listener(address) for address in ("203.0.113.5", "203.0.113.5", "203.0.113.6", "2001:db8::1", "2001:db8::2")
    ]
    for listener in listeners:
        room.join(listener)
    assert room.status() == ListenersStatus(connected=5, unique=3, peak=5, served=5)
    assert [listener.number for listener in listeners] == [1, 2, 3, 4, 5]
    for listener in listeners:
        assert room.leave(listener)
        assert not room.leave(listener), "gone twice"
    assert room.status() == ListenersStatus(connected=0, unique=0, peak=5, served=5)


def test_who_is_too_many_is_refused() -> None:
    room, _ = audience()
    one, two = Listener("203.0.113.5"), Listener("2001:db8::1")
    room.join(one)
    assert room.refusal("203.0.113.5", 2, 1) is Refusal.ADDRESS
    assert room.refusal("203.0.113.5", 2, 2) is None
    assert room.refusal("203.0.113.5", 2, 0) is None
    room.join(two)
    assert room.refusal("2001:db8::ffff", 3, 1) is Refusal.ADDRESS
    assert room.refusal("2001:db8:0:1::1", 3, 1) is None
    assert room.refusal("203.0.113.9", 2, 0) is Refusal.FULL
    room.leave(one)
    assert room.refusal("203.0.113.5", 2, 1) is None


def test_refusals_are_counted_by_their_reason() -> None:
    room, _ = audience()
    for refusal in (Refusal.FULL, Refusal.FULL, Refusal.ADDRESS, Refusal.PASSWORD, Refusal.PASSWORD, Refusal.PASSWORD):
        room.refused(refusal)
    assert room.status() == ListenersStatus(refused_full=2, refused_per_address=1, refused_password=3)


def test_who_only_looks_does_not_count_until_it_stays() -> None:
    room, clock = audience()
    short, long = Listener("203.0.113.5"), Listener("203.0.113.5")
    room.watch(short)
    room.watch(long)
    assert room.refusal("203.0.113.5", 1, 1) is None
    assert not room.leave(short)
    clock.time += PROBE_SECONDS - 1
    assert room.probes_that_listen() == []
    clock.time += 1
    assert room.probes_that_listen() == [long]
    assert room.probes_that_listen() == []
    assert room.status() == ListenersStatus()


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1000)), max_size=60))
def test_the_average_is_of_those_who_are_there(steps: list[tuple[int, float]]) -> None:
    room, clock = audience()
    present: list[Listener] = []
    for kind, seconds in steps:
        clock.time += seconds
        if kind == 0 and present:
            room.leave(present.pop(0))
        else:
            present.append(Listener(f"192.0.2.{kind}", begun_at=clock.time))
            room.join(present[-1])
        expected = sum(clock.time - one.begun_at for one in present) / len(present) if present else 0.0
        assert room.average_seconds == pytest.approx(expected, abs=1e-6)
        assert room.status().unique == len({one.address for one in present})
