"""darkice sends what a sound card records, to Icecast 2 (SOURCE) and to Icecast 1 (xaudiocast)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.encoders import (
    DARKICE_ICECAST,
    DARKICE_ICECAST2,
    IS_MP3,
    IS_OGG,
    KILLED,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    output_of,
    proves,
    started,
)
from tests.support.programs import find_program
from tests.support.sound_card import sound_card
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WAYS = {"SOURCE": (DARKICE_ICECAST2, "icecast2-0"), "xaudiocast": (DARKICE_ICECAST, "icecast-0")}


def darkice(case: Case, dump: Path, by: str, form: str = "mp3", *, password: str = PASSWORD) -> list[str]:
    _, section = WAYS[by]
    config = case.folder / "darkice.cfg"
    config.write_text(
        "[general]\nduration = 0\nbufferSecs = 1\nreconnect = no\nrealtime = no\n"
        "[input]\ndevice = default\nsampleRate = 48000\nbitsPerSample = 16\nchannel = 2\n"
        f"[{section}]\nbitrateMode = cbr\nbitrate = 128\nquality = 0.5\n"
        f"server = 127.0.0.1\nport = {case.port}\npassword = {password}\n"
        f"localDumpFile = {dump}\nname = Test radio\nmountPoint = live\nformat = {form}\n"
    )
    return [find_program("darkice"), "-v", "5", "-c", str(config)]


@pytest.mark.parametrize(
    ("by", "form"),
    [
        pytest.param("SOURCE", "mp3", marks=proves(DARKICE_ICECAST2, IS_MP3)),
        pytest.param("SOURCE", "vorbis", marks=proves(DARKICE_ICECAST2, IS_OGG)),
        pytest.param("SOURCE", "opus", marks=proves(DARKICE_ICECAST2, IS_OGG)),
        pytest.param("xaudiocast", "mp3", marks=proves(DARKICE_ICECAST, IS_MP3)),
    ],
)
async def test_audio(case: Case, by: str, form: str) -> None:
    dump = case.folder / "dump"
    async with (
        sound_card(case.folder, "s16le") as environment,
        started(*darkice(case, dump, by, form), environment=environment) as process,
    ):
        await case.until(case.seconds(4), process)
    await case.until_gone()
    assert case.said(f"'by': '{by}'")
    assert_sent(case.audio, dump.read_bytes(), least_frames=100 if form == "mp3" else 10)
    assert case.station == "Test radio"
    assert case.titles == (["Darkice Stream"] if form == "opus" else [])


@pytest.mark.parametrize("by", [pytest.param(by, marks=proves(row, WRONG_PASSWORD)) for by, (row, _) in WAYS.items()])
async def test_a_wrong_password(case: Case, by: str) -> None:
    async with sound_card(case.folder, "s16le") as environment:
        code, said = await output_of(
            *darkice(case, case.folder / "dump", by, password="wrong"), environment=environment
        )
    assert code != 0
    assert "wrong password" in said
    assert_refused(case)


@pytest.mark.parametrize("by", [pytest.param(by, marks=proves(row, KILLED)) for by, (row, _) in WAYS.items()])
async def test_killed_and_restarted(case: Case, by: str) -> None:
    dumps = [case.folder / "first", case.folder / "second"]
    async with sound_card(case.folder, "s16le") as environment:
        for dump in dumps:
            async with started(*darkice(case, dump, by), environment=environment) as process:
                await case.until(case.more(4), process)
                process.kill()
            await case.until_gone()
    assert_goes_on(case)
    assert_sent(case.audio, *(dump.read_bytes() for dump in dumps), least_frames=100)
