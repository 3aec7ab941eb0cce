"""What the programs that decode audio have in common. They run beside what is on air, and must not disturb it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

REFUSED = 3
"""The exit code when standard output holds a sentence that says why nothing is done."""
NICENESS = 10


def command(module: str) -> tuple[str, ...]:
    """How ``module`` is run as a program."""
    return (sys.executable, "-P", "-m", module)


def give_way() -> None:
    """Everything else gets the processor first."""
    with suppress(OSError):  # Our unit for systemd forbids it with much else; the scheduler is fair all the same.
        os.nice(NICENESS)


def lacks_decoder(error: ImportError) -> str:
    """Why it cannot decode, in words."""
    return f"PyAV, which decodes it, is missing ({error})"
