"""Who tried wrong passwords, and how long each has to wait for the next try. Pure; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from distreamer.protocol.forwarded import household

FREE_TRIES = 5
"""Of one address, before it has to wait: a person mends a mistake, and several carriers are raced."""
FIRST_PAUSE_SECONDS = 1.0
"""After the first that is not free; twice as long after each further one."""
LONGEST_PAUSE_SECONDS = 60.0
FORGOTTEN_SECONDS = 900.0
"""An address from which no wrong password came for so long begins anew."""
MOST_ADDRESSES = 1_024
"""The one whose last try is the longest ago is forgotten first."""


@dataclass(slots=True)
class _Tries:
    count: int
    last: float
    free_at: float


class WrongPasswords:
    """Of all wires of one module. In IPv6 a network of 64 bits is one address. Addresses of this machine are counted,
    and never wait: there a proxy stands, and in its name comes everybody."""

    def __init__(self) -> None:
        self.wrong = 0
        """Wrong passwords, of all addresses."""
        self.put_off = 0
        """Tries that were refused unseen, because the address had to wait."""
        self._last: float | None = None
        self._tries: dict[str, _Tries] = {}

    def pause(self, host: str, now: float) -> float:
        """How many seconds ``host`` has yet to wait; a try that is not looked at for that is counted."""
        tries = self._tries.get(household(host))
        if tries is None or now >= tries.free_at:
            return 0.0
        self.put_off += 1
        return tries.free_at - now

    def note_wrong(self, host: str, now: float) -> bool:
        """A wrong password came from ``host``; whether it has to wait from now on, for the first time."""
        self.wrong += 1
        self._last = now
        if is_of_this_machine(host):
            return False
        name = household(host)
        tries = self._tries.pop(name, None)
        if tries is None or now - tries.last > FORGOTTEN_SECONDS:
            tries = _Tries(0, now, now)
        self._tries[name] = tries
        if len(self._tries) > MOST_ADDRESSES:
            del self._tries[next(iter(self._tries))]
        tries.count += 1
        tries.last = now
        beyond = tries.count - FREE_TRIES
        if beyond > 0:
            doubled = FIRST_PAUSE_SECONDS * 2.0 ** min(beyond - 1, 16)
            tries.free_at = now + min(doubled, LONGEST_PAUSE_SECONDS)
        return beyond == 1

    def seconds_since(self, now: float) -> float | None:
        """How long ago the last wrong password came; None when none did."""
        return None if self._last is None else now - self._last

    def note_right(self, host: str) -> None:
        """The right one came from there."""
        self._tries.pop(household(host), None)


def is_of_this_machine(host: str) -> bool:
    """Whether that address leads nowhere else."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
