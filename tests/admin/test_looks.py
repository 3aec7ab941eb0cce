"""What the API says first, in words and numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from distreamer.admin.answers import as_json
from distreamer.admin.looks import absent_view, instance_view, link_views, why_not_ready
from distreamer.model.audio import Title
from distreamer.model.status import InstanceStatus, ModuleState, PlayoutState
from tests.support.watching import INPUT, LINK, PLAYERS, PLAYOUT, STORE, TRANSMITTER, Watching

LIVE = replace(INPUT, mode="ShoutcastClient", links=())
SENDER = replace(PLAYERS, name="output", mode="DiStreamerServer", listeners=None, links=())
STUDIO = replace(TRANSMITTER, name="studio", inputs=(LIVE,), outputs=(SENDER,), playout=None)
RECEIVER = replace(LINK, peer="192.0.2.7", peer_budget_seconds=24.4)


def with_receivers(*links: Any) -> InstanceStatus:
    return replace(STUDIO, outputs=(replace(SENDER, links=links),))


def test_a_transmitter_in_words() -> None:
    playout = replace(PLAYOUT, behind_seconds=31.2, title=Title("Old"), title_heard_since=9.0)
    view = instance_view(
        replace(TRANSMITTER, playout=playout, store=replace(STORE, title=Title("New"), title_sent_at=5.0))
    )
    assert view.budget_sentence == "the link may be down for 24 s before anyone hears it"
    assert (view.budget_seconds, view.delay_seconds) == (24.5, 31.2)
    assert view.delay_sentence == "listeners are 31 s behind the studio"
    assert view.title.sentence == "listeners hear “Old”, the studio has sent “New”"
    assert (view.title.sent, view.title.sent_at, view.title.heard, view.title.heard_since) == ("New", 5.0, "Old", 9.0)
    assert (view.listeners, view.listeners_sentence) == (3, "3 listeners")
    assert (view.preferred_input, view.real_input, view.input_sentence) == ("input", "input", "input is on air")
    assert view.is_ready


@pytest.mark.parametrize(
    ("sent", "heard", "sentence"),
    [
        (None, None, "no title was sent"),
        ("", None, "no title was sent"),
        ("New", None, "“New” was sent"),
        ("", "", "no title is on air"),
        ("New", "", "listeners hear no title, the studio has sent “New”"),
        ("", "Old", "listeners hear “Old”, the studio has sent no title"),
        (None, "Old", "listeners hear “Old”, the studio has sent no title"),
    ],
)
def test_an_empty_title_is_none(sent: str | None, heard: str | None, sentence: str) -> None:
    playout = replace(PLAYOUT, title=None if heard is None else Title(heard))
    store = replace(STORE, title=None if sent is None else Title(sent))
    assert instance_view(replace(TRANSMITTER, playout=playout, store=store)).title.sentence == sentence


def test_filler_is_not_taken_for_the_programme() -> None:
    playout = replace(PLAYOUT, behind_seconds=31.2, title=Title("Song"), state=PlayoutState.DRY, is_filling=True)
    status = replace(TRANSMITTER, playout=playout, store=replace(STORE, title=Title("Song")))
    view = instance_view(status)
    assert view.delay_sentence == "listeners hear silence instead of the programme"
    assert view.title.sentence == "listeners hear silence, the studio has sent “Song”"
    view = instance_view(replace(status, playout=replace(playout, fills_with_clip=True)))
    assert view.title.sentence == "listeners hear the filler file, the studio has sent “Song”"


def test_a_studio_in_words() -> None:
    view = instance_view(with_receivers(replace(RECEIVER, peer="192.0.2.8", peer_budget_seconds=30.0), RECEIVER))
    assert view.budget_sentence == "192.0.2.7 can lose the link for 24 s before anyone hears it"
    assert view.budget_seconds == 24.4
    assert (view.delay_seconds, view.listeners) == (None, None)


def test_where_nothing_arrives_the_budget_is_what_is_left() -> None:
    silent = replace(STORE, newest_age_seconds=9.0)
    cut = replace(INPUT, links=(replace(LINK, connected=False),))
    for status, sentence in (
        (replace(TRANSMITTER, store=silent), "nothing new arrives; what is held lasts for 24 s more"),
        (replace(TRANSMITTER, inputs=(cut,)), "the link is down; what is held lasts for 24 s more"),
        (
            replace(with_receivers(RECEIVER), store=silent),
            "nothing new arrives; what 192.0.2.7 holds lasts for 24 s more",
        ),
        (
            with_receivers(
                replace(RECEIVER, connected=False, silent_seconds=70.0),
                replace(RECEIVER, peer="192.0.2.8", connected=False, silent_seconds=12.0),
            ),
            "the link to 192.0.2.8 has been down for 12 s",
        ),
        (with_receivers(replace(RECEIVER, peer_budget_seconds=None)), "nobody says how long the link may be down"),
        (STUDIO, "nobody says how long the link may be down"),
    ):
        assert instance_view(status).budget_sentence == sentence


def test_the_stand_in_is_named() -> None:
    backup = replace(LIVE, name="input backup")
    view = instance_view(replace(TRANSMITTER, inputs=(replace(LIVE, on_air=False), backup)))
    assert (view.preferred_input, view.real_input) == ("input", "input backup")
    assert view.input_sentence == "input backup is on air instead of input"


def test_links_come_with_their_last_day_and_the_status_without_its_slots() -> None:
    watching = Watching()
    watching.show(30)
    status = watching.complete()
    (full,) = link_views(status)
    assert full.sentence == "up 29 s; last 29 s: no cuts, 0 s heard"
    assert full.link.history is not None
    assert len(full.link.history.slots) == 1
    view = instance_view(status)
    assert view.links[0].sentence == full.sentence
    assert b'"slots":[]' in as_json(view)
    assert b'"watched_seconds"' not in as_json(view)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (TRANSMITTER, ""),
        (replace(TRANSMITTER, store=replace(STORE, newest_age_seconds=20.0)), ""),  # the buffer is there for that
        (replace(TRANSMITTER, store=replace(STORE, info=None)), "nothing has arrived yet"),
        (replace(TRANSMITTER, playout=replace(PLAYOUT, state=PlayoutState.WAITING)), "the buffer fills"),
        (
            replace(TRANSMITTER, playout=replace(PLAYOUT, state=PlayoutState.DRY, is_filling=True)),
            "the buffer ran out, and silence is sent",
        ),
        (
            replace(
                TRANSMITTER, outputs=(replace(PLAYERS, state=ModuleState.RETRYING, last_error="port 80 is taken"),)
            ),
            "output does not work: port 80 is taken",
        ),
        (STUDIO, "nobody is connected to output"),
        (with_receivers(RECEIVER), ""),
        (with_receivers(replace(RECEIVER, connected=False)), "nobody is connected to output"),
        (replace(with_receivers(RECEIVER), store=replace(STORE, newest_age_seconds=20.0)), "nothing arrives any more"),
    ],
)
def test_ready_is_who_really_sends(status: InstanceStatus, reason: str) -> None:
    assert why_not_ready(status) == reason
    view = instance_view(status)
    assert (view.is_ready, view.why_not_ready) == (not reason, reason)


def test_no_password_is_shown_and_nothing_that_steers_a_terminal() -> None:
    failed = replace(
        LIVE, state=ModuleState.RETRYING, last_error="http://me:secret@x/ \x1b[2J", detail="http://me:secret@x/"
    )
    refused = replace(INPUT, name="input b", links=(replace(LINK, path="to x", trouble="http://me:secret@x/ \x1b[2J"),))
    told = as_json(instance_view(replace(TRANSMITTER, inputs=(failed, refused)))).decode()
    assert "secret" not in told
    assert "me:***@x" in told
    assert "\\u001b" not in told


def test_what_is_no_text_is_shown_all_the_same() -> None:
    view = instance_view(replace(TRANSMITTER, store=replace(STORE, title=Title("\udcff"))))
    assert json.loads(as_json(view))["title"]["sent"] == "\udcff"


def test_an_instance_that_is_not_there_is_shown_as_that() -> None:
    told = json.loads(as_json(absent_view("studio", "it is being started")))
    assert (told["name"], told["is_ready"], told["status"]) == ("studio", False, None)
