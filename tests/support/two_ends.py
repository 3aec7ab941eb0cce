"""The config files of PC A, to which an encoder sends, and of PC B, which plays; and where the encoder finds A."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.support.instances import RunningDiStreamer

PASSWORD = "loopback-only"


def studio_config(folder: Path, name: str, port: int) -> Path:
    """A: receivers find it on ``port``, encoders where its log says."""
    path = folder / f"{name}.conf"
    path.write_text(
        f"[INPUT]\nMODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\nPASSWORD = {PASSWORD}\n"
        f"[OUTPUT]\nMODE = DiStreamerServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path


def transmitter_config(
    folder: Path, name: str, link_port: int, player_port: int, *, link_host: Any = "127.0.0.1", **general: object
) -> Path:
    """B: it takes the programme from ``link_port`` of ``link_host``; players find it on ``player_port``."""
    path = folder / f"{name}.conf"
    keys = "".join(f"{key.upper()} = {value}\n" for key, value in general.items())
    path.write_text(
        f"[GENERAL]\n{keys}[INPUT]\nMODE = DiStreamerClient\nSERVERURL = http://{link_host}:{link_port}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {player_port}\n"
    )
    return path


async def encoder_port(studio: RunningDiStreamer, name: str) -> int:
    """Where the instance ``name`` of A listens for encoders."""
    line = await studio.said(f"{name} input: listening for encoders")
    found = re.search(r"address=127\.0\.0\.1:(\d+)", line)
    assert found, line
    return int(found[1])


def encoder_url(port: int, mount: str = "/live") -> str:
    """What ffmpeg is told."""
    return f"icecast://source:{PASSWORD}@127.0.0.1:{port}{mount}"
