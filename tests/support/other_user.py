"""Running something as a user who owns nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = "65534"
_NEEDS = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"


def other_user() -> tuple[str, ...]:
    """What stands before a command that is not to run as root; nothing when we are not root anyway."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is missing (Debian package util-linux)")
    # setpriv looks for its command while it still has root's rights; env then has none.
    return ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "env")


def python_for(prefix: tuple[str, ...]) -> str:
    """A Python that this user may run: ours may stand in root's own folder."""
    ours = str(Path(sys.executable).resolve())
    for python in (ours, "/usr/bin/python3", "/usr/local/bin/python3"):
        if (
            shutil.which(python)
            and not subprocess.run([*prefix, python, "-c", _NEEDS], check=False, timeout=60).returncode
        ):
            return python
    pytest.skip("there is no Python 3.11 or newer, with venv, that a user other than root may run")
