"""What is under way when the receiver wants less than before."""

from __future__ import annotations

from distreamer.core.store import Store
from distreamer.protocol.native.events import Acknowledged, Unwanted, Wanted
from distreamer.protocol.native.messages import FragmentHead, Have, Holding, SetupHead, Want, decode
from distreamer.protocol.native.sender import SenderRole
from tests.support.native_programme import INFO, fill, fragment

EVERYTHING = Want(holdings=(), back_seconds=300.0, resume_seconds=300.0)


def begun(sender: SenderRole, bodies: int | None = None) -> list[int]:
    """Sends what can be sent, up to so many bodies; gives the numbers of the fragments."""
    found: list[int] = []
    seen = 0
    while (message := sender.next_message()) is not None:
        head, _ = decode(message)
        if isinstance(head, FragmentHead):
            found.append(head.number)
        seen += isinstance(head, FragmentHead | SetupHead)
        if seen == bodies:
            break
    return found


def test_what_is_too_old_for_the_new_wish_makes_room_for_what_is_not() -> None:
    store = Store()
    fill(store, 5, 1, 60)
    sender = SenderRole(store)
    sender.receive(EVERYTHING, b"")
    assert begun(sender) == list(range(1, 9))
    held = Holding(epoch=5, ranges=((1, 2),))
    events = sender.receive(Want(holdings=(held,), back_seconds=20.0, resume_seconds=20.0), b"")
    assert events == [Wanted(), Unwanted(tuple(range(8)))]
    assert begun(sender) == list(range(40, 48))
    # It came all the same.
    assert sender.receive(Have(epoch=5, ranges=((3, 8),)), b"") == [Acknowledged(0)]
    assert sender.receive(Have(epoch=5, ranges=((40, 41),)), b"") == [Acknowledged(2)]


def test_what_is_still_wanted_stays_under_way() -> None:
    store = Store()
    fill(store, 5, 1, 60)
    sender = SenderRole(store)
    sender.receive(Want(holdings=(), back_seconds=20.0, resume_seconds=20.0), b"")
    assert begun(sender) == list(range(40, 48))
    # 16 s of newer audio are held behind 44.
    events = sender.receive(Want(holdings=(), back_seconds=16.0, resume_seconds=10.0), b"")
    assert events == [Wanted(), Unwanted((0, 1, 2, 3))]
    assert begun(sender) == list(range(48, 52))


def test_bodies_are_counted_with_their_set_up_headers() -> None:
    store = Store()
    store.open_epoch(5, INFO)
    for number in range(1, 61):
        store.add(fragment(5, number, setup=b"headers"))
    sender = SenderRole(store)
    sender.receive(EVERYTHING, b"")
    begun(sender)
    events = sender.receive(Want(holdings=(), back_seconds=20.0, resume_seconds=20.0), b"")
    assert events[1] == Unwanted(tuple(range(1, 9)))
