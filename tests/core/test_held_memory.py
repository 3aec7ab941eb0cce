"""A process that is held in memory, and one that may not be."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from distreamer.core.held_memory import _is_unlimited, hold_memory

PROGRAM = """
import os, sys
from distreamer.core.held_memory import hold_memory
if sys.argv[1] == "nobody" and os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # and has no capabilities any more
is_held = hold_memory()
later = bytearray(b"x") * 20_000_000
fields = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(is_held, fields["VmLck"].split()[0])
"""


def held(who: str) -> tuple[bool, int]:
    """Whether it says that it is held, and how many kB the kernel holds."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, who], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said, size = done.stdout.split()
    return said == "True", int(size)


def test_all_that_it_uses_and_will_use_is_held_where_it_may_be() -> None:
    is_held, size = held("me")
    assert is_held is _is_unlimited()
    assert size > 25_000 if is_held else size == 0


def test_with_a_limit_nothing_is_held_for_later_memory_would_be_refused() -> None:
    is_held, size = held("nobody")
    is_limited = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY
    assert (is_held, size == 0) == (not is_limited, is_limited)


def test_elsewhere_than_on_linux_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not hold_memory()


def test_a_machine_without_proc_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(resource, "getrlimit", lambda which: (8_388_608, 8_388_608))
    monkeypatch.setattr(Path, "read_text", fail)
    assert not _is_unlimited()
