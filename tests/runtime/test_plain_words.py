"""The status line: what a volunteer at the station reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo
from distreamer.model.status import (
    InstanceStatus,
    LinkStatus,
    ListenersStatus,
    ModuleState,
    ModuleStatus,
    PlayoutState,
    PlayoutStatus,
    SpoolStatus,
    StoreStatus,
)
from distreamer.runtime.plain_words import WRONG_PASSWORD_SECONDS, format_words, status_sentence
from tests.support.made_audio import AAC, MP3
from tests.support.watching import LEVELS, Watching

RADIO = StreamInfo(MP3, Station("Radio"))
INPUT = ModuleStatus("input", "ShoutcastClient", ModuleState.RUNNING, 5.0, "receiving from radio.example:8000")
SILENT = replace(
    INPUT, state=ModuleState.STARTING, detail="connecting to radio.example:8000", last_error="refused", on_air=False
)
BACKUP = replace(INPUT, name="input backup", mode="File", detail="plays jingle.mp3")
OUTPUT = ModuleStatus("output", "DiStreamerServer", ModuleState.RUNNING, 5.0)
STORE = StoreStatus(info=RADIO, epoch=1, first_number=1, last_number=300, seconds=300.2, newest_age_seconds=0.4)
STUDIO = InstanceStatus("studio", 1e9, 600.0, (INPUT,), (OUTPUT,), STORE, None)
PLAYOUT = PlayoutStatus(PlayoutState.PLAYING, delay_seconds=25.0, budget_seconds=24.3)
PLAYER = replace(OUTPUT, mode="ShoutcastServer", listeners=ListenersStatus(connected=3))
TRANSMITTER = replace(STUDIO, name="transmitter", outputs=(PLAYER,), playout=PLAYOUT)


def studio_with(link: LinkStatus) -> InstanceStatus:
    return replace(STUDIO, outputs=(replace(OUTPUT, links=(link,)),))


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (STUDIO, "128 kbit/s MP3 of “Radio” arrives, 5 min are held"),
        (
            replace(STUDIO, spool=SpoolStatus("/spool", works=False, trouble="No space left on device")),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; the spool cannot be used (No space left on device)",
        ),
        (replace(STUDIO, spool=SpoolStatus("/spool", works=True)), "128 kbit/s MP3 of “Radio” arrives, 5 min are held"),
        (
            studio_with(LinkStatus("192.0.2.7", connected=True, peer_budget_seconds=24.4)),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; "
            "192.0.2.7 can lose the link for 24 s before anyone hears it",
        ),
        (
            studio_with(LinkStatus("192.0.2.7", connected=False, silent_seconds=70)),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; 192.0.2.7 has been away for 70 s",
        ),
        (
            TRANSMITTER,
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; "
            "the link may be down for 24 s before anyone hears it; 3 listeners",
        ),
        (
            replace(TRANSMITTER, inputs=(SILENT, BACKUP)),
            "128 kbit/s MP3 of “Radio” comes from input backup instead of input (connecting to radio.example:8000; "
            "the last attempt failed: refused), 5 min are held; 3 listeners",
        ),
        (
            replace(TRANSMITTER, inputs=(INPUT, replace(BACKUP, on_air=False))),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; "
            "the link may be down for 24 s before anyone hears it; 3 listeners",
        ),
        (
            replace(STUDIO, store=StoreStatus(), inputs=(SILENT, replace(BACKUP, on_air=False, detail="stands by"))),
            "nothing has arrived yet (input: connecting to radio.example:8000; the last attempt failed: refused; "
            "input backup: stands by)",
        ),
        (
            replace(TRANSMITTER, store=replace(STORE, newest_age_seconds=12.0)),
            "nothing has arrived for 12 s (receiving from radio.example:8000); "
            "what is held lasts for 24 s more; 3 listeners",
        ),
        (
            replace(TRANSMITTER, playout=replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0)),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; the buffer ran out, 3 listeners hear nothing",
        ),
        (
            replace(
                TRANSMITTER,
                outputs=(replace(PLAYER, listeners=ListenersStatus(connected=1)),),
                playout=replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0),
            ),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; the buffer ran out, 1 listener hears nothing",
        ),
        (
            replace(TRANSMITTER, store=StoreStatus(), playout=PlayoutStatus()),
            "nothing has arrived yet (receiving from radio.example:8000); 3 listeners",
        ),
        (
            replace(
                TRANSMITTER,
                store=replace(STORE, seconds=7.0),
                playout=replace(PLAYOUT, state=PlayoutState.WAITING),
            ),
            "128 kbit/s MP3 of “Radio” arrives, 7 s are held; the buffer fills: 7 s of 25 s; 3 listeners",
        ),
        (
            replace(
                STUDIO,
                store=StoreStatus(),
                inputs=(replace(INPUT, state=ModuleState.RETRYING, detail="radio.example:8000: refused"),),
            ),
            "nothing has arrived yet (radio.example:8000: refused)",
        ),
        (
            replace(STUDIO, outputs=(replace(OUTPUT, state=ModuleState.RETRYING, last_error="port 7080 is in use"),)),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; output does not work: port 7080 is in use",
        ),
    ],
)
def test_the_status_line(status: InstanceStatus, sentence: str) -> None:
    assert status_sentence(status) == sentence


def test_a_dry_buffer_without_listeners() -> None:
    playout = replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0)
    served = replace(PLAYER, listeners=ListenersStatus())
    words = status_sentence(replace(STUDIO, outputs=(served,), playout=playout))
    assert words.endswith("the buffer ran out, nobody listens")


def test_filler_is_silence_or_a_file_to_listeners() -> None:
    filling = replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0, is_filling=True)
    assert status_sentence(replace(TRANSMITTER, playout=filling)).endswith(
        "the buffer ran out, 3 listeners hear silence"
    )
    filling = replace(filling, fills_with_clip=True)
    assert status_sentence(replace(TRANSMITTER, playout=filling)).endswith(
        "the buffer ran out, 3 listeners hear the filler file"
    )


def test_silence_is_told_until_it_is_over() -> None:
    watching = Watching(replace(TRANSMITTER, levels=replace(LEVELS, silent_seconds=25.0)))
    watching.show(1)
    assert "; what is played has been silent for 25 s" in status_sentence(watching.complete())
    watching.show(10, levels=LEVELS)
    assert "silent" not in status_sentence(watching.complete())


def test_an_output_without_listeners_of_its_own_counts_none() -> None:
    sending = replace(OUTPUT, mode="IcecastClient", links=(LinkStatus("icecast.example:8000/live", connected=True),))
    playing = replace(TRANSMITTER, outputs=(sending,))
    assert status_sentence(playing).endswith(
        "icecast.example:8000/live is connected; the link may be down for 24 s before anyone hears it"
    )
    dry = replace(playing, playout=replace(PLAYOUT, state=PlayoutState.DRY))
    assert status_sentence(dry).endswith("the buffer ran out, nothing is sent on")


def test_a_link_that_works_is_not_blamed_for_the_silence() -> None:
    fetching = replace(INPUT, mode="DiStreamerClient", links=(LinkStatus("studio:7080", connected=True),))
    status = replace(STUDIO, inputs=(fetching,), store=replace(STORE, newest_age_seconds=12.0))
    assert status_sentence(status) == (
        "nothing has arrived for 12 s (the link to studio:7080 works, but nothing new arrives there either)"
    )


def test_what_was_wrong_is_told_while_the_next_attempt_runs_until_one_succeeded() -> None:
    trying = replace(INPUT, state=ModuleState.STARTING, detail="connecting to studio:7080", last_error="refused")
    silent = replace(STORE, newest_age_seconds=12.0)
    assert status_sentence(replace(STUDIO, inputs=(trying,), store=StoreStatus())) == (
        "nothing has arrived yet (connecting to studio:7080; the last attempt failed: refused)"
    )
    assert status_sentence(replace(STUDIO, inputs=(trying,), store=silent)) == (
        "nothing has arrived for 12 s (connecting to studio:7080)"
    )


def test_receivers_when_the_source_is_silent() -> None:
    links = (
        LinkStatus("192.0.2.7", connected=True, peer_budget_seconds=9.6),
        LinkStatus("192.0.2.8", connected=True, peer_budget_seconds=0.0),
        LinkStatus("192.0.2.9", connected=True),
    )
    status = replace(STUDIO, outputs=(replace(OUTPUT, links=links),), store=replace(STORE, newest_age_seconds=12.0))
    assert status_sentence(status) == (
        "nothing has arrived for 12 s (receiving from radio.example:8000); what 192.0.2.7 holds lasts for 10 s more; "
        "192.0.2.8 has nothing left to play; 192.0.2.9 is connected"
    )


def test_a_receiver_that_was_started_anew_is_not_told_as_away() -> None:
    links = (
        LinkStatus("192.0.2.7", connected=False, silent_seconds=70),
        LinkStatus("192.0.2.7", connected=True, peer_budget_seconds=24.4),
    )
    assert status_sentence(replace(STUDIO, outputs=(replace(OUTPUT, links=links),))) == (
        "128 kbit/s MP3 of “Radio” arrives, 5 min are held; 192.0.2.7 can lose the link for 24 s before anyone hears it"
    )


def test_many_receivers_do_not_make_the_line_endless() -> None:
    here = tuple(LinkStatus(f"192.0.2.{number}", connected=True) for number in range(7))
    away = tuple(LinkStatus(f"198.51.100.{number}", connected=False, silent_seconds=number) for number in range(9))
    sentence = status_sentence(replace(STUDIO, outputs=(replace(OUTPUT, links=away + here),)))
    assert "192.0.2.4 is connected; 2 more are connected; 198.51.100.0 has been away for 0 s; " in sentence
    assert sentence.endswith("198.51.100.4 has been away for 4 s; 4 more are away")


def test_long_fragments_are_waited_for() -> None:
    store = replace(STORE, newest_age_seconds=4.0, newest_seconds=10.0)
    assert status_sentence(replace(STUDIO, store=store)).startswith("128 kbit/s MP3 of “Radio” arrives")


def test_formats_in_words() -> None:
    assert format_words(MP3) == "128 kbit/s MP3"
    assert format_words(AAC) == "64 kbit/s AAC"
    assert format_words(AudioFormat(Codec.OPUS, 48000, 48000, 2)) == "Ogg Opus"


def test_several_paths_are_told_one_by_one() -> None:
    links = (
        LinkStatus("studio:7080", connected=True, path="via eth1 to studio:7080"),
        LinkStatus("studio:7080", connected=False, path="via wwan0 to studio:7080", silent_seconds=12.2, carries=False),
    )
    status = replace(TRANSMITTER, inputs=(replace(INPUT, mode="DiStreamerClient", links=links),))
    assert "path via wwan0 to studio:7080: down for 12 s; path via eth1 to studio:7080 carries" in status_sentence(
        status
    )
    broken = replace(links[1], trouble="this machine has no such network interface now")
    status = replace(TRANSMITTER, inputs=(replace(INPUT, links=(links[0], broken)),))
    assert "down for 12 s (this machine has no such network interface now);" in status_sentence(status)


def test_a_receiver_with_several_paths_is_told_with_each() -> None:
    links = (
        LinkStatus("192.0.2.7", connected=True, peer_budget_seconds=24.4, path="via eth1 to studio:7080"),
        LinkStatus(
            "192.0.2.8", connected=True, peer_budget_seconds=24.4, path="via wwan0 to studio:7080", carries=False
        ),
        LinkStatus("192.0.2.9", connected=False, silent_seconds=70, path="via usb0 to studio:7080"),
    )
    assert status_sentence(replace(STUDIO, outputs=(replace(OUTPUT, links=links),))).endswith(
        "; 192.0.2.7 (via eth1 to studio:7080) can lose the link for 24 s before anyone hears it; "
        "192.0.2.8 (via wwan0 to studio:7080) stands by; "
        "192.0.2.9 (via usb0 to studio:7080) has been away for 70 s"
    )


def test_wrong_passwords_are_told_for_a_while() -> None:
    guarded = replace(OUTPUT, wrong_passwords=1, wrong_password_seconds=20.0)
    assert status_sentence(replace(STUDIO, outputs=(guarded,))).endswith("; a wrong PASSWORD came to output 20 s ago")
    guarded = replace(OUTPUT, wrong_passwords=7, wrong_password_seconds=WRONG_PASSWORD_SECONDS)
    assert status_sentence(replace(STUDIO, outputs=(guarded,))).endswith(
        "; 7 wrong PASSWORDs came to output so far, the last 10 min ago"
    )
    guarded = replace(guarded, wrong_password_seconds=WRONG_PASSWORD_SECONDS + 1)
    assert status_sentence(replace(STUDIO, outputs=(guarded,))) == status_sentence(STUDIO)
