"""``python -m distreamer`` is the command ``distreamer``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """The entry point of the installed program."""
    try:
        import signal  # late, as all else: on a small machine it takes seconds, amid which is Ctrl-C

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            # An exception amid an import becomes another (pydantic-core: SchemaError), or none at all.
            signal.signal(signal.SIGINT, _abort)
        if os.getpid() == 1:  # In a container; SIGTERM would not end it before the event loop sees to that.
            signal.signal(signal.SIGTERM, _end)
        from distreamer.cli.main import main as begin
    except KeyboardInterrupt:
        sys.exit("Aborted!")  # as click has it, with exit code 1
    try:
        begin()
    finally:
        # Python has yet to wait for threads and to tidy up; an exception there would be told at length, and forgotten.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _abort(number: int, frame: object) -> None:
    import signal

    signal.signal(number, signal.SIG_DFL)  # A terminal may take no more words; then the second one ends it.
    try:
        os.write(2, b"\nAborted!\n")
    finally:
        os._exit(1)


def _end(number: int, frame: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
