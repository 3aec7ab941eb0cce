"""When the other side of a QUIC connection was heard."""

from __future__ import annotations

from distreamer.transport.quic_hearing import UNHEARD_SECONDS, Hearing


def test_what_comes_is_a_sign_of_life_as_long_as_we_are_heard_too() -> None:
    hearing = Hearing(100.0)
    assert hearing.heard_at(100.0) == 100.0
    for tenth in range(1, 200):
        hearing.came(100.0 + tenth / 10)
    assert hearing.heard_at(119.8) == 119.9
    # Nothing that we sent was acknowledged since.
    assert hearing.heard_at(105.0) == 105.0 + UNHEARD_SECONDS


def test_the_first_packet_behind_a_silence_counts_by_itself_and_only_that() -> None:
    hearing = Hearing(100.0)
    hearing.came(101.0)
    hearing.came(161.0)
    assert hearing.heard_at(100.5) == 161.0
    hearing.came(161.5)
    hearing.came(170.0)
    assert hearing.heard_at(100.5) == 170.0
    for tenth in range(1, 100):
        hearing.came(170.0 + tenth / 10)
    assert hearing.heard_at(100.5) == 170.0
    assert hearing.heard_at(179.0) == 179.9


def test_nothing_that_can_be_read_is_nothing() -> None:
    hearing = Hearing(100.0)
    hearing.came(None)
    assert not hearing.has_come
    assert hearing.heard_at(130.0) == 100.0
    hearing.came(101.0)
    assert hearing.has_come
