"""The last 24 hours of a link."""

from __future__ import annotations

from dataclasses import replace

from distreamer.model.link_history import MOST_SLOTS, SLOT_SECONDS, LinkHistory
from distreamer.model.status import LinkStatus, PlayoutState
from distreamer.runtime.link_book import FORGOTTEN_SECONDS, MOST_LINKS, MOST_PATHS
from distreamer.runtime.plain_words import link_words
from tests.support.watching import INPUT, LINK, PLAYERS, PLAYOUT, TRANSMITTER, WALL, Watching

DOWN = replace(LINK, connected=False)
SENDER = replace(PLAYERS, name="output studio", mode="DiStreamerServer", listeners=None, links=(LINK,))
STUDIO = replace(TRANSMITTER, name="studio", inputs=(replace(INPUT, links=()),), outputs=(SENDER,), playout=None)
DAY = 86_400


def with_links(*links: LinkStatus) -> dict[str, object]:
    return {"inputs": (replace(INPUT, links=links),)}


def history(watching: Watching) -> LinkHistory:
    """Of the only link."""
    status = watching.complete()
    (link,) = [link for module in (*status.inputs, *status.outputs) for link in module.links]
    assert link.history is not None
    return link.history


def test_an_outage_is_counted_in_its_slots() -> None:
    watching = Watching()
    watching.show(290)
    watching.show(25, **with_links(replace(DOWN, cuts=1)))
    watching.show(100, **with_links(replace(LINK, cuts=1)))
    found = history(watching)
    assert [(slot.at, slot.cuts, slot.down_seconds) for slot in found.slots] == [
        (WALL, 1, 10.0),
        (WALL + SLOT_SECONDS, 0, 15.0),
    ]
    assert [slot.longest_seconds for slot in found.slots] == [9.0, 25.0]
    assert found.is_up
    assert (found.up_seconds, found.down_seconds) == (99.0, 0.0)
    assert (found.cuts_day, found.longest_day_seconds, found.down_day_seconds) == (1, 25.0, 25.0)
    assert link_words(found) == "up 99 s; last 6 min 54 s: 1 cut, longest 25 s, 0 s heard"


def test_a_cut_between_two_looks_is_counted_and_none_twice() -> None:
    watching = Watching()
    watching.show(10)
    watching.show(10, **with_links(replace(LINK, cuts=1)))
    assert link_words(history(watching)) == "up 19 s; last 19 s: 1 cut, longest less than 1 s, 0 s heard"
    # Its module says that it is away, and counts the cut a moment later.
    watching.show(2, **with_links(replace(DOWN, cuts=1)))
    watching.show(2, **with_links(replace(DOWN, cuts=2)))
    watching.show(2, **with_links(replace(LINK, cuts=2)))
    assert history(watching).cuts_day == 2


def test_modules_that_count_no_cuts_are_seen() -> None:
    watching = Watching()
    for _ in range(3):
        watching.show(5, **with_links(LINK))
        watching.show(5, **with_links(DOWN))
    found = history(watching)
    assert (found.cuts_day, found.is_up, found.down_seconds) == (3, False, 4.0)
    assert link_words(found).startswith("down for 4 s; last 29 s: 3 cuts, longest 5 s")


def test_a_receiver_that_is_not_listed_any_more_is_away_and_forgotten_later() -> None:
    watching = Watching(STUDIO)
    watching.show(10)
    assert watching.show(60, outputs=(replace(SENDER, links=()),)) == ["link_down"]
    (known,) = watching.watch.links.links
    assert (known.is_up, known.seen_cuts) == (False, 1)
    assert watching.show(int(FORGOTTEN_SECONDS)) == ["link_up"]
    assert watching.last.sentence.startswith("output studio studio.example:7080 is not watched any more")
    assert not list(watching.watch.links.links)


def test_what_listeners_miss_is_put_down_to_the_link_that_was_down() -> None:
    watching = Watching()
    watching.show(10)
    watching.show(25, **with_links(DOWN))
    for second in range(1, 11):
        dry = replace(PLAYOUT, state=PlayoutState.DRY, dry_times=1, dry_seconds=float(second))
        watching.show(1, playout=dry)
    # It is back, and the buffer fills while filler goes on.
    for second in range(11, 16):
        dry = replace(PLAYOUT, state=PlayoutState.DRY, dry_times=1, dry_seconds=float(second))
        watching.show(1, playout=dry, **with_links(LINK))
    watching.show(5, playout=replace(PLAYOUT, dry_times=1, dry_seconds=15.5))
    assert history(watching).heard_day_seconds == 15.5
    # Later the source itself falls silent: the link has nothing to do with it.
    for second in range(1, 11):
        watching.show(1, playout=replace(dry, dry_times=2, dry_seconds=15.5 + second))
    watching.show(5, playout=replace(PLAYOUT, dry_times=2, dry_seconds=25.5))
    assert history(watching).heard_day_seconds == 15.5


def test_a_sender_knows_what_was_heard_by_what_the_far_end_held() -> None:
    watching = Watching(STUDIO)
    assert watching.show(5) == []
    assert history(watching).heard_day_seconds is None
    assert "heard" not in link_words(history(watching))
    watching.show(5, outputs=(replace(SENDER, links=(replace(LINK, peer_budget_seconds=20.0),)),))
    watching.show(15, outputs=(replace(SENDER, links=(DOWN,)),))
    assert history(watching).heard_day_seconds == 0.0
    watching.show(15)
    assert history(watching).heard_day_seconds == 9.0
    # It is back, and plays filler until its buffer is full.
    for budget, seconds in ((None, 1), (0.0, 9), (20.0, 30)):
        watching.show(seconds, outputs=(replace(SENDER, links=(replace(LINK, peer_budget_seconds=budget),)),))
    assert history(watching).heard_day_seconds == 19.0


def test_a_far_end_that_has_nothing_to_play_for_long_is_not_the_links_fault() -> None:
    watching = Watching(STUDIO)
    watching.show(5, outputs=(replace(SENDER, links=(replace(LINK, peer_budget_seconds=5.0),)),))
    watching.show(10, outputs=(replace(SENDER, links=(DOWN,)),))
    watching.show(500, outputs=(replace(SENDER, links=(replace(LINK, peer_budget_seconds=0.0),)),))
    heard = history(watching).heard_day_seconds
    assert heard is not None
    assert 60 < heard < 70


def test_what_has_yet_to_come_up_was_not_cut() -> None:
    watching = Watching()
    watching.show(20, **with_links(DOWN))
    watching.show(20, **with_links(LINK))
    found = history(watching)
    assert (found.cuts_day, found.longest_day_seconds, found.down_day_seconds) == (0, 0.0, 19.0)
    assert link_words(found) == "up 19 s; last 39 s: no cuts, 0 s heard"


def test_a_day_is_bounded_and_what_is_older_is_forgotten() -> None:
    watching = Watching()
    watching.show(100)
    watching.show(20, **with_links(DOWN))
    watching.step_seconds = 10.0
    watching.show(DAY, **with_links(LINK))
    found = history(watching)
    assert len(found.slots) == MOST_SLOTS
    assert found.slots[0].at == WALL + SLOT_SECONDS
    assert found.cuts_day == 0
    assert link_words(found) == "up 23 h 59 min; last 24 h: no cuts, 0 s heard"


def test_a_machine_that_slept_has_watched_nothing_meanwhile() -> None:
    watching = Watching()
    watching.show(10)
    watching.now += 3 * 3600
    watching.show(10)
    found = history(watching)
    assert found.watched_day_seconds == 18.0
    assert [slot.at for slot in found.slots] == [WALL, WALL + 3 * 3600]


def test_what_was_before_a_long_sleep_is_older_than_a_day() -> None:
    watching = Watching()
    watching.show(10)
    watching.now += 25 * 3600
    watching.show(10)
    assert [slot.at for slot in history(watching).slots] == [WALL + 25 * 3600]


def test_the_wall_clock_may_be_set_back() -> None:
    watching = Watching()
    watching.show(400)
    watching.each_second = lambda status: replace(status, at=status.at - 7200)
    watching.show(400)
    assert [slot.at for slot in history(watching).slots] == [WALL, WALL + SLOT_SECONDS]


def test_there_are_never_more_links_than_the_bound() -> None:
    watching = Watching()
    watching.show(3, **with_links(*(replace(LINK, peer=f"192.0.2.{number}") for number in range(100))))
    assert len(list(watching.watch.links.links)) == MOST_LINKS
    assert watching.watch.links.unwatched == 100 - MOST_LINKS
    watching.show(10, **with_links())
    watching.show(3, inputs=(replace(INPUT, name="input other", links=()),))
    assert not list(watching.watch.links.links)


def test_several_at_one_address_are_one_which_is_up_when_any_is() -> None:
    watching = Watching()
    watching.show(5, **with_links(LINK, replace(DOWN, cuts=3)))
    assert watching.show(20, **with_links(replace(DOWN, cuts=3), LINK)) == []
    assert len(list(watching.watch.links.links)) == 1


def test_what_is_heard_is_put_down_to_paths_only_when_none_works() -> None:
    paths = [replace(LINK, peer_budget_seconds=20.0, path=f"to studio:{line}", party="a") for line in (1, 2)]
    down = [replace(link, connected=False, peer_budget_seconds=None) for link in paths]
    watching = Watching(replace(STUDIO, outputs=(replace(SENDER, links=tuple(paths)),)))
    watching.show(5)
    watching.show(60, outputs=(replace(SENDER, links=(down[0], paths[1])),))
    watching.show(25, outputs=(replace(SENDER, links=tuple(down)),))
    watching.show(60, outputs=(replace(SENDER, links=(down[0], paths[1])),))
    first, second = (link.history for link in watching.complete().outputs[0].links)
    assert first is not None
    assert second is not None
    assert (first.down_day_seconds, first.heard_day_seconds, first.is_reached) == (145.0, 4.0, True)
    assert (second.down_day_seconds, second.heard_day_seconds, second.is_up) == (25.0, 4.0, True)


def test_what_is_heard_here_is_not_put_down_to_a_path_while_another_works() -> None:
    paths = [replace(LINK, path=f"to studio:{line}") for line in (1, 2)]
    watching = Watching()
    watching.show(10, **with_links(*paths))
    dry = replace(PLAYOUT, state=PlayoutState.DRY, dry_times=1, dry_seconds=5.0)
    watching.show(10, playout=dry, **with_links(paths[0], replace(paths[1], connected=False)))
    histories = [link.history for link in watching.complete().inputs[0].links]
    assert [history and history.heard_day_seconds for history in histories] == [0.0, 0.0]
    dry = replace(dry, dry_seconds=7.0)
    watching.show(10, playout=dry, **with_links(*(replace(link, connected=False) for link in paths)))
    histories = [link.history for link in watching.complete().inputs[0].links]
    assert [history and history.heard_day_seconds for history in histories] == [2.0, 2.0]


def test_nobody_fills_the_book_with_names_of_paths() -> None:
    watching = Watching()
    invented = [replace(LINK, path=f"to {number}", party="a") for number in range(100)]
    other = replace(LINK, peer="192.0.2.7")
    watching.show(3, **with_links(*invented, other))
    assert len(list(watching.watch.links.links)) == MOST_PATHS + 1
    assert watching.watch.links.unwatched == 100 - MOST_PATHS
    # One of those that are not watched works: so does the link.
    down = [replace(link, connected=False) for link in invented[:99]]
    assert "link_down" not in watching.show(60, **with_links(*down, invented[99], other))
