"""What of that which goes wrong with carriers ends a link, by numbers and times alone."""

from __future__ import annotations

from distreamer.errors import AuthenticationError, LinkError, OtherWireError, PeerError
from distreamer.sessions.link_faults import ANSWER_EVERY_SECONDS, OTHER_WIRE_SECONDS, LinkFaults

WRONG = AuthenticationError("far:1", "does not accept the PASSWORD")
OLD = OtherWireError("far:1", "answered 302")
SILENT = LinkError("far:1", "no answer")


def better(tested: LinkFaults, error: LinkError | PeerError, *, was_used: bool = False) -> PeerError | None:
    return tested.judge(error, 0.0, is_better=True, was_used=was_used, may_revive=False)


def other(
    tested: LinkFaults, error: LinkError | PeerError, now: float = 0.0, *, may_revive: bool = False
) -> PeerError | None:
    return tested.judge(error, now, is_better=False, was_used=False, may_revive=may_revive)


def test_a_refusal_over_the_better_kind_ends_the_link_only_when_the_other_kind_fails_too() -> None:
    tested = LinkFaults()
    assert better(tested, WRONG) is None
    assert tested.is_better_refused
    assert other(tested, SILENT) is WRONG

    tested = LinkFaults()
    assert other(tested, SILENT) is None
    assert better(tested, WRONG) is WRONG

    tested = LinkFaults()
    assert better(tested, WRONG) is None
    tested.works()
    assert not tested.is_better_refused
    assert other(tested, SILENT) is None


def test_a_refusal_on_the_carrier_that_is_used_ends_the_link() -> None:
    assert better(LinkFaults(), WRONG, was_used=True) is WRONG
    assert better(LinkFaults(), SILENT, was_used=True) is None


def test_the_reason_is_that_of_the_kind_that_works_everywhere() -> None:
    tested = LinkFaults()
    assert better(tested, LinkError("far:1", "no answer over QUIC")) is None
    assert tested.last_failure == "no answer"
    assert other(tested, LinkError("far:1", "refused the connection")) is None
    assert tested.last_failure == "refused the connection"


def test_who_never_spoke_the_new_wire_is_taken_for_an_old_one_at_once() -> None:
    assert other(LinkFaults(), OLD) is OLD


def test_who_spoke_the_new_wire_must_answer_like_an_old_one_for_minutes() -> None:
    tested = LinkFaults()
    tested.works()
    for second in range(int(OTHER_WIRE_SECONDS)):
        assert other(tested, OLD, second) is None
    assert other(tested, SILENT, OTHER_WIRE_SECONDS) is None
    assert other(tested, OLD, OTHER_WIRE_SECONDS) is OLD
    # From then on it is an old one, until it speaks the new wire again.
    assert other(tested, OLD, 1_000.0) is OLD
    tested.works()
    assert other(tested, OLD, 1_001.0) is None


def test_answers_like_an_old_one_with_pauses_between_them_are_not_counted_together() -> None:
    tested = LinkFaults()
    tested.works()
    for count in range(20):
        assert other(tested, OLD, count * (ANSWER_EVERY_SECONDS + 1)) is None


def test_while_a_carrier_may_come_back_no_old_wire_is_believed() -> None:
    tested = LinkFaults()
    for second in range(300):
        assert other(tested, OLD, second, may_revive=True) is None
    assert other(tested, OLD, 300) is OLD
