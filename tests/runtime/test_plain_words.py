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
    StoreStatus,
)
from distreamer.runtime.plain_words import format_words, status_sentence
from tests.support.made_audio import AAC, MP3

RADIO = StreamInfo(MP3, Station("Radio"))
INPUT = ModuleStatus("input", "ShoutcastClient", ModuleState.RUNNING, 5.0, "receiving from radio.example:8000")
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
            replace(TRANSMITTER, store=replace(STORE, newest_age_seconds=12.0)),
            "nothing has arrived for 12 s (receiving from radio.example:8000); "
            "the link may be down for 24 s before anyone hears it; 3 listeners",
        ),
        (
            replace(TRANSMITTER, playout=replace(PLAYOUT, state=PlayoutState.DRY, budget_seconds=0.0)),
            "128 kbit/s MP3 of “Radio” arrives, 5 min are held; the buffer ran out, 3 listeners hear nothing",
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


def test_formats_in_words() -> None:
    assert format_words(MP3) == "128 kbit/s MP3"
    assert format_words(AAC) == "64 kbit/s AAC"
    assert format_words(AudioFormat(Codec.OPUS, 48000, 48000, 2)) == "Ogg Opus"
