"""butt sends what a sound card records. It has only a window, so it is started under Xvfb, connects by its config file,
and takes titles from its own command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.encoders import (
    BUTT,
    COLUMN_OF,
    KILLED,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    output_of,
    proves,
    started,
)
from tests.support.instances import free_port
from tests.support.programs import find_program
from tests.support.sound_card import sound_card
from tests.support.source_server import PASSWORD
from tests.support.virtual_screen import virtual_screen

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TITLE = "Žofie – Ólafur & Co"
SERVER_TYPES = {"SHOUTcast 1": 0, "PUT": 1}
"""As the config file counts them."""
REFUSALS = {"SHOUTcast 1": "Invalid password!", "PUT": "invalid user/password!"}
"""How it tells its user."""


class Butt:
    """butt's config, and where its commands go to."""

    def __init__(self, case: Case, environment: dict[str, str]) -> None:
        self.log = case.folder / "butt.log"
        self._case = case
        self._environment = environment
        self._config = case.folder / "butt.conf"
        self._command_port = str(free_port())

    def configure(self, by: str, codec: str, *, password: str = PASSWORD) -> None:
        self._config.write_text(
            "[main]\nserver = Studio\nsrv_ent = Studio\nnum_of_srv = 1\nicy = Station\nicy_ent = Station\n"
            f"num_of_icy = 1\nconnect_at_startup = 1\nforce_reconnecting = 0\nlog_file = {self.log}\n"
            f"[audio]\ncodec = {codec}\nsamplerate = 48000\nbitrate = 128\n"
            f"[Studio]\naddress = 127.0.0.1\nport = {self._case.port}\npassword = {password}\n"
            f"type = {SERVER_TYPES[by]}\nmount = live\n"
            "[Station]\npub = 0\n"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        command = [find_program("butt"), "-c", str(self._config), "-p", self._command_port]
        async with started(*command, environment=self._environment) as process:
            yield process

    async def set_title(self, title: str) -> None:
        code, said = await output_of(find_program("butt"), "-p", self._command_port, "-u", title)
        assert code == 0, said


@pytest.fixture
async def butt(case: Case) -> AsyncIterator[Butt]:
    async with virtual_screen() as display, sound_card(case.folder, "f32le") as environment:
        yield Butt(case, {**environment, "DISPLAY": display, "HOME": str(case.folder)})


@pytest.mark.parametrize(
    ("by", "codec", "form"),
    [
        pytest.param(by, codec, form, marks=proves(BUTT, COLUMN_OF[form], TITLES), id=f"{by}-{form}")
        for by, codec, form in (
            ("PUT", "mp3", "mp3"),
            ("PUT", "ogg", "vorbis"),
            ("PUT", "opus", "opus"),
            ("PUT", "flac", "flac"),
            ("SHOUTcast 1", "mp3", "mp3"),
        )
    ],
)
async def test_audio_and_titles(case: Case, butt: Butt, by: str, codec: str, form: str) -> None:
    butt.configure(by, codec)
    async with butt.running() as process:
        await case.until(case.seconds(2), process)
        await butt.set_title(TITLE)
        await case.until(lambda: case.titles == [TITLE], process)
        assert case.station == "Station"
        assert case.context.ingest.info is not None
        assert case.context.ingest.info.format.codec.value == {"mp3": "mpeg"}.get(form, form)
    await case.until_gone()
    assert case.said(f"'by': '{by}'")
    assert_sent(case.audio, *case.bodies(), least_frames=50 if form == "mp3" else 5)


@pytest.mark.parametrize("by", [pytest.param(by, marks=proves(BUTT, WRONG_PASSWORD)) for by in SERVER_TYPES])
async def test_a_wrong_password(case: Case, butt: Butt, by: str) -> None:
    butt.configure(by, "mp3", password="wrong")
    async with butt.running() as process:
        await case.until(lambda: butt.log.exists() and REFUSALS[by] in butt.log.read_text(), process)
    assert_refused(case)


@pytest.mark.parametrize("by", [pytest.param(by, marks=proves(BUTT, KILLED)) for by in SERVER_TYPES])
async def test_killed_and_restarted(case: Case, butt: Butt, by: str) -> None:
    butt.configure(by, "mp3")
    for _ in range(2):
        async with butt.running() as process:
            await case.until(case.more(3), process)
            process.kill()
        await case.until_gone()
    assert_goes_on(case)
    first, second = case.bodies()
    assert_sent(case.audio, first, second, least_frames=80)
