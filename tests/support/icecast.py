"""A real Icecast on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from distreamer.errors import DiStreamerError
from distreamer.transport.tcp import client_tls, connect
from tests.support.instances import free_port
from tests.support.programs import ended_process, find_program, words_of

PASSWORD = "loopback-only"
START_SECONDS = 60
"""A bound, not an expectation."""
POLL_SECONDS = 0.05
"""Icecast does not say when it is ready."""
STARTS = 5
"""Icecast 2.4 takes connections before all its threads have started, and now and then crashes when one is late."""
QUEUE_BYTES = 524_288
"""Its default; the burst must fit in."""
DATA_FOLDER = Path("/usr/share/icecast2")
"""Where distributions keep the pages that Icecast's administration answers with."""
# Icecast refuses to run as root unless it is told whom to become.
_CHANGE_OWNER = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
_CONFIG = """<icecast>
 <limits><sources>10</sources><clients>100</clients><source-timeout>60</source-timeout>
  <burst-size>{burst_bytes}</burst-size><queue-size>{queue_bytes}</queue-size></limits>
 <authentication><source-password>{password}</source-password><relay-password>{password}</relay-password>
  <admin-user>admin</admin-user><admin-password>{password}</admin-password></authentication>
 <hostname>localhost</hostname>
 <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address>{ssl}</listen-socket>
 <paths><basedir>{data}</basedir><webroot>{data}/web</webroot><adminroot>{data}/admin</adminroot>
  <logdir>/tmp</logdir>{certificate}</paths>
 <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>2</loglevel></logging>
 <security><chroot>0</chroot>{change_owner}</security>
 {relays}
</icecast>
"""
_RELAY = """<relay><server>127.0.0.1</server><port>{port}</port><mount>{mount}</mount><local-mount>{mount}</local-mount>
 <on-demand>0</on-demand><relay-shoutcast-metadata>1</relay-shoutcast-metadata></relay>"""


@dataclass(frozen=True)
class Icecast:
    """A server that runs."""

    port: int
    tls: ssl.SSLContext | None = None
    """For its administration."""

    def source_url(self, mount: str) -> str:
        """Where ffmpeg sends to."""
        return f"icecast://source:{PASSWORD}@127.0.0.1:{self.port}{mount}"

    def listen_url(self, mount: str) -> str:
        return f"http://127.0.0.1:{self.port}{mount}"

    async def set_title(self, mount: str, title: str) -> None:
        """As an automation does it, over the administration's HTTP."""
        target = f"/admin/metadata?mount={quote(mount)}&mode=updinfo&charset=UTF-8&song={quote(title)}"
        answer = await self._get(target)
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            raise AssertionError(f"Icecast did not take the title: {answer!r}")

    async def wait_for_mount(self, mount: str) -> None:
        """Until a listener gets audio there."""
        for _ in range(int(START_SECONDS / POLL_SECONDS)):
            # Icecast resets a connection now and then while a source is just coming.
            with suppress(DiStreamerError):
                if b" 200 " in (await self._get(mount)).partition(b"\r\n")[0]:
                    return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"nothing plays at {mount}")

    async def wait_for_listeners(self, count: int) -> None:
        """Until so many listen to the only mount that there is."""
        for _ in range(int(START_SECONDS / POLL_SECONDS)):
            statistics = await self._get("/status-json.xsl", whole=True)
            if f'"listeners":{count},'.encode() in statistics:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(f"there are not {count} listeners: {statistics!r}")

    async def counts(self) -> bool:
        """Whether it tells when it was started, which is what its last thread does first."""
        return b"<server_start>" in await self._get("/admin/stats", whole=True)

    async def _get(self, target: str, *, whole: bool = False) -> bytes:
        """The answer, or its beginning."""
        credentials = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        stream = await connect("127.0.0.1", self.port, timeout_seconds=START_SECONDS, tls=self.tls)
        try:
            await stream.write(f"GET {target} HTTP/1.0\r\nAuthorization: Basic {credentials}\r\n\r\n".encode())
            answer = await stream.read()
            while whole and (more := await stream.read()):
                answer += more
            return answer
        finally:
            await stream.close()


@asynccontextmanager
async def running_icecast(
    folder: Path,
    burst_bytes: int = 65_536,
    port: int = 0,
    certificate: Path | None = None,
    relayed: Sequence[tuple[int, str]] = (),
) -> AsyncIterator[Icecast]:
    """Starts Icecast with its config in ``folder``, on a free port unless told; skips the test where there is none.

    With a ``certificate`` (PEM, its key behind it) it speaks TLS. ``relayed``: port and mount of each stream that it
    relays from another Icecast.
    """
    program = find_program("icecast2", "icecast")
    port = port or free_port()
    with tempfile.TemporaryDirectory() as readable:
        readable_certificate = _readable(certificate, Path(readable)) if certificate else None
        config = _write_config(folder, port, burst_bytes, readable_certificate, relayed)
        with words_of("Icecast") as words:
            for _ in range(STARTS):
                process = await asyncio.create_subprocess_exec(program, "-c", str(config), stdout=words, stderr=words)
                async with ended_process(process):
                    server = Icecast(port, client_tls(verify=False) if certificate else None)
                    if await _has_started(server, process):
                        yield server
                        return
            raise AssertionError(f"Icecast ended with code {process.returncode} when it started")


def _readable(certificate: Path, folder: Path) -> Path:
    """A copy for Icecast, which reads it when it is nobody any more."""
    folder.chmod(0o755)
    copy = Path(shutil.copy(certificate, folder))
    copy.chmod(0o644)
    return copy


def _write_config(
    folder: Path, port: int, burst_bytes: int, certificate: Path | None, relayed: Sequence[tuple[int, str]]
) -> Path:
    if not DATA_FOLDER.is_dir():
        pytest.skip(f"Icecast's pages are not in {DATA_FOLDER}")
    text = _CONFIG.format(
        password=PASSWORD,
        port=port,
        data=DATA_FOLDER,
        ssl="<ssl>1</ssl>" if certificate else "",
        certificate=f"<ssl-certificate>{certificate}</ssl-certificate>" if certificate else "",
        burst_bytes=burst_bytes,
        queue_bytes=max(QUEUE_BYTES, 2 * burst_bytes),
        change_owner=_CHANGE_OWNER if os.getuid() == 0 else "",
        relays="".join(_RELAY.format(port=far_port, mount=mount) for far_port, mount in relayed),
    )
    config = folder / "icecast.xml"
    config.write_text(text)
    return config


async def _has_started(server: Icecast, process: asyncio.subprocess.Process) -> bool:
    """Waits until all of it runs; False when it ends before."""
    for _ in range(int(START_SECONDS / POLL_SECONDS)):
        if process.returncode is not None:
            return False
        with suppress(DiStreamerError):
            if await server.counts():
                return True
        await asyncio.sleep(POLL_SECONDS)
    raise AssertionError("Icecast does not answer")
