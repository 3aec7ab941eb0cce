"""The two servers, started with the programme on air."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listeners.cases import ICECAST, Case
from benchmarks.listeners.certificate import Certificate
from benchmarks.listeners.processes import Running, ServerError, free_port, other_cores, running, server_cores
from benchmarks.listeners.source import MOUNT
from distreamer import __version__

PASSWORD = "loopback-only"
ICECAST_FOLDER = Path("/usr/share/icecast2")
"""Where distributions keep the pages that Icecast's administration answers with."""
CHANGE_OWNER = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"
"""Icecast refuses to run as root unless it is told whom to become."""
_ICECAST_CONFIG = """<icecast>
 <limits><clients>100000</clients><sources>2</sources></limits>
 <authentication><source-password>{password}</source-password><admin-user>admin</admin-user>
  <admin-password>{password}</admin-password></authentication>
 <hostname>localhost</hostname>
 <listen-socket><port>{source_port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
 <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address>{ssl}</listen-socket>
 <paths><basedir>{data}</basedir><webroot>{data}/web</webroot><adminroot>{data}/admin</adminroot>
  <logdir>/tmp</logdir>{certificate}</paths>
 <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
 <security><chroot>0</chroot>{change_owner}</security>
</icecast>
"""
"""Its defaults, but for the number of clients."""
_DISTREAMER_CONFIG = """[GENERAL]
OUTPUTLEVEL = 1
DELAY = 3
HISTORY = 20

[INPUT]
MODE = ShoutcastSourceServer
HOSTNAME = 127.0.0.1
PORT = {source_port}
PASSWORD = {password}

[OUTPUT]
MODE = ShoutcastServer
HOSTNAME = 127.0.0.1
PORT = {port}
MAXLISTENERS = {most}
"""


@dataclass(frozen=True)
class Server:
    """A server that plays."""

    process: Running
    url: str


@contextmanager
def playing(name: str, case: Case, folder: Path, certificate: Certificate | None) -> Iterator[Server]:
    """The server ``name`` for ``case``, its files in ``folder``; raises ServerError when it does not come to play."""
    source_port, port = free_port(), free_port()
    cores = os.sched_getaffinity(0) if case.workers else server_cores()
    start = _icecast if name == ICECAST else _distreamer
    command, environment = start(case, source_port, port, folder, certificate)
    source = (sys.executable, "-m", "benchmarks.listeners.source", "--port", str(source_port), "--password", PASSWORD)
    url = f"{'https' if case.tls else 'http'}://127.0.0.1:{port}{MOUNT}"
    with running(command, cores, folder / f"{name}.log", environment) as server:
        server.wait_for_answer(source_port)
        with running(source, other_cores(), folder / "source.log") as encoder:
            if case.tls:
                server.wait_for_answer(port)
            else:
                server.wait_for_answer(port, f"GET {MOUNT} HTTP/1.0\r\n\r\n".encode(), b" 200 ")
            yield Server(server, url)
            encoder.check()


def version(name: str) -> str:
    """The server's name and version."""
    if name != ICECAST:
        return f"DiStreamer {__version__}"
    return subprocess.run([icecast_program(), "-v"], capture_output=True, text=True, check=False).stdout.strip()


def icecast_program() -> str:
    """Where it is; raises ServerError where there is none."""
    found = shutil.which("icecast2") or shutil.which("icecast")
    if found is None or not ICECAST_FOLDER.is_dir():
        raise ServerError("Icecast is not installed here (on Debian: apt-get install icecast2)")
    return found


def _icecast(
    case: Case, source_port: int, port: int, folder: Path, certificate: Certificate | None
) -> tuple[list[str], dict[str, str]]:
    config = folder / "icecast.xml"
    config.write_text(
        _ICECAST_CONFIG.format(
            password=PASSWORD,
            source_port=source_port,
            port=port,
            data=ICECAST_FOLDER,
            ssl="<ssl>1</ssl>" if certificate else "",
            certificate=f"<ssl-certificate>{certificate.both}</ssl-certificate>" if certificate else "",
            # It refuses to run as root unless it is told whom to become.
            change_owner=CHANGE_OWNER if os.getuid() == 0 else "",
        )
    )
    return [icecast_program(), "-c", str(config)], dict(os.environ)


def _distreamer(
    case: Case, source_port: int, port: int, folder: Path, certificate: Certificate | None
) -> tuple[list[str], dict[str, str]]:
    text = _DISTREAMER_CONFIG.format(
        source_port=source_port, port=port, password=PASSWORD, most=max(case.sizes) + case.herd
    )
    if certificate:
        text += f"CERTFILE = {certificate.certificate}\nKEYFILE = {certificate.key}\n"
    if case.workers:
        text += f"WORKERS = {case.workers}\n"
    config = folder / "distreamer.conf"
    config.write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DS_")}
    if not case.uvloop:
        # DiStreamer takes it wherever it is installed.
        (folder / "uvloop.py").write_text("raise ImportError('not in this case')\n")
        environment["PYTHONPATH"] = str(folder)
    return [sys.executable, "-m", "distreamer", str(config)], environment
