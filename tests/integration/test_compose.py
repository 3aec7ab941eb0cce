"""compose.yaml without a container engine: both services' variables, as two processes on free ports of this machine."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from distreamer.config.loader import load_environment
from distreamer.runtime.modules import REGISTRY
from tests.support import ffmpeg
from tests.support.decoding import whole_frames
from tests.support.instances import COMMAND, free_port_pair, running_command, served
from tests.support.listening import Recording, listening

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

REPOSITORY = Path(__file__).parents[2]
_NEEDED = re.compile(r"\$\{(\w+):\?[^}]+\}")
SECOND = 16_000
"""Bytes of the programme."""


def sample_env() -> dict[str, str]:
    """What .env.example sets."""
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services() -> dict[str, dict[str, Any]]:
    """As Compose reads them, with .env.example for .env."""
    text = (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")
    values = sample_env()
    read: dict[str, dict[str, Any]] = yaml.safe_load(_NEEDED.sub(lambda match: values[match[1]], text))["services"]
    assert "$" not in str(read)
    return read


def environments() -> dict[str, dict[str, str]]:
    """The variables of each service."""
    return {name: dict(service["environment"]) for name, service in services().items()}


def on_this_machine(whole: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """On free loopback ports, and with a short DELAY, so that the test is short."""
    moved: dict[str, str] = {}
    for service, environ in whole.items():
        for name in [name for name in environ if name.endswith("_PORT")]:
            port = str(free_port_pair())
            moved[f"http://{service}:{environ[name]}"] = f"http://127.0.0.1:{port}"
            environ |= {name: port, name.removesuffix("PORT") + "HOSTNAME": "127.0.0.1"}
    return {
        service: {name: moved.get(value, value) for name, value in environ.items()}
        | ({"DS_GENERAL_DELAY": "3"} if "DS_GENERAL_DELAY" in environ else {})
        for service, environ in whole.items()
    }


async def audible(recording: Recording) -> None:
    """Waits until what a player decodes is not silent."""
    for _ in range(60):
        await recording.has_more(2 * SECOND)
        audio = whole_frames(bytes(recording.audio), "mp3")
        with av.open(io.BytesIO(audio), mode="r", format="mp3") as opened:
            if any(np.abs(frame.to_ndarray()).max() > 0.05 for frame in opened.decode(audio=0)):
                return
    raise AssertionError("nothing but silence came")


async def test_a_player_hears_what_the_encoder_sends(tmp_path: Path) -> None:
    whole = on_this_machine(environments())
    studio, transmitter = whole["studio"], whole["transmitter"]
    encoder = f"icecast://source:{studio['DS_INPUT_PASSWORD']}@127.0.0.1:{studio['DS_INPUT_PORT']}/live"
    port = int(transmitter["DS_OUTPUT_PORT"])
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        at_studio = await enter(running_command(COMMAND, studio, tmp_path))
        at_transmitter = await enter(running_command(COMMAND, transmitter, tmp_path))
        await at_studio.said("studio input: listening for encoders")
        await enter(ffmpeg.running_source(encoder, ffmpeg.MP3))
        await served(port)
        recording = await enter(listening(port))
        await audible(recording)
        assert not recording.ended
        await at_transmitter.said("transmitter input: connected to the sender")
    assert (at_studio.process.returncode, at_transmitter.process.returncode) == (0, 0)


@pytest.mark.parametrize("name", ["studio", "transmitter"])
def test_a_service_needs_little_and_comes_back(name: str) -> None:
    service = services()[name]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "healthcheck" not in service, "the image has one"
    assert all(isinstance(value, str) for value in service["environment"].values())


def test_what_encoders_receivers_and_players_need_is_published() -> None:
    published = {name: service["ports"] for name, service in services().items()}
    assert published == {
        "studio": ["8000:8000", "8001:8001", "7080:7080", "7080:7080/udp"],
        "transmitter": ["8080:8080"],
    }
    for name, environ in environments().items():
        config = load_environment(REGISTRY, environ)
        assert config.name == name
        listening_on = {environ[key] for key in environ if key.endswith("_PORT")}
        assert {f"{port}:{port}" for port in listening_on} <= set(published[name])


def test_every_password_is_asked_for_and_has_a_sample() -> None:
    text = (REPOSITORY / "compose.yaml").read_text(encoding="utf-8")
    assert set(_NEEDED.findall(text)) == set(sample_env())
    passwords = [line for line in text.splitlines() if "PASSWORD:" in line.partition("$")[0]]
    assert len(passwords) == 3
    assert all(_NEEDED.search(line) for line in passwords)
