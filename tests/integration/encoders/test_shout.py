"""libshout's own tool, ``shout``, sends what it reads from its standard input, in real time."""

from __future__ import annotations

import pytest

from tests.support.encoders import (
    IS_MP3,
    IS_OGG,
    KILLED,
    SHOUT,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    frames,
    output_of,
    programme_of,
    proves,
    started,
)
from tests.support.ffmpeg import MP3, OPUS, TITLE_WITHIN, VORBIS, Encoding
from tests.support.programs import find_program
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def shout(case: Case, form: str, protocol: str = "http", *, password: str = PASSWORD) -> list[str]:
    return [
        *(find_program("shout"), "--host", "127.0.0.1", "--port", str(case.port), "--pass", password),
        *(
            "--mount",
            "/live",
            "--usage",
            "audio",
            "--format",
            form,
            "--proto",
            protocol,
            "--station-name",
            "Test radio",
        ),
    ]


@pytest.mark.parametrize(
    ("form", "protocol", "encoding", "by"),
    [
        pytest.param("mp3", "http", MP3, "PUT", marks=proves(SHOUT, IS_MP3), id="mp3"),
        pytest.param("mp3", "icy", MP3, "SHOUTcast 1", marks=proves(SHOUT, IS_MP3), id="icy-mp3"),
        pytest.param("ogg", "http", VORBIS, "PUT", marks=proves(SHOUT, IS_OGG, TITLES), id="vorbis"),
        pytest.param("ogg", "http", OPUS, "PUT", marks=proves(SHOUT, IS_OGG, TITLES), id="opus"),
    ],
)
async def test_audio_and_the_title_within(case: Case, form: str, protocol: str, encoding: Encoding, by: str) -> None:
    programme = await programme_of(case.folder, encoding, f"programme.{form}", 2)
    with programme.open("rb") as stdin:
        code, said = await output_of(*shout(case, form, protocol), stdin=stdin)
    assert code == 0, said
    await case.until_gone()
    assert case.said(f"'by': '{by}'")
    assert case.audio == b"".join(frames(programme.read_bytes()))
    assert case.station == "Test radio"
    assert case.titles == ([TITLE_WITHIN] if form == "ogg" else [])
    assert not case.said("a wrong password was given")


@pytest.mark.parametrize(
    "protocol", [pytest.param(one, marks=proves(SHOUT, WRONG_PASSWORD)) for one in ("http", "icy")]
)
async def test_a_wrong_password(case: Case, protocol: str) -> None:
    code, said = await output_of(*shout(case, "mp3", protocol, password="wrong"))
    assert code != 0
    assert "Login failed" in said
    assert_refused(case)


@pytest.mark.proves("encoders", row=SHOUT, column=KILLED)
async def test_killed_and_restarted(case: Case) -> None:
    programmes = [await programme_of(case.folder, MP3, f"{name}.mp3", 30) for name in ("first", "second")]
    for programme in programmes:
        with programme.open("rb") as stdin:
            async with started(*shout(case, "mp3"), stdin=stdin) as process:
                await case.until(case.more(1.5), process)
                process.kill()
        await case.until_gone()
    assert_goes_on(case)
    assert_sent(case.audio, *(one.read_bytes() for one in programmes), least_frames=30)
