"""FILLER: two words, or a file that is looked at before anything is started."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from distreamer.config.loader import parse
from distreamer.config.settings import GeneralSettings
from distreamer.errors import ConfigError
from tests.support.broken_av import MISSING, replace_av
from tests.support.small_registry import REGISTRY
from tests.support.tones import write_tone

MODULES = "[INPUT]\nMODE = Tone\nHERTZ = 440\n[OUTPUT]\nMODE = Serve\n"


def filler(value: str, faults: dict[Path, str] | None = None) -> str | Path:
    """What a file with ``FILLER = value`` sets; ``faults`` are those of audio files."""
    registry = replace(REGISTRY, audio_fault=(faults or {}).get)
    return parse(f"{MODULES}[GENERAL]\nFILLER = {value}\n".encode(), Path("x.conf"), registry, {}).general.filler


@pytest.mark.parametrize("value", ["silence", "none"])
def test_words_are_no_files(value: str) -> None:
    assert filler(value, {Path(value): "a fault"}) == value
    assert filler("") == "silence"


def test_a_file_without_a_fault_is_taken() -> None:
    assert filler("/music/back soon.mp3") == Path("/music/back soon.mp3")
    assert filler("soon.mp3", {Path("/music/soon.mp3"): "a fault"}) == Path("soon.mp3")


def test_a_fault_is_told_beside_all_others_with_its_line() -> None:
    text = f"{MODULES}PORT = 99999\n[GENERAL]\nFILLER = soon.mp3\nDELAY = 0\n"
    registry = replace(REGISTRY, audio_fault={Path("soon.mp3"): "it cannot be read: Permission denied"}.get)
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), Path("x.conf"), registry, {})
    assert caught.value.problems == [
        "x.conf:6: [OUTPUT] PORT = 99999 must be a whole number from 0 to 65535",
        "x.conf:8: [GENERAL] FILLER = soon.mp3 must be silence, none, or the path of an audio file; "
        "it cannot be read: Permission denied",
        "x.conf:9: [GENERAL] DELAY = 0 must be a number of seconds from 1 to 3600",
    ]


def test_a_program_may_name_a_file_that_nobody_looks_at() -> None:
    assert GeneralSettings(filler=Path("/nowhere.mp3")).filler == Path("/nowhere.mp3")


STATION = """\
[GENERAL]
FILLER = soon.wav
[INPUT]
MODE = File
PATH = soon.mp3
[OUTPUT]
MODE = ShoutcastServer
PORT = {port}
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the real program answers."""
    command = [sys.executable, "-P", "-m", "distreamer", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_program_takes_a_file_and_says_so(tmp_path: Path) -> None:
    write_tone(tmp_path / "soon.wav", 1)
    (tmp_path / "x.conf").write_text(STATION.format(port=8080))
    done = run(tmp_path, "check", "x.conf")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  soon.wav for them when nothing is left to play" in done.stdout.splitlines()


@pytest.mark.parametrize("command", [["check"], []], ids=["check", "run"])
def test_the_program_ends_with_2_where_pyav_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    replace_av(monkeypatch, tmp_path, MISSING)
    write_tone(tmp_path / "soon.wav", 1)
    (tmp_path / "x.conf").write_text(STATION.format(port=99999))
    done = run(tmp_path, *command, "x.conf")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "x.conf:2: [GENERAL] FILLER = soon.wav must be silence, none, or the path of an audio file; PyAV, which "
        "decodes it, is missing (No module named 'av'): install distreamer[audio], or use FILLER = silence",
        "x.conf:8: [OUTPUT] PORT = 99999 must be a whole number from 0 to 65535",
        "distreamer: 2 faults; nothing was started",
    ]


def test_without_a_file_pyav_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_av(monkeypatch, tmp_path, MISSING)
    (tmp_path / "x.conf").write_text(STATION.format(port=8080).replace("soon.wav", "silence"))
    assert run(tmp_path, "check", "x.conf").returncode == 0
