"""ffmpeg's own output for Icecast, by PUT and by SOURCE."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.encoders import (
    COLUMN_OF,
    FFMPEG_PUT,
    FFMPEG_SOURCE,
    FORMATS,
    IS_OGG,
    KILLED,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    heard_from,
    proves,
    started,
)
from tests.support.ffmpeg import MP3, TITLE_WITHIN, Encoding, tee
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WAYS = {"PUT": (FFMPEG_PUT, ()), "SOURCE": (FFMPEG_SOURCE, ("legacy_icecast=1",))}


def ffmpeg(
    case: Case, copy: Path, encoding: Encoding = MP3, way: str = "PUT", *, password: str = PASSWORD
) -> list[str]:
    """Sends noise, and writes the same bytes into ``copy``; there first, so that a kill leaves no more in the store."""
    url = f"icecast\\://source\\:{password}@127.0.0.1\\:{case.port}/live"
    options = (f"content_type={encoding.content_type}", "ice_name=Test radio", *WAYS[way][1])
    return tee(encoding, (str(copy), ()), (url, options))


@pytest.mark.parametrize(
    ("way", "form"),
    [
        pytest.param(way, form, marks=proves(row, COLUMN_OF[form], *([TITLES] if COLUMN_OF[form] == IS_OGG else [])))
        for way, (row, _) in WAYS.items()
        for form in FORMATS
    ],
)
async def test_audio_and_the_title_within(case: Case, way: str, form: str) -> None:
    encoding, least_frames = FORMATS[form]
    copy = case.folder / "copy"
    async with started(*ffmpeg(case, copy, encoding, way)) as process:
        await case.until(case.seconds(4), process)
        assert case.station == "Test radio"
        assert case.context.ingest.dropped_bytes == 0
    await case.until_gone()
    assert case.said(f"'by': '{way}'")
    assert_sent(case.audio, copy.read_bytes(), least_frames=least_frames)
    if COLUMN_OF[form] == IS_OGG:
        assert case.titles == [TITLE_WITHIN]


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=proves(row, WRONG_PASSWORD)) for way, (row, _) in WAYS.items()]
)
async def test_a_wrong_password(case: Case, way: str) -> None:
    async with started(*ffmpeg(case, case.folder / "copy", way=way, password="wrong")) as process:
        # By SOURCE it does not read the answer, and learns it from the end of the connection.
        await heard_from(process, "401 Unauthorized" if way == "PUT" else "Slave muxer #1 failed")
    assert_refused(case)


@pytest.mark.parametrize(
    ("way", "form"),
    [
        pytest.param("PUT", "mp3", marks=proves(FFMPEG_PUT, KILLED)),
        pytest.param("PUT", "vorbis", marks=proves(FFMPEG_PUT, KILLED)),
        pytest.param("SOURCE", "mp3", marks=proves(FFMPEG_SOURCE, KILLED)),
    ],
)
async def test_killed_and_restarted(case: Case, way: str, form: str) -> None:
    encoding, least_frames = FORMATS[form]
    copies = [case.folder / "first", case.folder / "second"]
    for copy in copies:
        async with started(*ffmpeg(case, copy, encoding, way)) as process:
            await case.until(case.more(4), process)
            process.kill()
        await case.until_gone()
    # Ogg brings new headers within the epoch.
    assert_goes_on(case)
    assert_sent(case.audio, *(copy.read_bytes() for copy in copies), least_frames=least_frames)


async def test_one_that_hangs_is_replaced_by_its_next_self(case: Case) -> None:
    copies = [case.folder / "first", case.folder / "second"]
    async with started(*ffmpeg(case, copies[0])) as ghost:
        await case.until(case.seconds(4), ghost)
        ghost.send_signal(signal.SIGSTOP)
        async with started(*ffmpeg(case, copies[1])) as process:
            await case.until(case.more(4), process)
        ghost.kill()
    assert case.said("a source takes over")
    assert_goes_on(case)
    assert_sent(case.audio, *(copy.read_bytes() for copy in copies), least_frames=100)
