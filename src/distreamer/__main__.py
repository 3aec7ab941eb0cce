"""``python -m distreamer`` is the command ``distreamer``."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the installed program."""
    try:
        from distreamer.cli.main import main as begin  # late: on a small machine it takes seconds, amid which is Ctrl-C
    except KeyboardInterrupt:
        sys.exit("Aborted!")  # as click has it, with exit code 1
    begin()


if __name__ == "__main__":
    main()
