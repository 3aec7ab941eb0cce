"""``probe`` at a real DiStreamerServer, over a link that loses packets, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import CapturingLogger

from distreamer.chaos.link_model import LinkSettings
from distreamer.chaos.relay import ChaosRelay
from distreamer.core.clock import LoopClock
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, ConfigError, LinkError
from distreamer.measure.link_probe import LinkProbe, LinkTarget, speaks_native
from distreamer.measure.link_report import LinkReport
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.sessions.native_carriers import Transport
from tests.support.input_context import capturing_log, sentences_of
from tests.support.instances import COMMAND, free_port
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.pseudo_terminal import in_terminal

pytestmark = pytest.mark.integration

LOSS, DELAY_SECONDS = 0.2, 0.1
PATIENCE_SECONDS = 20.0
"""A bound, not an expectation."""
POLL_SECONDS = 0.02


class Studio:
    """A server on a free port, with a programme that goes on."""

    def __init__(self, password: str, transport: str) -> None:
        self.said = CapturingLogger()
        self.store = Store()
        fill(self.store, 5, 1, 60, 16_000)
        settings = DiStreamerServerSettings.model_validate(
            {"hostname": "127.0.0.1", "port": free_port(), "password": password, "transport": transport}
        )
        self.module = DiStreamerServer(settings, output_context(self.store, capturing_log(self.said)))

    @property
    def port(self) -> int:
        assert self.module.address is not None
        return self.module.address[1]

    async def play(self) -> None:
        number = 60
        while True:
            await asyncio.sleep(1.0)
            number += 1
            fill(self.store, 5, number, number, 16_000)

    def sentences(self) -> list[str]:
        return sentences_of(self.said)


@asynccontextmanager
async def studio(password: str = "", transport: str = "auto") -> AsyncIterator[Studio]:
    one = Studio(password, transport)
    tasks = [asyncio.create_task(one.module.run()), asyncio.create_task(one.play())]
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if one.module.address is not None:
            break
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def probed(port: int, seconds: float, password: str = "", transport: Transport = Transport.AUTO) -> LinkReport:
    target = LinkTarget(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", password, transport)
    report = await LinkProbe(target, LoopClock(), capturing_log(), lambda text: None).run(seconds, asyncio.Event())
    assert report is not None
    return report


async def test_a_link_that_loses_a_fifth_of_its_packets() -> None:
    settings = LinkSettings(loss=LOSS, delay_seconds=DELAY_SECONDS)
    async with studio("loopback-only") as pc_a, ChaosRelay(("127.0.0.1", pc_a.port), settings) as relay:
        report = await probed(relay.address[1], 25, "loopback-only")
        assert report.quic.figures is not None, report.quic.fault
        figures = report.quic.figures
        trips = figures.round_trips
        assert figures.loss is not None
        assert trips is not None
        assert 0.1 < figures.loss < 0.3
        assert trips.shortest >= 2 * DELAY_SECONDS
        assert report.is_over_quic
        assert report.format == "128 kbit/s MP3, 44100 Hz, stereo"
        assert report.agent.startswith("DiStreamer/3")
        assert report.advice.delay_seconds >= 10
        assert pc_a.module.links() == (), "it is not listed, so nobody is alarmed when it leaves"
        assert pc_a.module.wrong_passwords == 0
        assert "a probe measures the link" in pc_a.sentences()
        assert not any("lost" in sentence for sentence in pc_a.sentences())


async def test_a_clean_link_where_udp_does_not_get_through() -> None:
    async with studio(transport="tcp") as pc_a:
        report = await probed(pc_a.port, 5)
    assert "UDP port" in report.quic.fault
    assert report.tcp.works
    assert not report.is_over_quic
    assert report.headroom is not None
    assert report.headroom > 1
    assert "let UDP through" in "\n".join(report.lines())


@pytest.mark.parametrize("transport", [Transport.QUIC, Transport.TCP])
async def test_only_what_transport_allows_is_tried(transport: Transport) -> None:
    async with studio() as pc_a:
        report = await probed(pc_a.port, 3, transport=transport)
    assert (report.quic.works, report.tcp.works) == (transport is Transport.QUIC, transport is Transport.TCP)
    assert f"not tried: TRANSPORT = {transport.value}" in "\n".join(report.lines())


async def test_a_password_is_never_guessed() -> None:
    async with studio("loopback-only") as pc_a:
        with pytest.raises(AuthenticationError, match="name the CONF that holds it"):
            await probed(pc_a.port, 5)
        assert pc_a.module.wrong_passwords == 0
        with pytest.raises(AuthenticationError, match="does not accept the PASSWORD"):
            await probed(pc_a.port, 5, "wrong")
        assert pc_a.module.wrong_passwords == 1, "over one carrier only"


async def test_what_stands_at_an_address() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
        writer.close()

    web = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = web.sockets[0].getsockname()[1]
    async with web, studio() as pc_a:
        assert await speaks_native(LinkTarget("a", f"http://127.0.0.1:{pc_a.port}"), capturing_log())
        assert not await speaks_native(LinkTarget("b", f"http://127.0.0.1:{port}/live"), capturing_log())


async def test_a_password_that_cannot_be_one() -> None:
    async with studio("loopback-only") as pc_a:
        with pytest.raises(ConfigError):
            await probed(pc_a.port, 3, "no\x07bell")
        assert pc_a.module.wrong_passwords == 0


async def test_nobody_there() -> None:
    with pytest.raises(LinkError, match="refused"):
        await probed(free_port(), 5)


async def test_ctrl_c_ends_the_looking_and_what_was_seen_is_told() -> None:
    async with (
        studio(transport="tcp") as pc_a,
        in_terminal(*COMMAND, "probe", f"127.0.0.1:{pc_a.port}", "--seconds", "3600") as terminal,
    ):
        await terminal.shows("looks at the link for 3600 s")
        terminal.type("\x03")
        await terminal.shows(r"link .*, looked at for \d")
        assert await terminal.ends() == 0
