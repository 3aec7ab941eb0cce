"""A PyAV that is not there, or breaks: for programs that are started meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

MISSING = "raise ModuleNotFoundError(\"No module named 'av'\", name='av')\n"
CRASHING = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
DEFECTIVE = "raise ZeroDivisionError('nothing to divide')\n"
ENDLESS = """\
import os, pathlib, time
pathlib.Path(os.environ["AV_PIPE"]).write_text(f"{os.getpid()} {os.nice(0)}")
time.sleep(600)
"""


def replace_av(monkeypatch: pytest.MonkeyPatch, folder: Path, source: str) -> None:
    """From now on, ``import av`` runs ``source`` in programs that this one starts."""
    (folder / "av.py").write_text(source)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
