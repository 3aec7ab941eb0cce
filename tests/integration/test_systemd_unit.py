"""The unit file, as systemd's own checkers read it. No systemd needs to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import find_program

pytestmark = pytest.mark.integration

UNIT = Path(__file__).parents[2] / "deploy/systemd/distreamer@.service"
INSTALLED = "/opt/distreamer/bin/distreamer"
MOST_EXPOSURE = 15
"""Of systemd's scale from 0 to 100; what is left is the network, and ports below 1024."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The file, with a program in ExecStart and ExecReload that is there."""
    text = UNIT.read_text(encoding="utf-8")
    assert f"ExecStart={INSTALLED} /etc/distreamer/%i.conf\n" in text
    assert f"ExecReload={INSTALLED} check /etc/distreamer/%i.conf\nExecReload=/bin/kill -HUP $MAINPID\n" in text
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(INSTALLED, sys.executable), encoding="utf-8")
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``systemd-analyze …``"""
    program = find_program("systemd-analyze")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_understands_every_line(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit.with_name("distreamer@studio.service")))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_misspelt_line_would_be_told(unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse="), encoding="utf-8")
    done = analyze("verify", "--man=no", str(unit.with_name("distreamer@studio.service")))
    assert "ProtectHouse" in done.stderr


def test_little_is_exposed(unit: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_it_is_started_again_for_ever() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    for line in ("Type=notify", "NotifyAccess=main", "Restart=always", "StartLimitIntervalSec=0", "WatchdogSec=30"):
        assert line in lines
