"""liquidsoap's outputs for Icecast and SHOUTcast. One liquidsoap feeds several servers, for it takes long to start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import h11
import pytest

from tests.support.encoders import (
    IS_AAC,
    IS_MP3,
    IS_OGG,
    KILLED,
    LIQUIDSOAP_CHUNKED,
    LIQUIDSOAP_PUT,
    LIQUIDSOAP_SHOUTCAST,
    LIQUIDSOAP_SOURCE,
    TITLES,
    WRONG_PASSWORD,
    Case,
    assert_goes_on,
    assert_refused,
    assert_sent,
    heard_from,
    let_end,
    opened_case,
    proves,
    started,
)
from tests.support.programs import find_program
from tests.support.source_server import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TITLE = "Žofie - Ólafur & Co"
ENCODERS = {
    "mp3": "%mp3(bitrate=128)",
    "aac": '%ffmpeg(format="adts", %audio(codec="aac", b="96k"))',
    "vorbis": "%vorbis(quality=0.3)",
}
LEAST_FRAMES = {"mp3": 30, "aac": 30, "vorbis": 3}


@dataclass(frozen=True)
class Way:
    """How liquidsoap sends."""

    row: str
    by: str
    output: str
    options: str = ""
    refusal: str = "401, Authentication Required"
    """How it tells its user."""

    def to(self, case: Case, form: str = "mp3", *, password: str = PASSWORD) -> str:
        """The output that sends to ``case``, and writes the same into ``dump``."""
        return (
            f'{self.output}(id="{case.folder.name}", {ENCODERS[form]}, host="127.0.0.1", port={case.port}, '
            f'password="{password}", mount="/live", name="Test radio", dumpfile="{case.folder}/dump", fallible=true, '
            f"{self.options}programme)"
        )


WAYS = {
    "source": Way(LIQUIDSOAP_SOURCE, "SOURCE", "output.icecast"),
    "put": Way(LIQUIDSOAP_PUT, "PUT", "output.icecast", 'method="put", '),
    "put-chunked": Way(LIQUIDSOAP_CHUNKED, "PUT", "output.icecast", 'method="put", chunked=true, '),
    "shoutcast": Way(LIQUIDSOAP_SHOUTCAST, "SHOUTcast 1", "output.shoutcast", refusal="bad answer: invalid password"),
}


@asynccontextmanager
async def opened_cases(folder: Path, names: Iterable[str]) -> AsyncIterator[dict[str, Case]]:
    """A server for each name, with a folder of its own."""
    async with AsyncExitStack() as stack:
        cases = {}
        for name in names:
            (folder / name).mkdir()
            cases[name] = await stack.enter_async_context(opened_case(folder / name))
        yield cases


def liquidsoap(folder: Path, outputs: Iterable[str]) -> list[str]:
    """It sets the title as soon as there is a file ``go``."""
    script = folder / "studio.liq"
    artist, _, title = TITLE.partition(" - ")
    script.write_text(
        "settings.init.allow_root.set(true)\n"
        "settings.log.level.set(4)\n"
        "programme = insert_metadata(noise())\n"
        "is_set = ref(false)\n"
        "thread.run(every=0.1, {\n"
        f'if not !is_set and file.exists("{folder}/go") then\n'
        f'is_set := true\nprogramme.insert_metadata([("artist", "{artist}"), ("title", "{title}")])\nend}})\n'
        + "\n".join(outputs)
    )
    return [find_program("liquidsoap"), str(script)]


def without_chunks(body: bytes) -> bytes:
    """What a chunked body, which may be cut off, carries."""
    reader = h11.Connection(h11.SERVER)
    reader.receive_data(b"PUT / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    carried = b""
    while (event := reader.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        carried += event.data if isinstance(event, h11.Data) else b""
    return carried


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=proves(way.row, IS_MP3, IS_AAC, IS_OGG, TITLES), id=name) for name, way in WAYS.items()],
)
async def test_audio_and_titles(tmp_path: Path, way: Way) -> None:
    async with opened_cases(tmp_path, ENCODERS) as cases:
        command = liquidsoap(tmp_path, [way.to(case, form) for form, case in cases.items()])
        async with started(*command) as process:
            for case in cases.values():
                await case.until(case.seconds(1), process)
            (tmp_path / "go").touch()
            for case in cases.values():
                await case.until(case.has_title(TITLE), process)
            await let_end(process)
        for form, case in cases.items():
            await case.until_gone()
            assert case.said(f"'by': '{way.by}'")
            assert case.titles[-1] == TITLE
            assert case.station == "Test radio"
            assert_sent(case.audio, (case.folder / "dump").read_bytes(), least_frames=LEAST_FRAMES[form])


@pytest.mark.proves("encoders", row=LIQUIDSOAP_SOURCE, column=WRONG_PASSWORD)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_PUT, column=WRONG_PASSWORD)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_CHUNKED, column=WRONG_PASSWORD)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_SHOUTCAST, column=WRONG_PASSWORD)
async def test_a_wrong_password(tmp_path: Path) -> None:
    async with opened_cases(tmp_path, WAYS) as cases:
        command = liquidsoap(tmp_path, [WAYS[name].to(case, password="wrong") for name, case in cases.items()])
        async with started(*command) as process:
            await heard_from(process, *(f"[{name}:2] Connection failed: {WAYS[name].refusal}" for name in cases))
        for case in cases.values():
            assert_refused(case)


@pytest.mark.proves("encoders", row=LIQUIDSOAP_SOURCE, column=KILLED)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_PUT, column=KILLED)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_CHUNKED, column=KILLED)
@pytest.mark.proves("encoders", row=LIQUIDSOAP_SHOUTCAST, column=KILLED)
async def test_killed_and_restarted(tmp_path: Path) -> None:
    async with opened_cases(tmp_path, WAYS) as cases:
        command = liquidsoap(tmp_path, [WAYS[name].to(case) for name, case in cases.items()])
        for _ in range(2):
            # Of all of them from now on: who begins first has more in the end than the others.
            reached = [(case, case.more(1.25)) for case in cases.values()]
            async with started(*command) as process:
                for case, has_more in reached:
                    await case.until(has_more, process)
                process.kill()
            for case in cases.values():
                await case.until_gone()
        for name, case in cases.items():
            assert_goes_on(case)
            first, second = [without_chunks(body) if name == "put-chunked" else body for body in case.bodies()]
            assert_sent(case.audio, first, second, least_frames=30)
