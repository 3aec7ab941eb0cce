"""ezstream, on top of libshout, by HTTP and as SHOUTcast 1."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.support.certificates import make_certificate
from tests.support.encoders import (
    EZSTREAM_HTTP,
    EZSTREAM_ICY,
    IS_MP3,
    IS_OGG,
    KILLED,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    frames,
    opened_case,
    output_of,
    programme_of,
    proves,
    started,
)
from tests.support.ffmpeg import MP3, TITLE_WITHIN, VORBIS, Encoding
from tests.support.programs import find_program
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROW_OF = {"HTTP": EZSTREAM_HTTP, "ICY": EZSTREAM_ICY}


def ezstream(
    case: Case, programme: Path, protocol: str = "HTTP", *, password: str = PASSWORD, more: str = ""
) -> list[str]:
    config = case.folder / "ezstream.xml"
    config.write_text(
        f"""<ezstream><servers><server><protocol>{protocol}</protocol><hostname>localhost</hostname>
        <port>{case.port}</port><password>{password}</password><reconnect_attempts>1</reconnect_attempts>{more}
        </server></servers><streams><stream><mountpoint>/live</mountpoint><format>{programme.suffix[1:]}</format>
        <stream_name>Test radio</stream_name></stream></streams>
        <intakes><intake><type>file</type><filename>{escape(str(programme))}</filename><stream_once>yes</stream_once></intake></intakes>
        </ezstream>"""
    )
    config.chmod(0o600)
    return [find_program("ezstream"), "-vv", "-c", str(config)]


@pytest.mark.parametrize(
    ("protocol", "encoding", "name", "asked"),
    [
        pytest.param("HTTP", MP3, "Zoë & Co.mp3", "PUT '/live'", marks=proves(EZSTREAM_HTTP, IS_MP3, TITLES)),
        pytest.param("HTTP", VORBIS, "Zoë.ogg", "PUT '/live'", marks=proves(EZSTREAM_HTTP, IS_OGG)),
        pytest.param("ICY", MP3, "Zoë & Co.mp3", "!POKE", marks=proves(EZSTREAM_ICY, IS_MP3, TITLES)),
    ],
    ids=["http-mp3", "http-ogg", "icy-mp3"],
)
async def test_audio_and_titles(case: Case, protocol: str, encoding: Encoding, name: str, asked: str) -> None:
    programme = await programme_of(case.folder, encoding, name, 2)
    code, said = await output_of(*ezstream(case, programme, protocol))
    assert code == 0, said
    await case.until_gone()
    assert any(call.kwargs.get("request") == asked and call.kwargs["status"] == 401 for call in case.log.calls)
    assert case.audio == b"".join(frames(programme.read_bytes()))
    assert case.station == "Test radio"
    # A file without tags is called by its name.
    assert case.titles == [TITLE_WITHIN if encoding is VORBIS else "Zoë & Co"]
    assert not case.said("a wrong password was given")


@pytest.mark.parametrize(
    "protocol", [pytest.param(protocol, marks=proves(row, WRONG_PASSWORD)) for protocol, row in ROW_OF.items()]
)
async def test_a_wrong_password(case: Case, protocol: str) -> None:
    programme = await programme_of(case.folder, MP3, "programme.mp3", 1)
    code, said = await output_of(*ezstream(case, programme, protocol, password="wrong"))
    assert code != 0
    assert "Login failed" in said
    assert_refused(case)


@pytest.mark.parametrize(
    "protocol", [pytest.param(protocol, marks=proves(row, KILLED)) for protocol, row in ROW_OF.items()]
)
async def test_killed_and_restarted(case: Case, protocol: str) -> None:
    programmes = [await programme_of(case.folder, MP3, f"{name}.mp3", 30) for name in ("first", "second")]
    for programme in programmes:
        async with started(*ezstream(case, programme, protocol)) as process:
            await case.until(case.more(1.5), process)
            process.kill()
        await case.until_gone()
    assert_goes_on(case)
    assert_sent(case.audio, *(one.read_bytes() for one in programmes), least_frames=30)


async def test_over_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with opened_case(tmp_path, certfile=certificate.certificate, keyfile=certificate.key) as case:
        programme = await programme_of(case.folder, MP3, "programme.mp3", 2)
        tls = f"<tls>required</tls><ca_file>{certificate.certificate}</ca_file>"
        code, said = await output_of(*ezstream(case, programme, more=tls))
        assert code == 0, said
        await case.until_gone()
    assert case.audio == b"".join(frames(programme.read_bytes()))
