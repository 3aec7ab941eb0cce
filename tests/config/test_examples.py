"""The example files are accepted, and are what their comments say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from distreamer.config.loader import load, load_all
from distreamer.runtime.modules import REGISTRY

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("file", "input_mode", "output_mode"),
    [
        ("studio.conf", "ShoutcastClient", "DiStreamerServer"),
        ("transmitter.conf", "DiStreamerClient", "ShoutcastServer"),
        ("relay.conf", "ShoutcastClient", "ShoutcastServer"),
        ("distreamer2-old.conf", "ShoutcastClient", "DiStreamerServer"),
    ],
)
def test_each_example_loads(file: str, input_mode: str, output_mode: str) -> None:
    config = load(EXAMPLES / file, REGISTRY, {})
    assert [settings.mode for _, settings in config.inputs] == [input_mode]
    assert [settings.mode for _, settings in config.outputs] == [output_mode]
    assert config.name == Path(file).stem


def test_the_fallback_example_has_four_inputs_in_the_order_of_the_file() -> None:
    modes = [settings.mode for _, settings in load(EXAMPLES / "fallback.conf", REGISTRY, {}).inputs]
    assert modes == ["ShoutcastSourceServer", "ShoutcastClient", "File", "Silence"]


def test_all_examples_can_run_side_by_side() -> None:
    paths = sorted(EXAMPLES.glob("*.conf"))
    assert len(load_all(paths, REGISTRY, {})) == len(paths) == 9


def test_the_old_example_has_the_values_of_its_time() -> None:
    config = load(EXAMPLES / "distreamer2-old.conf", REGISTRY, {})
    assert (config.general.outputlevel, config.general.logfile, config.general.loglevel) == (2, None, 2)
    settings = config.inputs[0].settings.model_dump()
    assert settings["streamurl"] == "http://radio.example:8000/;"
    assert (settings["fragmentsnumber"], settings["fragmentsize"], settings["httptimeout"]) == (5, 81920, 5)
    assert settings["getmetadata"] is True
    assert config.outputs[0].settings.model_dump()["port"] == 7080


def test_both_ends_of_the_link_have_the_same_password_and_port() -> None:
    studio = load(EXAMPLES / "studio.conf", REGISTRY, {}).outputs[0].settings.model_dump()
    transmitter = load(EXAMPLES / "transmitter.conf", REGISTRY, {}).inputs[0].settings.model_dump()
    assert studio["password"] == transmitter["password"] != ""
    assert transmitter["serverurl"].endswith(f":{studio['port']}")


def test_the_installed_program_checks_an_example() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "distreamer", "check", str(EXAMPLES / "transmitter.conf")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent / "src")},
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "The instance transmitter would run with" in answer.stdout
    assert "  listeners 60 s behind live" in answer.stdout
