"""Who may ask what: the password, sessions, and what pages of other sites must not do. Pure; time is an argument.

Without a password the address is on the loopback interface, so whoever asks is on this machine; but that may be a
browser, which asks what pages of any site make it ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest

from distreamer.admin.problem import ProblemError
from distreamer.config.fields import is_loopback
from distreamer.protocol.basic_auth import CHALLENGE, basic_credentials
from distreamer.protocol.forwarded import household

COOKIE = "distreamer_session"
"""Begins the name of a session's cookie."""
SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 64
"""The one that began first makes room."""
REQUEST_HEADER = "X-DiStreamer-Request"
"""With any value: pages of other sites cannot send it."""
PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
FREE_FAILURES = 3
"""Wrong passwords from one address that cost nothing …"""
LONGEST_PENALTY_SECONDS = 60.0
"""… each further one doubles the time, from a second up to this, in which no more are looked at."""
FORGIVEN_SECONDS = 600.0
MOST_ADDRESSES = 1000
"""Addresses whose failures are remembered; the one that failed longest ago makes room."""


class Penalties:
    """Slows down who guesses, by address; in IPv6 by network of 64 bits."""

    def __init__(self) -> None:
        self.failures = 0
        """All of them."""
        self._by_address: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def remaining(self, address: str, now: float) -> float:
        """Seconds until that address may try again; 0 when it may now."""
        count, at = self._by_address.get(household(address), (0, now))
        if count <= FREE_FAILURES:
            return 0.0
        return max(at + min(2.0 ** (count - FREE_FAILURES - 1), LONGEST_PENALTY_SECONDS) - now, 0.0)

    def failed(self, address: str, now: float) -> None:
        """A wrong password came from there."""
        self.failures += 1
        count, at = self._by_address.pop(household(address), (0, now))
        self._by_address[household(address)] = (1 if now - at > FORGIVEN_SECONDS else count + 1, now)
        if len(self._by_address) > MOST_ADDRESSES:
            self._by_address.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """The right one did."""
        self._by_address.pop(household(address), None)


class Sessions:
    """Who has shown the password and carries a cookie since. What is kept cannot be used to make one."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token = new_token
        self._ends: OrderedDict[bytes, float] = OrderedDict()

    def begin(self, now: float) -> str:
        """A new cookie's value."""
        token = self._new_token()
        self._ends[_digest(token)] = now + SESSION_SECONDS
        if len(self._ends) > MOST_SESSIONS:
            self._ends.popitem(last=False)
        return token

    def knows(self, token: str, now: float) -> bool:
        """Whether that cookie holds."""
        end = self._ends.get(_digest(token))
        return end is not None and now < end

    def end(self, token: str) -> None:
        """That cookie holds no more."""
        self._ends.pop(_digest(token), None)


class Guard:
    """Of one ADMIN."""

    def __init__(
        self,
        host: str,
        password: str,
        new_token: Callable[[], str],
        refused: Callable[[str], None] = lambda address: None,
        port: int = 0,
    ) -> None:
        """``host`` and ``port`` are those in ADMIN; an empty ``password`` is none; ``refused`` is told who gave a wrong
        one."""
        self.cookie = f"{COOKIE}_{port}"
        """The name of the cookie: browsers show those of a host to all of its ports."""
        self.penalties = Penalties()
        self.sessions = Sessions(new_token)
        self._password = password.encode()
        self._refused = refused
        self._names = {host.lower(), "localhost"}

    def check(
        self, method: str, headers: Mapping[str, str], cookie: str, address: str, now: float, *, is_open: bool
    ) -> None:
        """Raises ProblemError when this must not be asked. ``cookie`` is that of a session, or empty; ``is_open`` says
        that it may be asked without a password."""
        self._check_name(headers)
        if not is_open:
            self._check_proxy(headers)
            self._check_password(headers, cookie, address, now)
        if method not in {"GET", "HEAD"} and not is_own(headers):
            raise ProblemError(
                403,
                f"This changes something, so it must come from a page of this server, or have a header "
                f"{REQUEST_HEADER} with any value.",
            )

    def is_password(self, given: bytes, address: str, now: float) -> bool:
        """Whether it is the one; raises ProblemError while that address may not try."""
        if not self._password:
            return True
        remaining = self.penalties.remaining(address, now)
        if remaining > 0:
            seconds = int(remaining) + 1
            detail = f"Too many wrong passwords came from your address; try again in {seconds} s."
            raise ProblemError(429, detail, {"Retry-After": str(seconds)})
        if not compare_digest(given, self._password):
            self.penalties.failed(address, now)
            self._refused(address)
            return False
        self.penalties.succeeded(address)
        return True

    def sees_all(self, cookie: str, now: float) -> bool:
        """Whether whoever sends that cookie, or an empty one, needs no password."""
        return not self._password or (bool(cookie) and self.sessions.knows(cookie, now))

    def _check_name(self, headers: Mapping[str, str]) -> None:
        """Without a password, a foreign site whose name leads here (DNS rebinding) must not be taken for us."""
        host = headers.get("Host")
        if self._password or host is None:
            return
        name = host.lower().rpartition(":")[0] if not host.endswith("]") and ":" in host else host.lower()
        if name not in self._names and not is_loopback(name.strip("[]")):
            raise ProblemError(421, "Without ADMINPASSWORD, this server answers to localhost and 127.0.0.1 only.")

    def _check_proxy(self, headers: Mapping[str, str]) -> None:
        """Without a password, a proxy on this machine would let the whole world in. Not each one gives itself away."""
        if not self._password and any(name in headers for name in PROXY_HEADERS):
            raise ProblemError(
                403, "A proxy passes this on, and whoever reaches the proxy could ask the same: set ADMINPASSWORD."
            )

    def _check_password(self, headers: Mapping[str, str], cookie: str, address: str, now: float) -> None:
        if self.sees_all(cookie, now):
            return
        given = basic_credentials(headers.get("Authorization", ""))
        if given is not None and self.is_password(given[1], address, now):
            return
        # A page asks by itself; a browser's own question would get in its way.
        challenge = {} if REQUEST_HEADER in headers else dict([CHALLENGE])
        detail = (
            "The password is wrong." if given else "This needs the password that ADMINPASSWORD names, with any user."
        )
        raise ProblemError(401, detail, challenge)


def is_own(headers: Mapping[str, str]) -> bool:
    """Whether no page of another site can have sent this."""
    if REQUEST_HEADER in headers:
        return True
    host = headers.get("Host", "")
    return bool(host) and headers.get("Origin") in {f"http://{host}", f"https://{host}"}


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
