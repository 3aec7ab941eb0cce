"""What a module that accepts peers does about those who do not know its PASSWORD, whichever wire they speak."""

from __future__ import annotations

from collections import deque

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import Clock
from distreamer.sessions.wrong_passwords import WrongPasswords

MOST_REFUSED = 64
"""Addresses that are remembered, so that the log names each once."""


class PasswordGate:
    """Lets nobody guess quickly, nor fill the log."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self.tries = WrongPasswords()
        self._clock = clock
        self._log = log
        self._refused: deque[str] = deque(maxlen=MOST_REFUSED)

    def must_wait(self, host: str) -> str:
        """Why no password from ``host`` is looked at now; empty when it is."""
        seconds = self.tries.pause(host, self._clock.now())
        return f"too many wrong passwords came from {host}; the next is looked at in {seconds:.0f} s" if seconds else ""

    def note(self, host: str, *, is_right: bool) -> None:
        """A password came from ``host``."""
        if is_right:
            self.tries.note_right(host)
        elif self.tries.note_wrong(host, self._clock.now()):
            self._log.warning(
                "many wrong passwords come from one address; it has to wait longer and longer for its next try",
                peer=host,
            )

    def was_refused(self, host: str) -> bool:
        """Whether somebody from that address was refused lately already: it will try again every few seconds, perhaps
        for years."""
        if host in self._refused:
            return True
        self._refused.append(host)
        return False

    def say_refused(self, event: str, host: str, reason: str) -> None:
        """Once for each address."""
        say = self._log.debug if self.was_refused(host) else self._log.warning
        say(event, peer=host, reason=reason)

    @property
    def wrong(self) -> int:
        """Wrong passwords since the start."""
        return self.tries.wrong

    @property
    def seconds_since(self) -> float | None:
        """Since the last of them came; None when none did."""
        return self.tries.seconds_since(self._clock.now())


class Gated:
    """The base of modules with a gate, on whichever wires; satisfies ``Guarded``."""

    _gate: PasswordGate

    @property
    def wrong_passwords(self) -> int:
        """That came since the start."""
        return self._gate.wrong

    @property
    def wrong_password_seconds(self) -> float | None:
        """Since the last of them came; None when none did."""
        return self._gate.seconds_since
