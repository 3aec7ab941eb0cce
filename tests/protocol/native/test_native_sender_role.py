"""What a sender sends of what it holds: its window, its share, and how far behind its receiver is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.store import Store
from distreamer.protocol.native import limits
from distreamer.protocol.native.messages import FragmentHead, Have, Holding, Share, SharedNumbers, Want, decode
from distreamer.protocol.native.sender import SenderRole
from tests.support.native_programme import fill


def test_a_carrier_may_have_fewer_fragments_on_their_way_than_the_protocol_allows() -> None:
    source = Store()
    fill(source, 5, 1, 20, size=100)
    role = SenderRole(source, most_fragments=3)
    role.receive(Want(holdings=(), back_seconds=300, resume_seconds=300), b"")
    while role.next_message() is not None:
        pass
    assert role.sent == 3
    role.receive(Have(epoch=5, ranges=((1, 2),)), b"")
    while role.next_message() is not None:
        pass
    assert role.sent == 5
    assert SenderRole(source, most_fragments=100)._most_fragments == limits.WINDOW_FRAGMENTS


def test_a_sender_knows_how_far_behind_its_receiver_is() -> None:
    source = Store()
    role = SenderRole(source)
    assert role.behind() is None
    fill(source, 5, 1, 20, size=100)
    role.receive(Want(holdings=(), back_seconds=300, resume_seconds=300), b"")
    assert role.behind() is None
    while role.next_message() is not None:
        pass
    role.receive(Have(epoch=5, ranges=((1, 2), (5, 5))), b"")
    assert role.behind() == 15
    fill(source, 5, 21, 25, size=100)
    assert role.behind() == 20
    role.receive(Want(holdings=(Holding(epoch=5, ranges=((1, 25),)),), back_seconds=300, resume_seconds=300), b"")
    assert role.behind() == 0


def sent_by(role: SenderRole) -> list[int]:
    """The numbers that it sends without a word from the receiver, each acknowledged at once."""
    sent: list[int] = []
    while (data := role.next_message()) is not None:
        message, _ = decode(data)
        if isinstance(message, FragmentHead):
            sent.append(message.number)
            while role._body:
                role.next_message()
            role.receive(Have(epoch=message.epoch, ranges=((message.number, message.number),)), b"")
    return sent


def sharing(share: Share, holdings: tuple[Holding, ...] = ()) -> Want:
    return Want(holdings=holdings, back_seconds=10, resume_seconds=300, share=share)


def test_a_sender_sends_its_share_and_what_is_named_whatever_its_age() -> None:
    source = Store()
    fill(source, 5, 1, 40, size=100)
    role = SenderRole(source)
    role.receive(sharing(Share(of=1, parts=())), b"")
    assert sent_by(role) == []
    assert role.behind() is None
    fill(source, 5, 41, 48, size=100)
    role.receive(sharing(Share(of=4, parts=(1, 2))), b"")
    assert sent_by(role) == [38, 41, 42, 45, 46]
    # Up to 46 only what is named, unless it is held; beyond that by the number.
    named = SharedNumbers(epoch=5, last=46, ranges=((3, 4), (40, 41)))
    held = (Holding(epoch=5, ranges=((4, 4), (41, 41))),)
    role.receive(sharing(Share(of=2, parts=(0,), numbers=(named,)), held), b"")
    assert sent_by(role) == [3, 40, 48]
    fill(source, 5, 49, 52, size=100)
    assert sent_by(role) == [50, 52]
    # What is asked for anew replaces all that was asked before.
    role.receive(sharing(Share(of=1, parts=(0,)), (Holding(epoch=5, ranges=((1, 50),)),)), b"")
    assert sent_by(role) == [51, 52]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_two_shares_that_are_the_whole_bring_the_whole(data: st.DataObject) -> None:
    source = Store()
    fill(source, 5, 1, 30, size=50)
    of = data.draw(st.integers(1, 16))
    mine = tuple(sorted(data.draw(st.sets(st.integers(0, of - 1)))))
    last = data.draw(st.integers(1, 30))
    named = sorted(data.draw(st.sets(st.integers(1, last))))
    shares = (
        (mine, tuple((number, number) for number in named)),
        (
            tuple(part for part in range(of) if part not in mine),
            tuple((number, number) for number in range(1, last + 1) if number not in named),
        ),
    )
    brought: list[int] = []
    for parts, ranges in shares:
        role = SenderRole(source)
        numbers = (SharedNumbers(epoch=5, last=last, ranges=ranges),)
        role.receive(
            Want(holdings=(), back_seconds=300, resume_seconds=300, share=Share(of=of, parts=parts, numbers=numbers)),
            b"",
        )
        brought += sent_by(role)
    assert sorted(brought) == list(range(1, 31))
